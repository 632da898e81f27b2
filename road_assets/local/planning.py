"""What the main job has to do: bring the days of the newest release through the graph, except what is done already.

Fetching the release may take minutes and needs pandas, so a child process, which runs this module, does it while the
services start.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Protocol, Self

from pydantic import BaseModel, ConfigDict

from road_assets import asset_names, days_to_materialize
from road_assets.days_to_materialize import DaysToMaterialize
from road_assets.errors import UserFacingError
from road_assets.local.dagster_client import DagsterClient
from road_assets.local.main_job import Step
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import Site
from road_assets.local.tasks import Task
from road_assets.settings import PlatformSettings

PLAN_FILE: Final = "plan.json"
LEDGER_FILE: Final = "main_job.json"


class PlanError(UserFacingError):
    """There is no release that the main job could take."""


class Plan(BaseModel):
    """Which days of the newest release are to be brought through the graph.

    Attributes:
        year: of the release.
        first_day: first day to be materialized.
        last_day: last day that the release covers.
        content_hash: of its files: another content is another plan.
        data_label: where the data comes from; shown wherever results are.
    """

    model_config = ConfigDict(frozen=True)

    year: int
    first_day: date
    last_day: date
    content_hash: str
    data_label: str


class Ledger(BaseModel):
    """The steps that are done, kept in ``ROAD_HOME``; valid for one plan, database and storage.

    Attributes:
        plan: that the steps belong to.
        database: identity of the database server, see ``postgres.server_identity``.
        storage: path or address of the Parquet files.
        done: keys of the steps.
    """

    plan: Plan
    database: str = ""
    storage: str = ""
    done: list[str] = []

    @classmethod
    def open(cls, home: Path, plan: Plan, database: str, storage: str) -> Self:
        """Read the ledger; an empty one if there is none, or if it is about another plan, database or storage."""
        path = home / LEDGER_FILE
        if path.exists():
            ledger = cls.model_validate_json(path.read_text())
            if (ledger.plan, ledger.database, ledger.storage) == (plan, database, storage):
                return ledger
        return cls(plan=plan, database=database, storage=storage)

    def note_done(self, home: Path, step: Step) -> None:
        """Write a step down as done."""
        self.done.append(step.key)
        draft = home / f".{LEDGER_FILE}"  # not by resources.files, whose imports the supervisor does without
        draft.write_text(self.model_dump_json(indent=2))
        draft.replace(home / LEDGER_FILE)


class Planner(Protocol):
    """Where ``road up`` gets its steps from."""

    def start(self, site: Site) -> None:
        """Begin to plan, without waiting."""

    def news(self) -> list[str]:
        """Progress since the last call, as lines for people."""

    def is_done(self) -> bool:
        """Whether the plan is made; raises ``UserFacingError`` if it cannot be."""

    def steps(self, dagster: DagsterClient) -> Iterable[Step]:
        """The steps in order; later ones may depend on what earlier ones found."""

    def note_done(self, step: Step) -> None:
        """Remember that a step is done."""

    def data(self) -> str | None:
        """Where the accidents come from, for people."""

    def stop(self) -> None:
        """Stop planning."""


def main_steps(plan: Plan, asked: Callable[[], DaysToMaterialize | None]) -> Iterator[Step]:
    """The runs that bring a release through the whole graph, in order.

    Args:
        plan: what to do.
        asked: which days the release adds or changes; called once the release has been read.

    Yields:
        One step after the other; days that are damaged come in steps of their own, which may fail.
    """
    first, last = plan.first_day.isoformat(), plan.last_day.isoformat()
    yield Step(f"release of {plan.year}, {plan.data_label}", "release_job", str(plan.year))
    days = asked() or DaysToMaterialize(spans=((first, last),))
    for begin, end in days.spans:
        yield Step(f"every day from {begin} to {end}", "ingest_job", begin, end)
    for begin, end in days.damaged:
        # Without a whole day there is nothing to train on, and the damage is the reason to give.
        yield Step(f"damaged days {begin} to {end}", "ingest_job", begin, end, may_fail=bool(days.spans))
    yield Step(f"model as of {last}", "training_job", last)
    yield Step(f"drift of every day from {first} to {last}", "drift_job", first, last)


def steps_left(plan: Plan, dagster: DagsterClient, done: Callable[[], list[str]]) -> Iterator[Step]:
    """The plan's steps as far as they are not done, with the days that the running Dagster found in the release."""

    def asked() -> DaysToMaterialize | None:
        found = dagster.json_metadata(asset_names.BAAC_RELEASE, str(plan.year), days_to_materialize.LABEL)
        return None if found is None else DaysToMaterialize.model_validate(found)

    for step in main_steps(plan, asked):
        if step.key not in done():
            yield step


