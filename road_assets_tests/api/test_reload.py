"""An admin has the production alias polled at once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from road_api.tokens import Role, Tokens

pytestmark = pytest.mark.anyio
NEVER = 3600.0
"""Seconds between two looks that the service does by itself."""


@pytest.fixture
def admin(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens(secret).make('operator:ann', Role.ADMIN)}"}


async def test_it_tells_whether_the_model_was_loaded_unchanged_or_refused(
    start: Callable[..., Any], registry: Any, *, make_bundle: Callable[..., Any], admin: dict[str, str], secret: str
) -> None:
    async with start(wait=False, poll_seconds=NEVER, jwt_secret=secret) as client:

        async def reload() -> tuple[str, str, str | None]:
            answer = (await client.post("/protected/reload", headers=admin)).raise_for_status().json()
            return answer["outcome"], answer["detail"], answer["model_version"]

        assert (await reload())[::2] == ("nothing promoted", None)
        registry.publish("1", make_bundle(0.0))
        assert await reload() == ("loaded", "version 1 answers from now on", "1")
        assert (await reload())[::2] == ("unchanged", "1")
        registry.publish("2", {**make_bundle(0.0), "model.onnx": b""})
        outcome, detail, version = await reload()
        assert (outcome, version) == ("refused", "1")
        assert detail.startswith("version 2 is refused: model.onnx is damaged")
        registry.broken = True
        away = await client.post("/protected/reload", headers=admin)
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")
        assert (await client.get("/health/ready")).json()["model_version"] == "1"


async def test_many_at_once_load_a_version_once(
    start: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any], admin: dict[str, str], secret: str
) -> None:
    async with start(wait=False, poll_seconds=NEVER, jwt_secret=secret) as client:
        await client.post("/protected/reload", headers=admin)  # behind the look that the service begins with
        registry.publish("1", make_bundle(0.0))
        answers = await asyncio.gather(*(client.post("/protected/reload", headers=admin) for _ in range(10)))

    assert sorted(answer.json()["outcome"] for answer in answers) == ["loaded", *["unchanged"] * 9]
    assert registry.downloads == 3, "each file of the bundle once"


async def test_users_and_strangers_may_not(start: Callable[..., Any], secret: str) -> None:
    user = {"Authorization": f"Bearer {Tokens(secret).make('johndoe')}"}
    async with start(wait=False, jwt_secret=secret) as client:
        assert (await client.post("/protected/reload")).status_code == 401
        assert (await client.post("/protected/reload", headers=user)).status_code == 403
