"""Deliveries of Alertmanager, with a real Postgres and a real Dagster behind the service."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import psycopg
import pytest

from road_assets.core.drift_alert import AlertKey, read_alert_key
from road_assets_tests.api.servers import free_port, observations

pytestmark = pytest.mark.anyio

TOKEN = "alertmanager-0123456789-abcdefghijk"
SCORES = """INSERT INTO drift_scores (day, score, drifted_features, current_rows, reference_rows, model_version,
  reference_first_day, reference_last_day, data_source)
  VALUES (%s, %s, 8, 2000, 50000, 1, '2024-01-01', '2024-06-30', '')"""


def firing(fingerprint: str, **changes: Any) -> dict[str, Any]:
    """A delivery as Alertmanager 0.25 sends it."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "HighDataDrift", "instance": "api:8000", "job": "road-api", "severity": "critical"},
        "annotations": {"summary": "62% of the features drifted"},
        "startsAt": "2026-11-25T10:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": fingerprint,
        **changes,
    }
    return {
        "receiver": "retraining",
        "status": "firing",
        "alerts": [alert],
        "groupLabels": {"alertname": "HighDataDrift"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": '{}:{alertname="HighDataDrift"}',
        "truncatedAlerts": 0,
    }


@pytest.fixture(autouse=True)
def _scored_days(tables_url: str) -> Iterator[None]:
    with psycopg.connect(tables_url) as connection:
        connection.cursor().executemany(SCORES, [(date(2024, 10, 30), 0.1), (date(2024, 10, 31), 0.615)])
    yield
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE drift_scores, alert_reports")


@pytest.fixture
async def webhook(start: Any, tables_url: str, dagster_address: str) -> AsyncIterator[httpx.AsyncClient]:
    """The service as Alertmanager calls it."""
    settings = {"alert_token": TOKEN, "database_url": tables_url, "dagster_url": dagster_address}
    async with start(wait=False, **settings) as service:
        service.headers["Authorization"] = f"Bearer {TOKEN}"
        service.timeout = httpx.Timeout(60)
        yield service


def reports(tables_url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(tables_url) as connection:
        return connection.execute(
            "SELECT fingerprint, starts_at, alert, day, score, reported_at IS NOT NULL FROM alert_reports"
        ).fetchall()


def told(address: str, fingerprint: str) -> list[str]:
    """Days for which Dagster has observations of a firing."""
    return [
        day
        for day, description in observations(address, "drift_alert")
        if (key := read_alert_key(description)) and key.fingerprint == fingerprint
    ]


async def test_a_firing_is_kept_and_told_to_dagster_once_however_often_it_is_delivered(
    webhook: httpx.AsyncClient, tables_url: str, dagster_address: str
) -> None:
    first = await webhook.post("/alerts", json=firing("aa01"))
    again = await webhook.post("/alerts", json=firing("aa01"))
    later = await webhook.post("/alerts", json=firing("aa01", startsAt="2026-11-26T08:00:00Z"))

    assert (first.status_code, first.json()) == (200, {"reported": 1, "known": 0, "ignored": 0})
    assert again.json() == {"reported": 0, "known": 1, "ignored": 0}
    assert later.json()["reported"] == 1
    moment = datetime(2026, 11, 25, 10, 0, 0, 123457, tzinfo=UTC)
    assert reports(tables_url)[0] == ("aa01", moment, "HighDataDrift", date(2024, 10, 31), 0.615, True)
    assert told(dagster_address, "aa01") == ["2024-10-31", "2024-10-31"]
    said = [text for _, text in observations(dagster_address, "drift_alert") if "fingerprint=aa01" in text]
    assert said[-1].startswith("alert HighDataDrift fires, drift score 0.6")
    assert read_alert_key(said[-1]) == AlertKey("aa01", moment.isoformat())


async def test_deliveries_at_once_are_told_once(
    webhook: httpx.AsyncClient, tables_url: str, dagster_address: str
) -> None:
    answers = await asyncio.gather(*(webhook.post("/alerts", json=firing("aa02")) for _ in range(5)))

    assert sorted(answer.json()["reported"] for answer in answers) == [0, 0, 0, 0, 1]
    assert len(reports(tables_url)) == len(told(dagster_address, "aa02")) == 1


async def test_while_dagster_is_away_the_alert_is_kept_and_told_when_it_is_back(
    start: Any, webhook: httpx.AsyncClient, tables_url: str, dagster_address: str
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with start(wait=False, alert_token=TOKEN, database_url=tables_url, dagster_url=nobody) as alone:
        away = await alone.post("/alerts", json=firing("aa03"), headers={"Authorization": f"Bearer {TOKEN}"})
    kept = reports(tables_url)
    back = await webhook.post("/alerts", json=firing("aa03"))

    assert (away.status_code, away.headers["retry-after"]) == (503, "10")
    assert "was not reported to Dagster: Dagster cannot be reached" in away.json()["detail"]
    assert [(row[0], row[-1]) for row in kept] == [("aa03", False)]
    assert (back.json()["reported"], told(dagster_address, "aa03")) == (1, ["2024-10-31"])


async def test_what_is_no_firing_drift_alert_is_left_alone(
    webhook: httpx.AsyncClient, tables_url: str, dagster_address: str
) -> None:
    resolved = await webhook.post("/alerts", json=firing("aa04", status="resolved"))
    other = await webhook.post("/alerts", json=firing("aa04", labels={"alertname": "HighLatency"}))

    assert resolved.json() == other.json() == {"reported": 0, "known": 0, "ignored": 1}
    assert reports(tables_url) == told(dagster_address, "aa04") == []


async def test_without_a_scored_day_there_is_nothing_to_tell(webhook: httpx.AsyncClient, tables_url: str) -> None:
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE drift_scores")

    assert (await webhook.post("/alerts", json=firing("aa05"))).json()["reported"] == 0
    assert reports(tables_url) == []


@pytest.mark.parametrize("header", [None, "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "é"])
async def test_only_who_knows_the_secret_may_deliver(
    webhook: httpx.AsyncClient, tables_url: str, header: str | None
) -> None:
    del webhook.headers["Authorization"]
    headers = [] if header is None else [(b"Authorization", header.encode())]
    answer = await webhook.post("/alerts", json=firing("aa06"), headers=headers)

    assert answer.status_code == 401
    assert reports(tables_url) == []


async def test_a_user_is_not_alertmanager(webhook: httpx.AsyncClient, log_in: Any) -> None:
    token = await log_in(webhook)
    answer = await webhook.post("/alerts", json=firing("aa07"), headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401


async def test_without_a_secret_of_its_own_the_service_takes_no_alerts(start: Any) -> None:
    async with start(wait=False) as service:
        answer = await service.post("/alerts", json=firing("aa08"), headers={"Authorization": "Bearer "})

    assert answer.status_code == 503
    assert "ROAD_API_ALERT_TOKEN is not set" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{}", 422),
        (b'{"alerts": [{}]}', 422),
        (b'{"alerts": [{"status": "firing", "labels": {}, "startsAt": "never", "fingerprint": "aa09"}]}', 422),
        (b'{"alerts": \xff}', 400),
        (b'{"alerts": [' + b" " * 70_000 + b"]}", 413),
    ],
)
async def test_a_delivery_that_is_none_is_refused(webhook: httpx.AsyncClient, content: bytes, status: int) -> None:
    assert (await webhook.post("/alerts", content=content)).status_code == status
