"""A large file sent to the service, end to end: upload, estimates, prediction log, download."""

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

SAMPLING_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class FileFigures:
    """Measurements of one file.

    Attributes:
        rows: of the file.
        seconds: from the first byte sent to the last one received.
        processor_seconds: of the service.
        before, most: resident bytes of the service before the file, and the largest number during it.
    """

    rows: int
    seconds: float
    processor_seconds: float
    before: int
    most: int


def write_file(path: Path, questions: FeatureMatrix, rows: int, width: int) -> None:
    """Write questions as CSV, repeating them if there are fewer than rows."""
    codes = np.where(np.isnan(questions[:, :width]), -1, questions[:, :width]).astype(int)
    lines = [",".join(map(str, row)) for row in codes.tolist()]
    with path.open("w") as file:
        file.write(",".join(MODEL_FIELDS[:width]) + "\n")
        file.writelines(f"{lines[number % len(lines)]}\n" for number in range(rows))


def send_file(server: Server, token: str, path: Path, rows: int) -> FileFigures:
    """Send a file and read its answer.

    Raises:
        RuntimeError: a row has no answer.
    """
    before, spent = server.resident_bytes(), server.processor_seconds()
    started, answered = time.perf_counter(), 0
    with _peak_memory(server) as most, path.open("rb") as file, httpx.Client(trust_env=False, timeout=600) as client:
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
def _peak_memory(server: Server) -> Iterator[list[int]]:
    """Sample the largest resident size of a server during the block."""
    most, ended = [server.resident_bytes()], threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLING_SECONDS):
            most[0] = max(most[0], server.resident_bytes())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()
