"""A light load on the service, and an account of every answer."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

import httpx

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets_tests.faults.platforms import OwnPlatform

PER_SECOND: Final = 5.0
_ANSWER_SECONDS: Final = 10.0
_TOKEN_SECONDS: Final = 1700.0
"""A token is good for half an hour; one that is refused earlier is a failure."""

_LOG_IN: Final = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}


@dataclass(frozen=True, slots=True)
class Failure:
    """A question without an answer.

    Attributes:
        begun: when it was asked, on the monotonic clock.
        ended: when it failed.
        reason: status or error.
    """

    begun: float
    ended: float
    reason: str


@dataclass(slots=True)
class Load:
    """Asks for an estimate some times a second until it is stopped.

    Attributes:
        answered: estimates given.
        failures: what was not answered.
    """

    platform: OwnPlatform
    answered: int = 0
    failures: list[Failure] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._ask_on, name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the last answer."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(2 * _ANSWER_SECONDS)

    def failed_outside(self, outages: list[tuple[float, float]]) -> list[Failure]:
        """Failures while the service was not down by a kill; an outage is its begin and its end."""
        return [
            failure
            for failure in self.failures
            if not any(failure.begun < end and failure.ended > begin for begin, end in outages)
        ]

    def _ask_on(self) -> None:
        api = self.platform.site.addresses["api"]
        with httpx.Client(base_url=api, timeout=_ANSWER_SECONDS, trust_env=False) as client:
            headers: dict[str, str] = {}
            since = time.monotonic()
            while not self._ends.wait(1 / PER_SECOND):
                begun = time.monotonic()
                try:
                    headers = headers or _log_in(client)
                    answer = client.post("/protected/predict", json=SCENE_EXAMPLE, headers=headers)
                    if answer.status_code == httpx.codes.UNAUTHORIZED and begun - since > _TOKEN_SECONDS:
                        headers, since = _log_in(client), begun  # half an hour is over
                        answer = client.post("/protected/predict", json=SCENE_EXAMPLE, headers=headers)
                    answer.raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(Failure(begun, time.monotonic(), f"{type(error).__name__}: {error}"))
                else:
                    self.answered += 1


def _log_in(client: httpx.Client) -> dict[str, str]:
    answer = client.post("/auth/token", data=_LOG_IN).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
