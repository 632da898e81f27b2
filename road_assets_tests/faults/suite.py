"""The rounds of the suite, one after the other, within its time."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import psutil
import psycopg

from road_assets.local.dagster_client import DagsterError
from road_assets_tests.faults.full_disk import StateDisk
from road_assets_tests.faults.invariants import Invariants
from road_assets_tests.faults.kills import Killer
from road_assets_tests.faults.load import Load
from road_assets_tests.faults.moments import BACKFILL, is_at_rest, moment_of
from road_assets_tests.faults.parts import parts_of
from road_assets_tests.faults.platforms import LAST_DAY, OwnPlatform
from road_assets_tests.faults.workload import STRONG, Work, WorkError, Workload

KILLS_PER_ROUND: Final = 16
"""At least; more where the time is short."""

ROUND_SECONDS: Final = 75.0
REST_SECONDS: Final = 400.0
"""A platform that nobody disturbs any more and that still has work after this has a run that is stuck."""

FULL_SECONDS: Final = 20.0
LAUNCH_SECONDS: Final = 60.0
TICK_SECONDS: Final = 0.15
SETTLING_SHARE: Final = 0.45
"""Of the time, as far as can be told beforehand: when it is used for rest and checks, and nothing is killed."""


@dataclass(slots=True)
class Suite:
    """Rounds of kills on one platform.

    Attributes:
        platform: a platform whose main job is done.
        rng: of the printed seed.
        report: prints a line.
        deadline: on the monotonic clock.
    """

    platform: OwnPlatform
    rng: random.Random
    report: Callable[[str], None]
    deadline: float
    killer: Killer = field(init=False)
    invariants: Invariants = field(init=False)
    load: Load = field(init=False)
    workload: Workload = field(init=False)
    by_hand: int = 0
    pieces: int = 0

    def __post_init__(self) -> None:
        """Wire the parts."""
        self.killer = Killer(self.platform, parts_of(self.platform), self.rng)
        self.invariants, self.load = Invariants(self.platform), Load(self.platform)
        self.workload = Workload(self.platform, self.rng)

    def prepare(self) -> None:
        """Two models to go back and forth between, and what an undisturbed platform holds."""
        self.workload.prepare()
        self._rest()
        self.invariants.remember()
        self.invariants.check("the undisturbed run")
        self.load.start()

    def kill(self, kills: int) -> None:
        """Disturb piece after piece of work until so many kills were made, or the time is over."""
        number = 0
        while self.killer.count < kills and time.monotonic() < self.deadline:
            number += 1
            missing = kills - self.killer.count
            rounds = max(1.0, (self.deadline - time.monotonic()) / ROUND_SECONDS)
            allowed = min(missing, max(KILLS_PER_ROUND, math.ceil(missing / rounds)))
            left = max(self.deadline - time.monotonic(), 1.0) * (1 - SETTLING_SHARE)
            self.killer.pace = min(3.0, max(0.6, (kills - self.killer.count) / left / 0.3))
            before = self.killer.count
            self._round(number, allowed)
            self.report(f"  round {number}: {self.killer.count - before} kills, {self.killer.count} in all")

    def twice(self) -> None:
        """The same partitions at the same time: a backfill, then a training."""
        first = date(2024, 2, 25)
        codes = self.workload.twice_at_once("ingest_job", first, date(2024, 3, 10), {})
        self._expect_both("backfill", codes)
        config = {"ops": {"severity_model": {"config": STRONG}}}
        self._expect_both("training", self.workload.twice_at_once("training_job", LAST_DAY, None, config))

    def fill_disk(self, disk: StateDisk) -> None:
        """Let the disk be full for a while in the middle of a backfill, and a part be killed meanwhile."""
        work = self.workload.backfill()
        self.pieces += 1
        work.begin()
        self._until(BACKFILL, LAUNCH_SECONDS)
        answered = self.load.answered
        disk.fill(self.platform.pid)
        self.report("  disk full")
        time.sleep(FULL_SECONDS / 2)
        part = self.platform.part("daemon")
        if part is not None and part.alive():
            psutil.Process(part.pid).kill()
        time.sleep(FULL_SECONDS / 2)
        disk.free(self.platform.pid)
        self.report(f"  disk free; {self.load.answered - answered} questions answered meanwhile")
        try:
            self._rest()
            work.finish(self.platform)
        except WorkError as error:
            self.invariants.failures.append(f"a full disk: {error}")
        self.by_hand += work.by_hand
        self._settle("a full disk")

    def _until(self, moment: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while moment_of(self.platform) != moment and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)

    def _expect_both(self, what: str, codes: list[int]) -> None:
        title = f"the same {what} twice at once"
        if codes != [0, 0]:
            self.invariants.failures.append(f"{title}: processes ended with {codes}; see twice.log")
        self._settle(title)

    def _round(self, number: int, allowed: int) -> None:
        """Backfill or scoring, then back to the weak model, then a training that replaces it; killed all along."""
        stop_at = self.killer.count + allowed
        first = self.workload.backfill() if number % 3 else self.workload.scoring()
        steps: list[Callable[[], Work]] = [lambda: first, self.workload.rollback, self.workload.training]
        for place, make in enumerate(steps, start=1):
            work = make()
            if work.title == "rollback" and self.workload.version() == self.workload.weak:
                continue  # the training before this did not come about, which was told
            share = stop_at if place == len(steps) else self.killer.count + (stop_at - self.killer.count) // 2
            self._disturb(work, share)
        self._settle(f"round {number}")

    def _disturb(self, work: Work, stop_at: int) -> None:
        """Ask for something, kill until it is done or enough was killed, and see that it is done in the end."""
        self.pieces += 1
        try:
            work.begin()
            self._rest(stop_at)
            work.finish(self.platform)
        except (WorkError, DagsterError) as error:
            self.invariants.failures.append(f"{work.title}: {error}")
            self.report(f"  FAILED {work.title}: {error}")
        self.by_hand += work.by_hand

    def _rest(self, kill_until: int = 0) -> None:
        """Wait until nothing goes on, killing meanwhile until there were so many kills.

        Raises:
            WorkError: something goes on for too long.
        """
        calm_since = time.monotonic()
        while True:
            allowed = kill_until - self.killer.count
            self.killer.tick(allowed=allowed)
            if allowed > 0:
                calm_since = time.monotonic()
            if self._is_calm():
                return
            if time.monotonic() - calm_since > REST_SECONDS:
                raise WorkError(f"the platform has not come to rest {REST_SECONDS:.0f} s after the last kill")
            time.sleep(TICK_SECONDS)

    def _is_calm(self) -> bool:
        if not self.killer.all_back:
            return False
        try:
            return is_at_rest(self.platform)
        except psycopg.OperationalError:
            return False

    def _settle(self, after: str) -> None:
        try:
            self._rest()
        except WorkError as error:
            self.invariants.failures.append(f"after {after}: {error}")
        for sentence in self.invariants.failures[len(self.invariants.failures) - self.invariants.check(after) :]:
            self.report(f"  FAILED {sentence}")
