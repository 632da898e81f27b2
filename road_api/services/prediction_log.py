"""The prediction log: requests put answers into a bounded queue, and one thread writes it to Postgres in batches.

While Postgres is away, the queue fills and the same batch is tried again and again. What no longer fits is dropped and
counted: no estimate waits for its log.
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
from road_api.services.prediction_rows import Batch, LogAnswers, LogEntry, encode
from road_api.services.prediction_table import PredictionsAwayError, PredictionTable
from road_assets.core.bundle import FeatureMatrix

BATCH_ROWS: Final = 10_000
"""Rows written together. A batch takes about 0.2 s, in 0.04 s of which it holds the interpreter's lock."""

PAUSE_SECONDS: Final = 0.25
"""Longest time that an answer waits for others, to be written with them."""

FIRST_RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
"""Time to write what is left when the service stops; its supervisor kills it after 8 s."""

ROOM_SECONDS: Final = 30.0
"""Longest time that lines of a file wait for room in the queue while Postgres is taking others."""

CLEANING_SECONDS: Final = 3600.0

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogState:
    """State of the log, for the health endpoint.

    Attributes:
        on: whether predictions are logged at all.
        reachable: whether Postgres took the last batch, None before the first one, or if the log is off.
        detail: the same in words.
    """

    on: bool
    reachable: bool | None
    detail: str


OFF: Final = LogState(on=False, reachable=None, detail="off: the service has no database; set ROAD_DATABASE_URL")


