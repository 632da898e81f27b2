"""The gate: its verdicts, every decision about production, and the one champion.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("gate_verdicts", "promotions")


def upgrade() -> None:
    """Create the tables, and the triggers that keep two of them from ever being changed."""
    op.create_table(
        "gate_verdicts",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("as_of", sa.Date, nullable=False, index=True, comment="last day that the candidates may know"),
        sa.Column("challenger", sa.Integer, comment="version judged; null where none stood for promotion"),
        sa.Column("champion", sa.Integer, comment="version in production when it was judged"),
        sa.Column("candidates", postgresql.ARRAY(sa.Integer), nullable=False, comment="as found in the registry"),
        sa.Column("promote", sa.Boolean, nullable=False),
        sa.Column("figures", postgresql.JSONB, nullable=False, comment="difference, bound, figures by version, slices"),
        sa.Column("reasons", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("dagster_run_id", sa.Text),
        comment="what the gate said of a day's candidates; acted upon by production_model; only appended to",
    )
    op.create_table(
        "promotions",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("as_of", sa.Date, comment="last day that the version knew when it was trained"),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column(
            "version", sa.Integer, comment="null only where the registry was found without a model in production"
        ),
        sa.Column("previous_version", sa.Integer, comment="in production before, and after if it was refused"),
        sa.Column("family", sa.Text),
        sa.Column("metric", sa.Text, nullable=False, comment="name of the deciding figure"),
        sa.Column("figures", postgresql.JSONB, nullable=False, comment="what the decision rests on"),
        sa.Column("lower_bound", sa.Double, comment="least gain in the metric, one-sided 95 %"),
        sa.Column("reasons", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False, comment="who, and through what"),
        sa.Column("dagster_run_id", sa.Text),
        sa.Column("mlflow_run_id", sa.Text, comment="run that trained the version"),
        sa.Column(
            "verdict_id",
            sa.BigInteger,
            sa.ForeignKey("gate_verdicts.id"),
            unique=True,
            comment="a verdict is acted upon once",
        ),
        sa.CheckConstraint(
            "decision IN ('promoted', 'refused', 'rolled back', 'found in the registry')", name="known_decision"
        ),
        sa.CheckConstraint("version IS NOT NULL OR decision = 'found in the registry'", name="about_a_version"),
        sa.CheckConstraint("decided_by <> ''", name="somebody_decided"),
        comment="every decision about the model in production, in order; only appended to",
    )
    op.create_table(
        "champion",
        sa.Column(
            "singleton", sa.Boolean, primary_key=True, server_default=sa.true(), comment="there is one row, or none"
        ),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column(
            "promotion_id", sa.BigInteger, sa.ForeignKey("promotions.id"), nullable=False, comment="how it came here"
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column(
            "published", sa.Boolean, nullable=False, comment="whether the registry's alias was seen to have followed"
        ),
        sa.CheckConstraint("singleton", name="at_most_one_champion"),
        comment="the version in production; written with its row in promotions, in one transaction",
    )
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of table % are only ever added, never changed or removed', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER only_appended_to BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
