"""Retries of steps that lost their connection to Postgres.

Most calls to other systems are retried where they are made: ``Database.transact`` retries transactions, and the clients
of MLflow and of object storages retry requests. That is not possible for steps that hold a lock in Postgres while they
decide; they are retried as a whole. They may be: all of them are safe to run again after a kill. A retry policy of
Dagster would also retry errors that cannot pass.
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
def retry_on_connection_loss() -> Iterator[None]:
    """Around the body of a step, or as a decorator of its function: request a retry if the connection was lost.

    Raises:
        dagster.RetryRequested: the error is transient. After three retries the step fails with the error itself.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        if not is_transient(error):
            raise
        raise dg.RetryRequested(RETRIES, PAUSE_SECONDS) from error
