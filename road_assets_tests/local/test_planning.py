import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from road_assets import days_to_materialize
from road_assets.core.demonstration import generate_release
from road_assets.days_to_materialize import DaysToMaterialize
from road_assets.local import planning
from road_assets.local.main_job import Step
from road_assets.local.planning import Plan, PlanError, ReleasePlanner, main_steps, make_plan
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import Site
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.local.conftest import eventually

FIRST, LAST = date(2024, 3, 1), date(2024, 3, 10)


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "official"
    folder.mkdir()
    write_release(folder, seed=1)
    return folder


def write_release(folder: Path, seed: int) -> None:
    for name, content in generate_release(2024, accidents=60, seed=seed, first_day=FIRST, last_day=LAST).items():
        (folder / name).write_bytes(content)


@pytest.fixture
def site(tmp_path: Path, releases: Path, clean_environment: pytest.MonkeyPatch, postgres: EmbeddedPostgres) -> Site:
    home = tmp_path / "home"
    home.mkdir()
    clean_environment.setenv("ROAD_HOME", str(home))
    clean_environment.setenv("ROAD_RELEASES_DIR", str(releases))
    clean_environment.setenv("PYTHONPATH", str(Path(planning.__file__).parents[2]))
    return Site(PlatformSettings(), PortSettings(), postgres)


def planned(site: Site) -> ReleasePlanner:
    planner = ReleasePlanner()
    planner.start(site)
    assert eventually(planner.is_done, 60)
    return planner


class ToldByDagster:
    """Stands for the web server's answer about the release's metadata; ``test_main_job`` asks a real one."""

    def __init__(self, days: DaysToMaterialize | None) -> None:
        self.days = days

    def json_metadata(self, asset: str, partition: str, label: str) -> object:
        assert (asset, partition, label) == ("baac_release", "2024", days_to_materialize.LABEL)
        return None if self.days is None else self.days.model_dump(mode="json")


EVERY_DAY = ToldByDagster(DaysToMaterialize(spans=(("2024-03-01", "2024-03-10"),)))
RELEASE, TRAINING = ("release_job", "2024", None), ("training_job", "2024-03-10", None)
DRIFT = ("drift_job", "2024-03-01", "2024-03-10")


def steps_of(plan: Plan, days: DaysToMaterialize | None) -> list[Any]:
    return [(step.job, step.first, step.last) for step in main_steps(plan, lambda: days)]


@pytest.mark.parametrize("days", [EVERY_DAY.days, None])
def test_a_plan_names_the_days_of_the_release(site: Site, days: DaysToMaterialize | None) -> None:
    plan = make_plan(site.settings)
    assert (plan.year, plan.first_day, plan.last_day) == (2024, FIRST, LAST)
    assert steps_of(plan, days) == [RELEASE, ("ingest_job", "2024-03-01", "2024-03-10"), TRAINING, DRIFT]


def test_only_the_days_that_the_release_changes_are_planned_and_damaged_ones_by_themselves(site: Site) -> None:
    days = DaysToMaterialize(
        spans=(("2024-03-01", "2024-03-01"), ("2024-03-04", "2024-03-10")), damaged=(("2024-03-02", "2024-03-03"),)
    )
    plan = make_plan(site.settings)
    ingest = [("ingest_job", *span) for span in (*days.spans, *days.damaged)]
    assert steps_of(plan, days) == [RELEASE, *ingest, TRAINING, DRIFT]
    assert [step.may_fail for step in main_steps(plan, lambda: days)] == [False, False, False, True, False, False]
    assert steps_of(plan, DaysToMaterialize()) == [RELEASE, TRAINING, DRIFT]


def test_a_release_with_no_whole_day_fails_with_its_damage(site: Site) -> None:
    days = DaysToMaterialize(damaged=(("2024-03-01", "2024-03-10"),))
    assert not any(step.may_fail for step in main_steps(make_plan(site.settings), lambda: days))


def test_days_before_the_first_partition_are_left_out(site: Site) -> None:
    plan = make_plan(site.settings.model_copy(update={"first_day": date(2024, 3, 5)}))
    assert plan.first_day == date(2024, 3, 5)
    with pytest.raises(PlanError, match=r"ends on 2024-03-10.*ROAD_FIRST_DAY=2024-04-01"):
        make_plan(site.settings.model_copy(update={"first_day": date(2024, 4, 1)}))


def test_what_is_done_is_not_done_again_until_the_release_changes(site: Site, releases: Path) -> None:
    planner = planned(site)
    release, days, *rest = planner.steps(EVERY_DAY)
    planner.note_done(release)
    planner.note_done(days)
    planner.stop()
    again = planned(site)
    assert list(again.steps(EVERY_DAY)) == rest
    write_release(releases, seed=2)
    changed = planned(site)
    assert [step.job for step in changed.steps(EVERY_DAY)] == ["release_job", "ingest_job", "training_job", "drift_job"]
    assert changed.data() == make_plan(site.settings).data_label


def test_everything_is_done_again_in_a_database_that_was_made_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = planned(site)
    for step in list(planner.steps(EVERY_DAY)):
        planner.note_done(step)
    assert list(planner.steps(EVERY_DAY)) == []
    monkeypatch.setattr(EmbeddedPostgres, "identity", lambda _: "another")
    assert len(list(planned(site).steps(EVERY_DAY))) == 4


def test_a_missing_file_is_told_as_the_reader_tells_it(site: Site, releases: Path) -> None:
    next(releases.glob("usagers*")).unlink()
    planner = ReleasePlanner()
    planner.start(site)
    with pytest.raises(PlanError, match="usagers"):
        eventually(planner.is_done, 60)
    planner.stop()


def test_the_child_writes_the_plan_or_the_reason_why_there_is_none(
    site: Site, releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = site.home / planning.PLAN_FILE
    assert planning.main() == 0
    assert Plan.model_validate_json(answer.read_text()) == make_plan(site.settings)
    monkeypatch.setenv("ROAD_RELEASES_DIR", str(releases / "nowhere"))
    assert planning.main() == 1
    assert "nowhere" in json.loads(answer.read_text())["error"]


def test_what_the_search_for_a_release_says_is_told_once(site: Site) -> None:
    planner = planned(site)
    with site.log("plan").open("a") as log:
        log.write("fetching usagers-2024.csv" + os.linesep)
    assert planner.news()[-1] == "fetching usagers-2024.csv"
    assert planner.news() == []


def test_tags_name_one_partition_or_a_range_and_the_main_job() -> None:
    ours = {"road/main_job": "true"}
    assert Step("a year", "release_job", "2024").tags() == {"dagster/partition": "2024", **ours}
    assert Step("days", "ingest_job", "2024-01-01", "2024-01-02").tags() == {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "2024-01-02",
        **ours,
    }
