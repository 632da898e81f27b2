"""A release that grows and is corrected: only what changed is stale, requested and materialized again."""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from road_assets import run_tags
from road_assets.core.demonstration import generate_release
from road_assets.sensors import release_changes
from road_assets_tests.conftest import Platform, failure_of

FIRST, SHORT_LAST, LAST = date(2024, 1, 1), date(2024, 2, 10), date(2024, 2, 20)
CORRECTED = date(2024, 1, 20)
ALL_USERS = "SELECT num_acc, user_key, day, grav, catu, lum FROM accidents ORDER BY num_acc, user_key"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def whole() -> Files:
    return generate_release(2024, accidents=900, seed=5, first_day=FIRST, last_day=LAST)


def until(files: Files, last: date) -> Files:
    """The release as it was when it ended earlier: the same rows, those of later accidents left out."""
    header, *accidents = files["caract-2024.csv"].splitlines(keepends=True)
    month = header.decode().split(";").index('"mois"')
    early = {
        row.split(b";")[0]
        for row in accidents
        if date(2024, *(int(cell.strip(b'"')) for cell in (row.split(b";")[month], row.split(b";")[month - 1]))) <= last
    }
    return {
        name: b"".join(
            line
            for number, line in enumerate(content.splitlines(keepends=True))
            if not number or line.split(b";")[0] in early
        )
        for name, content in files.items()
    }


def corrected(files: Files, day: date) -> Files:
    """One user's gravity of a day is another one, in the first row of ``usagers`` that belongs to it."""
    header, *accidents = files["caract-2024.csv"].decode().splitlines()
    names = header.split(";")
    jour, mois = names.index('"jour"'), names.index('"mois"')
    numbers = [row.split(";")[0] for row in accidents if ours(row, jour, mois) == (day.day, day.month)]
    lines = files["usagers-2024.csv"].decode().split("\n")
    gravity = lines[0].split(";").index('"grav"')
    place = next(index for index, line in enumerate(lines) if line.split(";")[0] == numbers[0])
    cells = lines[place].split(";")
    cells[gravity] = '"1"' if cells[gravity].strip('" ') != "1" else '"4"'
    lines[place] = ";".join(cells)
    return {**files, "usagers-2024.csv": "\n".join(lines).encode()}


def ours(row: str, jour: int, mois: int) -> tuple[int, int]:
    cells = row.split(";")
    return int(cells[jour].strip('"')), int(cells[mois].strip('"'))


def publish(folder: Path, files: Files) -> str:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    tables = ("caract", "lieux", "vehicules", "usagers")
    return hashlib.sha256(b"".join(files[f"{table}-2024.csv"] for table in tables)).hexdigest()


def statuses(platform: Platform, asset: str, days: list[date]) -> dict[date, StaleStatus]:
    graph = platform.definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(platform.instance, graph, LoadingContextForTest(platform.instance))
    return {day: resolver.get_status(dg.AssetKey(asset), str(day)) for day in days}


def requested(platform: Platform, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=platform.instance, cursor=cursor, definitions=platform.definitions)
    result = release_changes(context)
    assert isinstance(result, dg.SensorResult)
    return result


def materialize(platform: Platform, result: dg.SensorResult) -> list[tuple[date, date]]:
    """Do what the sensor asks for."""
    spans = []
    for request in result.run_requests or []:
        first, last = (date.fromisoformat(request.tags[tag]) for tag in (run_tags.RANGE_START, run_tags.RANGE_END))
        run = platform.run(str(request.job_name), first, last)
        assert run.success, failure_of(run)
        spans.append((first, last))
    return spans


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def test_only_new_and_changed_days_are_stale_and_materialized_again(
    make_platform: Callable[..., Platform], whole: Files
) -> None:
    growing = make_platform(accidents=1)
    old = publish(growing.releases, until(whole, SHORT_LAST))
    assert growing.run("release_job", "2024").success
    first_time = requested(growing)
    assert materialize(growing, first_time) == [(FIRST, SHORT_LAST)]
    assert set(statuses(growing, "raw_accidents", days_between(FIRST, SHORT_LAST)).values()) == {StaleStatus.FRESH}
    assert "no release was read" in str(requested(growing, first_time.cursor).skip_reason)

    new = publish(growing.releases, corrected(whole, CORRECTED))
    run = growing.run("release_job", "2024")
    said = run.asset_materializations_for_node("baac_release")[0].metadata
    figures = [said[name].value for name in ("new days", "changed days", "unchanged days")]
    assert figures == [10, 1, 40]
    found = statuses(growing, "raw_accidents", days_between(FIRST, LAST))
    assert {day for day, status in found.items() if status is StaleStatus.STALE} == {CORRECTED}
    missing = {day for day, status in found.items() if status is StaleStatus.MISSING}
    assert missing == set(days_between(SHORT_LAST + timedelta(days=1), LAST))

    second_time = requested(growing, first_time.cursor)
    spans = materialize(growing, second_time)
    assert spans == [(CORRECTED, CORRECTED), (SHORT_LAST + timedelta(days=1), LAST)]
    for asset in ("raw_accidents", "accidents_table", "synthetic_mix", "features"):
        assert set(statuses(growing, asset, days_between(FIRST, LAST)).values()) == {StaleStatus.FRESH}, asset

    fresh = make_platform(accidents=1)
    publish(fresh.releases, corrected(whole, CORRECTED))
    assert fresh.run("release_job", "2024").success
    assert fresh.run("ingest_job", FIRST, LAST).success
    assert growing.query(ALL_USERS) == fresh.query(ALL_USERS)
    assert growing.query("SELECT content_hash, new_days, changed_days FROM releases ORDER BY id") == [
        (old, 41, 0),
        (new, 10, 1),
    ]

    assert growing.run("release_job", "2024").success  # the same content once more
    again = requested(growing, second_time.cursor)
    assert not again.run_requests
    assert "the release of 2024 changes no day" in str(again.skip_reason)
    assert growing.query("SELECT count(*) FROM releases") == [(2,)]


