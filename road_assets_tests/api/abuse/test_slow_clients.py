"""Clients that take their time, and clients that open as many connections as they can."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets_tests.api.abuse.wire import assert_refused, connect, exchange, read_answer, request
from road_assets_tests.api.service_process import Service


def slowly(*pieces: bytes) -> Iterator[bytes]:
    """A byte now and then, for ever after the pieces."""
    yield from pieces
    for _ in itertools.count():
        time.sleep(0.1)
        yield b"a"


FORM = "Content-Type: application/x-www-form-urlencoded"

SLOW = {
    "head": [b"GET / HTTP/1.1\r\nX-Slow: "],
    "first line": [b"GET /"],
    "body": [request("POST", "/auth/token", FORM, "Content-Length: 60000")],
    "form": [
        request(
            "POST", "/protected/predict_csv", "Content-Length: 60000", "Content-Type: multipart/form-data; boundary=a"
        )
    ],
}


@pytest.mark.parametrize("pieces", SLOW.values(), ids=SLOW)
def test_a_request_that_dribbles_is_ended(attacked: Service, pieces: list[bytes]) -> None:
    started = time.monotonic()
    answer = exchange(attacked.address, slowly(*pieces))

    assert time.monotonic() - started < 10
    if answer.status not in {0, 401}:  # 0: we were writing when it closed; 401: a form of nobody was answered at once
        assert_refused(answer, 408)


@pytest.mark.parametrize(
    "content", [b"", b"GET / HTTP/1.1\r\nX-A: ", request("POST", "/auth/token", FORM, "Content-Length: 10")]
)
def test_a_connection_that_falls_silent_is_answered_and_closed(attacked: Service, content: bytes) -> None:
    with connect(attacked.address) as connection:
        connection.sendall(content)
        assert_refused(read_answer(connection), 408)
        assert connection.recv(1) == b"", "it is closed"


def test_empty_lines_do_not_keep_a_connection_open(attacked: Service) -> None:
    with connect(attacked.address) as connection:
        connection.sendall(request("GET", "/health/live"))
        assert read_answer(connection).status == 200
        deadline = time.monotonic() + 20
        try:
            while time.monotonic() < deadline:
                connection.sendall(b"\r\n")
                time.sleep(0.2)
        except OSError:
            return
    raise AssertionError("the connection is still open")


def test_two_hundred_slow_clients_do_not_keep_another_one_waiting(attacked: Service, bearer: str) -> None:
    question = request("POST", "/protected/predict", bearer, body=httpx.Request("POST", "/", json=SCENE_EXAMPLE).read())
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connect(attacked.address)).sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 1000)
        started = time.monotonic()
        answers = [exchange(attacked.address, question) for _ in range(20)]
        assert time.monotonic() - started < 10

    assert [answer.status for answer in answers] == [200] * 20


def test_a_client_that_reads_nothing_of_its_answer_is_cut_off(attacked: Service, bearer: str) -> None:
    with connect(attacked.address) as connection:
        connection.sendall(request("GET", "/docs/files/swagger-ui-bundle.js", bearer) * 40)  # 1.5 MB each
        deadline = time.monotonic() + 20
        while "client reads nothing" not in attacked.log.read_text():
            assert time.monotonic() < deadline, "it is still waited for"
            time.sleep(0.1)


@pytest.mark.anyio
async def test_connections_beyond_the_limit_are_told_so(
    start_server: Callable[..., Any], registry: Any, make_bundle: Callable[..., Any]
) -> None:
    registry.publish("1", make_bundle(0.0))
    async with start_server(max_connections=10) as client:
        address = str(client.base_url)
        with ExitStack() as stack:
            opened = [stack.enter_context(connect(address)) for _ in range(12)]
            answers = [read_answer(one) for one in opened[-2:]]
        assert (await client.get("/health/live")).status_code == 200

    for answer in answers:
        assert_refused(answer, 503)
