"""Reasons beside an estimate: they add up to it, in words of both languages, and their absence stops nothing."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from scipy.special import expit

from road_assets.core.bundle import EXPLANATION_FILE, Bundle
from road_assets.core.model_input import known_scenes
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS, MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES, SCENE_EXAMPLE
from road_assets_tests.api.explained_bundles import make_explained_bundle

pytestmark = pytest.mark.anyio

FULL = {**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS}
EXPLAIN = {"explain": "true"}
EXACT = 1e-9


@pytest.fixture
async def boosting(start: Any, registry: Any, log_in: Any) -> AsyncIterator[httpx.AsyncClient]:
    registry.publish("1", make_explained_bundle())
    async with start() as client:
        client.headers["Authorization"] = f"Bearer {await log_in(client)}"
        yield client


async def ask(client: httpx.AsyncClient, question: dict[str, Any], path: str = "predict") -> dict[str, Any]:
    answer = await client.post(f"/protected/{path}", json=question, params=EXPLAIN)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content


def check_sums(answer: dict[str, Any], link: Callable[[float], float]) -> None:
    found = answer["explanation"]
    parts = found["contributions"]
    assert found["base_value"] + sum(part["contribution"] for part in parts) == pytest.approx(found["value"], abs=EXACT)
    assert link(found["value"]) == pytest.approx(answer["probability"], abs=EXACT)
    assert link(found["base_value"]) == pytest.approx(found["base_probability"], abs=EXACT)
    rescaled = found["base_probability"] + sum(part["probability_contribution"] for part in parts)
    assert rescaled == pytest.approx(answer["probability"], abs=EXACT)
    weights = [abs(part["contribution"]) for part in parts]
    assert weights == sorted(weights, reverse=True)


async def test_the_boosting_s_reasons_add_up_in_log_odds_for_any_question(boosting: httpx.AsyncClient) -> None:
    for row in known_scenes(30, seed=6):
        question = {name: None if np.isnan(code) else int(code) for name, code in zip(MODEL_FIELDS, row, strict=True)}
        answer = await ask(boosting, question)
        assert answer["explanation"]["scale"] == "log_odds"
        check_sums(answer, expit)


async def test_a_forest_s_reasons_add_up_in_probability(start: Any, registry: Any, log_in: Any) -> None:
    registry.publish("1", make_explained_bundle("forest"))
    async with start() as client:
        client.headers["Authorization"] = f"Bearer {await log_in(client)}"
        answer = await ask(client, FULL)

    assert (answer["explanation"]["scale"], answer["explanation"]["ensemble"]) == ("probability", "forest")
    assert {part["field"] for part in answer["explanation"]["contributions"]} == set(FEATURE_NAMES)
    check_sums(answer, float)


async def test_the_13_alone_are_explained_by_the_ensemble_that_answers_them(boosting: httpx.AsyncClient) -> None:
    alone, scene = (await ask(boosting, SCENE_EXAMPLE), await ask(boosting, FULL))

    assert alone["explanation"]["ensemble"] == "alone"
    assert {part["field"] for part in alone["explanation"]["contributions"]} == set(FEATURE_NAMES)
    assert scene["explanation"]["ensemble"] == "scene"
    assert {part["field"] for part in scene["explanation"]["contributions"]} == set(MODEL_FIELDS)


async def test_a_reason_names_field_and_value_in_both_languages(boosting: httpx.AsyncClient) -> None:
    answer = await ask(boosting, {**FULL, "sexe": -1, "catv": 33, "agg": None})
    told = {
        part["field"]: {name: part[name] for name in part if "contribution" not in name}
        for part in answer["explanation"]["contributions"]
    }

    assert told["lum"] == {
        "field": "lum",
        "label": "Light",
        "label_fr": "Lumière",
        "value": 5,
        "value_label": "Night with street lighting on",
        "value_label_fr": "Nuit avec éclairage public allumé",
    }
    assert (told["vma"]["value"], told["vma"]["value_label"], told["vma"]["value_label_fr"]) == (
        80,
        "80 km/h",
        "80 km/h",
    )
    assert (told["age"]["value_label"], told["age"]["value_label_fr"]) == ("34 years", "34 ans")
    assert told["nbv"]["value_label"] == "2"
    for name in ("sexe", "agg"):
        assert (told[name]["value"], told[name]["value_label"], told[name]["value_label_fr"]) == (
            None,
            "Unknown",
            "Inconnu",
        )


async def test_asked_or_not_the_estimate_is_the_same(boosting: httpx.AsyncClient) -> None:
    plain = (await boosting.post("/protected/predict", json=FULL)).json()
    explained = await ask(boosting, FULL)

    assert "explanation" not in plain
    assert "explanation_problem" not in plain
    assert {name: explained[name] for name in plain} == plain
    assert (await boosting.post("/protected/predict", json=FULL, params={"explain": "false"})).json() == plain


async def test_a_wish_that_is_neither_true_nor_false_is_refused(boosting: httpx.AsyncClient) -> None:
    answer = await boosting.post("/protected/predict", json=FULL, params={"explain": "perhaps"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_model_that_cannot_explain_estimates_all_the_same_and_says_why(client: httpx.AsyncClient) -> None:
    answer = await ask(client, SCENE_EXAMPLE)

    assert answer["probability"] == (await client.post("/protected/predict", json=SCENE_EXAMPLE)).json()["probability"]
    assert "explanation" not in answer
    assert answer["explanation_problem"].startswith(f"the bundle of this forest holds no {EXPLANATION_FILE}")


async def test_an_accident_s_reasons_are_those_of_the_user_who_decided(boosting: httpx.AsyncClient) -> None:
    users = [{**FULL, "catu": catu, "age": age} for catu, age in ((1, 20), (3, 85), (2, 40))]
    plain = (await boosting.post("/protected/predict_accident", json={"users": users})).json()
    answer = await ask(boosting, {"users": users}, "predict_accident")
    alone = await ask(boosting, users[answer["deciding_user"]])

    assert "explanation" not in plain
    assert answer["explanation"] == alone["explanation"]
    assert answer["explanation"]["probability"] == pytest.approx(answer["probability_lower"], abs=EXACT)


async def test_estimates_go_on_while_others_are_explained(boosting: httpx.AsyncClient) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(ask, boosting, FULL)
        answers = [await boosting.post("/protected/predict", json=SCENE_EXAMPLE) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}


async def test_the_document_s_examples_are_explained_as_pasted(boosting: httpx.AsyncClient) -> None:
    document = (await boosting.get("/docs/openapi.json")).json()
    operation = document["paths"]["/protected/predict"]["post"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["explain"]
    for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
        check_sums(await ask(boosting, example["value"]), expit)


async def test_explaining_loads_with_the_bundle_from_disk_too(
    start: Any, registry: Any, log_in: Any, settings: Any
) -> None:
    registry.publish("1", make_explained_bundle())
    async with start():
        pass
    registry.broken = True
    async with start() as client:
        client.headers["Authorization"] = f"Bearer {await log_in(client)}"
        check_sums(await ask(client, FULL), expit)
    assert list(settings.bundle_dir.rglob(EXPLANATION_FILE))
    assert Bundle.open(make_explained_bundle()).explainer is not None
