"""Alerts that were delivered, each firing once, and whether Dagster was told.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "alert_reports",
        sa.Column("fingerprint", sa.Text, primary_key=True, comment="Alertmanager's hash of the alert's labels"),
        sa.Column("starts_at", sa.DateTime(timezone=True), primary_key=True, comment="since when it fires"),
        sa.Column("alert", sa.Text, nullable=False, comment="its name in Prometheus"),
        sa.Column("day", sa.Date, nullable=False, comment="the newest scored day when it was first delivered"),
        sa.Column("score", sa.Double, nullable=False, comment="drift score of that day"),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
            comment="first delivery",
        ),
        sa.Column("reported_at", sa.DateTime(timezone=True), comment="when Dagster took it; null: not yet"),
        comment="drift alerts from Alertmanager; delivered again, a firing stays one row and one observation",
    )
