"""Bytes as they go over the wire, for requests that no client library would send, and what a refusal must look like."""

import json
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from road_assets_tests.load import Answer

PATIENCE_SECONDS = 30


def connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS)


def exchange(address: str, *pieces: bytes | Iterable[bytes]) -> Answer:
    """Send pieces until the other side has enough, and read its answer."""
    with connect(address) as connection:
        try:
            for piece in pieces:
                for part in [piece] if isinstance(piece, bytes) else piece:
                    connection.sendall(part)
        except OSError:
            pass  # it has answered and closed before it had read everything
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer; its status is 0 if the connection was closed without one."""
    content = b""
    while not _is_complete(content):
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            break
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]) if first else 0, headers, body)


def _is_complete(content: bytes) -> bool:
    head, found, body = content.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(found) and len(body) >= int(length or 0)


def request(method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    """A request, its target and headers as given."""
    lines = [f"{method} {target} HTTP/1.1", "Host: service", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def assert_refused(answer: Answer, *statuses: int) -> None:
    """It is a problem document with one of these statuses, which names the request and shows nothing of the inside."""
    assert answer.status in statuses, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert len(problem["detail"]) > 10
    assert "Traceback" not in problem["detail"]
