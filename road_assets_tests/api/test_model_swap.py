"""Following the production alias: swaps, damage, a registry that is away, a restart without it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from road_api.app import create_app
from road_api.background import in_background
from road_api.metrics import Metrics
from road_api.services.bundle_cache import POINTER_FILE, BundleCache
from road_api.services.model_poller import ModelPoller
from road_api.services.model_store import ModelStore
from road_api.settings import Settings
from road_assets.core.bundle import ANSWERS_FILE, GRAPH_FILE, MANIFEST_FILE
from road_assets.core.vocabulary import SCENE_EXAMPLE

pytestmark = pytest.mark.anyio
Bundle = dict[str, bytes]


async def ask(client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    header = {"Authorization": f"Bearer {token}"}
    answer = await client.post("/protected/predict", json=SCENE_EXAMPLE, headers=header)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def serves(version: str) -> Callable[[dict[str, Any]], bool]:
    return lambda health: health.get("model_version") == version


async def test_the_service_lives_before_there_is_a_model_and_loads_the_first_one(
    start: Any, registry: Any, make_bundle: Callable[..., Bundle], until: Any
) -> None:
    async with start(wait=False) as client:
        assert (await client.get("/health/live")).status_code == 200
        waiting = await until(client, lambda health: health.get("registry_reachable") is True)
        assert waiting["status"] == 503
        assert "nothing was promoted yet" in waiting["detail"]

        registry.publish("1", make_bundle(0.0))

        ready = await until(client, serves("1"))
        assert ready["registry"] == {"reachable": True, "detail": "answers"}
        assert ready["known_answers"] == 2
        assert ready["refused"] is None


async def test_no_request_fails_or_mixes_models_while_versions_change(
    start_server: Any, registry: Any, make_bundle: Callable[..., Bundle], until: Any, log_in: Any
) -> None:
    biases = {str(version): -2.0 + version / 3 for version in range(1, 7)}
    registry.publish("1", make_bundle(biases["1"]))
    answers: list[dict[str, Any]] = []

    async with start_server() as client:
        token = await log_in(client)
        stop = asyncio.Event()

        async def keep_asking() -> None:
            while not stop.is_set():
                answers.append(await ask(client, token))

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(keep_asking())
            for version, bias in list(biases.items())[1:]:
                registry.publish(version, make_bundle(bias))
                await until(client, serves(version))
            stop.set()

    probability_of = {
        version: {a["probability"] for a in answers if a["model_version"] == version} for version in biases
    }
    assert len(answers) > 50
    assert {answer["model_version"] for answer in answers} == set(biases)
    assert all(len(found) == 1 for found in probability_of.values()), "each version has one answer to one question"
    ordered = [probability_of[version].pop() for version in biases]
    assert ordered == sorted(ordered)
    assert len(set(ordered)) == len(biases)


async def test_the_alias_may_move_back(
    start: Any, registry: Any, make_bundle: Callable[..., Bundle], until: Any, read_metric: Any
) -> None:
    registry.publish("1", make_bundle(0.0))
    registry.publish("2", make_bundle(1.0))
    async with start() as client:
        await until(client, serves("2"))
        registry.production = "1"
        await until(client, serves("1"))

        assert await read_metric(client, 'road_model_info{version="1"}') == 1
        with pytest.raises(ValueError, match="not enough values"):
            await read_metric(client, 'road_model_info{version="2"}')


def damage(bundle: Bundle, name: str, content: bytes | None) -> Bundle:
    damaged = dict(bundle)
    if content is None:
        del damaged[name]
    else:
        damaged[name] = content
    return damaged


@pytest.mark.parametrize("name", [MANIFEST_FILE, GRAPH_FILE, ANSWERS_FILE])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x08\x09 no graph"])
async def test_a_damaged_bundle_is_refused_counted_and_replaced_when_it_is_mended(  # noqa: PLR0913 (fixtures)
    start: Any,
    registry: Any,
    *,
    make_bundle: Callable[..., Bundle],
    until: Any,
    read_metric: Any,
    name: str,
    content: bytes | None,
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start() as client:
        registry.publish("2", damage(make_bundle(1.0), name, content))
        health = await until(client, lambda health: health["refused"] is not None)
        assert health["status"] == "ready"
        assert health["model_version"] == "1"
        assert health["refused"].startswith("version 2 is refused: ")
        assert await read_metric(client, "road_model_swap_failures_total") >= 1

        registry.bundles["2"] = make_bundle(1.0)
        health = await until(client, serves("2"))
        assert health["refused"] is None


async def test_a_bundle_that_answers_wrong_is_refused_though_its_hashes_are_right(
    start: Any, registry: Any, make_bundle: Callable[..., Bundle], until: Any
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start() as client:
        liar = make_bundle(1.0)
        other = make_bundle(2.0)
        manifest = json.loads(liar[MANIFEST_FILE])
        manifest["sha256"][GRAPH_FILE] = json.loads(other[MANIFEST_FILE])["sha256"][GRAPH_FILE]
        registry.publish("2", {**liar, GRAPH_FILE: other[GRAPH_FILE], MANIFEST_FILE: json.dumps(manifest).encode()})

        health = await until(client, lambda health: health["refused"] is not None)

        assert "known questions are off" in health["refused"]
        assert health["model_version"] == "1"


async def test_a_model_that_begins_to_answer_wrong_is_not_ready(
    settings: Settings, registry: Any, make_bundle: Callable[..., Bundle], until: Any
) -> None:
    registry.publish("1", make_bundle(0.0))
    app = create_app(settings)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        await until(client, serves("1"))
        store = await app.dependencies["store"]()
        store.current = replace(store.current, known_answers=make_bundle(3.0)[ANSWERS_FILE])

        health = (await client.get("/health/ready")).json()

    assert health["status"] == 503
    assert "known questions are off" in health["detail"]
    assert health["model_version"] == "1"


async def test_a_registry_out_of_order_changes_nothing_but_is_said(
    start: Any, registry: Any, make_bundle: Callable[..., Bundle], until: Any, read_metric: Any
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start() as client:
        registry.broken = True
        health = await until(client, lambda health: health["registry"]["reachable"] is False)
        assert health["status"] == "ready"
        assert await read_metric(client, "road_model_registry_up") == 0

        registry.broken = False
        registry.publish("2", make_bundle(1.0))
        await until(client, serves("2"))
        assert await read_metric(client, "road_model_registry_up") == 1


async def test_polling_goes_on_after_an_error_that_nobody_expected(tmp_path: Path) -> None:
    polls = asyncio.Queue[None]()

    class Surprising:
        async def find_production(self) -> None:
            await polls.put(None)
            raise TypeError("nobody expected this")

    metrics = Metrics()
    poller = ModelPoller(Surprising(), BundleCache(tmp_path), ModelStore(), metrics)  # type: ignore[arg-type]
    async with in_background(poller.run(0.01)), asyncio.timeout(10):
        for _ in range(3):
            await polls.get()

    assert metrics.registry.get_sample_value("road_model_registry_up") == 0


async def test_an_unchanged_version_is_downloaded_once(
    start: Any, registry: Any, make_bundle: Callable[..., Bundle]
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start():
        await asyncio.sleep(0.3)

    assert registry.downloads == 3


async def test_after_a_restart_the_service_answers_without_the_registry(  # noqa: PLR0913 (fixtures)
    start: Any, registry: Any, *, make_bundle: Callable[..., Bundle], log_in: Any, until: Any, read_metric: Any
) -> None:
    registry.publish("1", make_bundle(0.5))
    async with start() as client:
        before = await ask(client, await log_in(client))

    async with start(mlflow_uri="http://127.0.0.1:9") as client:
        assert await ask(client, await log_in(client)) == before
        health = await until(client, lambda health: health["registry"]["reachable"] is False)
        assert health["status"] == "ready"
        assert await read_metric(client, "road_model_registry_up") == 0


@pytest.mark.parametrize("what", ["graph", "pointer", "folder"])
async def test_a_bundle_damaged_on_disk_is_refused_and_fetched_again(  # noqa: PLR0913 (fixtures)
    start: Any, settings: Settings, registry: Any, *, make_bundle: Callable[..., Bundle], until: Any, what: str
) -> None:
    registry.publish("1", make_bundle(0.5))
    async with start():
        pass
    pointer = settings.bundle_dir / POINTER_FILE
    (graph,) = settings.bundle_dir.glob(f"*/{GRAPH_FILE}")
    if what == "graph":
        graph.write_bytes(graph.read_bytes()[:-1])
    elif what == "pointer":
        pointer.write_text("{")
    else:
        pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "folder": "gone"}))

    registry.broken = True
    async with start(wait=False) as client:
        health = await until(client, lambda health: health.get("registry_reachable") is False)
        assert health["status"] == 503
        assert "the bundle on disk is refused" in health["detail"]

        registry.broken = False
        await until(client, serves("1"))

    registry.broken = True
    async with start() as client:
        await until(client, serves("1"))


async def test_a_state_directory_that_cannot_be_written_keeps_the_old_model(
    start: Any, registry: Any, make_bundle: Callable[..., Bundle], until: Any, tmp_path: Path
) -> None:
    occupied = tmp_path / "a file"
    occupied.write_text("")
    registry.publish("1", make_bundle(0.0))
    async with start(wait=False, state_dir=occupied) as client:
        health = await until(client, lambda health: "refused" in health["detail"])

    assert health["status"] == 503