@dataclass(slots=True)
class ReleasePlanner:
    """Plans from the releases at hand."""

    _home: Path = field(init=False)
    _storage: str = field(init=False)
    _postgres: EmbeddedPostgres = field(init=False)
    _task: Task = field(init=False)
    _told: int = 0

    def start(self, site: Site) -> None:
        """Begin to look for the newest release."""
        self._home, self._postgres = site.home, site.postgres
        self._storage = site.settings.storage_url or ""
        (self._home / PLAN_FILE).unlink(missing_ok=True)
        site.log("plan").unlink(missing_ok=True)  # what it says is shown; an earlier start's words are not news
        self._task = Task(site, "plan", ["-m", "road_assets.local.planning"])

    def news(self) -> list[str]:
        """New lines of the log of the search for a release."""
        lines = self._task.log.read_text().splitlines() if self._task.log.exists() else []
        new, self._told = lines[self._told :], len(lines)
        return new

    def is_done(self) -> bool:
        """Whether the plan is made.

        Raises:
            PlanError: there is no release, or a file of it is wrong.
            TaskFailedError: planning ended otherwise.
        """
        answer = self._home / PLAN_FILE
        if self._task.process.poll() is not None and answer.exists():
            error = json.loads(answer.read_text()).get("error")
            if error:
                raise PlanError(error)
        return self._task.is_done()

    def steps(self, dagster: DagsterClient) -> Iterator[Step]:
        """The steps that have not been done for this very plan."""
        yield from steps_left(self._plan(), dagster, lambda: self._ledger().done)

    def note_done(self, step: Step) -> None:
        """Write a step down as done."""
        self._ledger().note_done(self._home, step)

    def data(self) -> str | None:
        """The release's label."""
        return self._plan().data_label

    def stop(self) -> None:
        """End the search."""
        if hasattr(self, "_task"):
            self._task.kill()

    def _plan(self) -> Plan:
        return Plan.model_validate_json((self._home / PLAN_FILE).read_text())

    def _ledger(self) -> Ledger:
        return Ledger.open(self._home, self._plan(), self._postgres.identity(), self._storage)


def make_plan(settings: PlatformSettings) -> Plan:
    """Find or fetch the newest release, and plan its days.

    Raises:
        PlanError: it ends before the first partition.
        ReleaseError: there is none, or a file of it is wrong.
    """
    from road_assets.resources.releases.data_gouv import DataGouv
    from road_assets.resources.releases.store import ReleaseStore

    store = ReleaseStore(
        settings.home,
        settings.releases_dir,
        DataGouv(settings.data_gouv_url),
        lambda line: print(line, flush=True),  # noqa: T201 - its log
    )
    release = store.find_release()
    first, last = store.days_of(release)
    if last < settings.first_day:
        raise PlanError(
            f"the release of {release.year} ends on {last}, before the first partition, ROAD_FIRST_DAY="
            f"{settings.first_day}; set it to an earlier day or take a newer release"
        )
    return Plan(
        year=release.year,
        first_day=max(first, settings.first_day),
        last_day=last,
        content_hash=release.content_hash,
        data_label=release.data_label,
    )


def main() -> int:
    """Make the plan and write it, or why there is none, into ``ROAD_HOME``."""
    from stamina.instrumentation import RetryDetails, set_on_retry_hooks

    from road_assets.resources.releases.files import ReleaseError

    def tell_retry(details: RetryDetails) -> None:
        print(f"{details.caused_by}; trying again in {details.wait_for:.1f} s", flush=True)  # noqa: T201 - its log

    set_on_retry_hooks([tell_retry])
    settings = PlatformSettings()
    answer = settings.home / PLAN_FILE
    try:
        answer.write_text(make_plan(settings).model_dump_json())
    except (PlanError, ReleaseError) as error:
        answer.write_text(json.dumps({"error": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