def test_a_file_cut_short_takes_no_stored_day_away(make_platform: Callable[..., Platform], whole: Files) -> None:
    shrinking = make_platform(accidents=1)
    publish(shrinking.releases, whole)
    assert shrinking.run("release_job", "2024").success
    assert shrinking.run("ingest_job", FIRST, LAST).success
    before = shrinking.query(ALL_USERS)
    publish(shrinking.releases, until(whole, SHORT_LAST))
    run = shrinking.run("release_job", "2024")
    said = run.asset_materializations_for_node("baac_release")[0].metadata
    assert said["stored days not in this release, kept"].value == 10
    assert materialize(shrinking, requested(shrinking)) == []
    assert shrinking.query(ALL_USERS) == before


def test_a_live_day_is_made_anew_when_its_release_comes(make_platform: Callable[..., Platform], whole: Files) -> None:
    live = make_platform(accidents=1)
    publish(live.releases, until(whole, SHORT_LAST))
    assert live.run("release_job", "2024").success
    assert live.run("ingest_job", FIRST, SHORT_LAST).success
    day = SHORT_LAST + timedelta(days=3)
    assert live.run("ingest_job", day).success
    assert live.query("SELECT DISTINCT day FROM accidents WHERE replayed_from IS NOT NULL") == [(day,)]
    publish(live.releases, whole)
    assert live.run("release_job", "2024").success
    assert statuses(live, "raw_accidents", [day]) == {day: StaleStatus.STALE}
    assert materialize(live, requested(live)) == [(SHORT_LAST + timedelta(days=1), LAST)]
    assert live.query("SELECT count(*) FROM accidents WHERE replayed_from IS NOT NULL") == [(0,)]


def test_damaged_days_are_requested_by_themselves_and_the_others_go_on(
    make_platform: Callable[..., Platform], whole: Files
) -> None:
    damaged = make_platform(accidents=1)
    publish(damaged.releases, whole)
    file = damaged.releases / "caract-2024.csv"
    header, *rows = file.read_text().splitlines()
    names = header.split(";")
    jour, mois, light = (names.index(f'"{name}"') for name in ("jour", "mois", "lum"))
    spoiled = [
        ";".join('"9"' if place == light else cell for place, cell in enumerate(row.split(";")))
        if ours(row, jour, mois) == (CORRECTED.day, CORRECTED.month)
        else row
        for row in rows
    ]
    file.write_text("\n".join([header, *spoiled]))
    run = damaged.run("release_job", "2024")
    assert run.asset_materializations_for_node("baac_release")[0].metadata["damaged days"].value == str(CORRECTED)
    *whole_spans, bad = requested(damaged).run_requests or []
    assert bad.tags[run_tags.RANGE_START] == bad.tags[run_tags.RANGE_END] == str(CORRECTED)
    one = timedelta(days=1)
    assert materialize(damaged, dg.SensorResult(run_requests=whole_spans)) == [
        (FIRST, CORRECTED - one),
        (CORRECTED + one, LAST),
    ]
    refused = damaged.run("ingest_job", CORRECTED, CORRECTED)
    assert f"{CORRECTED}: " in failure_of(refused)
    assert damaged.query("SELECT count(DISTINCT day) FROM accidents") == [(50,)]


def test_the_days_of_the_main_job_are_left_to_it(make_platform: Callable[..., Platform], whole: Files) -> None:
    platform = make_platform(accidents=1)
    publish(platform.releases, whole)
    assert platform.run("release_job", "2024", tags={run_tags.MAIN_JOB: "true"}).success
    result = requested(platform)
    assert not result.run_requests
    assert "`road up` read the release of 2024" in str(result.skip_reason)
