"""From a drift score in Postgres to an observation in Dagster, through Debian's real Prometheus and Alertmanager."""

import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import anyio
import psycopg
import pytest
import yaml

from road_assets.core.drift_alert import DRIFT_ALERT, DRIFT_ALERT_ASSET, read_alert_key
from road_assets_tests.api.servers import alertmanager_command, debian_programs, free_port, observations, running

pytestmark = pytest.mark.anyio

DOCKER: Final = Path(__file__).parents[2] / "docker"
TOKEN: Final = "alertmanager-0123456789-abcdefghijk"
WITHIN_SECONDS: Final = 60.0


@pytest.fixture(scope="module")
def prometheus() -> dict[str, Path]:
    programs, reason = debian_programs("prometheus", "prometheus", "promtool")
    return programs or pytest.skip(reason)


@pytest.fixture(scope="module")
def amtool() -> Path:
    programs, reason = debian_programs("prometheus-alertmanager", "amtool")
    return programs["amtool"] if programs else pytest.skip(reason)


@pytest.fixture(scope="module")
def alertmanager() -> list[str]:
    """The beginning of its command."""
    programs, reason = debian_programs("prometheus-alertmanager", "prometheus-alertmanager")
    if not programs:
        pytest.skip(reason)
    return alertmanager_command(programs["prometheus-alertmanager"]) or pytest.skip(
        "Alertmanager is not installed, and from its package it runs only where unshare may mount"
    )


def test_every_rule_is_tested_and_behaves(prometheus: dict[str, Path]) -> None:
    folder = DOCKER / "prometheus"
    rules = yaml.safe_load((folder / "rules.yml").read_text())
    tests = yaml.safe_load((folder / "rules_test.yml").read_text())["tests"]
    names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    expected = [case for test in tests for case in test["alert_rule_test"]]

    assert names == {case["alertname"] for case in expected if case["exp_alerts"]}
    assert DRIFT_ALERT in names
    command = [prometheus["promtool"], "test", "rules", folder / "rules_test.yml"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - Debian's promtool
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_configurations_are_valid(prometheus: dict[str, Path], amtool: Path) -> None:
    for command in (
        [prometheus["promtool"], "check", "config", DOCKER / "prometheus" / "prometheus.yml"],
        [amtool, "check-config", DOCKER / "alertmanager" / "alertmanager.yml"],
    ):
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - Debian's programs
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture
def _high_drift(tables_url: str) -> Iterator[None]:
    with psycopg.connect(tables_url) as connection:
        connection.execute(
            """INSERT INTO drift_scores (day, score, drifted_features, current_rows, reference_rows, model_version,
               reference_first_day, reference_last_day, data_source)
               VALUES ('2024-10-31', 0.92, 12, 2000, 50000, 1, '2024-01-01', '2024-06-30', '')"""
        )
    yield
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE drift_scores, alert_reports")


def hurried(folder: Path, api: str, alertmanager: str) -> tuple[Path, Path]:
    """The project's own configurations for addresses of the test, with seconds in the place of minutes."""
    config = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [api]
    rules = yaml.safe_load((DOCKER / "prometheus" / "rules.yml").read_text())
    (drift,) = [rule for group in rules["groups"] for rule in group["rules"] if rule["alert"] == DRIFT_ALERT]
    assert drift["for"] == "1m"
    drift["for"] = "3s"
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    routing = yaml.safe_load((DOCKER / "alertmanager" / "alertmanager.yml").read_text())
    routing["route"]["group_wait"] = "1s"
    (webhook,) = [receiver["webhook_configs"][0] for receiver in routing["receivers"] if "webhook_configs" in receiver]
    webhook["url"] = webhook["url"].replace("http://api:8000", f"http://{api}")
    (folder / "alert_token").write_text(TOKEN)
    webhook["http_config"]["authorization"]["credentials_file"] = str(folder / "alert_token")
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(routing))
    return folder / "prometheus.yml", folder / "alertmanager.yml"


@pytest.mark.usefixtures("_high_drift")
async def test_a_high_score_reaches_dagster_through_prometheus_and_alertmanager(  # noqa: PLR0913, PLR0917 - all neighbours
    start_server: Any,
    registry: Any,
    make_bundle: Any,
    tables_url: str,
    dagster_address: str,
    prometheus: dict[str, Path],
    alertmanager: list[str],
    tmp_path: Path,
) -> None:
    def told() -> list[tuple[str, str]]:
        return [seen for seen in observations(dagster_address, DRIFT_ALERT_ASSET) if "score 0.92" in seen[1]]

    registry.publish("1", make_bundle(0.0))
    ports = free_port(), free_port()
    prometheus_at, alertmanager_at = (f"127.0.0.1:{port}" for port in ports)
    settings = {"database_url": tables_url, "dagster_url": dagster_address, "alert_token": TOKEN}
    async with start_server(figures_seconds=0.5, **settings) as service:
        api = f"{service.base_url.host}:{service.base_url.port}"
        scraped, routed = hurried(tmp_path, api, alertmanager_at)
        with (
            running(
                [
                    *alertmanager,
                    f"--config.file={routed}",
                    f"--storage.path={tmp_path / 'alerts'}",
                    f"--web.listen-address={alertmanager_at}",
                    "--cluster.listen-address=",
                ],
                f"http://{alertmanager_at}/-/ready",
                tmp_path / "alertmanager.log",
            ),
            running(
                [
                    str(prometheus["prometheus"]),
                    f"--config.file={scraped}",
                    f"--storage.tsdb.path={tmp_path / 'series'}",
                    f"--web.listen-address={prometheus_at}",
                ],
                f"http://{prometheus_at}/-/ready",
                tmp_path / "prometheus.log",
            ),
        ):
            deadline = time.monotonic() + WITHIN_SECONDS
            while not told():
                assert time.monotonic() < deadline, (tmp_path / "alertmanager.log").read_text()[-2000:]
                await anyio.sleep(0.5)
            observed = told()
            alerts = (await service.get(f"http://{prometheus_at}/api/v1/alerts")).json()["data"]["alerts"]

    ((day, description),) = observed
    assert day == "2024-10-31"
    key = read_alert_key(description)
    assert key is not None
    with psycopg.connect(tables_url) as connection:
        noted = connection.execute("SELECT fingerprint, day, score, reported_at IS NOT NULL FROM alert_reports")
        assert noted.fetchall() == [(key.fingerprint, date(2024, 10, 31), 0.92, True)]
    states = {alert["labels"]["alertname"]: alert["state"] for alert in alerts}
    assert states[DRIFT_ALERT] == "firing"
    assert "ServiceDown" not in states
