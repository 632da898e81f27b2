"""Reads what the service was asked from its log, the table ``predictions``."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, LiteralString
from zoneinfo import ZoneInfo

from road_assets.core.live_traffic import Traffic, count_traffic
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets.partitions import TIMEZONE
from road_assets.resources.database import Database

# Counted by Postgres: among millions of requests there are some ten thousand different sets of the 13 features.
_SETS: Final[LiteralString] = """
    SELECT inputs[1:%s], count(*), sum(probability::double precision) FROM predictions
    WHERE answered_at >= %s AND answered_at < %s GROUP BY 1"""


def read_traffic(database: Database, window: Sequence[date]) -> Traffic:
    """Count the questions that the service answered within some days.

    Args:
        database: with the log.
        window: days in France, without gaps and in order.
    """
    begin, end = (
        datetime.combine(day, time(), ZoneInfo(TIMEZONE)) for day in (window[0], window[-1] + timedelta(days=1))
    )
    asked = (len(FEATURE_NAMES), begin, end)
    return count_traffic(database.transact(lambda connection: connection.execute(_SETS, asked).fetchall()))
