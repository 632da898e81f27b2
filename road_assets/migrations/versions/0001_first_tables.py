"""The first tables: accidents, model metrics, drift per day and per feature.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_CODES = [
    "jour",
    "mois",
    "an",
    "lum",
    "agg",
    "int",
    "atm",
    "col",
    "catr",
    "circ",
    "nbv",
    "vosp",
    "prof",
    "plan",
    "surf",
    "infra",
    "situ",
    "env1",
    "vma",
    "senc",
    "catv",
    "obs",
    "obsm",
    "choc",
    "manv",
    "motor",
    "occutc",
    "place",
    "catu",
    "grav",
    "sexe",
    "an_nais",
    "trajet",
    "secu",
    "secu1",
    "secu2",
    "secu3",
    "locp",
    "etatp",
]
_TEXTS = ["hrmn", "dep", "com", "adr", "gps", "voie", "v1", "v2", "id_vehicule", "num_veh", "id_usager", "actp"]
_MEASURES = ["pr", "pr1", "lat", "long", "lartpc", "larrout"]


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "accidents",
        sa.Column("day", sa.Date, primary_key=True, comment="day of the accident, Europe/Paris"),
        sa.Column("num_acc", sa.Text, primary_key=True, comment="official number of the accident"),
        sa.Column("user_key", sa.Text, primary_key=True, comment="id_usager, or the position in the file before 2021"),
        *(sa.Column(name, sa.SmallInteger) for name in _CODES),
        *(sa.Column(name, sa.Text) for name in _TEXTS),
        *(sa.Column(name, sa.Double) for name in _MEASURES),
        sa.Column(
            "replayed_from", sa.Date, comment="set on a day that no release holds yet: the published day it repeats"
        ),
        sa.Column("data_source", sa.Text, nullable=False, comment="official data, or demonstration data"),
        comment="one row per user of an accident, columns named as in the codebook; no generated mix rows",
    )
    op.create_table(
        "model_metrics",
        sa.Column("model_version", sa.Integer, primary_key=True, comment="version in the model registry"),
        sa.Column("as_of", sa.Date, nullable=False, index=True, comment="last day that was known when it was trained"),
        sa.Column("mlflow_run_id", sa.Text, nullable=False),
        sa.Column("in_production", sa.Boolean, nullable=False, comment="whether the registry's alias points at it"),
        sa.Column("training_first_day", sa.Date, nullable=False),
        sa.Column("training_last_day", sa.Date, nullable=False),
        sa.Column("evaluation_first_day", sa.Date, nullable=False),
        sa.Column("evaluation_last_day", sa.Date, nullable=False),
        *(
            sa.Column(name, sa.Double, nullable=False)
            for name in [
                "roc_auc",
                "average_precision",
                "brier",
                "calibration_error",
                "accuracy",
                "constant_accuracy",
                "balanced_accuracy",
                "precision_macro",
                "recall_macro",
                "f1_macro",
                "true_negatives",
                "false_positives",
                "false_negatives",
                "true_positives",
                "rows",
                "severe_share",
            ]
        ),
        sa.Column("data_source", sa.Text, nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        comment="every registered model, judged on real rows of later days than it was trained on",
    )
    op.create_index(
        "at_most_one_in_production",
        "model_metrics",
        ["in_production"],
        unique=True,
        postgresql_where=sa.text("in_production"),
    )
    op.create_table(
        "drift_scores",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("score", sa.Double, nullable=False, comment="share of the 13 features that drifted"),
        sa.Column("drifted_features", sa.Integer, nullable=False),
        sa.Column("current_rows", sa.Integer, nullable=False),
        sa.Column("reference_rows", sa.Integer, nullable=False),
        sa.Column("model_version", sa.Integer, nullable=False, comment="its training window is the reference"),
        sa.Column("reference_first_day", sa.Date, nullable=False),
        sa.Column("reference_last_day", sa.Date, nullable=False),
        sa.Column("data_source", sa.Text, nullable=False),
        comment="drift of the trailing window that ends on the day",
    )
    op.create_table(
        "drift_features",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("feature", sa.Text, primary_key=True),
        sa.Column("distance", sa.Double, comment="total-variation distance; null with too few rows"),
        sa.Column("noise", sa.Double, comment="distance that chance alone stays below"),
        sa.Column("drifted", sa.Boolean, nullable=False),
        comment="drift per feature of the trailing window that ends on the day",
    )
