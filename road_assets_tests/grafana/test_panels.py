"""Every panel's query against the real thing: the tables and runs of a platform, and a Prometheus that watched it."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pandas as pd
import pytest

from road_assets.core.departments import DEPARTMENTS
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURES, NOT_RECORDED
from road_assets.dashboards.__main__ import DASHBOARDS
from road_assets.dashboards.sources import LOKI, PROMETHEUS, READ
from road_assets_tests.conftest import Platform
from road_assets_tests.grafana.macros import Range

AskPostgres = Callable[..., pd.DataFrame]
AskPrometheus = Callable[[str, bool], list[dict[str, Any]]]

LOKI_URL: Final = "ROAD_LOKI_URL"
NOT_YET_KNOWN: Final = ["Durée"]
"""A run that has not started has none."""

BOARDS: Final = {dashboard.uid: dashboard.to_json() for dashboard in DASHBOARDS}
TARGETS: Final = {
    f"{uid}: {panel['title']} {target['refId']}": target
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel["targets"]
}


def _of(*uids: str) -> Any:
    found = {name: target for name, target in TARGETS.items() if target["datasource"]["uid"] in uids}
    return pytest.mark.parametrize("target", found.values(), ids=found)


def _rows(ask: AskPostgres, uid: str, title: str, *looked_at: Range) -> pd.DataFrame:
    (target,) = [target for name, target in TARGETS.items() if name == f"{uid}: {title} A"]
    return ask(target, *looked_at)


@_of(*READ)
def test_a_query_to_postgres_returns_rows(ask_postgres: AskPostgres, target: dict[str, Any]) -> None:
    rows = ask_postgres(target)
    assert len(rows)
    assert rows.drop(columns=NOT_YET_KNOWN, errors="ignore").notna().any(axis=0).all(), rows.head()
    if target["format"] == "time_series":
        assert rows["time"].is_monotonic_increasing
        assert str(rows["time"].dt.tz) != "None"


@_of(PROMETHEUS["uid"])
def test_a_query_to_prometheus_returns_figures(ask_prometheus: AskPrometheus, target: dict[str, Any]) -> None:
    assert ask_prometheus(target["expr"], target["instant"])


@_of(LOKI["uid"])
def test_a_query_to_loki_returns_lines(target: dict[str, Any]) -> None:
    address = os.environ.get(LOKI_URL)
    if not address:
        pytest.skip(f"no Loki is named by {LOKI_URL}")
    window = {"start": int((time.time() - 3600) * 1e9), "end": int(time.time() * 1e9), "limit": 10}
    answer = httpx.get(f"{address}/loki/api/v1/query_range", params={"query": target["expr"], **window}, timeout=20)
    assert answer.raise_for_status().json()["data"]["result"]


def test_promotions_are_asked_for_in_words_that_prometheus_knows(ask_prometheus: AskPrometheus) -> None:
    (annotation,) = BOARDS["road-best-model"]["annotations"]["list"]
    ask_prometheus(annotation["expr"], False)  # noqa: FBT003 - as Grafana stores it


def test_totals_are_those_of_the_users_one_by_one(ask_postgres: AskPostgres, platform: Platform) -> None:
    ((accidents, users, killed, hospitalised, slightly),) = platform.query(
        "SELECT count(DISTINCT num_acc), count(*), count(*) FILTER (WHERE grav = 2), count(*) FILTER (WHERE grav = 3),"
        " count(*) FILTER (WHERE grav = 4) FROM accidents"
    )
    shown = _rows(ask_postgres, "road-accidents", "Totaux").iloc[0].to_dict()
    assert shown == {
        "Accidents": accidents,
        "Usagers": users,
        "Tué": killed,
        "Blessé hospitalisé": hospitalised,
        "Blessé léger": slightly,
    }


def test_days_after_the_newest_release_which_repeat_others_are_not_counted(
    ask_postgres: AskPostgres, platform: Platform
) -> None:
    ((last,),) = platform.query("SELECT max(last_day) FROM releases")
    shown = _rows(ask_postgres, "road-accidents", "Accidents par jour")
    assert shown["time"].max().tz_convert("Europe/Paris").date() <= last
    for name, target in TARGETS.items():
        if "accident_figures" in target.get("rawSql", ""):
            assert "max(last_day)" in target["rawSql"], name


def test_the_light_of_every_accident_is_told_in_words(ask_postgres: AskPostgres, platform: Platform) -> None:
    title = FEATURE_BY_NAME["lum"].fr
    shown = dict(_rows(ask_postgres, "road-accidents", title).itertuples(index=False))
    words = {code.value: code.fr for code in FEATURE_BY_NAME["lum"].codes} | {None: NOT_RECORDED.fr}
    counted = platform.query("SELECT lum, count(DISTINCT num_acc) FROM accidents GROUP BY lum")
    assert shown == {words[code]: count for code, count in counted}


def test_the_ten_departements_have_their_names(ask_postgres: AskPostgres, platform: Platform) -> None:
    shown = _rows(ask_postgres, "road-accidents", "Dix départements")
    counted = platform.query(
        "SELECT dep, count(DISTINCT num_acc) AS n FROM accidents GROUP BY dep ORDER BY n DESC LIMIT 10"
    )
    assert sorted(shown["Accidents"], reverse=True) == [count for _, count in counted]
    assert set(shown["Département"]) == {f"{DEPARTMENTS[code]} ({code})" for code, _ in counted}


def test_every_hour_has_a_bar_and_no_accident_is_lost(ask_postgres: AskPostgres, platform: Platform) -> None:
    shown = _rows(ask_postgres, "road-accidents", "Accidents par heure")
    assert shown["Heure"].tolist() == [f"{hour} h" for hour in range(24)]
    ((timed,),) = platform.query("SELECT count(DISTINCT num_acc) FROM accidents WHERE hrmn IS NOT NULL")
    assert shown["Accidents"].sum() == timed


def test_the_map_shows_every_accident_that_has_a_place(ask_postgres: AskPostgres, platform: Platform) -> None:
    shown = _rows(ask_postgres, "road-accidents", "Carte des accidents")
    ((placed,),) = platform.query("SELECT count(DISTINCT num_acc) FROM accidents WHERE lat IS NOT NULL")
    assert shown["Accidents"].sum() == placed
    assert shown["latitude"].between(-90, 90).all()


def test_no_share_is_told_of_a_square_with_few_users(ask_postgres: AskPostgres, platform: Platform) -> None:
    shown = _rows(ask_postgres, "road-accidents", "Carte des accidents")
    counted = platform.query(
        "SELECT floor(lat * 10), floor(long * 10), count(*) FROM accidents WHERE lat IS NOT NULL GROUP BY 1, 2"
    )
    users = {
        (round(10 * lat), round(10 * long)): count for lat, long, count in ((a / 10, b / 10, c) for a, b, c in counted)
    }
    places = (10 * shown[["latitude", "longitude"]].astype(float) - 0.5).round()
    told = [users[int(lat), int(long)] >= 30 for lat, long in places.itertuples(index=False)]
    assert shown["Part grave, %"].notna().tolist() == told


def test_the_source_is_told_with_the_last_day_that_is_published(ask_postgres: AskPostgres, platform: Platform) -> None:
    shown = _rows(ask_postgres, "road-accidents", "Données").iloc[0]
    ((last,),) = platform.query("SELECT max(last_day) FROM releases")
    assert shown["Dernier jour publié"] == f"{last:%d/%m/%Y}"


def test_drift_is_told_for_each_feature_and_day(ask_postgres: AskPostgres, platform: Platform) -> None:
    year = Range(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC))
    shown = _rows(ask_postgres, "road-pipeline", "Dérive par variable", year).set_index("time")
    assert list(shown.columns) == [feature.fr for feature in FEATURES]
    stored = platform.query("SELECT distance FROM drift_features WHERE feature = 'lum' ORDER BY day")
    # The first days have too few rows to tell.
    expected = [float("nan") if distance is None else distance for (distance,) in stored]
    assert shown[FEATURE_BY_NAME["lum"].fr].tolist() == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_over_many_years_the_worst_day_of_each_week_is_told(ask_postgres: AskPostgres, platform: Platform) -> None:
    years = Range(datetime(2005, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC))
    shown = _rows(ask_postgres, "road-pipeline", "Dérive par variable", years).set_index("time")
    stored = platform.query("SELECT day, distance FROM drift_features WHERE feature = 'lum'")
    worst = pd.Series({pd.Timestamp(day): distance for day, distance in stored}).resample("W-MON", closed="left").max()
    mondays = worst.index - pd.Timedelta(days=7)
    assert list(shown.index.tz_convert("Europe/Paris").date) == list(mondays.date)
    assert shown[FEATURE_BY_NAME["lum"].fr].tolist() == pytest.approx(worst.tolist(), rel=1e-12, nan_ok=True)


def test_a_range_without_days_has_two_empty_ones_for_the_heat_map(ask_postgres: AskPostgres) -> None:
    before = Range(datetime(1999, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, tzinfo=UTC))
    shown = _rows(ask_postgres, "road-pipeline", "Dérive par variable", before).set_index("time")
    assert len(shown) == 2
    assert shown.isna().all(axis=None)


def test_the_best_model_is_the_one_in_production(ask_postgres: AskPostgres, platform: Platform) -> None:
    shown = _rows(ask_postgres, "road-best-model", "Exactitude et réponse constante")
    stored = platform.query("SELECT accuracy, constant_accuracy FROM model_metrics WHERE in_production")
    assert list(shown.itertuples(index=False, name=None)) == stored


def test_a_failed_run_a_request_and_their_reasons_are_shown(ask_postgres: AskPostgres) -> None:
    runs = _rows(ask_postgres, "road-pipeline", "Runs").set_index("Job")
    assert set(runs.loc["ingest_job", "État"]) == {"SUCCESS", "FAILURE"}
    assert "2024-03-14 – 2024-03-15" in set(runs.loc["ingest_job", "Partition"])
    requested = _rows(ask_postgres, "road-pipeline", "Réentraînements")
    assert requested["Motif"].tolist() == ["drift of that day"]


def test_a_run_tells_how_long_it_took_in_hours_minutes_and_seconds(ask_postgres: AskPostgres) -> None:
    runs = _rows(ask_postgres, "road-pipeline", "Runs")
    ended = runs[runs["État"].isin(["SUCCESS", "FAILURE"])]
    assert ended["Durée"].str.fullmatch(r"00:\d\d:\d\d").all()
    assert runs["Demandé le"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d").all()


def test_a_check_tells_what_was_found_not_what_was_planned_for_each_day(ask_postgres: AskPostgres) -> None:
    assert set(_rows(ask_postgres, "road-pipeline", "Contrôles")["État"]) <= {"SUCCEEDED", "FAILED"}


def test_materialized_partitions_are_counted_once(ask_postgres: AskPostgres) -> None:
    shown = _rows(ask_postgres, "road-pipeline", "Partitions matérialisées").set_index("Asset")
    assert shown.loc["accidents_table", "Partitions"] == 2
    assert shown.loc["accidents_table", "Dernière partition"] == "2024-03-15"


def test_a_service_that_is_down_is_an_alert(ask_prometheus: AskPrometheus) -> None:
    found = {series["metric"]["alertname"] for series in ask_prometheus("ALERTS", True)}  # noqa: FBT003
    assert "ServiceDown" in found


def test_an_unknown_macro_is_noticed() -> None:
    span = Range(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC))
    with pytest.raises(ValueError, match="timeGroup"):
        span.sql({"rawSql": "SELECT $__timeGroup(day, '1d')"})
