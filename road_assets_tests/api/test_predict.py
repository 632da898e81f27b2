"""One question, one answer."""

import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from road_assets.core.bundle import GRAPH_FILE
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS, MODEL_FIELDS, SCENE_FIELDS, SceneField
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_BY_NAME, FEATURE_NAMES, FEATURES, SCENE_EXAMPLE

pytestmark = pytest.mark.anyio


async def test_the_example_is_answered_with_everything_a_reader_needs(client: httpx.AsyncClient) -> None:
    answer = await client.post("/protected/predict", json=SCENE_EXAMPLE)

    assert answer.status_code == 200
    content = answer.json()
    assert content["user"] == "johndoe"
    assert content["prediction"] == [0]
    assert (content["label"], content["label_fr"]) == ("not severe", "non grave")
    assert content["model_version"] == "1"
    assert content["data"] == DATA_DEMONSTRATION
    assert content["confidence"] == pytest.approx(1 - content["probability"])


async def test_the_probability_is_the_graph_s_own(
    client: httpx.AsyncClient, make_bundle: Callable[..., Any], ask_graph: Callable[..., Any]
) -> None:
    rows = np.array([list(SCENE_EXAMPLE.values()), [math.nan] * 13], dtype=np.float32)
    expected = ask_graph(make_bundle(-1.0)[GRAPH_FILE], rows)

    for question, probability in zip((SCENE_EXAMPLE, dict.fromkeys(FEATURE_NAMES)), expected, strict=True):
        answer = (await client.post("/protected/predict", json=question)).json()
        assert answer["probability"] == pytest.approx(probability, abs=1e-6)


async def test_a_probability_at_the_threshold_or_above_is_severe(
    start: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any]
) -> None:
    registry.publish("1", make_bundle(-1.0, threshold=0.1))
    async with start() as client:
        header = {"Authorization": f"Bearer {await log_in(client)}"}
        answer = (await client.post("/protected/predict", json=SCENE_EXAMPLE, headers=header)).json()

    assert 0.1 < answer["probability"] < 0.5
    assert answer["prediction"] == [1]
    assert answer["label"] == "severe"
    assert answer["confidence"] == answer["probability"]


async def test_null_and_minus_one_say_unknown_for_every_field(client: httpx.AsyncClient) -> None:
    minus = await client.post("/protected/predict", json=dict.fromkeys(FEATURE_NAMES, -1))
    null = await client.post("/protected/predict", json=dict.fromkeys(FEATURE_NAMES))

    assert minus.status_code == null.status_code == 200
    assert minus.json() == null.json()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
async def test_every_code_of_the_vocabulary_is_taken_and_its_neighbours_are_not(
    client: httpx.AsyncClient, feature: Any
) -> None:
    for code in range(-2, max(feature.values) + 2):
        answer = await client.post("/protected/predict", json={**SCENE_EXAMPLE, feature.name: code})
        expected = 200 if code in feature.values or code == -1 else 422
        assert answer.status_code == expected, (feature.name, code)


@pytest.mark.parametrize("field", SCENE_FIELDS, ids=lambda field: field.name)
async def test_every_value_of_an_optional_field_is_taken_and_its_neighbours_are_not(
    client: httpx.AsyncClient, field: SceneField
) -> None:
    taken = {None, -1, *field.also_unknown, *field.values}
    edges = {min(field.values) - 1, max(field.values) + 1, -2, -1, 0, None}
    inside = {min(field.values), max(field.values), field.example}
    for value in edges | inside | set(range(2, 12)):
        answer = await client.post("/protected/predict", json={**SCENE_EXAMPLE, field.name: value})
        assert answer.status_code == (200 if value in taken else 422), (field.name, value)


async def test_an_optional_field_left_out_null_or_minus_one_is_unknown(client: httpx.AsyncClient) -> None:
    questions = [SCENE_EXAMPLE] + [
        {**SCENE_EXAMPLE, **dict.fromkeys(FULL_EXAMPLE_FIELDS, unknown)} for unknown in (None, -1)
    ]
    answers = [(await client.post("/protected/predict", json=question)).json() for question in questions]
    assert answers[0] == answers[1] == answers[2]


