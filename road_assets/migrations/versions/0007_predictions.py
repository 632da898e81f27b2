"""The service's log of predictions, a part per day, and the drift of what it was asked.

Revision: 0007, after 0006. The parts are made by the service when the first prediction of a day arrives, and dropped by
it when they are older than it was told to keep them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _predictions()
    _drift()


def _predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("request_id", sa.Text, primary_key=True, comment="as in X-Request-ID and in the service's log"),
        sa.Column(
            "line",
            sa.Integer,
            primary_key=True,
            autoincrement=False,
            comment="of the file, as in the answer; 0 for a question asked alone",
        ),
        sa.Column("username", sa.Text, nullable=False, comment="who asked"),
        sa.Column("model_version", sa.Integer, nullable=False, comment="the version that answered"),
        # Part of the key because the parts are cut by it, and because callers may use a request id twice.
        sa.Column("answered_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("probability", sa.REAL, nullable=False, comment="of a severe injury"),
        sa.Column(
            "inputs",
            sa.ARRAY(sa.SmallInteger),
            nullable=False,
            comment="the 13 features, then the optional fields, in the order of the model's input; -1 is unknown",
        ),
        postgresql_partition_by="RANGE (answered_at)",
        comment="every prediction of the service; a part per day (UTC), made and dropped by the service",
    )
    # Rows arrive in order of time, so a few blocks of an index of some kilobytes find any minute.
    op.create_index("predictions_answered_at", "predictions", ["answered_at"], postgresql_using="brin")


def _drift() -> None:
    op.create_table(
        "live_traffic_scores",
        sa.Column("day", sa.Date, primary_key=True, comment="last day of the trailing window, in France"),
        sa.Column("score", sa.Double, comment="share of the 13 features that drifted; null: too few questions to tell"),
        sa.Column("drifted_features", sa.Integer),
        sa.Column("questions", sa.BigInteger, nullable=False, comment="predictions in the window"),
        sa.Column("distinct_questions", sa.BigInteger, nullable=False, comment="different sets of the 13 among them"),
        sa.Column("mean_probability", sa.Double, comment="of a severe injury, as answered"),
        sa.Column("reference_rows", sa.BigInteger),
        sa.Column("model_version", sa.Integer, comment="whose training window it is compared with; null: not compared"),
        comment="how far the questions to the service are from what the production model learned",
    )
    op.create_table(
        "live_traffic_features",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("feature", sa.Text, primary_key=True),
        sa.Column("distance", sa.Double, nullable=False, comment="total variation, 0 to 1"),
        sa.Column("noise", sa.Double, nullable=False, comment="what chance alone stays below"),
        sa.Column("drifted", sa.Boolean, nullable=False),
        sa.Column("unknown_share", sa.Double, nullable=False, comment="share of questions that leave it open"),
        comment="drift of the service's questions per feature; days with too few questions have no row",
    )
