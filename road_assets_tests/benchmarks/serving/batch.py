"""A large file through the service, end to end: upload, estimates, their log, download."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import numpy as np

from road_assets.core.bundle import FeatureMatrix
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets_tests.benchmarks.serving.servers import Server

LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class FileFigures:
    """What a file took.

    Attributes:
        rows: of the file.
        seconds: from the first byte sent to the last received.
        processor_seconds: of the service.
        before, most: bytes of memory of the service, before it and at most while it was answered.
    """

    rows: int
    seconds: float
    processor_seconds: float
    before: int
    most: int


def write_file(path: Path, questions: FeatureMatrix, rows: int, width: int) -> None:
    """Write the questions of users as a CSV, from the first again where there are too few."""
    codes = np.where(np.isnan(questions[:, :width]), -1, questions[:, :width]).astype(int)
    lines = [",".join(map(str, row)) for row in codes.tolist()]
    with path.open("w") as file:
        file.write(",".join(MODEL_FIELDS[:width]) + "\n")
        file.writelines(f"{lines[number % len(lines)]}\n" for number in range(rows))


def send_file(server: Server, token: str, path: Path, rows: int) -> FileFigures:
    """Have a file answered.

    Raises:
        RuntimeError: a row has no answer.
    """
    before, spent = server.resident_bytes(), server.processor_seconds()
    started, answered = time.perf_counter(), 0
    with _watched(server) as most, path.open("rb") as file, httpx.Client(trust_env=False, timeout=600) as client:
        request = client.stream(
            "POST",
            f"{server.address}/protected/predict_csv",
            files={"file_request": (path.name, file, "text/csv")},
            headers={"Authorization": f"Bearer {token}", "Accept": "text/csv"},
        )
        with request as answer:
            answer.raise_for_status()
            answered = sum(piece.count(b"severe") for piece in answer.iter_bytes(2**20))
    seconds = time.perf_counter() - started
    if abs(answered - rows) > rows // 1000:  # a word may lie across two pieces
        raise RuntimeError(f"{answered} of {rows} rows were answered")
    return FileFigures(rows, seconds, server.processor_seconds_since(spent), before, most[0])


@contextmanager
def _watched(server: Server) -> Iterator[list[int]]:
    """Most memory that a server has until the block ends."""
    most, ended = [server.resident_bytes()], threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            most[0] = max(most[0], server.resident_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()