async def test_a_model_of_all_fields_is_given_what_is_known_and_no_more(
    start: Callable[..., Any],
    registry: Any,
    make_bundle: Callable[..., Any],
    log_in: Callable[..., Any],
    ask_graph: Callable[..., Any],
) -> None:
    wide = make_bundle(-1.0, features=MODEL_FIELDS)
    registry.publish("1", wide)
    question = {**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}
    file = ",".join(question) + "\n" + ",".join(map(str, question.values())) + "\n"
    row = np.array([[question[name] for name in MODEL_FIELDS]], dtype=np.float32)
    known = np.where(np.arange(len(MODEL_FIELDS)) < len(SCENE_EXAMPLE), row, np.nan).astype(np.float32)
    async with start() as client:
        header = {"Authorization": f"Bearer {await log_in(client)}"}
        full = (await client.post("/protected/predict", json=question, headers=header)).json()
        plain = (await client.post("/protected/predict", json=SCENE_EXAMPLE, headers=header)).json()
        sent = {"file_request": ("users.csv", file, "text/csv")}
        rows = (await client.post("/protected/predict_csv", files=sent, headers=header)).json()["predictions"]

    expected = ask_graph(wide[GRAPH_FILE], np.concatenate([row, known]))
    assert [full["probability"], plain["probability"]] == pytest.approx(expected, abs=1e-6)
    assert abs(full["probability"] - plain["probability"]) > 0.01
    assert rows[0]["probability"] == pytest.approx(full["probability"], abs=1e-6)


async def test_a_wrong_quantity_is_answered_with_its_range(client: httpx.AsyncClient) -> None:
    answer = await client.post("/protected/predict", json={**SCENE_EXAMPLE, "vma": 300})

    assert answer.status_code == 422
    assert "vma: 300 is not in its range; allowed for vma (Speed limit) are 5 to 130 km/h" in answer.json()["detail"]


async def test_a_wrong_code_is_answered_with_the_field_and_its_codes(client: httpx.AsyncClient) -> None:
    answer = await client.post("/protected/predict", json={**SCENE_EXAMPLE, "catu": 7})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "catu: 7 is not one of its codes" in problem["detail"]
    assert FEATURE_BY_NAME["catu"].describe_codes() in problem["detail"]
    (error,) = problem["errors"]
    assert error["field"] == "catu"
    assert [code["code"] for code in error["allowed"]] == [1, 2, 3, -1]
    assert error["allowed"][2] == {"code": 3, "en": "Pedestrian", "fr": "Piéton"}


async def test_all_wrong_fields_are_named_at_once(client: httpx.AsyncClient) -> None:
    question: dict[str, Any] = {**SCENE_EXAMPLE, "catu": "abc", "lum": 0, "age": 121, "grav": 2}
    del question["situ"]

    answer = await client.post("/protected/predict", json=question)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["catu", "lum", "situ", "age", "grav"]
    assert "situ: is missing" in answer.json()["detail"]
    assert "grav: is not a field of the question" in answer.json()["detail"]


@pytest.mark.parametrize(
    "value", ["abc", "1", 1.5, True, False, 10**9, -(10**30), 1e400, [], [1], {}, {"code": 1}, "x" * 5000]
)
async def test_a_value_of_a_wrong_kind_is_refused_and_shown_short(client: httpx.AsyncClient, value: Any) -> None:
    body = json.dumps({**SCENE_EXAMPLE, "atm": value}).replace("Infinity", "1e400")

    answer = await client.post("/protected/predict", content=body)

    assert answer.status_code in {400, 422}, answer.text
    assert len(answer.json()["detail"]) < 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"13",
        b"{",
        b'{"catu": NaN}',
        b'{"catu": Infinity}',
        b"\xff\xfe{}",
        b'{"catu": "\\ud800"}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/protected/predict", content=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["status"] == 400


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/protected/predict", content=b" " * 70_000)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_model_the_answer_is_503_and_says_where_to_look(
    start: Callable[..., Any], log_in: Callable[..., Any]
) -> None:
    async with start(wait=False) as client:
        header = {"Authorization": f"Bearer {await log_in(client)}"}
        answer = await client.post("/protected/predict", json=SCENE_EXAMPLE, headers=header)

    assert answer.status_code == 503
    assert "/health/ready" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "5"
