"""Kills parts of the platform at random moments, and watches each come back."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil

from road_assets.local.leftovers import is_alive
from road_assets.local.supervisor import EARLY_SECONDS
from road_assets_tests.faults.moments import BACKFILL, LAUNCH, OUTAGE, PROMOTION, REST, SWAP, TRAINING, moment_of
from road_assets_tests.faults.parts import SERVICE, Part
from road_assets_tests.faults.platforms import ObservedPlatform

PER_SECOND: Final = {LAUNCH: 0.06, BACKFILL: 0.4, TRAINING: 0.4, PROMOTION: 1.2, SWAP: 1.2, OUTAGE: 0.08, REST: 0.0}
"""Kills to be expected in a second of each moment: short moments get more, or they would get none.

Launches get few: each kill is followed by one, and the work itself would not be reached.
"""

TWO_AT_ONCE: Final = 0.2
"""Share of kills that take a second part along."""

CALM_SECONDS: Final = EARLY_SECONDS + 3.0
"""A service that works again is left alone for so long: early ends in a row are what the supervisor rightly gives up
on, and nobody but this suite kills the same service six times in a minute."""

BACK_SECONDS: Final = 90.0
"""A part that does not work again by then counts as lost."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, and what came after.

    Attributes:
        part: what was killed.
        moment: what went on.
        seconds: until it worked again; nothing if it did not.
    """

    part: str
    moment: str
    seconds: float | None


@dataclass(slots=True)
class _Down:
    part: Part
    moment: str
    victim: psutil.Process
    at: float
    wall: float


@dataclass(slots=True)
class Killer:
    """Kills while it is allowed to.

    Attributes:
        kills: those whose outcome is known.
        service_outages: begin and end of each time that the service was down by a kill, on the monotonic clock.
        lost: sentences about parts that did not come back.
    """

    platform: ObservedPlatform
    parts: Sequence[Part]
    rng: random.Random
    kills: list[Kill] = field(default_factory=list)
    service_outages: list[tuple[float, float]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    pace: float = 1.0
    _down: dict[str, _Down] = field(default_factory=dict)
    _calm_until: dict[str, float] = field(default_factory=dict)  # by the name of the part
    _last: float = field(default_factory=time.monotonic)

    @property
    def count(self) -> int:
        """Kills so far, those included that are still being watched."""
        return len(self.kills) + len(self._down)

    @property
    def all_back(self) -> bool:
        """Whether every part that was killed works again."""
        return not self._down

    def tick(self, *, allowed: int) -> None:
        """Look, and perhaps kill.

        Args:
            allowed: so many kills at most.
        """
        self.platform.require_alive()
        self.watch()
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        if allowed <= 0:
            return
        moment = moment_of(self.platform)
        if self.rng.random() >= PER_SECOND[moment] * self.pace * elapsed:
            return
        self._kill_one(moment)
        if allowed > 1 and self.rng.random() < TWO_AT_ONCE:
            self._kill_one(moment)

    def watch(self) -> None:
        """See which parts work again."""
        for name, down in list(self._down.items()):
            seconds = time.monotonic() - down.at
            # A killed process may answer for an instant yet.
            if not is_alive(down.victim) and down.part.is_back(down.wall):
                self._note(name, time.monotonic() - down.at)
            elif seconds > BACK_SECONDS:
                self.lost.append(f"{name} was killed during {down.moment} and did not work after {seconds:.0f} s")
                self._note(name, None)

    def _kill_one(self, moment: str) -> None:
        busy = {down.part.service for down in self._down.values()}
        now = time.monotonic()
        calm = {name for name, until in self._calm_until.items() if now < until}
        ready = [part for part in self.parts if part.service not in busy and part.name not in calm]
        while ready:
            (part,) = self.rng.choices(ready, [part.weight for part in ready])
            if self.kill(part, moment):
                return
            ready.remove(part)  # no run goes on, so there is no worker to kill

    def kill(self, part: Part, moment: str) -> bool:
        """Kill a part now; whether there was something to kill."""
        at, wall = time.monotonic(), time.time()
        victim = part.kill(self.rng)
        if victim is not None:
            self._down[part.name] = _Down(part, moment, victim, at, wall)
        return victim is not None

    def _note(self, name: str, seconds: float | None) -> None:
        down = self._down.pop(name)
        self.kills.append(Kill(name, down.moment, seconds))
        self._calm_until[name] = time.monotonic() + CALM_SECONDS
        if name == SERVICE:
            self.service_outages.append((down.at, time.monotonic()))


def tally(kills: Sequence[Kill]) -> Counter[tuple[str, str]]:
    """Kills per part and moment."""
    return Counter((kill.part, kill.moment) for kill in kills)
