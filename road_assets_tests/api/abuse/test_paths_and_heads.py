"""Paths and heads of requests that try to get somewhere, or to take too much."""

import pytest

from road_assets_tests.api.abuse.wire import assert_refused, exchange, request
from road_assets_tests.api.service_process import Service

PATHS = {
    "parent": "/../../etc/passwd",
    "parent, encoded": "/%2e%2e/%2e%2e/etc/passwd",
    "parent of the documents": "/docs/files/../../../../pyproject.toml",
    "parent of the documents, encoded": "/docs/files/%2e%2e/%2e%2e/%2e%2e/__init__.py",
    "parent of the documents, slash encoded": "/docs/files/..%2f..%2f..%2f__init__.py",
    "encoded twice": "/docs/files/%252e%252e/%252e%252e/__init__.py",
    "parent, overlong UTF-8": "/docs/files/%c0%ae%c0%ae/__init__.py",
    "backslashes": "/docs/files/..\\..\\..\\__init__.py",
    "absolute": "/docs/files//etc/passwd",
    "two slashes": "//etc/passwd",
    "NUL": "/docs/files/swagger-ui.css%00.png",
    "NUL in a page's file": "/page/%00/form.js",
    "a very long name": f"/docs/files/{'a' * 5000}",
    "a very long name in the page": f"/page/1/{'a' * 5000}",
    "many parts": "/a" * 5000,
    "around the door": "/protected/%2e%2e/metrics/../predict",
    "line end": "/health%0d%0aX-Injected:1",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_paths_that_lead_astray_end_in_a_refusal(attacked: Service, path: str) -> None:
    answer = exchange(attacked.address, request("GET", path))

    assert_refused(answer, 400, 401, 404, 405)
    assert "x-injected" not in answer.headers


def test_an_encoded_path_does_not_get_past_the_door(attacked: Service) -> None:
    for path in ("/%70rotected/predict", "/protected/predict%2f", "/protected//predict", "/PROTECTED/predict"):
        assert_refused(exchange(attacked.address, request("POST", path, body=b"{}")), 401, 404)


HEADS = {
    "a long path": (request("GET", "/" + "a" * 500_000), 431),
    "a long header": (request("GET", "/", f"X-A: {'a' * 500_000}"), 431),
    "many headers": (request("GET", "/", *(f"X-{number}: a" for number in range(200))), 431),
    "many long headers": (request("GET", "/", *(f"X-{number}: {'a' * 10_000}" for number in range(90))), 431),
    "a huge token": (request("GET", "/config/noise", f"Authorization: Bearer {'a.' * 100_000}"), 431),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400),
    "another version": (b"GET / HTTP/9.9\r\n\r\n", 400),
    "a header without a colon": (request("GET", "/", "nonsense"), 400),
    "a NUL in a header": (request("GET", "/", "X-A: \0"), 400),
    "a broken length": (request("POST", "/auth/token", "Content-Length: -1"), 400),
    "two lengths": (request("POST", "/auth/token", "Content-Length: 1", "Content-Length: 2"), 400),
    "length and chunks": (request("POST", "/auth/token", "Content-Length: 1", "Transfer-Encoding: chunked"), 400),
    "a broken chunk": (request("POST", "/auth/token", "Transfer-Encoding: chunked") + b"zz\r\n", 400),
}


@pytest.mark.parametrize(("content", "status"), HEADS.values(), ids=HEADS)
def test_heads_beyond_all_measure_are_refused_at_once(attacked: Service, content: bytes, status: int) -> None:
    assert_refused(exchange(attacked.address, content), status)


def test_a_head_that_never_ends_is_refused_when_it_is_too_long(attacked: Service) -> None:
    endless = (f"X-{number}: {'a' * 1000}\r\n".encode() for number in range(100_000))

    assert exchange(attacked.address, b"GET / HTTP/1.1\r\n", endless).status in {0, 431}, "0: we were still writing"


def test_a_socket_of_the_web_is_not_opened(attacked: Service) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: YQ==", "Sec-WebSocket-Version: 13")

    assert exchange(attacked.address, request("GET", "/health/live", *upgrade)).status == 200, "an answer as to others"
