"""The log of predictions: questions put answers into a bounded queue, one thread brings them to Postgres in batches.

While Postgres is away the queue fills, the same batch is tried again and again, and what no longer fits is counted and
dropped: an estimate never waits for its log.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from litestar import Litestar

from road_api.metrics import Metrics
from road_api.services.prediction_rows import Answered, Batch, Note, encode
from road_api.services.prediction_table import PredictionsAwayError, PredictionTable
from road_assets.core.bundle import FeatureMatrix

BATCH_ROWS: Final = 10_000
"""Rows that are written together; that takes some 0.2 s, 0.04 s of them of the interpreter."""

PAUSE_SECONDS: Final = 0.25
"""Longest time that an answer waits for others to be written with."""

FIRST_RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
"""Time to write what is left when the service stops; its supervisor ends it by force after eight."""

ROOM_SECONDS: Final = 30.0
"""Longest time that some lines of a file wait for room in the queue while Postgres takes others."""

CLEANING_SECONDS: Final = 3600.0

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogState:
    """How the log is, for the health endpoint.

    Attributes:
        on: whether there is one.
        reachable: whether Postgres took the last batch, None before the first look or without a log.
        detail: the same in words.
    """

    on: bool
    reachable: bool | None
    detail: str


OFF: Final = LogState(
    on=False, reachable=None, detail="off: the service was not told where the tables are; set ROAD_DATABASE_URL"
)


class PredictionLog:
    """A bounded queue and the thread that empties it. Without a table it is off and takes nothing.

    Attributes:
        state: how it is.
    """

    def __init__(self, table: PredictionTable | None, metrics: Metrics, *, capacity: int, retention_days: int) -> None:
        """Prepare; nothing is opened or started.

        Args:
            table: where to write.
            metrics: where drops and the queue are counted.
            capacity: rows that may wait.
            retention_days: days that a prediction is kept.
        """
        self._table = table
        self._metrics = metrics
        self._capacity = capacity
        self._retention = timedelta(days=retention_days)
        self._answers: deque[Answered] = deque()
        self._being_written: list[Answered] = []
        self._rows = 0  # waiting or being written
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._closed = False
        self._gives_up_at = math.inf
        self._cleaned_at = -math.inf
        self._thread: threading.Thread | None = None
        self.state = OFF if table is None else LogState(on=True, reachable=None, detail="not asked yet")

    def for_request(self, request_id: str, username: str, model_version: str) -> Note:
        """What notes the answers of one request; never waits, and may be called in any thread."""

        def note(matrix: FeatureMatrix, probabilities: Sequence[float], lines: Sequence[int]) -> None:
            self._put(
                Answered(request_id, username, model_version, time.time_ns() // 1000, matrix, probabilities, lines)
            )

        return note

    def find_waiting(self, request_id: str) -> list[Answered]:
        """Answers of a request that are not stored yet, newest first; what was stored this moment may be among them."""
        with self._lock:
            waiting = [*self._being_written, *self._answers]
        return [answer for answer in reversed(waiting) if answer.request_id == request_id]

    def for_file(self, request_id: str, username: str, model_version: str) -> Note:
        """What notes the answers to a file; it waits while the queue is half full and Postgres takes what is in it.

        A large file is answered faster than it is logged. To be called in a thread of the file's own.
        """
        note = self.for_request(request_id, username, model_version)

        def note_when_there_is_room(
            matrix: FeatureMatrix, probabilities: Sequence[float], lines: Sequence[int]
        ) -> None:
            self._wait_for_room(len(lines))
            note(matrix, probabilities, lines)

        return note_when_there_is_room

    @asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        """Write from start-up to shutdown, and what is left then."""
        self.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Start writing, if there is a table."""
        if self._table is not None:
            # A daemon: a Postgres that swallows a batch without an answer must not keep the process alive.
            self._thread = threading.Thread(target=self._run, args=(self._table,), name="prediction log", daemon=True)
            self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Write what is left and end; what cannot be written within some seconds is counted as dropped."""
        if self._thread is None:
            return
        self._gives_up_at = time.monotonic() + seconds
        self._stopping.set()
        self._wake.set()
        self._thread.join(seconds)
        with self._room:
            self._closed, left = True, self._rows
            self._room.notify_all()
        if left:
            self._drop(left, "the service stopped before Postgres took them")

    def _wait_for_room(self, rows: int) -> None:
        """Leave half of the queue to questions asked alone, which never wait."""

        def has_room() -> bool:
            fits = self._rows + rows <= max(self._capacity // 2, rows)
            return fits or self.state.reachable is False or not self.state.on or self._closed

        with self._room:
            self._room.wait_for(has_room, ROOM_SECONDS)

    def _put(self, answer: Answered) -> None:
        rows = len(answer.lines)
        with self._lock:
            taken = self._rows + rows <= self._capacity and not self._closed
            if taken:
                self._answers.append(answer)
                self._rows += rows
            full = self._rows >= BATCH_ROWS
        if full:
            self._wake.set()
        if not taken and self.state.on:
            self._metrics.predictions_dropped.inc(rows)

    def _run(self, table: PredictionTable) -> None:
        while not (self._stopping.is_set() and (not self._answers or time.monotonic() > self._gives_up_at)):
            if self._rows < BATCH_ROWS and not self._stopping.is_set():
                self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()
            answers = self._take()
            if answers:
                self._write(table, answers)
            self._metrics.predictions_queued.set(self._rows)
            self._clean(table)
        table.close()

    def _take(self) -> list[Answered]:
        answers: list[Answered] = []
        rows = 0
        with self._lock:
            while self._answers and rows < BATCH_ROWS:
                answers.append(self._answers.popleft())
                rows += len(answers[-1].lines)
            self._being_written = answers
        return answers

    def _write(self, table: PredictionTable, answers: list[Answered]) -> None:
        rows = sum(len(answer.lines) for answer in answers)
        try:
            stored = self._insist(table, encode(answers))
        except Exception:  # rows that will never be taken must not hold up all others
            logger.exception("predictions cannot be logged", rows=rows)
            stored = False
            self._metrics.predictions_dropped.inc(rows)
        else:
            if not stored:
                return  # given up: whoever stops the log counts what is left
        with self._room:
            self._rows -= rows
            self._being_written = []
            self._room.notify_all()
        if stored:
            self._metrics.predictions_written.inc(rows)

    def _insist(self, table: PredictionTable, batch: Batch) -> bool:
        """Write a batch, however long it takes until Postgres is back; false if the service stops first."""
        pause = FIRST_RETRY_SECONDS
        while True:
            try:
                table.write(batch)
            except PredictionsAwayError as error:
                self._note_away(str(error))
            else:
                self._note_back()
                return True
            self._metrics.predictions_queued.set(self._rows)
            self._stopping.wait(pause)
            left = self._gives_up_at - time.monotonic()
            if left <= 0:
                return False
            if self._stopping.is_set():
                time.sleep(min(FIRST_RETRY_SECONDS, left))
            pause = min(2 * pause, LONGEST_RETRY_SECONDS)

    def _clean(self, table: PredictionTable) -> None:
        """Once an hour, drop what is older than it may be; the first time at the start, which opens the connection."""
        if time.monotonic() - self._cleaned_at < CLEANING_SECONDS or self._stopping.is_set():
            return
        try:
            dropped = table.drop_before((datetime.now(UTC) - self._retention).date())
        except PredictionsAwayError as error:
            self._note_away(str(error))
            self._cleaned_at = time.monotonic() - CLEANING_SECONDS + LONGEST_RETRY_SECONDS
            return
        except Exception:  # old days that stay are no reason to lose new ones
            logger.exception("old predictions cannot be dropped")
        else:
            self._note_back()
            if dropped:
                logger.info("old predictions dropped", parts=dropped)
        self._cleaned_at = time.monotonic()

    def _note_away(self, reason: str) -> None:
        if self.state.reachable is not False:
            logger.warning("predictions wait for Postgres", reason=reason)
        self.state = LogState(on=True, reachable=False, detail=f"waiting: {reason}")
        self._metrics.predictions_up.set(0)
        with self._room:
            self._room.notify_all()  # files do not wait for what may take hours

    def _note_back(self) -> None:
        if self.state.reachable is False:
            logger.info("predictions are written again", waiting=self._rows)
        self.state = LogState(on=True, reachable=True, detail="every prediction is logged")
        self._metrics.predictions_up.set(1)

    def _drop(self, rows: int, reason: str) -> None:
        self._metrics.predictions_dropped.inc(rows)
        logger.error("predictions lost", rows=rows, reason=reason)
