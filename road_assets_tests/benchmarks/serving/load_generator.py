"""The load generator of the benchmarks: a separate process that sends encoded requests and keeps every answer.

Closed loop: each connection sends the next request as soon as it has an answer, which finds the highest rate. Open
loop: requests are due at random times with a given mean rate, whether or not earlier ones are answered. Latency is
measured from the time a request was due, so it includes waiting for a free connection.
"""

import asyncio
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np
import uvloop

CONNECTIONS: Final = 16
HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length: "
AHEAD_SECONDS: Final = 0.001
"""The event loop's clock has a resolution of 1 ms: requests due within the next one are sent at once."""


@dataclass
class Outcome:
    """Result of some seconds of load.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: seconds of each answer.
        statuses: answers by status.
        answers: number of the question and body of each answer.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Latency that so many percent of the answers did not exceed, in seconds."""
        return float(np.percentile(self.latencies, percent))


def encode(port: int, path: str, token: str, bodies: Sequence[bytes]) -> list[bytes]:
    """Encode requests as the bytes that are sent."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    return [head + str(len(body)).encode() + HEAD_END + body for body in bodies]


class _Caller(asyncio.Protocol):
    """One kept connection, with at most one request under way."""

    def __init__(self, run: "_Run") -> None:
        self._run, self._buffer, self._missing = run, b"", 0
        self._asked, self._since = 0, 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._run.free.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lose(exc)

    def ask(self, number: int, since: float) -> None:
        self._asked, self._since = number, since
        self._transport.write(self._run.requests[number])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(HEAD_END)
        if end < 0:
            return
        length = self._buffer.find(LENGTH)
        size = int(self._buffer[length + len(LENGTH) : self._buffer.find(b"\r\n", length)])
        if len(self._buffer) < end + len(HEAD_END) + size:
            return
        outcome = self._run.outcome
        outcome.latencies.append(time.perf_counter() - self._since)
        outcome.statuses[int(self._buffer[9:12])] += 1
        outcome.answers.append((self._asked, self._buffer[end + len(HEAD_END) :]))
        self._buffer = b""
        self._run.next(self)

    def close(self) -> None:
        self._transport.close()


class _Run:
    """One load."""

    def __init__(self, requests: Sequence[bytes], first: int, rate: float | None, seconds: float) -> None:
        self.requests, self.outcome = requests, Outcome()
        self.free: list[_Caller] = []
        self._number, self._rate, self._length = first, rate, seconds
        self._due: deque[float] = deque()
        self._under_way = 0
        self._ending = False
        self._done: asyncio.Future[None]

    async def go(self, port: int) -> Outcome:
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        pairs = [await loop.create_connection(lambda: _Caller(self), "127.0.0.1", port) for _ in range(CONNECTIONS)]
        started = time.perf_counter()
        self._until = started + self._length
        if self._rate is None:
            for caller in [self.free.pop() for _ in pairs]:
                self._ask(caller, started)
        else:
            await self._pace(started, self._rate)
        await self._done
        self.outcome.seconds = time.perf_counter() - started
        for _, caller in pairs:
            caller.close()
        return self.outcome

    async def _pace(self, started: float, rate: float) -> None:
        gaps = np.random.default_rng(7).exponential(1 / rate, int(rate * self._length) + 1)
        moments = (started + np.cumsum(gaps)).tolist()
        for moment in moments:
            ahead = moment - time.perf_counter()
            if ahead > AHEAD_SECONDS:
                await asyncio.sleep(ahead)
            if self.free:
                self._ask(self.free.pop(), moment)
            else:
                self._due.append(moment)
        self._ending = True
        self._finish()

    def _ask(self, caller: _Caller, since: float) -> None:
        number = self._number % len(self.requests)
        self._number += 1
        self._under_way += 1
        caller.ask(number, since)

    def next(self, caller: _Caller) -> None:
        self._under_way -= 1
        now = time.perf_counter()
        if self._rate is None and now < self._until:
            self._ask(caller, now)
        elif self._due:
            self._ask(caller, self._due.popleft())
        else:
            self.free.append(caller)
            if self._rate is None or self._ending:
                self._finish()

    def _finish(self) -> None:
        if not self._under_way and not self._due and not self._done.done():
            self._done.set_result(None)

    def lose(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed a connection"))


def _serve_loads(pipe: Connection) -> None:
    requests: dict[str, list[bytes]] = {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        while True:
            match pipe.recv():
                case ["keep", name, content]:
                    requests[name] = content
                    pipe.send(None)
                case ["run", name, port, first, rate, seconds]:
                    pipe.send(runner.run(_Run(requests[name], first, rate, seconds).go(port)))
                case _:
                    return


class Generator:
    """The process that makes load."""

    def __init__(self, pipe: Connection) -> None:
        """Speak with it over a pipe."""
        self._pipe = pipe

    def keep(self, name: str, requests: Sequence[bytes]) -> None:
        """Give it encoded requests under a name."""
        self._pipe.send(["keep", name, list(requests)])
        self._pipe.recv()

    def run(self, name: str, port: int, *, first: int, seconds: float, rate: float | None = None) -> Outcome:
        """Ask a server for some seconds; without a rate as fast as it answers."""
        self._pipe.send(["run", name, port, first, rate, seconds])
        return self._pipe.recv()  # type: ignore[no-any-return]


@contextmanager
def generator() -> Iterator[Generator]:
    """Run a generator until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_loads, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Generator(ours)
    finally:
        ours.send(None)
        process.join(5)
        if process.is_alive():
            process.kill()
