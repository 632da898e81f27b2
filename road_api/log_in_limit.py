"""Limit of failed log-ins per user and per address, counted in the memory of each worker.

Each counter is a token bucket. A try is taken before the password is checked, so that concurrent attempts cannot exceed
the limit, and given back if the password is right. Unknown user names are counted like known ones. A user has separate
tries at each address from which they logged in before, so that somebody who guesses elsewhere does not lock them out.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from litestar.exceptions import TooManyRequestsException

KEYS_KEPT: Final = 10_000
"""Names and addresses kept in memory; if there are more, the least recently used one is forgotten."""

NAME_CHARACTERS: Final = 64
"""User names are chosen by callers, so they are cut to this length."""


class TokenBuckets:
    """A token bucket of tries for each key."""

    def __init__(self, tries: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow some tries at once; an empty bucket is full again after ``seconds``, at a constant rate."""
        self._tries = tries
        self._per_second = tries / seconds
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # tries left, and at which time

    def __len__(self) -> int:
        """Number of keys in memory."""
        return len(self._left)

    def wait(self, key: Hashable) -> float:
        """Seconds until a try is left; 0 if one is left now."""
        return max(0.0, (1 - self._now(key)) / self._per_second)

    def take(self, key: Hashable, tries: int = 1) -> None:
        """Take tries, or give them back if the number is negative."""
        left = self._now(key) - tries
        self._left.pop(key, None)
        if left < self._tries:
            self._left[key] = left, self._clock()
            if len(self._left) > KEYS_KEPT:
                self._left.popitem(last=False)

    def _now(self, key: Hashable) -> float:
        left, since = self._left.get(key, (float(self._tries), 0.0))
        return min(float(self._tries), left + (self._clock() - since) * self._per_second)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in whose password is being checked.

    Attributes:
        username: as given, cut to ``NAME_CHARACTERS``.
        address: of the caller.
        key: of the bucket from which the user's try was taken.
    """

    username: str
    address: str
    key: Hashable


class LogInLimit:
    """Refuses log-ins of users and from addresses with too many failures."""

    def __init__(
        self, per_user: int, per_address: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow so many failures per user, and per address, in some seconds."""
        self._users = TokenBuckets(per_user, seconds, clock)
        self._addresses = TokenBuckets(per_address, seconds, clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()  # users and addresses they logged in from

    def begin(self, username: str, address: str) -> Attempt:
        """Take a try.

        Raises:
            TooManyRequestsException: no try is left; nothing was taken.
        """
        name = username[:NAME_CHARACTERS]
        # A pair and a name are never equal as keys, so no name that a caller makes up is taken for a pair.
        attempt = Attempt(name, address, (name, address) if (name, address) in self._known else name)
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
        pair = attempt.username, attempt.address
        self._known[pair] = None
        self._known.move_to_end(pair)
        if len(self._known) > KEYS_KEPT:
            self._known.popitem(last=False)
