"""The history of releases: each content that a year's files ever had, and what it changed.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "releases",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("release_year", sa.SmallInteger, nullable=False, index=True, comment="year of the official files"),
        sa.Column("content_hash", sa.Text, nullable=False, comment="SHA-256 over the four files"),
        sa.Column("data_source", sa.Text, nullable=False, comment="official files, or generated for a demonstration"),
        sa.Column(
            "read_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), comment="first reading"
        ),
        sa.Column("first_day", sa.Date, nullable=False, comment="first day with an accident"),
        sa.Column("last_day", sa.Date, nullable=False, comment="last day with an accident"),
        sa.Column("accidents", sa.Integer, nullable=False),
        sa.Column("users", sa.Integer, nullable=False, comment="rows kept"),
        sa.Column("users_quarantined", sa.Integer, nullable=False, comment="rows set aside"),
        sa.Column("new_days", sa.Integer, nullable=False, comment="days that were not stored when it was read"),
        sa.Column("changed_days", sa.Integer, nullable=False, comment="stored days whose rows it changes"),
        sa.Column("unchanged_days", sa.Integer, nullable=False, comment="stored days that it leaves as they are"),
        comment="each content of a year's files in the order of reading; rows are added and never changed",
    )
