"""Log lines of requests are buffered, and each is written whole and once."""

import asyncio
import json

import pytest

from road_api import logs
from road_api.logs import FLUSH_SECONDS, LINES_BYTES, RequestLines, flush_at_shutdown, log_request

pytestmark = pytest.mark.anyio


@pytest.fixture
def written() -> list[bytes]:
    return []


@pytest.fixture
def lines(written: list[bytes]) -> RequestLines:
    return RequestLines(written.append)


async def test_lines_that_come_together_are_written_together_a_moment_later(
    lines: RequestLines, written: list[bytes]
) -> None:
    lines.add(b"one")
    lines.add(b"two")
    assert written == []
    await asyncio.sleep(2 * FLUSH_SECONDS)
    assert written == [b"one\ntwo"]
    lines.add(b"three")
    await asyncio.sleep(2 * FLUSH_SECONDS)
    assert written == [b"one\ntwo", b"three"]


async def test_no_more_is_written_at_once_than_a_pipe_takes_in_one_piece(
    lines: RequestLines, written: list[bytes]
) -> None:
    sent = [b"%d" % number + b"x" * (number * 7 % 900) for number in range(300)]
    for line in sent:
        lines.add(line)
    lines.flush()
    assert b"\n".join(written).split(b"\n") == sent
    assert max(len(piece) + 1 for piece in written) <= LINES_BYTES


async def test_a_line_longer_than_that_goes_alone(lines: RequestLines, written: list[bytes]) -> None:
    for line in (b"short", b"x" * 10_000, b"end"):
        lines.add(line)
    lines.flush()
    assert written == [b"short", b"x" * 10_000, b"end"]


async def test_what_waits_at_shutdown_is_written(
    lines: RequestLines, written: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_lines", lines)
    async with flush_at_shutdown(None):  # type: ignore[arg-type]
        log_request(method="GET", path="/", status=200, request_id="a")
        assert written == []
    line = json.loads(written[0])
    assert (line["event"], line["status"], line["request_id"]) == ("request", 200, "a")
