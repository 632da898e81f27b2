"""How often somebody may fail to log in: counted per user and per address, in the memory of one worker.

Each counter is a bucket of tries that fills up again steadily. A try is taken before the password is looked at, so that
many at once do not get past, and given back if the password was right. Unknown names count like known ones. A user has
tries of their own from an address that they logged in from before, so that strangers who guess do not lock them out.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from litestar.exceptions import TooManyRequestsException

KEYS_KEPT: Final = 10_000
"""Names and addresses remembered; beyond that the one not seen for longest is forgotten."""

NAME_CHARACTERS: Final = 64
"""Of a name that callers choose, as many are kept."""


class Buckets:
    """Tries left by key."""

    def __init__(self, tries: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow some tries at once, and as many again in some seconds, steadily."""
        self._tries = tries
        self._per_second = tries / seconds
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tries left, and when that was so

    def __len__(self) -> int:
        """Number of keys remembered."""
        return len(self._left)

    def wait(self, key: str) -> float:
        """Seconds until there is a try left; 0 if there is one now."""
        return max(0.0, (1 - self._now(key)) / self._per_second)

    def take(self, key: str, tries: int = 1) -> None:
        """Take tries, or give them back if they are negative."""
        left = self._now(key) - tries
        self._left.pop(key, None)
        if left < self._tries:
            self._left[key] = left, self._clock()
            if len(self._left) > KEYS_KEPT:
                self._left.popitem(last=False)

    def _now(self, key: str) -> float:
        left, since = self._left.get(key, (float(self._tries), 0.0))
        return min(float(self._tries), left + (self._clock() - since) * self._per_second)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in under way.

    Attributes:
        username: who it says it is, cut to what is kept.
        address: where it comes from.
        key: under which the user's try was taken.
    """

    username: str
    address: str
    key: str


class LogInLimit:
    """Refuses log-ins of names and from addresses that failed too often."""

    def __init__(
        self, per_user: int, per_address: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow as many failures of one user, and of one address, in some seconds."""
        self._users = Buckets(per_user, seconds, clock)
        self._addresses = Buckets(per_address, seconds, clock)
        self._homes: OrderedDict[str, None] = OrderedDict()  # users with addresses that they logged in from

    def begin(self, username: str, address: str) -> Attempt:
        """Take a try.

        Raises:
            TooManyRequestsException: none is left; nothing was taken.
        """
        name = username[:NAME_CHARACTERS]
        home = _home(name, address)
        attempt = Attempt(name, address, home if home in self._homes else name)
        wait = math.ceil(max(self._users.wait(attempt.key), self._addresses.wait(address)))
        if wait > 0:
            raise TooManyRequestsException(
                f"too many log-ins failed for this user or from this address; try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )
        self._users.take(attempt.key)
        self._addresses.take(address)
        return attempt

    def succeed(self, attempt: Attempt) -> None:
        """Give the try back: the password was right."""
        self._users.take(attempt.key, -1)
        self._addresses.take(attempt.address, -1)
        home = _home(attempt.username, attempt.address)
        self._homes[home] = None
        self._homes.move_to_end(home)
        if len(self._homes) > KEYS_KEPT:
            self._homes.popitem(last=False)


def _home(name: str, address: str) -> str:
    return f"{address} {name}"
