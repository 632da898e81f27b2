"""The dashboards as files: made by the code, valid, complete, and in the vocabulary's words."""

import json
import os
import re
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml

from road_assets.core.drift_limits import DEFAULT_LIMITS
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURES, NOT_RECORDED
from road_assets.dashboards import alerts, sources
from road_assets.dashboards.__main__ import DASHBOARDS, FOLDER, files, main
from road_assets.local.services import PROJECT

BESIDE: Final = PROJECT.parent / "shared" / "stack" / "grafana-dashboard-schema-11.6.json"
SCHEMA: Final = Path(os.environ.get("ROAD_GRAFANA_SCHEMA") or BESIDE)
BOARDS: Final = {dashboard.uid: dashboard.to_json() for dashboard in DASHBOARDS}
PANELS: Final = {(uid, panel["id"]): panel for uid, board in BOARDS.items() for panel in board["panels"]}
NAMES: Final = [f"{uid}: {PANELS[uid, number]['title']}" for uid, number in PANELS]

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
each_panel = pytest.mark.parametrize("panel", PANELS.values(), ids=NAMES)


def _panel(uid: str, title: str) -> dict[str, Any]:
    (found,) = [panel for panel in BOARDS[uid]["panels"] if panel["title"] == title]
    return found


def test_the_files_are_what_the_code_makes() -> None:
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert stored == files(), "run python -m road_assets.dashboards"


def test_writing_again_changes_nothing_and_takes_away_what_is_no_longer_made(tmp_path: Path) -> None:
    (tmp_path / "road-former.json").write_text("{}")
    for _ in range(2):
        main(tmp_path)
        assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == files()


@each_board
def test_a_dashboard_is_valid(board: dict[str, Any]) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"Grafana's schema is not at {SCHEMA}; name it by ROAD_GRAFANA_SCHEMA")
    jsonschema_rs.validate(json.loads(SCHEMA.read_text()), board)


def test_the_schema_would_notice_a_field_that_grafana_does_not_know() -> None:
    if not SCHEMA.exists():
        pytest.skip(f"Grafana's schema is not at {SCHEMA}; name it by ROAD_GRAFANA_SCHEMA")
    board = {**BOARDS["road-api"], "refreshed": "5s"}
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(json.loads(SCHEMA.read_text()), board)


@each_board
def test_a_dashboard_is_refreshed_every_five_seconds_and_starts_with_a_range(board: dict[str, Any]) -> None:
    assert board["refresh"] == "5s"
    # Other units than these are not known to every tool that reads dashboards.
    assert re.fullmatch(r"now-\d+[smhdw]", board["time"]["from"])


@each_board
def test_the_ids_of_panels_are_their_own(board: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert all(numbers)


@each_board
def test_panels_lie_within_the_grid_and_not_upon_each_other(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    for place in places:
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


@each_panel
def test_a_panel_has_a_title_a_description_a_unit_and_a_query(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@each_panel
def test_a_panel_asks_sources_that_are_provisioned(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert target["datasource"] in sources.SOURCES


def test_the_provisioned_sources_are_those_of_the_dashboards() -> None:
    text = (PROJECT / "grafana" / "provisioning" / "datasources" / "road.yaml").read_text()
    given = {source["uid"]: source for source in yaml.safe_load(text)["datasources"]}
    for source in sources.SOURCES:
        assert given[source["uid"]]["type"] == source["type"]
    prometheus = given[sources.PROMETHEUS["uid"]]
    assert given[prometheus["jsonData"]["alertmanagerUid"]]["type"] == "alertmanager"
    assert prometheus["url"] == "http://prometheus:9090"
    assert given[sources.LOKI["uid"]]["url"] == "http://loki:3100"
    for uid in sources.READ:
        assert given[uid]["url"] == "${GRAFANA_DB_HOST}"
        assert given[uid]["secureJsonData"] == {"password": "$__file{/run/secrets/grafana_db_password}"}


def test_the_provider_reads_the_folder_where_dashboards_are_mounted() -> None:
    text = (PROJECT / "grafana" / "provisioning" / "dashboards" / "road.yaml").read_text()
    (provider,) = yaml.safe_load(text)["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    assert not provider["allowUiUpdates"]


def test_the_pause_between_scrapes_is_the_one_that_grafana_is_told() -> None:
    scraping = yaml.safe_load((PROJECT / "docker" / "prometheus" / "prometheus.yml").read_text())
    text = (PROJECT / "grafana" / "provisioning" / "datasources" / "road.yaml").read_text()
    given = {source["uid"]: source["jsonData"] for source in yaml.safe_load(text)["datasources"]}
    assert given[sources.PROMETHEUS["uid"]]["timeInterval"] == scraping["global"]["scrape_interval"]


def test_light_is_told_in_the_codebooks_words() -> None:
    (target,) = _panel("road-accidents", FEATURE_BY_NAME["lum"].fr)["targets"]
    for code in (*FEATURE_BY_NAME["lum"].codes, NOT_RECORDED):
        assert f"('{code.value}', '{code.fr}')" in target["rawSql"]


def test_drift_has_a_row_for_each_feature() -> None:
    (target,) = _panel("road-pipeline", "Dérive par variable")["targets"]
    for feature in FEATURES:
        assert f"'{feature.name}') AS \"{feature.fr}\"" in target["rawSql"]


def test_the_gauge_turns_red_where_retraining_is_asked_for() -> None:
    steps = _panel("road-api", "Dérive")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps == [
        {"color": "green", "value": 0},
        {"color": "orange", "value": DEFAULT_LIMITS.warn_above},
        {"color": "red", "value": DEFAULT_LIMITS.retrain_above},
    ]


def test_every_alert_has_french_words() -> None:
    text = (PROJECT / "docker" / "prometheus" / "rules.yml").read_text()
    rules = [rule["alert"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "alert" in rule]
    assert sorted(rules) == sorted(alerts.NAMES)


@each_panel
def test_no_table_of_postgres_has_a_unit_that_turns_the_text_2024_into_another(panel: dict[str, Any]) -> None:
    if panel["type"] == "table" and panel["datasource"]["type"] != sources.PROMETHEUS["type"]:
        assert panel["fieldConfig"]["defaults"]["unit"] in {"none", "locale"}


@each_board
def test_the_panels_of_a_row_are_equally_high_so_that_grafana_moves_none_of_them_up(board: dict[str, Any]) -> None:
    heights: dict[int, set[int]] = {}
    for panel in board["panels"]:
        heights.setdefault(panel["gridPos"]["y"], set()).add(panel["gridPos"]["h"])
    assert all(len(found) == 1 for found in heights.values()), heights


def test_a_column_of_long_texts_has_the_room_that_others_leave() -> None:
    fields = _panel("road-best-model", "Décisions")["fieldConfig"]
    (wide,) = [each for each in fields["overrides"] if each["matcher"]["options"]["names"] == ["Motifs"]]
    assert fields["defaults"]["custom"]["width"]
    assert {"id": "custom.width"} in wide["properties"]


def test_promotions_are_marked_in_the_history_of_models() -> None:
    (annotation,) = BOARDS["road-best-model"]["annotations"]["list"]
    assert annotation["enable"]
    # A window that grows with the pause between points, or those over months pass most promotions over.
    assert "changes(ml_model_version[$__rate_interval])" in annotation["expr"]
