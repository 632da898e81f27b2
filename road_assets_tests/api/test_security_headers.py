"""The security headers of every answer."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

PATHS = ["/", "/docs", "/docs/openapi.json", "/health/live", "/metrics", "/nix", "/auth/token", "/model"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_security_headers_refusals_too(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Origin": "https://elsewhere.example"})

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert len(answer.headers.get_list("content-security-policy")) == 1
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_scripts_of_other_sites_may_not_read_answers(client: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = await client.request("OPTIONS", "/protected/predict", headers=asked)

    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_tokens_and_estimates_may_not_be_stored(client: httpx.AsyncClient) -> None:
    form = {"username": "johndoe", "password": "johnsecret"}
    token = await client.post("/auth/token", data=form)
    refused = await client.post("/auth/token", data={**form, "password": "wrong"})
    estimate = await client.post("/protected/predict", json={})

    assert [answer.status_code for answer in (token, refused, estimate)] == [200, 401, 422]
    for answer in (token, refused, estimate):
        assert answer.headers["cache-control"] == "no-store"
    assert "cache-control" not in (await client.get("/health/live")).headers
