"""Runs that Dagster repeats because their process died: which run is the next attempt."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from road_assets import run_tags

POLL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 60.0
"""Dagster starts another attempt within seconds; its daemon may be starting itself."""


class HasTags(Protocol):
    """What tells the tags of runs."""

    def tags(self, run: str) -> dict[str, str]:
        """Tags of a run, those included that Dagster gave it when it failed."""


def next_attempt(client: HasTags, run: str, pause: Callable[[float], None]) -> str | None:
    """The run that repeats a failed one, waited for; nothing if it is not repeated.

    Args:
        client: of the running web server.
        run: that failed.
        pause: sleeps between two looks; may raise to end the wait.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    # A run is marked as failed a moment before it is noted whether it is repeated.
    while (tags := client.tags(run)).get(run_tags.WILL_RETRY) != "false" and time.monotonic() < deadline:
        if attempt := tags.get(run_tags.RETRIED_BY):
            return attempt
        pause(POLL_SECONDS)
    return None


def is_promised(client: HasTags, run: str) -> bool:
    """Whether Dagster said that it would repeat a run. It forgets that when its code is away at that moment."""
    return client.tags(run).get(run_tags.WILL_RETRY) == "true"
