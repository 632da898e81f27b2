"""Health, metrics, documents, errors and logs: what operators and visitors see."""

import json
import re
from typing import Any

import httpx
import pytest
import structlog
from litestar import get
from structlog.testing import LogCapture

from road_api.app import create_app
from road_api.settings import Settings
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, SCENE_EXAMPLE

pytestmark = pytest.mark.anyio


async def test_programs_that_look_in_the_usual_place_find_the_document(client: httpx.AsyncClient) -> None:
    usual = await client.get("/openapi.json")

    assert (usual.status_code, usual.headers["location"]) == (307, "/docs/openapi.json")


async def test_the_documents_need_nothing_from_the_network(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")

    assert page.status_code == 200
    loaded = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text.split("SwaggerUIBundle({")[0])
    assert len(loaded) == 4, "two scripts, a style sheet and an icon"
    for address in loaded:
        assert address.startswith("/docs/files/")
        file = await client.get(address)
        assert file.status_code == 200
        assert len(file.content) > 500


@pytest.mark.parametrize("path", ["/docs/files/../../__init__.py", "/docs/files/%2e%2e/__init__.py", "/docs/files/nix"])
async def test_no_other_file_is_served_beside_them(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(httpx.URL(client.base_url, raw_path=path.encode()))

    assert answer.status_code == 404


async def test_the_document_tells_every_code_with_its_label(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/openapi.json")).json()

    content = document["paths"]["/protected/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert list(content["schema"]["properties"]) == list(MODEL_FIELDS)
    assert content["schema"]["required"] == list(FEATURE_NAMES)
    for feature in FEATURES:
        described = content["schema"]["properties"][feature.name]
        assert set(described["enum"]) == {*feature.values, -1, None}
        assert feature.describe_codes("en") in described["description"]
        assert feature.describe_codes("fr") in described["description"]
    for field in SCENE_FIELDS:
        described = content["schema"]["properties"][field.name]
        assert field.describe_codes("en") in described["description"]
        assert field.describe_codes("fr") in described["description"]
        bounds = [{"minimum": field.low, "maximum": field.high}, {"enum": [-1, *field.also_unknown, None]}]
        assert described.get("anyOf") == (bounds if field.kind == "number" else None), field.name
    for example in content["examples"].values():
        assert (await client.post("/protected/predict", json=example["value"])).status_code == 200


async def test_the_examples_of_an_accident_work_as_pasted(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/openapi.json")).json()

    operation = document["paths"]["/protected/predict_accident"]["post"]
    examples = operation["requestBody"]["content"]["application/json"]["examples"].values()
    answers = [await client.post("/protected/predict_accident", json=example["value"]) for example in examples]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert "1 - Π(1 - p)" in operation["description"]


async def test_both_forms_of_an_answer_to_a_file_are_described(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/openapi.json")).json()

    described = document["paths"]["/protected/predict_csv"]["post"]["responses"]["200"]["content"]
    assert set(described) == {"application/json", "text/csv"}
    files = {"file_request": ("users.csv", described["text/csv"]["example"])}
    answer = await client.post("/protected/predict_csv", files=files, headers={"Accept": "text/csv"})
    assert answer.text.startswith(described["text/csv"]["example"].partition("\r\n")[0])


WRONG = {"/protected/explain/{request_id}": ("400", "404", "409"), "/protected/reload": ("403",)}
"""What may be wrong with a request that asks for no estimate."""


async def test_every_operation_is_named_summarised_and_says_how_it_fails(client: httpx.AsyncClient) -> None:
    document = (await client.get("/docs/openapi.json")).json()

    operations = {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }
    estimates = {"predict", "predictAccident", "predictCsv", "explain"}
    operators = {"getLive", "getReady", "getMetrics", "getModel", "takeAlerts"}
    assert set(operations) == {"createToken", *estimates, *operators, "getNoise", "setNoise", "rollBack", "reloadModel"}
    assert all(operation["summary"] for _, operation in operations.values())
    schemes = set(document["components"]["securitySchemes"])
    for path, operation in operations.values():
        if path.startswith("/protected/"):
            assert {name for choice in operation["security"] for name in choice} == schemes
            assert {"200", "401", "503", *WRONG.get(path, ("400", "413"))} <= set(operation["responses"])
        elif path.startswith("/config/"):
            assert {name for choice in operation["security"] for name in choice} == schemes
            assert {"401", "403"} <= set(operation["responses"])
        else:
            assert "security" not in operation


async def test_metrics_count_requests_by_route_and_method_and_status(
    client: httpx.AsyncClient, read_metric: Any
) -> None:
    await client.get("/health/live")
    await client.post("/protected/predict", json={**SCENE_EXAMPLE, "catu": 7})
    await client.get("/nowhere/at/all")
    await client.request("BREW", "/health/live")

    labels = 'method="{}",path="{}",status_code="{}"'
    live = labels.format("GET", "/health/live", 200)
    assert await read_metric(client, f"http_requests_total{{{live}}}") >= 1
    assert await read_metric(client, f"http_requests_total{{{labels.format('POST', '/protected/predict', 422)}}}") >= 1
    assert await read_metric(client, f"http_requests_total{{{labels.format('GET', 'unmatched', 404)}}}") >= 1
    assert await read_metric(client, f"http_requests_total{{{labels.format('OTHER', 'unmatched', 405)}}}") == 1
    assert await read_metric(client, 'http_request_duration_seconds_count{method="GET",path="/health/live"}') >= 1
    assert await read_metric(client, 'road_model_info{version="1"}') == 1
    assert await read_metric(client, "ml_model_version") == 1
    assert await read_metric(client, "ml_model_age_seconds") > 0
    assert await read_metric(client, "road_model_loaded_timestamp_seconds") > 1.7e9
    assert await read_metric(client, "road_model_swap_failures_total") == 0
    assert await read_metric(client, "road_model_registry_up") == 1


async def test_metrics_tell_the_size_of_questions_and_answers(client: httpx.AsyncClient, read_metric: Any) -> None:
    async def sizes() -> list[float]:
        labels = '{method="POST",path="/protected/predict"}'
        names = (f"http_{side}_size_bytes_{part}" for side in ("request", "response") for part in ("sum", "count"))
        return [await read_metric(client, f"{name}{labels}") for name in names]

    await client.post("/protected/predict", json=SCENE_EXAMPLE)
    before = await sizes()
    answer = await client.post("/protected/predict", json=SCENE_EXAMPLE)
    grown = [now - then for now, then in zip(await sizes(), before, strict=True)]
    assert grown == [len(answer.request.content), 1, len(answer.content), 1]


async def test_a_wrong_path_and_a_wrong_method_are_problems_too(client: httpx.AsyncClient) -> None:
    wrong_path = await client.get("/nowhere")
    wrong_method = await client.get("/protected/predict")

    assert (wrong_path.status_code, wrong_method.status_code) == (404, 405)
    assert "POST" in wrong_method.headers["allow"]
    for answer in (wrong_path, wrong_method):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "about:blank"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_request_id_is_echoed_if_it_is_harmless_and_made_if_not(client: httpx.AsyncClient) -> None:
    echoed = await client.get("/health/live", headers={"X-Request-ID": "call-42.a_b"})
    long = await client.get("/health/live", headers={"X-Request-ID": "a" * 65})
    split = await client.get("/health/live", headers={"X-Request-ID": 'a"} {"'})

    assert echoed.headers["x-request-id"] == "call-42.a_b"
    assert re.fullmatch("[0-9a-f]{32}", long.headers["x-request-id"])
    assert re.fullmatch("[0-9a-f]{32}", split.headers["x-request-id"])


@pytest.fixture
def log() -> Any:
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture], cache_logger_on_first_use=False)
    yield capture
    structlog.configure(**before)


async def test_a_mistake_of_ours_shows_no_trace_but_an_id_that_the_log_has_too(
    settings: Settings, log: LogCapture
) -> None:
    @get("/broken", sync_to_thread=False)
    def broken() -> None:
        raise RuntimeError("the inner workings")

    app = create_app(settings)
    app.register(broken)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as service:
        answer = await service.get("/broken", headers={"X-Request-ID": "find-me"})

    assert answer.status_code == 500
    assert "inner workings" not in answer.text
    assert answer.json()["request_id"] == "find-me"
    (entry,) = [entry for entry in log.entries if entry["event"] == "unexpected error"]
    assert entry["request_id"] == "find-me"
    assert "inner workings" in str(entry["exc_info"])


async def test_logs_hold_neither_passwords_nor_tokens_nor_questions(client: httpx.AsyncClient, log: LogCapture) -> None:
    token = (await client.post("/auth/token", data={"username": "johndoe", "password": "johnsecret"})).json()
    await client.post("/auth/token", data={"username": "johndoe", "password": "a-wrong-password"})
    await client.post("/protected/predict?token=in-the-query", json=SCENE_EXAMPLE)

    written = json.dumps(log.entries, default=str)
    requests = [entry for entry in log.entries if entry["event"] == "request"]
    assert len(requests) == 3
    assert set(requests[0]) == {"event", "log_level", "method", "path", "status", "ms", "request_id"}
    for secret in ("johnsecret", "a-wrong-password", token["access_token"], "in-the-query", "catu"):
        assert secret not in written


async def test_a_caller_who_hangs_up_is_no_mistake_of_ours(client: httpx.AsyncClient, log: LogCapture) -> None:
    app = client._transport.app  # type: ignore[attr-defined]  # noqa: SLF001 (to speak ASGI to it)
    for path, kind in (
        ("/protected/predict", b"application/json"),
        ("/protected/predict_csv", b"multipart/form-data; boundary=a"),
    ):
        messages = iter([{"type": "http.request", "body": b"--a\r\n", "more_body": True}, {"type": "http.disconnect"}])
        sent: list[dict[str, Any]] = []

        async def receive(messages: Any = messages) -> dict[str, Any]:
            return dict(next(messages))

        async def send(message: dict[str, Any], sent: list[dict[str, Any]] = sent) -> None:
            sent.append(message)

        headers = [(b"authorization", client.headers["authorization"].encode()), (b"content-type", kind)]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b""}
        await app(scope, receive, send)
        assert sent[0]["status"] == 400

    assert not [entry for entry in log.entries if entry["log_level"] == "error"]
