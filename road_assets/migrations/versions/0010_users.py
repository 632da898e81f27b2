"""Who may ask the service, with which password and for what.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "users",
        sa.Column("username", sa.Text, primary_key=True),
        sa.Column("password_hash", sa.Text, nullable=False, comment="Argon2, with its parameters"),
        sa.Column("role", sa.Text, nullable=False, comment="what the user may do: user or admin"),
        sa.Column(
            "generation",
            sa.Integer,
            nullable=False,
            server_default="1",
            comment="tokens carry it; raised when all that were given must be refused",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("disabled_at", sa.DateTime(timezone=True), comment="null: may log in"),
        sa.CheckConstraint("role IN ('user', 'admin')", name="users_role"),
        comment="users of the service; a row is never deleted, so that a name is never somebody else's",
    )
