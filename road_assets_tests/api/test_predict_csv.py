"""Files over HTTP."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from road_api.services.csv_answers import ROWS_PER_CALL
from road_assets.core.bundle import GRAPH_FILE
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, SCENE_EXAMPLE

pytestmark = pytest.mark.anyio

HEADER = ",".join(FEATURE_NAMES)
LINE = ",".join(str(code) for code in SCENE_EXAMPLE.values())


async def send(client: httpx.AsyncClient, content: bytes | str, **options: Any) -> Any:
    files = {"file_request": ("users.csv", content, "text/csv")}
    return await client.post("/protected/predict_csv", files=files, **options)


async def test_good_rows_are_answered_and_bad_ones_explained_in_order(client: httpx.AsyncClient) -> None:
    answer = await send(client, f"{HEADER}\n{LINE}\n7{LINE[1:]}\n{LINE},9\n{LINE}\n")

    assert answer.status_code == 200
    content = answer.json()
    single = (await client.post("/protected/predict", json=SCENE_EXAMPLE)).json()
    assert content["user"] == "johndoe"
    assert content["model_version"] == "1"
    assert content["data"] == DATA_DEMONSTRATION
    assert content["rows"] == 4
    first, wrong_code, too_long, last = content["predictions"]
    assert first == {
        "line": 2,
        "prediction": single["prediction"][0],
        "probability": single["probability"],
        "confidence": single["confidence"],
        "label": single["label"],
    }
    assert wrong_code["line"] == 3
    assert wrong_code["error"]["field"] == "catu"
    assert too_long["error"]["field"] is None
    assert last == {**first, "line": 5}


async def test_a_file_longer_than_one_call_of_the_model_is_answered_whole(
    client: httpx.AsyncClient, make_bundle: Callable[..., Any], ask_graph: Callable[..., Any]
) -> None:
    lines = [f"{1 + i % 3}{LINE[1:]}" for i in range(2 * ROWS_PER_CALL + 5)]
    rows = np.array([[float(code) for code in line.split(",")] for line in lines], dtype=np.float32)
    expected = ask_graph(make_bundle(-1.0)[GRAPH_FILE], rows)

    content = (await send(client, "\n".join([HEADER, *lines]))).json()

    assert content["rows"] == len(lines)
    assert [row["line"] for row in content["predictions"]] == list(range(2, len(lines) + 2))
    np.testing.assert_allclose([row["probability"] for row in content["predictions"]], expected, atol=1e-6)


async def test_a_file_of_bad_rows_only_is_answered_all_the_same(client: httpx.AsyncClient) -> None:
    content = (await send(client, f"{HEADER}\n7{LINE[1:]}\n")).json()

    assert content["rows"] == 1
    assert "error" in content["predictions"][0]


@pytest.mark.parametrize("content", [b"", HEADER.encode(), b"a,b\n1,2\n", b"\x00\x01\x02"])
async def test_a_file_that_cannot_be_read_is_a_400(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await send(client, content)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        {"files": {"other": ("users.csv", b"x")}},
        {"files": {"file_request": (None, "text, not a file")}},
        {"files": [("file_request", ("a.csv", b"x")), ("file_request", ("b.csv", b"x"))]},
        {"data": {"file_request": "x"}},
        {"files": [("file_request", (f"{i}.csv", b"x")) for i in range(33)]},
        {"json": {"file_request": "x"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"", "headers": {"Content-Type": b"multipart/form-data; boundary=\xe9"}},
        {},
    ],
)
async def test_without_exactly_one_file_the_answer_shows_how_to_send_it(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post("/protected/predict_csv", **body)

    assert answer.status_code == 400, answer.text
    if not answer.json()["detail"].startswith(
        ("Invalid multipart", "Request Entity Too Large", "the form cannot be read")
    ):
        assert "-F file_request=@users.csv" in answer.json()["detail"]


async def test_a_file_above_the_limit_is_a_413_and_one_below_is_answered(
    start: Any, registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any]
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start(csv_max_bytes=5_000) as service:
        header = {"Authorization": f"Bearer {await log_in(service)}"}
        below = await send(service, "\n".join([HEADER, *[LINE] * 180]), headers=header)
        above = await send(service, "\n".join([HEADER, *[LINE] * 400]), headers=header)

    assert below.status_code == 200
    assert above.status_code == 413
    assert "more than the 9096 bytes" in above.json()["detail"]


async def test_a_large_file_is_refused_over_a_real_connection_and_the_next_request_is_answered(
    start_server: Any, registry: Any, make_bundle: Callable[..., Any], log_in: Callable[..., Any]
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start_server(csv_max_bytes=100_000) as service:
        header = {"Authorization": f"Bearer {await log_in(service)}"}
        above = await send(service, f"{HEADER}\n" + f"{LINE}\n" * 40_000, headers=header)
        after = await send(service, f"{HEADER}\n{LINE}\n", headers=header)

    assert above.status_code == 413
    assert after.status_code == 200


async def test_a_file_needs_a_token_too(client: httpx.AsyncClient) -> None:
    answer = await send(client, f"{HEADER}\n{LINE}\n", headers={"Authorization": ""})

    assert answer.status_code == 401
