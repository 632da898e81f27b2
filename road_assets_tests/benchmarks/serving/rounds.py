"""Rounds of load on several servers in turn, so that other load on the machine affects all of them alike."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from road_assets.core.bundle import Bundle, FeatureMatrix
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.benchmarks.serving.load_generator import Generator, Outcome, encode
from road_assets_tests.benchmarks.serving.servers import Server

PATH: Final = "/protected/predict"
KINDS: Final = {"27 fields": len(MODEL_FIELDS), "13 fields": len(FEATURE_NAMES)}
"""Kinds of questions: with every recorded field, or with the 13 features only."""

CHECKED_SERVER: Final = "service"
TOLERANCE: Final = 1e-6


@dataclass
class Figures:
    """Measurements of one server with one kind of question, one value per round.

    Attributes:
        rates: answers per second.
        processor: CPU seconds of the server's processes per answer.
        medians: latencies in seconds.
    """

    rates: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    medians: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median of the rounds, in answers per second."""
        return float(np.median(self.rates))

    @property
    def processor_seconds(self) -> float:
        """Median of the rounds, in CPU seconds per answer."""
        return float(np.median(self.processor))


class Rounds:
    """Asks each server each kind of question, in turn, and checks every answer."""

    def __init__(
        self, generator: Generator, servers: Sequence[Server], questions: FeatureMatrix, bundle: Bundle
    ) -> None:
        """Ask each server the same questions in the same order; each round goes on where the last one ended."""
        self._generator, self._servers = generator, servers
        self._expected = {
            kind: bundle.predict(np.where(np.arange(len(MODEL_FIELDS)) < width, questions, np.float32(np.nan)))
            for kind, width in KINDS.items()
        }
        self._bodies = {kind: [_body(row, width) for row in questions] for kind, width in KINDS.items()}
        self._next: dict[tuple[str, str], int] = {}
        self.asked: dict[str, int] = {}

    def prepare(self, token: str) -> None:
        """Encode all requests, and send them to the load generator."""
        for server in self._servers:
            for kind, bodies in self._bodies.items():
                self._generator.keep(_name(server, kind), encode(server.port, PATH, token, bodies))

    def run(self, rounds: int, seconds: float) -> Mapping[tuple[str, str], Figures]:
        """Measure, after one additional round to warm up."""
        figures = {(server.name, kind): Figures() for server in self._servers for kind in KINDS}
        for number in range(rounds + 1):
            for server in self._servers:
                for kind in KINDS:
                    before = server.processor_seconds()
                    outcome = self.load(server, kind, seconds)
                    spent = server.processor_seconds_since(before)
                    if number:
                        one = figures[server.name, kind]
                        one.rates.append(outcome.rate)
                        one.processor.append(spent / len(outcome.latencies))
                        one.medians.append(outcome.percentile(50))
        return figures

    def load(self, server: Server, kind: str, seconds: float, rate: float | None = None) -> Outcome:
        """Load one server for some seconds, and check what it answered.

        Raises:
            RuntimeError: an answer is no 200, or not the model's.
        """
        key = server.name, kind
        first = self._next.get(key, 0)
        outcome = self._generator.run(_name(server, kind), server.port, first=first, seconds=seconds, rate=rate)
        self._next[key] = first + len(outcome.answers)
        self.asked[server.name] = self.asked.get(server.name, 0) + len(outcome.answers)
        if set(outcome.statuses) != {200}:
            raise RuntimeError(f"{server.name} answered {dict(outcome.statuses)}: {outcome.answers[-1][1]!r}")
        if server.name == CHECKED_SERVER:
            self._check(kind, outcome.answers)
        return outcome

    def _check(self, kind: str, answers: Sequence[tuple[int, bytes]]) -> None:
        numbers = np.array([number for number, _ in answers])
        given = np.array([json.loads(body)["probability"] for _, body in answers])
        worst = float(np.abs(given - self._expected[kind][numbers]).max())
        if not worst <= TOLERANCE:
            raise RuntimeError(f"an answer is off by {worst:.3g}")


def _body(row: FeatureMatrix, width: int) -> bytes:
    values = zip(MODEL_FIELDS[:width], row[:width].tolist(), strict=True)
    return json.dumps({name: None if math.isnan(value) else int(value) for name, value in values}).encode()


def _name(server: Server, kind: str) -> str:
    return f"{server.name} {kind}"
