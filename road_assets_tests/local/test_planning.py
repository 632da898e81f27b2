import json
import os
from datetime import date
from pathlib import Path

import pytest

from road_assets.core.demonstration import generate_release
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


def test_a_plan_names_the_days_of_the_release(site: Site) -> None:
    plan = make_plan(site.settings)
    assert (plan.year, plan.first_day, plan.last_day) == (2024, FIRST, LAST)
    jobs = [(step.job, step.first, step.last) for step in main_steps(plan)]
    assert jobs == [
        ("release_job", "2024", None),
        ("ingest_job", "2024-03-01", "2024-03-10"),
        ("training_job", "2024-03-10", None),
        ("drift_job", "2024-03-01", "2024-03-10"),
    ]


def test_days_before_the_first_partition_are_left_out(site: Site) -> None:
    plan = make_plan(site.settings.model_copy(update={"first_day": date(2024, 3, 5)}))
    assert plan.first_day == date(2024, 3, 5)
    with pytest.raises(PlanError, match=r"ends on 2024-03-10.*ROAD_FIRST_DAY=2024-04-01"):
        make_plan(site.settings.model_copy(update={"first_day": date(2024, 4, 1)}))


def test_what_is_done_is_not_done_again_until_the_release_changes(site: Site, releases: Path) -> None:
    planner = planned(site)
    release, days, *rest = planner.steps()
    planner.note_done(release)
    planner.note_done(days)
    planner.stop()
    again = planned(site)
    assert list(again.steps()) == rest
    write_release(releases, seed=2)
    changed = planned(site)
    assert [step.job for step in changed.steps()] == ["release_job", "ingest_job", "training_job", "drift_job"]
    assert changed.data() == make_plan(site.settings).data_label


def test_everything_is_done_again_in_a_database_that_was_made_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = planned(site)
    for step in planner.steps():
        planner.note_done(step)
    assert list(planner.steps()) == []
    monkeypatch.setattr(EmbeddedPostgres, "identity", lambda _: "another")
    assert len(planned(site).steps()) == 4


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


def test_tags_name_one_partition_or_a_range() -> None:
    assert Step("a year", "release_job", "2024").tags() == {"dagster/partition": "2024"}
    assert Step("days", "ingest_job", "2024-01-01", "2024-01-02").tags() == {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "2024-01-02",
    }
