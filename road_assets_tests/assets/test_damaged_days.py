"""Damaged files, rows set aside and contracts, through the whole graph."""

from collections.abc import Callable
from datetime import date, timedelta

import dagster as dg
import pandas as pd
import pytest

from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.conftest import FIRST_DAY, LAST_DAY, Platform, failure_of

DAYS = [FIRST_DAY + timedelta(days=offset) for offset in range((LAST_DAY - FIRST_DAY).days + 1)]


def test_rows_set_aside_stand_in_the_table_in_the_lake_and_in_the_metadata(
    make_platform: Callable[..., Platform],
) -> None:
    damaged = make_platform(accidents=300)
    whole = damage_users(damaged, lines=[7, 20])
    for _ in range(2):  # a second time changes nothing
        run = damaged.run("release_job", "2024")
        assert run.success
    said = run.asset_materializations_for_node("baac_release")[0].metadata
    users = whole.count("\n") - 1
    figures = [said[name].value for name in ("users in", "users kept", "users quarantined", "dagster/row_count")]
    assert figures == [users, users - 2, 2, users - 2]
    rows = damaged.query(
        'SELECT release_year, source_table, file, line, "column", rule, value, day IS NULL FROM quarantine ORDER BY 4'
    )
    expected = ("usagers", "usagers-2024.csv")
    assert rows == [(2024, *expected, line, "grav", "code not in the codebook", "7", False) for line in (7, 20)]
    assert damaged.resource("lake").read_year("quarantine", 2024)["line"].tolist() == [7, 20]
    assert [record.data["line"] for record in said["quarantine"].records] == [7, 20]
    (damaged.releases / "usagers-2024.csv").write_text(whole)  # the corrected file comes
    assert damaged.run("release_job", "2024").success
    assert damaged.query("SELECT count(*) FROM quarantine") == [(0,)]


def test_a_damaged_file_stops_the_release_and_names_it(make_platform: Callable[..., Platform]) -> None:
    broken = make_platform(accidents=300)
    file = broken.releases / "usagers-2024.csv"
    file.write_bytes(file.read_bytes().split(b"\n", 1)[1])  # the header is lost
    run = broken.run("release_job", "2024")
    assert not run.success
    assert "usagers-2024.csv" in failure_of(run)
    assert broken.query("SELECT count(*) FROM accidents") == [(0,)]


def test_the_contract_of_every_frame_is_checked_and_blocks(platform: Platform) -> None:
    run = platform.run("ingest_job", DAYS[50])
    checks = {(check.asset_key.path[-1], check.check_name): check for check in run.get_asset_check_evaluations()}
    assert checks.keys() == {
        ("raw_accidents", "contract"),
        ("raw_accidents", "bad_rows"),
        ("synthetic_mix", "contract"),
        ("features", "contract"),
    }
    assert all(check.passed and check.blocking for check in checks.values())
    assert all(check.severity is dg.AssetCheckSeverity.ERROR for check in checks.values())


def test_a_damaged_day_fails_with_what_to_do_and_other_days_go_on(make_platform: Callable[..., Platform]) -> None:
    damaged = make_platform(accidents=600)
    day = DAYS[30]
    lines = lines_of_day(damaged, day)
    damage_users(damaged, lines[:2])
    assert damaged.run("release_job", "2024").success
    run = damaged.run("ingest_job", DAYS[29], DAYS[31])
    assert not run.success
    message = failure_of(run)
    assert f"{day}: 2 of {len(lines)} rows" in message
    assert f"code not in the codebook, as in usagers-2024.csv, line {lines[0]}, grav: '7'" in message
    assert "materialize baac_release for its year" in message
    assert "Days that are not named can be materialized without these" in message
    (evaluation,) = [check for check in run.get_asset_check_evaluations() if not check.passed]
    assert (evaluation.check_name, evaluation.metadata["days above the limit"].value) == ("bad_rows", str(day))
    assert damaged.resource("lake").stored_days("raw_accidents") == []
    assert damaged.run("ingest_job", DAYS[29]).success
    assert damaged.run("ingest_job", DAYS[31], DAYS[33]).success
    assert damaged.query("SELECT count(DISTINCT day) FROM accidents") == [(4,)]
    assert day not in damaged.resource("lake").stored_days("features")


def test_a_last_day_lost_as_a_whole_is_not_taken_for_one_to_be_replayed(make_platform: Callable[..., Platform]) -> None:
    damaged = make_platform(accidents=300)
    damage_users(damaged, lines_of_day(damaged, LAST_DAY))
    assert damaged.run("release_job", "2024").success
    run = damaged.run("ingest_job", LAST_DAY)
    assert not run.success
    assert f"{LAST_DAY}: " in failure_of(run)
    assert "(100%) are in quarantine" in failure_of(run)


def test_a_release_with_many_rows_that_tell_no_day_is_not_taken(make_platform: Callable[..., Platform]) -> None:
    damaged = make_platform(accidents=300)
    file = damaged.releases / "usagers-2024.csv"
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, *(row[:60] if number % 9 == 0 else row for number, row in enumerate(rows))]))
    accidents = damaged.releases / "caract-2024.csv"
    accidents.write_text(accidents.read_text().replace('"2024";"', '"2024', 40))
    assert damaged.run("release_job", "2024").success
    run = damaged.run("ingest_job", DAYS[0])
    assert not run.success
    assert "The release of 2024: " in failure_of(run)
    assert "do not tell their day" in failure_of(run)


def test_a_release_read_before_there_was_a_quarantine_is_to_be_read_again(
    make_platform: Callable[..., Platform],
) -> None:
    old = make_platform(accidents=300)
    assert old.run("release_job", "2024").success
    (old.home / "lake" / "quarantine" / "2024.parquet").unlink()
    run = old.run("ingest_job", DAYS[0])
    assert not run.success
    assert "materialize baac_release for 2024 again" in failure_of(run)


def test_a_frame_that_breaks_its_contract_is_not_stored(
    make_platform: Callable[..., Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(accidents=300)
    assert platform.run("release_job", "2024").success
    monkeypatch.setattr("road_assets.assets.features.modes_of", lambda _: dict.fromkeys(FEATURE_NAMES, 99))
    run = platform.run("ingest_job", DAYS[0], DAYS[9])
    assert not run.success
    assert "features breaks its contract: " in failure_of(run)
    assert "expected a code of the codebook" in failure_of(run)
    assert len(platform.resource("lake").stored_days("synthetic_mix")) == 10
    assert platform.resource("lake").stored_days("features") == []


def lines_of_day(platform: Platform, day: date) -> list[int]:
    """Lines of ``usagers`` that belong to a day; the header is line 1."""
    accidents = pd.read_csv(platform.releases / "caract-2024.csv", sep=";", dtype=str)
    ours = accidents[(accidents["mois"].astype(int) == day.month) & (accidents["jour"].astype(int) == day.day)]
    users = pd.read_csv(platform.releases / "usagers-2024.csv", sep=";", dtype=str)
    return [int(row) + 2 for row in users.index[users["Num_Acc"].isin(ours["Num_Acc"])]]


def damage_users(platform: Platform, lines: list[int]) -> str:
    """Give some lines of ``usagers`` a gravity that no codebook knows; returns the file as it was."""
    file = platform.releases / "usagers-2024.csv"
    whole = file.read_text()
    rows = [row.split(";") for row in whole.split("\n")]
    gravity = rows[0].index('"grav"')
    for line in lines:
        rows[line - 1][gravity] = '"7"'
    file.write_text("\n".join(";".join(row) for row in rows))
    return whole
