"""The card of the loaded model at ``/model``: languages, forms, absence, and that it never stands in a model's way."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from road_api.controllers.model import preferred_language
from road_assets.core.bundle import read_manifest
from road_assets.core.model_card import write_card
from road_assets.core.model_card_labels import HTML_CARDS, Language

pytestmark = pytest.mark.anyio
MakeBundle = Callable[..., dict[str, bytes]]


def cards(bundle: dict[str, bytes], version: str = "1") -> dict[str, bytes]:
    return write_card(read_manifest(bundle), version, {"ROC": b"\x89PNG"})


@pytest.fixture
def described(registry: Any, make_bundle: MakeBundle) -> Any:
    """A registry whose version 1 has a card."""
    registry.publish("1", make_bundle(0.0))
    registry.cards["1"] = cards(registry.bundles["1"])
    return registry


async def card_of(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    """Ask until the card has come: it may follow its model by some looks."""
    for _ in range(500):
        answer = await client.get("/model", headers=headers)
        if answer.status_code == 200:
            return answer
        await anyio.sleep(0.04)
    raise AssertionError(answer.text)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "fr"),
        ("en-GB, fr;q=0.9", "en"),
        ("fr ; q=0.9, en;q=0.8", "fr"),
        ("fr; q=0.4, en; q=0.5", "en"),
        ("de, fr;q=0.4, en;q=0.2", "fr"),
        ("de", "en"),
        ("fr;q=0, en;q=0", "en"),
        (";;q=,fr;q=lots,\x00", "en"),
    ],
)
def test_the_language_follows_the_browser(header: str, language: Language) -> None:
    assert preferred_language(header) == language


async def test_the_card_is_a_page_that_may_load_and_run_nothing(start: Any, described: Any) -> None:
    async with start() as client:
        page = await card_of(client, **{"Accept-Language": "fr"})
        assert page.content == described.cards["1"][HTML_CARDS["fr"]]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-language"] == "fr"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "script-src" not in page.headers["content-security-policy"]
        assert (await client.get("/model?lang=en", headers={"Accept-Language": "fr"})).content == described.cards["1"][
            HTML_CARDS["en"]
        ]
        refused = await client.get("/model?lang=de")
        assert refused.status_code == 400
        assert refused.headers["content-type"] == "application/problem+json"


async def test_the_link_to_the_other_language_works(start: Any, described: Any) -> None:
    async with start() as client:
        await card_of(client)
        other = await client.get(f"/{HTML_CARDS['fr']}", follow_redirects=True)
        assert other.content == described.cards["1"][HTML_CARDS["fr"]]


async def test_a_program_gets_the_manifest(start: Any, described: Any) -> None:
    async with start() as client:
        answer = await client.get("/model", headers={"Accept": "application/json"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == read_manifest(described.bundles["1"]).model_dump(mode="json")


async def test_before_there_is_a_model_it_says_so(start: Any) -> None:
    async with start(wait=False) as client:
        answer = await client.get("/model")
        assert answer.status_code == 503
        assert "no model is loaded yet" in answer.json()["detail"]


async def test_a_model_without_a_card_answers_and_the_card_follows_when_it_is_written(
    start: Any, registry: Any, make_bundle: MakeBundle, until: Any
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start() as client:
        missing = await client.get("/model")
        assert missing.status_code == 404
        assert "materialize the asset model_card" in missing.json()["detail"]
        assert (await client.get("/model", headers={"Accept": "application/json"})).status_code == 200
        health = await until(client, lambda health: health["model_version"] == "1")
        assert health["refused"] is None

        registry.cards["1"] = cards(registry.bundles["1"])
        await card_of(client)

    registry.broken = True
    async with start() as client:
        kept = await client.get("/model")
        assert kept.content == registry.cards["1"][HTML_CARDS["en"]], "kept on disk with the bundle"


async def test_the_card_changes_with_the_model(start: Any, described: Any, make_bundle: MakeBundle, until: Any) -> None:
    async with start() as client:
        await card_of(client)
        described.cards["2"] = cards(make_bundle(1.0), "2")
        described.publish("2", make_bundle(1.0))
        await until(client, lambda health: health["model_version"] == "2")
        assert (await card_of(client)).content == described.cards["2"][HTML_CARDS["en"]]
