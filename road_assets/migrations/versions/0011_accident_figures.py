"""Accidents in a part per year, and sums of them that dashboards read.

Revision: 0011, after 0010. Twenty years are 2.5 million users; a chart over all of them must not read each. The sums
are made from the table by a function, which the rewriting of days calls in its transaction, so they never disagree.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_DIMENSIONS = ("total", "dep", "heure", "lum", "atm", "catr")

# A part is made aside and attached, for which readers need not wait; made in place, they would until the end.
_MAKE_YEAR_PARTS = """
    CREATE FUNCTION make_year_parts(parent regclass, days date[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        first date;
        part text;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = parent) THEN
            RETURN;
        END IF;
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', parent);
        FOR first IN SELECT DISTINCT date_trunc('year', day)::date FROM unnest(days) AS day LOOP
            part := format('%s_%s', parent, to_char(first, 'YYYY'));
            IF to_regclass(part) IS NULL THEN
                EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', part, parent);
                EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                               parent, part, first, (first + interval '1 year')::date);
            END IF;
        END LOOP;
    END $$"""

# A month at a time, which memory holds however many years are asked for.
_REFRESH = """
    CREATE FUNCTION refresh_accident_figures(days date[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        first date;
        next date;
    BEGIN
        DELETE FROM accident_figures WHERE span = 'day' AND day = ANY (days);
        FOR first IN SELECT DISTINCT date_trunc('month', day)::date FROM unnest(days) AS day LOOP
            next := (first + interval '1 month')::date;
            INSERT INTO accident_figures
            WITH accident AS (
                SELECT day, num_acc, min(dep) AS dep, min(split_part(hrmn, ':', 1)) AS heure, min(lum) AS lum,
                       min(atm) AS atm, min(catr) AS catr, count(*) AS users,
                       count(*) FILTER (WHERE grav = 2) AS killed, count(*) FILTER (WHERE grav = 3) AS hospitalised,
                       count(*) FILTER (WHERE grav = 4) AS slightly_hurt
                FROM accidents WHERE day >= first AND day < next AND day = ANY (days) GROUP BY day, num_acc
            )
            SELECT dimension, 'day', day, coalesce(code, '-1'), count(*), sum(users), sum(killed), sum(hospitalised),
                   sum(slightly_hurt)
            FROM accident CROSS JOIN LATERAL (VALUES
                ('total', ''), ('dep', dep), ('heure', heure::int::text), ('lum', lum::text), ('atm', atm::text),
                ('catr', catr::text)) AS cut (dimension, code)
            GROUP BY dimension, day, code;

            DELETE FROM accident_figures WHERE span = 'month' AND day = first;
            INSERT INTO accident_figures
            SELECT dimension, 'month', first, code, sum(accidents), sum(users), sum(killed), sum(hospitalised),
                   sum(slightly_hurt)
            FROM accident_figures WHERE span = 'day' AND day >= first AND day < next GROUP BY dimension, code;

            DELETE FROM accident_squares WHERE span = 'month' AND day = first;
            INSERT INTO accident_squares
            WITH accident AS (
                SELECT num_acc, min(lat) AS lat, min(long) AS long, count(*) AS users,
                       count(*) FILTER (WHERE grav = 2) AS killed, count(*) FILTER (WHERE grav = 3) AS hospitalised
                FROM accidents WHERE day >= first AND day < next GROUP BY num_acc
            )
            SELECT 'month', first, floor(lat * 10), floor(long * 10), count(*), sum(users), sum(killed),
                   sum(hospitalised)
            FROM accident
            WHERE lat BETWEEN -90 AND 90 AND long BETWEEN -180 AND 180 AND (lat <> 0 OR long <> 0)
            GROUP BY 3, 4;
        END LOOP;
        FOR first IN SELECT DISTINCT date_trunc('year', day)::date FROM unnest(days) AS day LOOP
            DELETE FROM accident_squares WHERE span = 'year' AND day = first;
            INSERT INTO accident_squares
            SELECT 'year', first, lat_tenths, long_tenths, sum(accidents), sum(users), sum(killed), sum(hospitalised)
            FROM accident_squares
            WHERE span = 'month' AND day >= first AND day < (first + interval '1 year')::date
            GROUP BY lat_tenths, long_tenths;
        END LOOP;
    END $$"""


def upgrade() -> None:
    """Cut the table into years, make the sums and fill them from what is there."""
    op.execute(_MAKE_YEAR_PARTS)
    _cut_into_years()
    _make_figures()
    _make_squares()
    op.execute(_REFRESH)
    op.execute("SELECT refresh_accident_figures(array(SELECT DISTINCT day FROM accidents))")


def _cut_into_years() -> None:
    op.execute("ALTER TABLE accidents RENAME TO accidents_in_one")
    op.execute("ALTER TABLE accidents_in_one RENAME CONSTRAINT accidents_pkey TO accidents_in_one_pkey")
    op.execute("CREATE TABLE accidents (LIKE accidents_in_one INCLUDING ALL) PARTITION BY RANGE (day)")
    op.execute(
        """COMMENT ON TABLE accidents IS 'one row per user of an accident, columns named as in the codebook; """
        """no generated mix rows; a part per year, made when its first day is written'"""
    )
    op.execute("SELECT make_year_parts('accidents', array(SELECT DISTINCT day FROM accidents_in_one))")
    op.execute("INSERT INTO accidents SELECT * FROM accidents_in_one")
    op.execute("DROP TABLE accidents_in_one")


def _make_figures() -> None:
    op.create_table(
        "accident_figures",
        sa.Column("dimension", sa.Text, primary_key=True, comment="total, or the column whose codes are told apart"),
        sa.Column("span", sa.Text, primary_key=True, comment="day, or month, which a sum over years reads"),
        sa.Column("day", sa.Date, primary_key=True, comment="of the accidents, Europe/Paris; first one of a month"),
        sa.Column("code", sa.Text, primary_key=True, comment="as in the codebook, -1 is unknown; empty for total"),
        *_counts(),
        sa.Column("slightly_hurt", sa.Integer, nullable=False, comment="users with grav 4"),
        postgresql_partition_by="LIST (dimension)",
        comment="sums of the table accidents per day and month, made by refresh_accident_figures",
    )
    for dimension in _DIMENSIONS:
        op.execute(
            f"CREATE TABLE accident_figures_{dimension} PARTITION OF accident_figures FOR VALUES IN ('{dimension}')"
        )


def _make_squares() -> None:
    op.create_table(
        "accident_squares",
        sa.Column("span", sa.Text, primary_key=True, comment="month or year"),
        sa.Column("day", sa.Date, primary_key=True, comment="its first day"),
        sa.Column("lat_tenths", sa.SmallInteger, primary_key=True, comment="southern edge, tenths of a degree"),
        sa.Column("long_tenths", sa.SmallInteger, primary_key=True, comment="western edge, tenths of a degree"),
        *_counts(),
        comment="sums per month and year, and square of a tenth of a degree; made as accident_figures",
    )


def _counts() -> list[sa.Column[int]]:
    return [
        sa.Column("accidents", sa.Integer, nullable=False),
        sa.Column("users", sa.Integer, nullable=False),
        sa.Column("killed", sa.Integer, nullable=False, comment="users with grav 2"),
        sa.Column("hospitalised", sa.Integer, nullable=False, comment="users with grav 3"),
    ]
