"""Work for the platform to be disturbed at: each kind is asked for, and leaves something that can be looked at."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import psycopg

from road_assets import run_tags
from road_assets.core.vocabulary import MODEL_NAME, PRODUCTION_ALIAS
from road_assets.local.dagster_client import DagsterError
from road_assets.local.main_job import Step
from road_assets.local.services import PROJECT
from road_assets.resources.model_registry import ModelRegistry
from road_assets_tests.faults.platforms import FIRST_DAY, LAST_DAY, OwnPlatform

WEAK: Final = {"n_estimators": 1, "max_depth": 1}
STRONG: Final = {"n_estimators": 15, "max_depth": 8}
DAYS_AT_ONCE: Final = 20
REFUSED_SECONDS: Final = 60.0
RUN_SECONDS: Final = 400.0
"""A run by itself takes 15 s; other work on the machine may be in its way."""

_LAST_ATTEMPT: Final = """
    SELECT r.run_id, r.status FROM runs r WHERE r.run_id = %(run)s OR r.run_id IN (
        SELECT run_id FROM run_tags WHERE key = 'dagster/root_run_id' AND value = %(run)s)
    ORDER BY r.id DESC LIMIT 1
"""
_DAY_FILES: Final = ("raw_accidents", "synthetic_mix", "features")


class WorkError(RuntimeError):
    """What was asked for cannot be had, without any disturbance."""


@dataclass(slots=True)
class Work:
    """One thing asked for, from its first run to the one that succeeded.

    Attributes:
        title: for the table.
        submit: asks for it; returns the run.
        is_done: whether what was wanted is so, whatever became of the runs: a rollback that was killed after its deed
            is not asked for again.
        run: the first attempt, or the last that was asked for by hand.
        by_hand: how often it was asked for again, as all of Dagster's own attempts had died.
    """

    title: str
    submit: Callable[[], str]
    is_done: Callable[[], bool] = lambda: False
    run: str = ""
    by_hand: int = 0

    def begin(self) -> None:
        """Ask for it; again, as a person would, where the answer is an error because a part has just been killed.

        Raises:
            DagsterError: it is refused for too long.
        """
        deadline = time.monotonic() + REFUSED_SECONDS
        while True:
            try:
                self.run = self.submit()
            except DagsterError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)
            else:
                return

    def outcome(self, platform: OwnPlatform) -> str:
        """Status of the last attempt.

        Raises:
            psycopg.OperationalError: Postgres is away.
        """
        ((_, status),) = platform.query(_LAST_ATTEMPT, {"run": self.run}, database="dagster")
        return str(status)

    def finish(self, platform: OwnPlatform) -> None:
        """Nothing disturbs any more: see to it that it is done.

        Raises:
            WorkError: it fails without any disturbance.
        """
        while self.outcome(platform) != "SUCCESS" and not self.is_done():
            if self.by_hand > 1:
                raise WorkError(f"{self.title}: run {self.run} ended as {self.outcome(platform)}, undisturbed")
            self.by_hand += 1
            self.begin()
            self._wait(platform)

    def _wait(self, platform: OwnPlatform) -> None:
        deadline = time.monotonic() + RUN_SECONDS
        while self.outcome(platform) not in {"SUCCESS", "FAILURE", "CANCELED"}:
            if time.monotonic() > deadline:
                raise WorkError(f"{self.title}: run {self.run} is not over after {RUN_SECONDS:.0f} s, undisturbed")
            time.sleep(0.5)


@dataclass(slots=True)
class Workload:
    """Makes work.

    Attributes:
        platform: the platform.
        rng: chooses the days.
        weak: version of a model that the gate lets any other pass; known after ``prepare``.
    """

    platform: OwnPlatform
    rng: random.Random
    weak: int = field(default=0, init=False)

    def prepare(self) -> None:
        """Train a weak model and put it into production by hand, as an administrator of MLflow can; then a strong one.

        A platform that was prepared before is taken as it is.
        """
        former = self.platform.query("SELECT version FROM promotions WHERE decision = 'found in the registry'")
        if former:
            self.weak = int(former[0][0])
            return
        self._now(self.training(WEAK))
        registry = ModelRegistry(tracking_uri=self.platform.site.addresses["mlflow"], public_url="")
        self.weak = max(
            int(found.version) for found in registry.client().search_model_versions(f"name = '{MODEL_NAME}'")
        )
        registry.client().set_registered_model_alias(MODEL_NAME, PRODUCTION_ALIAS, str(self.weak))
        self._now(self.training(STRONG))

    def backfill(self) -> Work:
        """Days whose rows and files are deleted first, so that only a complete backfill makes everything right."""
        span = (LAST_DAY - FIRST_DAY).days - DAYS_AT_ONCE
        first = FIRST_DAY + timedelta(days=self.rng.randrange(span))
        last = first + timedelta(days=DAYS_AT_ONCE - 1)
        self._forget(first, last)
        step = Step(f"backfill {first} to {last}", "ingest_job", first.isoformat(), last.isoformat())
        return Work(step.title, lambda: self._launch(step))

    def scoring(self) -> Work:
        """Drift of some days, whose scores are deleted first."""
        last = LAST_DAY - timedelta(days=self.rng.randrange(10))
        first = last - timedelta(days=DAYS_AT_ONCE)
        for table in ("drift_scores", "drift_features"):
            self.platform.query(
                psycopg.sql.SQL("DELETE FROM {} WHERE day BETWEEN %s AND %s").format(psycopg.sql.Identifier(table)),
                (first, last),
            )
        step = Step(f"drift {first} to {last}", "drift_job", first.isoformat(), last.isoformat())
        return Work(step.title, lambda: self._launch(step))

    def training(self, parameters: dict[str, int] = STRONG) -> Work:
        """A model as of the last day, judged and promoted if it is better."""
        step = Step(f"training {parameters}", "training_job", LAST_DAY.isoformat())
        config = {"ops": {"severity_model": {"config": parameters}}}
        return Work("training", lambda: self._launch(step, config))

    def rollback(self) -> Work:
        """Back to the weak model, so that the next training has something to be better than."""
        config = {"ops": {"rollback": {"config": {"version": self.weak}}}}
        return Work(
            "rollback", lambda: self._submit("rollback_job", {}, config), is_done=lambda: self.version() == self.weak
        )

    def version(self) -> int:
        """In production by what was decided."""
        ((version,),) = self.platform.query("SELECT version FROM champion")
        return int(version)

    def twice_at_once(self, job: str, first: date, last: date | None, config: dict[str, Any]) -> list[int]:
        """The same partitions in two processes at the same time, past the queue that would keep them apart.

        Returns:
            Exit codes of both.
        """
        step = Step(job, job, first.isoformat(), last.isoformat() if last else None)
        command = [sys.executable, "-m", "road_assets_tests.benchmarks.one_run", job]
        command += [json.dumps(step.tags()), json.dumps(config)]
        environment = self.platform.run_environment()
        with (self.platform.folder / "twice.log").open("ab") as log:
            processes = [
                subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
                for _ in range(2)
            ]
        return [process.wait(RUN_SECONDS) for process in processes]

    def _forget(self, first: date, last: date) -> None:
        self.platform.query("DELETE FROM accidents WHERE day BETWEEN %s AND %s", (first, last))
        for asset in _DAY_FILES:
            for number in range((last - first).days + 1):
                day = first + timedelta(days=number)
                (self.platform.home / "lake" / asset / str(day.year) / f"{day}.parquet").unlink()

    def _now(self, work: Work) -> None:
        work.begin()
        work._wait(self.platform)  # noqa: SLF001 - undisturbed, so nothing is to be repeated
        work.finish(self.platform)

    def _launch(self, step: Step, config: dict[str, Any] | None = None) -> str:
        tags = {name: value for name, value in step.tags().items() if name != run_tags.MAIN_JOB}
        return self._submit(step.job, tags, config)

    def _submit(self, job: str, tags: dict[str, str], config: dict[str, Any] | None = None) -> str:
        client = self.platform.dagster()
        try:
            return client.launch(job, tags, config=config)
        finally:
            client.close()
