"""Drift of live traffic: the questions in the service's prediction log, compared with the training data.

Callers may leave features unknown, whereas training rows have been imputed. Therefore an unknown feature is counted as
the reference's most frequent code, as imputation would do, and the share of unknown values is reported separately.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.drift import DriftScore, score_drift
from road_assets.core.drift_counts import CodeCounts, count_codes
from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits
from road_assets.core.vocabulary import FEATURE_NAMES

_UNKNOWN: Final = 0
"""Index of "not recorded" in a feature's counts."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Questions answered by the service within some days.

    Attributes:
        codes: questions per code of each of the 13 features.
        questions: their number.
        distinct: number of different sets of the 13 codes.
        mean_probability: mean of the answers, NaN if there are none.
    """

    codes: CodeCounts
    questions: int
    distinct: int
    mean_probability: float

    def unknown_shares(self) -> dict[str, float]:
        """Share of the questions in which a feature is unknown, by feature."""
        return {name: int(self.codes[name][_UNKNOWN]) / max(self.questions, 1) for name in FEATURE_NAMES}


def count_traffic(sets: Sequence[tuple[Sequence[int], int, float]]) -> Traffic:
    """Count the questions of some days.

    Args:
        sets: for each different set of the 13 codes (``UNKNOWN_CODE`` where unknown), the number of questions and the
            sum of their probabilities.

    Raises:
        ValueError: a code that the vocabulary does not know.
    """
    codes = np.array([codes for codes, _, _ in sets], dtype=np.int16).reshape(-1, len(FEATURE_NAMES))
    asked = np.array([questions for _, questions, _ in sets], dtype=np.int64)
    questions = int(asked.sum())
    total = float(sum(probabilities for _, _, probabilities in sets))
    counts = _count(pd.DataFrame(codes, columns=list(FEATURE_NAMES)), asked)
    return Traffic(counts, questions, len(sets), total / questions if questions else float("nan"))


def compare_traffic(reference: CodeCounts, traffic: Traffic, limits: DriftLimits = DEFAULT_LIMITS) -> DriftScore:
    """Compare questions with what a model learned.

    Args:
        reference: of the production model's training window.
        traffic: of the trailing window.
        limits: what counts as drift.

    Returns:
        The score; distances are NaN if there are too few questions.
    """
    filled = {name: _filled(traffic.codes[name], reference[name]) for name in FEATURE_NAMES}
    return score_drift(reference, filled, limits)


def _count(sets: pd.DataFrame, asked: npt.NDArray[np.int64]) -> CodeCounts:
    """Count each set as often as it was asked: one count per binary digit of these numbers, of which there are few."""
    digits = max(int(asked.max(initial=0)).bit_length(), 1)
    parts = [count_codes(sets[(asked >> digit & 1).astype(bool)]) for digit in range(digits)]
    return {name: np.sum([part[name] << digit for digit, part in enumerate(parts)], axis=0) for name in FEATURE_NAMES}


def _filled(counts: npt.NDArray[np.int64], reference: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if reference[_UNKNOWN]:
        return counts  # the model was trained with "not recorded" as a code
    filled = counts.copy()
    filled[int(np.argmax(reference))] += filled[_UNKNOWN]
    filled[_UNKNOWN] = 0
    return filled
