"""Runs that failed, as the run-failure sensor reports them.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "run_failures",
        sa.Column("run_id", sa.Text, primary_key=True, comment="Dagster's id of the run"),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("partition", sa.Text, nullable=False, comment="day or range of days; empty where it has none"),
        sa.Column(
            "step", sa.Text, nullable=False, comment="first step that failed; empty if the run failed as a whole"
        ),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, comment="why the run was requested, if anybody said"),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("run_failures_by_time", "run_failures", ["failed_at"])
