"""Answers to a CSV file of questions, one per row: as JSON, or as the same CSV with the answers in additional columns.

Questions and answers lie in temporary files and pass through memory a few thousand rows at a time, whatever their size.
The answer is complete before its first byte is sent, so that an error in the file can still set the HTTP status.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, Final, Literal

import msgspec
import numpy as np

from road_api.schemas.responses import PredictedRow, RefusedRow, RowError
from road_api.services.csv_rows import CsvFile, CsvRow, read_csv
from road_api.services.csv_text import Dialect
from road_api.services.estimate import Estimate, estimate
from road_api.services.model_store import ServedModel
from road_api.services.prediction_rows import LogAnswers
from road_assets.core.scene_fields import MODEL_FIELDS

ROWS_PER_CALL: Final = 8192
CHARACTERS_PER_CALL: Final = 4 * 1024 * 1024
"""Rows estimated together are bounded in number and in length, so that memory is bounded for any file: as a Python
object, a cell of two letters takes twenty times as many bytes."""

SPOOLED_BYTES: Final = 1024 * 1024
"""Answers up to this size stay in memory."""

ANSWER_COLUMNS: Final = ("prediction", "probability", "label", "error")
"""Appended to the columns of the file, in a CSV answer."""

AnswerFormat = Literal["json", "csv"]

_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 (spreadsheets accept the full-width forms too)
_NUMBER = re.compile(r"\s*[+-]?[0-9]+([.,][0-9]+)?\s*", re.ASCII)

AnsweredRow = tuple[CsvRow, Estimate | None]
"""A row and its estimate, None where the row is wrong."""


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A complete answer.

    Attributes:
        content: positioned at its start; the sender closes it.
        size: in bytes.
        media_type: with the charset if it is CSV.
    """

    content: IO[bytes]
    size: int
    media_type: str


def answer_csv(  # noqa: PLR0913 (what is asked, by whom, and how to answer)
    model: ServedModel,
    user: str,
    file: IO[bytes],
    log_answers: LogAnswers,
    *,
    max_rows: int,
    answer_format: AnswerFormat,
) -> FileAnswer:
    """Answer a file, row by row. It may take minutes, so call it in a thread.

    Args:
        model: the one that answers.
        user: who asks.
        file: as ``read_csv`` accepts it.
        log_answers: called with the estimates, piece by piece.
        max_rows: largest number of rows that is accepted.
        answer_format: ``json`` as in ``responses.CsvPrediction``; ``csv`` with separator and encoding of the file.

    Raises:
        CsvError: the file cannot be read as a whole; nothing was estimated.
        TooManyRowsError: it has more rows; nothing was estimated.
    """
    asked = read_csv(file, max_rows)
    answers = _estimate_pieces(model, asked, log_answers)
    if answer_format == "csv":
        charset = "windows-1252" if asked.dialect.encoding == "cp1252" else "utf-8"
        return _store(_write_csv(asked, answers), f"text/csv; charset={charset}")
    head = {"user": user, "model_version": model.ref.version, "data": model.bundle.manifest.data}
    return _store(_write_json(head, asked.dialect.rows, answers), "application/json")


def read_pieces(answer: FileAnswer) -> Iterator[bytes]:
    """Read an answer piece by piece, and close it at the end."""
    with answer.content as content:
        while piece := content.read(SPOOLED_BYTES):
            yield piece


def escape_formula(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula. Numbers such as -1 are left as they are."""
    if not _FORMULA_STARTS.isdisjoint((cell[:1], cell.lstrip()[:1])) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _estimate_pieces(model: ServedModel, asked: CsvFile, log_answers: LogAnswers) -> Iterator[list[AnsweredRow]]:
    together = min(ROWS_PER_CALL, max(1, CHARACTERS_PER_CALL // asked.dialect.longest))
    while batch := list(islice(asked.rows, together)):
        readable = [row for row in batch if not row.reason]
        estimates: Iterable[Estimate] = ()
        if readable:
            matrix = np.array([row.codes for row in readable], dtype=np.float32).reshape(-1, len(MODEL_FIELDS))
            estimates = estimate(model, matrix)
            log_answers(matrix, [answer.probability for answer in estimates], [row.line for row in readable])
        answers = iter(estimates)
        yield [(row, None if row.reason else next(answers)) for row in batch]


def _store(pieces: Iterator[bytes], media_type: str) -> FileAnswer:
    content = SpooledTemporaryFile(SPOOLED_BYTES)  # noqa: SIM115 (read after this function has returned)
    try:
        size = sum(map(content.write, pieces))
        content.seek(0)
    except BaseException:
        content.close()
        raise
    return FileAnswer(content, size, media_type)


def _write_json(head: dict[str, str], rows: int, answers: Iterator[list[AnsweredRow]]) -> Iterator[bytes]:
    # Encoded piece by piece: a million answers as objects would take ten times the memory of their JSON.
    separator = msgspec.json.encode(head)[:-1] + b',"predictions":['
    for piece in answers:
        yield separator
        yield msgspec.json.encode([_as_object(*answered) for answered in piece])[1:-1]
        separator = b","
    yield b'],"rows":%d}' % rows


def _as_object(row: CsvRow, answer: Estimate | None) -> PredictedRow | RefusedRow:
    if answer is None:
        return RefusedRow(row.line, RowError(row.field, row.reason))
    return PredictedRow(row.line, answer.outcome.value, answer.probability, answer.confidence, answer.outcome.en)


def _write_csv(asked: CsvFile, answers: Iterator[list[AnsweredRow]]) -> Iterator[bytes]:
    write, width = _row_writer(asked.dialect), len(asked.header)
    yield write([[*map(escape_formula, asked.header), *ANSWER_COLUMNS]])
    for piece in answers:
        yield write([_as_cells(*answered, width) for answered in piece])


def _row_writer(dialect: Dialect) -> Callable[[Sequence[Sequence[object]]], bytes]:
    # One encoder for the whole answer, so that there is a byte order mark only at its start.
    buffer = io.BytesIO()
    encoder = io.TextIOWrapper(buffer, dialect.encoding, errors="replace", newline="")
    writer = csv.writer(encoder, delimiter=dialect.separator)

    def write(rows: Sequence[Sequence[object]]) -> bytes:
        writer.writerows(rows)
        encoder.flush()
        written = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return written

    return write


def _as_cells(row: CsvRow, answer: Estimate | None, width: int) -> list[object]:
    """The cells of the file, as many as its header has, and the answer."""
    sent = [escape_formula(cell) for cell in row.cells[:width]]
    sent += [""] * (width - len(sent))
    if answer is None:
        return [*sent, "", "", "", escape_formula(f"{row.field}: {row.reason}" if row.field else row.reason)]
    return [*sent, answer.outcome.value, answer.probability, answer.outcome.en, ""]
