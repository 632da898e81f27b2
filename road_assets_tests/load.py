"""Load for a running service: connections that are kept, each asking one question after the other.

Written on plain sockets: a client library would take most of the time of a test that asks ten thousand questions.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status.
        headers: by name in lower case.
        body: as sent.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Connection:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, address: str) -> Self:
        """Connect to ``http://host:port``."""
        parts = urlsplit(address)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port, limit=2**20))

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send a body and read the answer."""
        lines = [f"POST {path} HTTP/1.1", "Host: service", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self._writer.drain()
        return await self.read()

    def send(self, content: bytes) -> None:
        """Send any bytes."""
        self._writer.write(content)

    async def read(self) -> Answer:
        """Read one answer with a Content-Length."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split()[1]), headers, body)

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return  # the other side was faster


@asynccontextmanager
async def connections(address: str, count: int) -> AsyncIterator[list[Connection]]:
    """Open some connections, and close them at the end."""
    opened = await asyncio.gather(*(Connection.open(address) for _ in range(count)))
    try:
        yield opened
    finally:
        await asyncio.gather(*(one.close() for one in opened))


async def ask_all(
    address: str, questions: Iterable[Any], headers: dict[str, str], path: str = "/protected/predict", count: int = 8
) -> list[Answer]:
    """Ask each question once, over some connections.

    Returns:
        The answers, in the order of the questions.
    """
    waiting = list(enumerate(questions))[::-1]
    answers: dict[int, Answer] = {}

    async def work(connection: Connection) -> None:
        while waiting:
            number, question = waiting.pop()
            answers[number] = await connection.post(path, json.dumps(question).encode(), {**JSON, **headers})

    async with connections(address, count) as opened:
        await asyncio.gather(*map(work, opened))
    return [answers[number] for number in range(len(answers))]


@dataclass
class Load:
    """What came of a load so far.

    Attributes:
        answers: all of them, in the order of their arrival.
        broken: what went wrong below HTTP, one line for each request that got no answer.
    """

    answers: list[Answer] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@contextmanager
def keep_asking(
    address: str, question: Any, headers: dict[str, str], *, path: str = "/protected/predict", count: int = 16
) -> Iterator[Load]:
    """Ask one question again and again over some connections, in a thread, until the block ends."""
    load, ended = Load(), threading.Event()
    body, sent = json.dumps(question).encode(), {**JSON, **headers}

    async def work() -> None:
        connection = await Connection.open(address)
        while not ended.is_set():
            try:
                load.answers.append(await connection.post(path, body, sent))
            except (OSError, asyncio.IncompleteReadError) as error:
                load.broken.append(repr(error))
                await connection.close()
                connection = await Connection.open(address)
        await connection.close()

    async def work_together() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(work())

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(asyncio.run, work_together())
        try:
            yield load
        finally:
            ended.set()
            working.result()
