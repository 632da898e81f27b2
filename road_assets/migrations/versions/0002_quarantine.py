"""The quarantine: rows of the official files that broke a rule.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "quarantine",
        sa.Column("release_year", sa.SmallInteger, primary_key=True, comment="year of the official files"),
        sa.Column("day", sa.Date, index=True, comment="day of the accident; null where the row does not tell it"),
        sa.Column("source_table", sa.Text, nullable=False, comment="which of the four official tables"),
        sa.Column("file", sa.Text, primary_key=True, comment="name of the file"),
        sa.Column("line", sa.Integer, primary_key=True, comment="line in the file, the header being 1"),
        sa.Column("num_acc", sa.Text, comment="official number of the accident; null where it cannot be read"),
        sa.Column("column", sa.Text, comment="null where the line as a whole is no record"),
        sa.Column("rule", sa.Text, nullable=False, comment="the first rule that the row breaks"),
        sa.Column("value", sa.Text, nullable=False, comment="what stands there, cut to 500 characters"),
        comment="rows set aside when a release was read, each once; users in = users in accidents + usagers in here",
    )
