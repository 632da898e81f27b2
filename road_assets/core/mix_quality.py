"""Measures generated rows: marginals, associations, detectability, usefulness for training, and copies of real rows.

All figures compare with real rows of the same period that the generator has not seen.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from road_assets.core.drift import total_variation
from road_assets.core.mixing import CHAIN_COLUMNS, CodeMatrix, fit_chain

Generate = Callable[[CodeMatrix, int], CodeMatrix]
"""Fits a generator to real rows, and returns the given number of generated rows."""

_FOLDS: Final = 3
_TREES: Final = 60
_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class MixQuality:
    """Figures of a generator.

    Attributes:
        marginal_distance: mean total-variation distance of the columns; 0 is perfect.
        association_error: mean absolute difference of Cramér's V over all pairs of columns; 0 is perfect.
        detection_auc: ROC-AUC of a classifier that separates generated from unseen real rows; 0.5 is perfect.
        learning_ratio: ROC-AUC on real rows of a model trained on generated rows, divided by that of a model trained
            on real rows; 1 is perfect.
        copied_share: share of generated rows that equal a source row.
        natural_copied_share: share of unseen real rows that equal a source row, which happens without any copying.
        rows: real rows on each side.
    """

    marginal_distance: float
    association_error: float
    detection_auc: float
    learning_ratio: float
    copied_share: float
    natural_copied_share: float
    rows: int

    def as_figures(self) -> dict[str, float]:
        """The figures by name."""
        return {name: float(value) for name, value in asdict(self).items()}


def chain_generator(seed: int) -> Generate:
    """The generator of ``mixing``, as measured here."""

    def generate(source: CodeMatrix, rows: int) -> CodeMatrix:
        uniforms = np.random.default_rng(seed).random((rows, len(CHAIN_COLUMNS)))
        return fit_chain(source, seed=seed).sample(uniforms)

    return generate


@dataclass(frozen=True, slots=True)
class Halves:
    """Real rows in two random halves: one to learn from, one to compare with.

    Rows are divided one by one, not by accident, because generated rows have no accident mates either.

    Attributes:
        source: shape (rows, 14), columns as ``CHAIN_COLUMNS``; for the generator.
        unseen: shape (rows, 14), of the same period.
        unseen_accidents: shape (rows,), the accident of each unseen row.
    """

    source: CodeMatrix
    unseen: CodeMatrix
    unseen_accidents: npt.NDArray[np.object_]


def halve(codes: CodeMatrix, accidents: npt.NDArray[np.object_], *, seed: int, most_rows: int | None = None) -> Halves:
    """Divide real rows in two random halves.

    Args:
        codes: shape (rows, 14).
        accidents: shape (rows,), the accident of each row.
        seed: makes the division the same each time.
        most_rows: rows of each half at most.
    """
    order = np.random.default_rng(seed).permutation(len(codes))
    size = min(len(codes) // 2, most_rows or len(codes))
    source, unseen = order[:size], order[size : 2 * size]
    return Halves(codes[source], codes[unseen], accidents[unseen])


def measure_mix(halves: Halves, generate: Generate, *, seed: int) -> MixQuality:
    """Fit a generator to one half of real rows and compare its rows with the other half.

    Args:
        halves: the real rows.
        generate: the generator.
        seed: of the classifiers.

    Returns:
        The figures.

    Raises:
        ValueError: a half has no rows, or only one outcome.
    """
    source, unseen = halves.source, halves.unseen
    if any(set(np.unique(half[:, 0])) != {0, 1} for half in (source, unseen)):
        raise ValueError("a mix is measured on real rows with both outcomes in each half; give it more days")
    generated = generate(source, len(unseen))
    return MixQuality(
        marginal_distance=_marginal_distance(unseen, generated),
        association_error=_association_error(unseen, generated),
        detection_auc=_detection_auc(halves, generated, seed),
        learning_ratio=_learned(generated, unseen, seed) / _learned(source, unseen, seed),
        copied_share=_copied_share(generated, source),
        natural_copied_share=_copied_share(unseen, source),
        rows=len(unseen),
    )


def _marginal_distance(real: CodeMatrix, generated: CodeMatrix) -> float:
    return float(np.mean([_distance(real[:, column], generated[:, column]) for column in range(real.shape[1])]))


def _distance(one: npt.NDArray[np.int8], other: npt.NDArray[np.int8]) -> float:
    codes = np.union1d(one, other)
    counts = [np.bincount(np.searchsorted(codes, side), minlength=len(codes)) for side in (one, other)]
    return total_variation(*counts)


def _association_error(real: CodeMatrix, generated: CodeMatrix) -> float:
    pairs = combinations(range(real.shape[1]), 2)
    return float(np.mean([abs(_cramers_v(real, *pair) - _cramers_v(generated, *pair)) for pair in pairs]))


def _cramers_v(rows: CodeMatrix, first: int, second: int) -> float:
    """Association of two columns, 0 to 1; 0 where one of them is constant."""
    one, other = (np.unique(rows[:, column], return_inverse=True) for column in (first, second))
    shape = (len(one[0]), len(other[0]))
    if min(shape) < 2:  # noqa: PLR2004 - a constant column
        return 0.0
    counts = np.zeros(shape)
    np.add.at(counts, (one[1], other[1]), 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / len(rows)
    chi_squared = float(((counts - expected) ** 2 / expected).sum())
    return float(np.sqrt(chi_squared / len(rows) / (min(shape) - 1)))


def _detection_auc(halves: Halves, generated: CodeMatrix, seed: int) -> float:
    """Users of an accident stay in one fold, or the classifier would recognise real rows by others of the accident."""
    rows = np.concatenate([halves.unseen, generated])
    is_generated = np.repeat([0, 1], [len(halves.unseen), len(generated)])
    mates = np.unique(halves.unseen_accidents, return_inverse=True)[1]
    draw = np.random.default_rng(seed).integers
    folds = np.concatenate([draw(_FOLDS, size=mates.max() + 1)[mates], draw(_FOLDS, size=len(generated))])
    classifier = HistGradientBoostingClassifier(random_state=seed)
    split = PredefinedSplit(folds)
    suspicion = cross_val_predict(classifier, rows, is_generated, cv=split, method="predict_proba")[:, 1]
    return float(roc_auc_score(is_generated, suspicion))


def _learned(training: CodeMatrix, judged: CodeMatrix, seed: int) -> float:
    forest = RandomForestClassifier(_TREES, max_depth=_DEPTH, min_samples_leaf=2, random_state=seed, n_jobs=-1)
    forest.fit(training[:, 1:], training[:, 0])
    return float(roc_auc_score(judged[:, 0], forest.predict_proba(judged[:, 1:])[:, 1]))


def _copied_share(rows: CodeMatrix, source: CodeMatrix) -> float:
    whole = np.dtype((np.void, source.shape[1]))
    source_keys = np.ascontiguousarray(source).view(whole).ravel()
    return float(np.isin(np.ascontiguousarray(rows).view(whole).ravel(), source_keys).mean())
