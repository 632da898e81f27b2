"""Talking to MLflow's REST interface, and to what is no MLflow."""

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from road_api.services.model_registry import ModelRegistry, RegistryError, open_client
from road_api.services.model_store import ModelRef
from road_assets.core.bundle import BUNDLE_FILES

pytestmark = pytest.mark.anyio


async def find(answer: Callable[[httpx.Request], httpx.Response]) -> ModelRef | None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://registry/prefix/") as client:
        return await ModelRegistry(client).find_production()


async def test_the_files_arrive_as_they_were_stored(
    registry: Any, make_bundle: Callable[..., dict[str, bytes]]
) -> None:
    registry.publish("7", make_bundle(0.0))
    async with open_client(registry.uri) as client:
        found = ModelRegistry(client)
        ref = await found.find_production()

        assert ref == ModelRef("7", "run-7")
        assert await found.download(ref) == registry.bundles["7"]
        assert set(registry.bundles["7"]) == set(BUNDLE_FILES)


async def test_nothing_promoted_is_no_error(registry: Any) -> None:
    async with open_client(registry.uri + "/") as client:
        assert await ModelRegistry(client).find_production() is None


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (200, b"<html>a portal</html>", "is it MLflow"),
        (200, b"{}", "does not describe a model version"),
        (200, b'{"model_version": null}', "does not describe a model version"),
        (404, b"<html>not here</html>", "is it MLflow"),
        (404, b"{}", "answered 404"),
        (404, b"null", "answered 404"),
        (404, b"404", "answered 404"),
        (403, b"no", "answered 403"),
        (500, b'{"error_code": "INTERNAL_ERROR"}', "answered 500"),
    ],
)
async def test_an_answer_that_is_not_mlflow_s_is_reported(status: int, content: bytes, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        await find(lambda _: httpx.Response(status, content=content))


async def test_nobody_listening_is_reported_with_the_address() -> None:
    async with open_client("http://localhost:9") as client:
        with pytest.raises(RegistryError, match="no answer from http://localhost:9/"):
            await ModelRegistry(client).find_production()


async def test_a_registry_below_a_path_is_asked_there() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(404, json={"error_code": "RESOURCE_DOES_NOT_EXIST"})

    await find(answer)

    assert asked[0].path == "/prefix/api/2.0/mlflow/registered-models/alias"


async def test_name_and_password_are_sent_when_given() -> None:
    client = open_client("https://models.example", "reader", "hidden")
    async with client:
        request = next(client.auth.auth_flow(client.build_request("GET", "x")))  # type: ignore[union-attr]

    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"reader:hidden").decode()


@pytest.mark.parametrize(("uri", "proxied"), [("http://127.0.0.1:5000", False), ("http://models.example", True)])
async def test_a_proxy_is_for_the_outside_only(monkeypatch: pytest.MonkeyPatch, uri: str, *, proxied: bool) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async with open_client(uri) as client:
        assert client.trust_env is proxied
