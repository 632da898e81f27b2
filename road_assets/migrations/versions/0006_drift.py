"""Drift beside the 13 features: numeric fields, the model's answers and the severe share, with accidents as the unit.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows of earlier days tell of features only."""
    op.add_column(
        "drift_features",
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            server_default="feature",
            comment="feature: one of the 13, enters the score; beside it: numeric, prediction, label",
        ),
    )
    op.create_check_constraint("known_kind", "drift_features", "kind IN ('feature', 'numeric', 'prediction', 'label')")
    op.add_column(
        "drift_features",
        sa.Column(
            "statistic",
            sa.Text,
            nullable=False,
            server_default="total variation",
            comment="what the distance is: total variation, or 1 - correlation of histograms for numeric fields",
        ),
    )
    op.add_column("drift_features", sa.Column("threshold", sa.Double, comment="distance that has to be passed"))
    op.add_column("drift_features", sa.Column("reference_rows", sa.Integer, comment="users whose value is known"))
    op.add_column("drift_features", sa.Column("current_rows", sa.Integer, comment="users whose value is known"))
    op.alter_column("drift_features", "distance", comment="see statistic; null with too few rows")
    for column in (
        sa.Column("current_accidents", sa.Integer, comment="accidents that the window's users belong to"),
        sa.Column("severe_share", sa.Double, comment="share of users severely hurt, in the window"),
        sa.Column("severe_share_low", sa.Double, comment="lower end of its 95 % interval, by accident"),
        sa.Column("severe_share_high", sa.Double, comment="upper end of its 95 % interval, by accident"),
        sa.Column("reference_severe_share", sa.Double, comment="the same share in the model's training window"),
        sa.Column(
            "replayed_days",
            sa.Integer,
            nullable=False,
            server_default="0",
            comment="days of the window that no release holds yet and that repeat a published one",
        ),
    ):
        op.add_column("drift_scores", column)
