"""All users of one accident."""

from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from road_api.services.accident import judge
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS
from road_assets.core.vocabulary import DATA_DEMONSTRATION, SCENE_EXAMPLE

pytestmark = pytest.mark.anyio

PATH = "/protected/predict_accident"
PASSENGER = {**SCENE_EXAMPLE, "catu": 3, "sexe": 2, "lum": None}
KNOWN_WELL = {**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}


async def ask(client: httpx.AsyncClient, *users: Any, **options: Any) -> httpx.Response:
    return await client.post(PATH, json={"users": users}, **options)


async def test_each_user_is_answered_as_if_asked_about_alone(client: httpx.AsyncClient) -> None:
    users = [SCENE_EXAMPLE, PASSENGER, KNOWN_WELL]
    content = (await ask(client, *users)).json()

    for user, answer in zip(users, content["users"], strict=True):
        alone = (await client.post("/protected/predict", json=user)).json()
        assert answer["probability"] == pytest.approx(alone["probability"], abs=1e-6)
        assert [answer["prediction"]] == alone["prediction"]
        assert (answer["label"], answer["label_fr"]) == (alone["label"], alone["label_fr"])


async def test_the_accident_lies_between_its_worst_user_and_independence(client: httpx.AsyncClient) -> None:
    content = (await ask(client, SCENE_EXAMPLE, PASSENGER, SCENE_EXAMPLE)).json()

    first, second, third = (answer["probability"] for answer in content["users"])
    assert content["deciding_user"] == (1 if second > first else 0)
    assert content["probability_lower"] == max(first, second)
    assert content["probability_upper"] == pytest.approx(1 - (1 - first) * (1 - second) * (1 - third))
    assert (content["user"], content["model_version"]) == ("johndoe", "1")
    assert content["data"] == DATA_DEMONSTRATION


async def test_one_user_alone_leaves_no_room_between_the_bounds(client: httpx.AsyncClient) -> None:
    content = (await ask(client, SCENE_EXAMPLE)).json()

    assert content["probability_lower"] == content["probability_upper"] == content["users"][0]["probability"]
    assert content["deciding_user"] == 0


@pytest.mark.parametrize(
    ("probabilities", "answer", "decider"),
    [
        ([0.1, 0.5, 0.5], "severe", 1),
        ([0.4, 0.3], "undecided", 0),
        ([0.1, 0.2], "not severe", 1),
        ([0.0, 0.0], "not severe", 0),
        ([1.0, 0.0], "severe", 0),
    ],
)
async def test_an_accident_is_severe_if_a_user_is_and_undecided_if_only_several_could_make_it_so(
    probabilities: list[float], answer: str, decider: int
) -> None:
    judgement = judge(probabilities, 0.5)

    assert (judgement.severe, judgement.undecided) == (answer == "severe", answer == "undecided")
    assert judgement.decider == decider
    assert judgement.lower <= judgement.upper <= 1


@pytest.mark.parametrize("count", range(1, 40))
async def test_rounding_never_turns_the_bounds_around(count: int) -> None:
    judgement = judge([0.1 + 1e-9 * count, *[0.0] * count], 0.5)

    assert judgement.lower <= judgement.upper == pytest.approx(judgement.lower)


async def test_errors_name_user_and_field(client: httpx.AsyncClient) -> None:
    without = {name: code for name, code in SCENE_EXAMPLE.items() if name != "situ"}
    answer = await ask(client, {**SCENE_EXAMPLE, "catu": 7}, SCENE_EXAMPLE, {**without, "grav": 1})

    assert answer.status_code == 422
    problem = answer.json()
    assert [(error["user"], error["field"]) for error in problem["errors"]] == [(0, "catu"), (2, "situ"), (2, "grav")]
    assert "user 0, catu: 7 is not one of its codes" in problem["detail"]
    assert "user 2, situ: is missing" in problem["detail"]


async def test_a_flood_of_errors_is_answered_with_some_and_their_number(client: httpx.AsyncClient) -> None:
    answer = await ask(client, *[{}] * 100)

    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 50
    assert answer.json()["detail"].endswith("; and 1250 more like these")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"users": []}',
        b'{"users": {}}',
        b'{"users": null}',
        b'{"users": [1]}',
        b'{"users": [[]]}',
        b'{"users": [{}], "place": 1}',
        b'{"users": ' + b"[" * 30_000,
    ],
)
async def test_a_body_that_is_no_list_of_users_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(PATH, content=body)

    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_limit_is_a_setting_and_more_is_a_413(
    start: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any]
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start(accident_max_users=3) as service:
        header = {"Authorization": f"Bearer {await log_in(service)}"}
        below = await ask(service, *[SCENE_EXAMPLE] * 3, headers=header)
        above = await ask(service, *[SCENE_EXAMPLE] * 4, headers=header)

    assert below.status_code == 200
    assert above.status_code == 413
    assert "4 users are more than the 3 of one accident" in above.json()["detail"]


async def test_a_hundred_users_of_whom_all_is_known_are_taken(client: httpx.AsyncClient) -> None:
    assert len((await ask(client, *[KNOWN_WELL] * 100)).json()["users"]) == 100


async def test_a_token_is_needed(client: httpx.AsyncClient) -> None:
    assert (await ask(client, SCENE_EXAMPLE, headers={"Authorization": ""})).status_code == 401


async def test_each_user_is_a_line_of_the_log(
    tables_url: str,
    start: Callable[..., Any],
    registry: Any,
    make_bundle: Callable[..., Any],
    log_in: Callable[..., Any],
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start(database_url=SecretStr(tables_url)) as service:
        header = {"Authorization": f"Bearer {await log_in(service)}", "X-Request-ID": "crash"}
        content = (await ask(service, SCENE_EXAMPLE, PASSENGER, headers=header)).json()

    with psycopg.connect(tables_url) as connection:
        rows = connection.execute("SELECT request_id, line, probability FROM predictions ORDER BY line").fetchall()
    answered = [answer["probability"] for answer in content["users"]]
    assert rows == [("crash", line, pytest.approx(p)) for line, p in enumerate(answered, start=1)]


async def test_the_document_says_how_many_users_this_installation_takes(start: Any) -> None:
    for most in (3, 250):
        async with start(wait=False, accident_max_users=most) as service:
            document = (await service.get("/docs/openapi.json")).json()
        body = document["paths"]["/protected/predict_accident"]["post"]["requestBody"]["content"]["application/json"]
        assert body["schema"]["properties"]["users"]["maxItems"] == most
