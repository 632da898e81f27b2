"""Answers given before are explained by the model that gave them, to whom they were given."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from road_api.openapi import CSV_FIELD
from road_api.services.prediction_rows import ALONE, LogEntry, encode
from road_api.services.prediction_table import PredictionTable, partition_of
from road_api.tokens import Role, Tokens
from road_assets.core.model_input import known_scenes
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS
from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets_tests.api.explained_bundles import make_explained_bundle

pytestmark = pytest.mark.anyio

FULL = {**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}
FIRST, SECOND, THIRD = make_explained_bundle(), make_explained_bundle(seed=2), make_explained_bundle("forest")


@pytest.fixture
def tables(tables_url: str) -> str:
    with psycopg.connect(tables_url) as connection:
        connection.execute("TRUNCATE predictions")
    return tables_url


@pytest.fixture
async def client(start: Any, registry: Any, log_in: Any, tables: str, secret: str) -> AsyncIterator[httpx.AsyncClient]:
    registry.publish("1", FIRST)
    async with start(database_url=SecretStr(tables), jwt_secret=SecretStr(secret)) as service:
        service.headers["Authorization"] = f"Bearer {await log_in(service)}"
        yield service


async def ask(client: httpx.AsyncClient, request_id: str, question: dict[str, Any] = FULL) -> dict[str, Any]:
    header = {"X-Request-ID": request_id}
    answer = await client.post("/protected/predict", json=question, params={"explain": "true"}, headers=header)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


async def look_up(client: httpx.AsyncClient, request_id: str, **query: Any) -> httpx.Response:
    return await client.get(f"/protected/explain/{request_id}", params=query)


async def wait_until_stored(url: str, rows: int) -> None:
    with anyio.fail_after(10):
        while True:
            async with await psycopg.AsyncConnection.connect(url) as connection:
                ((count,),) = await (await connection.execute("SELECT count(*) FROM predictions")).fetchall()
            if count == rows:
                return
            await anyio.sleep(0.05)


async def test_an_answer_is_explained_from_the_queue_and_later_from_the_table(
    client: httpx.AsyncClient, tables: str
) -> None:
    at_once = await ask(client, "my-question-1")
    waiting = (await look_up(client, "my-question-1")).json()
    await wait_until_stored(tables, 1)
    await anyio.sleep(0.3)  # until the queue has let it go, too
    stored = (await look_up(client, "my-question-1")).json()

    assert waiting == stored
    assert stored["explanation"] == at_once["explanation"]
    assert stored["probability"] == pytest.approx(at_once["probability"], abs=1e-12)
    assert (stored["request_id"], stored["line"], stored["user"]) == ("my-question-1", 0, "johndoe")
    assert (stored["model_version"], [stored["prediction"]]) == ("1", at_once["prediction"])
    assert (stored["label"], stored["label_fr"]) == (at_once["label"], at_once["label_fr"])
    assert abs(datetime.fromisoformat(stored["answered_at"]) - datetime.now(UTC)) < timedelta(minutes=1)


async def test_what_was_unknown_then_is_unknown_in_the_explanation(client: httpx.AsyncClient, tables: str) -> None:
    await ask(client, "unknowns", {**SCENE_EXAMPLE, "lum": -1})
    await wait_until_stored(tables, 1)
    await anyio.sleep(0.3)
    told = (await look_up(client, "unknowns")).json()["explanation"]
    assert told["ensemble"] == "alone"
    assert {part["field"]: part["value"] for part in told["contributions"]}["lum"] is None


async def test_an_id_used_twice_stands_for_the_newest_answer(client: httpx.AsyncClient) -> None:
    await ask(client, "twice", {**FULL, "age": 20})
    newest = await ask(client, "twice", {**FULL, "age": 90})
    assert (await look_up(client, "twice")).json()["explanation"] == newest["explanation"]


async def test_the_model_that_answered_explains_whichever_answers_now(
    client: httpx.AsyncClient, registry: Any, until: Callable[..., Any], settings: Any
) -> None:
    then = await ask(client, "before")
    registry.publish("2", SECOND)
    await until(client, lambda health: health["model_version"] == "2")
    now = await ask(client, "after")
    from_disk = (await look_up(client, "before")).json()
    for folder in settings.bundle_dir.glob("*/version.json"):
        folder.unlink()
    from_memory = (await look_up(client, "before")).json()

    assert from_disk["model_version"] == "1"
    assert from_disk["explanation"] == from_memory["explanation"] == then["explanation"] != now["explanation"]
    assert (await look_up(client, "after")).json()["explanation"] == now["explanation"]


async def test_a_former_model_is_fetched_from_the_registry(
    client: httpx.AsyncClient, registry: Any, until: Callable[..., Any], settings: Any
) -> None:
    then = await ask(client, "before")
    registry.publish("3", THIRD)
    await until(client, lambda health: health["model_version"] == "3")
    for folder in settings.bundle_dir.glob("*/version.json"):
        folder.unlink()
    fetched = await look_up(client, "before")
    assert fetched.json()["explanation"] == then["explanation"]


async def test_a_former_model_that_is_gone_is_a_clear_conflict_and_a_registry_away_asks_to_retry(
    client: httpx.AsyncClient, registry: Any, until: Callable[..., Any], settings: Any
) -> None:
    await ask(client, "before")
    registry.publish("2", SECOND)
    await until(client, lambda health: health["model_version"] == "2")
    for folder in settings.bundle_dir.glob("*/version.json"):
        folder.unlink()
    registry.broken = True
    away = await look_up(client, "before")
    registry.broken = False
    del registry.bundles["1"]
    gone = await look_up(client, "before")

    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    assert gone.status_code == 409
    assert "version 1 answered, and is neither kept here nor in the registry any more" in gone.json()["detail"]


async def test_a_registry_made_anew_does_not_explain_what_another_model_answered(
    client: httpx.AsyncClient, tables: str
) -> None:
    row = known_scenes(4, seed=1)[1:2]
    moment = int(datetime.now(UTC).timestamp() * 1_000_000)
    table = PredictionTable(SecretStr(tables))
    table.write(encode([LogEntry("older", "johndoe", "1", moment, row, [0.987654], [ALONE])]))
    table.close()
    answer = await look_up(client, "older")
    assert answer.status_code == 409
    assert "the registry was made anew since" in answer.json()["detail"]


async def test_a_model_that_cannot_explain_is_a_clear_conflict(
    start: Any, registry: Any, log_in: Any, tables: str, make_bundle: Any
) -> None:
    registry.publish("1", make_bundle(-1.0))
    async with start(database_url=SecretStr(tables)) as client:
        client.headers["Authorization"] = f"Bearer {await log_in(client)}"
        await client.post("/protected/predict", json=SCENE_EXAMPLE, headers={"X-Request-ID": "plain"})
        answer = await look_up(client, "plain")
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "train again" in answer.json()["detail"]


async def test_one_user_of_an_accident_or_line_of_a_file_is_chosen_by_its_number(
    client: httpx.AsyncClient, tables: str
) -> None:
    users = [{**FULL, "age": age} for age in (20, 90)]
    accident = await client.post(
        "/protected/predict_accident", json={"users": users}, headers={"X-Request-ID": "accident"}
    )
    content = "\n".join([",".join(FULL), *(",".join(map(str, user.values())) for user in users)])
    file = await client.post(
        "/protected/predict_csv",
        files={CSV_FIELD: ("users.csv", content.encode(), "text/csv")},
        headers={"X-Request-ID": "file"},
    )
    assert file.status_code == 200
    for stored in (False, True):
        if stored:
            await wait_until_stored(tables, 4)
            await anyio.sleep(0.3)
        several = await look_up(client, "accident")
        assert several.status_code == 400
        assert "say which" in several.json()["detail"]
        for number, user in enumerate(accident.json()["users"]):
            for request_id, line in (("accident", number + 1), ("file", number + 2)):
                told = (await look_up(client, request_id, line=line)).json()
                assert told["line"] == line
                assert told["explanation"]["probability"] == pytest.approx(user["probability"], abs=1e-9)
        assert (await look_up(client, "file", line=9)).status_code == 404


async def test_others_answers_are_not_there_but_for_admins(client: httpx.AsyncClient, tables: str, secret: str) -> None:
    await ask(client, "mine")
    tokens = Tokens(secret)
    for stored in (False, True):
        if stored:
            await wait_until_stored(tables, 1)
            await anyio.sleep(0.3)
        statuses = {}
        for name, role in (("ann", Role.USER), ("boss", Role.ADMIN)):
            header = {"Authorization": f"Bearer {tokens.make(f'operator:{name}', role)}"}
            statuses[name] = (await client.get("/protected/explain/mine", headers=header)).status_code
        assert statuses == {"ann": 404, "boss": 200}


@pytest.mark.parametrize("request_id", ["never-used", "a" * 65, "%00", "é", "a b", "..%5c"])
async def test_what_nobody_asked_is_not_found(client: httpx.AsyncClient, request_id: str) -> None:
    answer = await look_up(client, request_id)
    assert answer.status_code == 404
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("line", ["-1", "x", "2147483648", "1.5"])
async def test_a_line_that_is_no_number_is_refused(client: httpx.AsyncClient, line: str) -> None:
    assert (await look_up(client, "any", line=line)).status_code == 400


async def test_an_answer_older_than_what_is_kept_is_not_found(client: httpx.AsyncClient, tables: str) -> None:
    old = datetime.now(UTC) - timedelta(days=90, minutes=1)
    table = PredictionTable(SecretStr(tables))
    table.write(
        encode([LogEntry("old", "johndoe", "1", int(old.timestamp()) * 10**6, known_scenes(1, seed=1), [0.5], [ALONE])])
    )
    table.close()
    with psycopg.connect(tables) as connection:
        assert connection.execute(f"SELECT count(*) FROM {partition_of(old.date())}").fetchone() == (1,)  # noqa: S608
    answer = await look_up(client, "old")
    assert answer.status_code == 404
    assert "more than 90 days ago" in answer.json()["detail"]


async def test_without_postgres_the_queue_still_explains_and_the_rest_asks_to_retry(
    start: Any, registry: Any, log_in: Any, tables: str
) -> None:
    registry.publish("1", FIRST)
    async with start(database_url=SecretStr(make_conninfo(tables, port=1)), demo=True) as client:
        client.headers["Authorization"] = f"Bearer {await log_in(client)}"
        at_once = await ask(client, "waiting")
        waiting, unknown = await look_up(client, "waiting"), await look_up(client, "unknown")

    assert waiting.json()["explanation"] == at_once["explanation"]
    assert (unknown.status_code, unknown.headers["Retry-After"]) == (503, "5")
    assert unknown.headers["Content-Type"] == "application/problem+json"


async def test_nobody_without_a_token_learns_anything(client: httpx.AsyncClient) -> None:
    await ask(client, "mine")
    assert (await client.get("/protected/explain/mine", headers={"Authorization": ""})).status_code == 401
