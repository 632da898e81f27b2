"""Looking at the table ``predictions`` while the service writes it."""

import time
from collections.abc import Callable

import psycopg


def count_logged(url: str) -> int:
    """Number of predictions in the table."""
    with psycopg.connect(url) as connection:
        ((rows,),) = connection.execute("SELECT count(*) FROM predictions").fetchall()
        return int(rows)


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.02)
