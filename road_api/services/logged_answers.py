"""Looking up logged answers by request id: in the queue of the prediction log, else in the table ``predictions``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

import numpy as np

from road_api.services.database import Database
from road_api.services.prediction_log import PredictionLog
from road_api.services.prediction_rows import ALONE, LogEntry
from road_assets.core.bundle import FeatureMatrix
from road_assets.core.vocabulary import UNKNOWN_CODE

_FIND: Final[LiteralString] = """
    SELECT request_id, line, username, model_version, answered_at, probability, inputs FROM predictions
    WHERE request_id = %(request_id)s AND answered_at >= %(oldest)s
    AND (%(username)s::text IS NULL OR username = %(username)s) AND (%(line)s::integer IS NULL OR line = %(line)s)
    ORDER BY answered_at DESC, line LIMIT 2"""
"""Two rows, because the second one tells that there are several."""


class NoSuchAnswerError(LookupError):
    """There is no such answer; the message says where it may be."""


class SeveralAnswersError(ValueError):
    """The request has several answers, of which one must be chosen."""


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """One logged answer.

    Attributes:
        request_id: of the request.
        line: of the file, or number of the user in an accident from 1; ``ALONE`` for a single question.
        username: who asked.
        model_version: that answered.
        answered_at: when.
        probability: of a severe injury, single precision.
        row: shape (1, 27), NaN where unknown.
    """

    request_id: str
    line: int
    username: str
    model_version: str
    answered_at: datetime
    probability: float
    row: FeatureMatrix


class LoggedAnswers:
    """Finds answers that are not older than the log's retention."""

    def __init__(self, log: PredictionLog, database: Database, retention_days: int) -> None:
        """Look in the log's queue, then in the database.

        Args:
            log: its queue holds what is not stored yet.
            database: holds the others.
            retention_days: age of the oldest answer that is found.
        """
        self._log = log
        self._database = database
        self._retention_days = retention_days

    async def find(self, request_id: str, line: int | None, username: str | None) -> LoggedAnswer:
        """Find the newest answer of a request.

        Args:
            request_id: of the request.
            line: which of its answers; None for the only one.
            username: who must have asked; None for anybody.

        Raises:
            NoSuchAnswerError: there is none.
            SeveralAnswersError: there are several, and no line was named.
            DatabaseError: it is not in the queue, and Postgres is away.
        """
        # The queue comes first: what leaves it meanwhile is in the table by then.
        waiting = self._log.find_waiting(request_id)
        found = [each for answered in waiting for each in _lines_of(answered, line, username)]
        if not found:
            found = await self._read(request_id, line, username)
        if not found:
            chosen = "" if line is None else f", line {line}"
            raise NoSuchAnswerError(
                f"no answer has the request id {request_id!r}{chosen}: there is none, or it is another user's, or was "
                f"given more than {self._retention_days} days ago; one that was given this second may not be stored "
                "yet, so try again"
            )
        if found[0].line != ALONE and len({answer.line for answer in found}) > 1:
            raise SeveralAnswersError("this request was answered several times; say which answer is meant: ?line=2")
        return found[0]

    async def _read(self, request_id: str, line: int | None, username: str | None) -> list[LoggedAnswer]:
        oldest = datetime.now(UTC) - timedelta(days=self._retention_days)
        wanted = {"request_id": request_id, "line": line, "username": username, "oldest": oldest}
        async with self._database.connect() as connection:
            rows = await (await connection.execute(_FIND, wanted)).fetchall()
        return [_from_row(row) for row in rows]


def _from_row(row: Sequence[Any]) -> LoggedAnswer:
    request_id, line, username, version, answered_at, probability, inputs = row
    values = np.array([inputs], dtype=np.float32)
    values[values == UNKNOWN_CODE] = np.nan
    return LoggedAnswer(request_id, line, username, str(version), answered_at.astimezone(UTC), probability, values)


def _lines_of(answered: LogEntry, line: int | None, username: str | None) -> list[LoggedAnswer]:
    if username not in {None, answered.username}:
        return []
    moment = datetime.fromtimestamp(answered.answered_at / 1_000_000, UTC)
    return [
        LoggedAnswer(
            answered.request_id,
            int(number),
            answered.username,
            answered.model_version,
            moment,
            float(np.float32(answered.probabilities[place])),
            answered.matrix[place : place + 1],
        )
        for place, number in enumerate(answered.lines)
        if line in {None, number}
    ]
