"""The noise setting, every value it ever had, and the noise that a drift score stands for.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, add the column."""
    op.create_table(
        "noise_settings",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("noise", sa.Double, nullable=False, comment="chance that a code is replaced by a random one"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("set_by", sa.Text, nullable=False, comment="who set it, and through what"),
        # Not a number is greater than any number in Postgres, so it is refused too.
        sa.CheckConstraint("noise >= 0 AND noise <= 1", name="noise_within_0_and_1"),
        sa.CheckConstraint("set_by <> ''", name="somebody_set_it"),
        comment="only appended to: the row with the highest id is in force, none means no noise",
    )
    op.add_column(
        "drift_scores",
        sa.Column(
            "noise",
            sa.Double,
            nullable=False,
            server_default="0",
            comment="noise put into the window's codes on purpose: above 0 the score is a rehearsal",
        ),
    )
