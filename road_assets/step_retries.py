"""Steps that Dagster tries again, because what failed can pass.

Most of what a step does outside waits by itself: ``Database.transact`` for Postgres, MLflow's client for MLflow, the
clients of object storages for theirs. Here is what is left: steps that hold a lock in Postgres while they decide. All
of them are made to be begun again after a kill. A retry policy of Dagster would try what cannot pass again, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg
import psycopg

from road_assets.resources.database import is_transient

RETRIES: Final = 3
PAUSE_SECONDS: Final = 5.0


@contextmanager
def tried_again() -> Iterator[None]:
    """Around what a step does, or as a decorator of its function: ask for another attempt if Postgres went away.

    Raises:
        dagster.RetryRequested: what failed can pass. After three of them the step fails with what is behind it.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        if not is_transient(error):
            raise
        raise dg.RetryRequested(RETRIES, PAUSE_SECONDS) from error
