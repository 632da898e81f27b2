"""Finds the run by which Dagster retries a run whose process died."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from road_assets import run_tags

POLL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 60.0
"""How long the next attempt is waited for. It comes within seconds, unless Dagster's daemon is just starting."""


class HasTags(Protocol):
    """A client that can read the tags of a run."""

    def tags(self, run: str) -> dict[str, str]:
        """Tags of a run, those included that Dagster gave it when it failed."""


def next_attempt(client: HasTags, run: str, pause: Callable[[float], None]) -> str | None:
    """Wait for the run that retries a failed one; None if there is no retry.

    Args:
        client: of the running web server.
        run: that failed.
        pause: sleeps between two looks; may raise to end the wait.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    # A run is marked as failed a moment before Dagster notes whether it will retry it.
    while (tags := client.tags(run)).get(run_tags.WILL_RETRY) != "false" and time.monotonic() < deadline:
        if attempt := tags.get(run_tags.RETRIED_BY):
            return attempt
        pause(POLL_SECONDS)
    return None


def is_promised(client: HasTags, run: str) -> bool:
    """Whether Dagster announced a retry of a run. It drops the retry if the code server is away at that moment."""
    return client.tags(run).get(run_tags.WILL_RETRY) == "true"