class PredictionLog:
    """A bounded queue and the thread that empties it. Without a table it is off and drops everything.

    Attributes:
        state: for the health endpoint.
    """

    def __init__(self, table: PredictionTable | None, metrics: Metrics, *, capacity: int, retention_days: int) -> None:
        """Prepare; nothing is opened or started yet.

        Args:
            table: where to write.
            metrics: counts written and dropped predictions, and shows the queue.
            capacity: rows that may wait.
            retention_days: days that a prediction is kept.
        """
        self._table = table
        self._metrics = metrics
        self._capacity = capacity
        self._retention = timedelta(days=retention_days)
        self._queue: deque[LogEntry] = deque()
        self._being_written: list[LogEntry] = []
        self._rows = 0  # waiting or being written
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._closed = False
        self._stop_deadline = math.inf
        self._cleaned_at = -math.inf
        self._thread: threading.Thread | None = None
        self.state = OFF if table is None else LogState(on=True, reachable=None, detail="not asked yet")

    def for_request(self, request_id: str, username: str, model_version: str) -> LogAnswers:
        """Make a function that logs the answers to one request. It never waits, and may be called in any thread."""

        def log_answers(matrix: FeatureMatrix, probabilities: Sequence[float], lines: Sequence[int]) -> None:
            self._put(
                LogEntry(request_id, username, model_version, time.time_ns() // 1000, matrix, probabilities, lines)
            )

        return log_answers

    def find_waiting(self, request_id: str) -> list[LogEntry]:
        """Find the answers to a request that are still in the queue or being written, newest first."""
        with self._lock:
            waiting = [*self._being_written, *self._queue]
        return [entry for entry in reversed(waiting) if entry.request_id == request_id]

    def for_file(self, request_id: str, username: str, model_version: str) -> LogAnswers:
        """Make a function that logs the answers to a file; it waits while half of the queue is full and being written.

        A large file is answered faster than it is logged. Call it in a thread in which nothing else waits.
        """
        log_answers = self.for_request(request_id, username, model_version)

        def log_when_there_is_room(matrix: FeatureMatrix, probabilities: Sequence[float], lines: Sequence[int]) -> None:
            self._wait_for_room(len(lines))
            log_answers(matrix, probabilities, lines)

        return log_when_there_is_room

    @asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        """Write from start-up to shutdown, and at shutdown what is left."""
        self.start()
        try:
            yield
        finally:
            await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Start writing, if there is a table."""
        if self._table is not None:
            # A daemon thread: a Postgres that never answers must not keep the process alive.
            self._thread = threading.Thread(target=self._run, args=(self._table,), name="prediction log", daemon=True)
            self._thread.start()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Write what is left, then stop; what cannot be written within some seconds is counted as dropped."""
        if self._thread is None:
            return
        self._stop_deadline = time.monotonic() + seconds
        self._stopping.set()
        self._wake.set()
        self._thread.join(seconds)
        with self._room:
            self._closed, left = True, self._rows
            self._room.notify_all()
        if left:
            self._drop(left, "the service stopped before Postgres took them")

    def _wait_for_room(self, rows: int) -> None:
        """Leave half of the queue to single questions, which never wait."""

        def has_room() -> bool:
            fits = self._rows + rows <= max(self._capacity // 2, rows)
            return fits or self.state.reachable is False or not self.state.on or self._closed

        with self._room:
            self._room.wait_for(has_room, ROOM_SECONDS)

    def _put(self, entry: LogEntry) -> None:
        if self._table is None:
            return
        rows = len(entry.lines)
        with self._lock:
            taken = self._rows + rows <= self._capacity and not self._closed
            if taken:
                self._queue.append(entry)
                self._rows += rows
            full = self._rows >= BATCH_ROWS
        if full:
            self._wake.set()
        if not taken:
            self._metrics.predictions_dropped.inc(rows)

    def _run(self, table: PredictionTable) -> None:
        while not (self._stopping.is_set() and (not self._queue or time.monotonic() > self._stop_deadline)):
            if self._rows < BATCH_ROWS and not self._stopping.is_set():
                self._wake.wait(PAUSE_SECONDS)
            self._wake.clear()
            entries = self._take()
            if entries:
                self._write(table, entries)
            self._metrics.predictions_queued.set(self._rows)
            self._clean(table)
        table.close()

    def _take(self) -> list[LogEntry]:
        entries: list[LogEntry] = []
        rows = 0
        with self._lock:
            while self._queue and rows < BATCH_ROWS:
                entries.append(self._queue.popleft())
                rows += len(entries[-1].lines)
            self._being_written = entries
        return entries

    def _write(self, table: PredictionTable, entries: list[LogEntry]) -> None:
        rows = sum(len(entry.lines) for entry in entries)
        try:
            stored = self._write_with_retries(table, encode(entries))
        except Exception:  # rows that Postgres will never take must not block the others
            logger.exception("predictions cannot be logged", rows=rows)
            stored = False
            self._metrics.predictions_dropped.inc(rows)
        else:
            if not stored:
                return  # the service stops, and ``stop`` counts what is left
        with self._room:
            self._rows -= rows
            self._being_written = []
            self._room.notify_all()
        if stored:
            self._metrics.predictions_written.inc(rows)

    def _write_with_retries(self, table: PredictionTable, batch: Batch) -> bool:
        """Write a batch, and retry until Postgres is back; False if the service stops before that."""
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
            left = self._stop_deadline - time.monotonic()
            if left <= 0:
                return False
            if self._stopping.is_set():
                time.sleep(min(FIRST_RETRY_SECONDS, left))
            pause = min(2 * pause, LONGEST_RETRY_SECONDS)

    def _clean(self, table: PredictionTable) -> None:
        """Once an hour, drop what is older than the retention; first at start-up, which also opens the connection."""
        if time.monotonic() - self._cleaned_at < CLEANING_SECONDS or self._stopping.is_set():
            return
        try:
            dropped = table.drop_before((datetime.now(UTC) - self._retention).date())
        except PredictionsAwayError as error:
            self._note_away(str(error))
            self._cleaned_at = time.monotonic() - CLEANING_SECONDS + LONGEST_RETRY_SECONDS
            return
        except Exception:  # old days that cannot be dropped are no reason to lose new ones
            logger.exception("old predictions cannot be dropped")
        else:
            self._note_back()
            if dropped:
                logger.info("old predictions dropped", partitions=dropped)
        self._cleaned_at = time.monotonic()

    def _note_away(self, reason: str) -> None:
        if self.state.reachable is not False:
            logger.warning("predictions wait for Postgres", reason=reason)
        self.state = LogState(on=True, reachable=False, detail=f"waiting: {reason}")
        self._metrics.predictions_up.set(0)
        with self._room:
            self._room.notify_all()  # files do not wait for a Postgres that may be away for hours

    def _note_back(self) -> None:
        if self.state.reachable is False:
            logger.info("predictions are written again", waiting=self._rows)
        self.state = LogState(on=True, reachable=True, detail="every prediction is logged")
        self._metrics.predictions_up.set(1)

    def _drop(self, rows: int, reason: str) -> None:
        self._metrics.predictions_dropped.inc(rows)
        logger.error("predictions lost", rows=rows, reason=reason)
