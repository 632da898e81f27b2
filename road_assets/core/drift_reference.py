"""The reference of drift: distributions frozen when a candidate is trained, and read while it is in production."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.bundle import Probabilities
from road_assets.core.drift_counts import (
    FEATURE_VARIABLES,
    LABEL,
    NUMERIC_NAMES,
    NUMERIC_VARIABLES,
    PREDICTION,
    PROBABILITY,
    CodeCounts,
    Tally,
    Variable,
    accidents_of,
    positions_of,
)
from road_assets.core.drift_limits import Kind
from road_assets.core.drift_sampling_noise import Scatter, accident_scatter, independent_scatter
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET

FORMAT: Final = 1
SAMPLE_COLUMNS: Final = (*FEATURE_NAMES, *NUMERIC_NAMES, TARGET)
"""Columns of the training rows kept for plots, as far as the rows have them."""


class ReferenceFormatError(ValueError):
    """A stored reference cannot be read."""


@dataclass(frozen=True, slots=True)
class Family:
    """A family of variables in the sense of multiple testing: they share one false alarm probability.

    Attributes:
        kind: of the variables.
        counts: users per value, by variable.
        accidents: number of accidents that these users belong to.
        scatter: moments of one accident, over all values of all variables.
    """

    kind: Kind
    counts: CodeCounts
    accidents: int
    scatter: Scatter

    def tally(self, name: str) -> Tally:
        """Counts of one variable."""
        return Tally(self.counts[name], self.accidents)


@dataclass(frozen=True, slots=True)
class DriftReference:
    """Distributions of a model's training data, and their scatter from accident to accident.

    Attributes:
        families: the 13 features as one family; each other variable that the rows had as a family of its own.
    """

    families: tuple[Family, ...]

    @property
    def codes(self) -> CodeCounts:
        """Users per code of the 13 features."""
        return self.families[0].counts

    @property
    def severe_share(self) -> float | None:
        """Share of severe cases among the users whose label is known."""
        for family in self.families:
            if family.kind == "label":
                (counts,) = family.counts.values()
                return float(counts[1] / counts.sum())
        return None

    def to_json(self) -> str:
        """Serialize; ``read_reference`` is the inverse."""
        return json.dumps({"format": FORMAT, "families": [_to_plain(family) for family in self.families]})


def freeze_reference(training: pd.DataFrame, judged: pd.DataFrame, probabilities: Probabilities) -> DriftReference:
    """Count the distributions that drift will be measured against.

    Args:
        training: real rows that the model learned from.
        judged: real rows of later days. The model has not seen them; on rows that it has seen it is overconfident.
        probabilities: shape (judged rows,), its estimates for them.

    Returns:
        The reference: features, numeric fields and labels of the training rows, estimates of the later rows.
    """
    answered = judged.assign(**{PROBABILITY: probabilities})
    known = [variable for variable in (*NUMERIC_VARIABLES, LABEL) if variable.name in training]
    alone = [_family([variable], training) for variable in known]
    families = (_family(FEATURE_VARIABLES, training), *alone, _family([PREDICTION], answered))
    return DriftReference(tuple(family for family in families if family.accidents))


def reference_of_counts(counts: CodeCounts) -> DriftReference:
    """Make a reference from counts alone; each row counts as an accident of its own, as in live traffic.

    Args:
        counts: rows per code of the 13 features.
    """
    shares = [counted / max(int(counted.sum()), 1) for counted in counts.values()]
    rows = int(next(iter(counts.values())).sum())
    return DriftReference((Family("feature", counts, rows, independent_scatter(shares)),))


def read_reference(content: str | bytes) -> DriftReference:
    """Read what ``DriftReference.to_json`` wrote.

    Raises:
        ReferenceFormatError: it is something else, or of another format.
    """
    try:
        plain = json.loads(content)
        if plain["format"] != FORMAT:
            raise ReferenceFormatError(
                f"the drift reference has format {plain['format']}, this version reads {FORMAT}; train and promote anew"
            )
        return DriftReference(tuple(map(_from_plain, plain["families"])))
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ReferenceFormatError(f"the drift reference does not parse: {error!r}; train and promote anew") from error


def read_counts(content: str | bytes) -> DriftReference:
    """Read a reference of an early version of the platform, which holds rows per code only."""
    plain = json.loads(content)
    return reference_of_counts({name: np.array(counts, dtype=np.int64) for name, counts in plain.items()})


def sample_reference(rows: pd.DataFrame, count: int, *, seed: int) -> pd.DataFrame:
    """Sample real training rows for the report's plots."""
    known = rows[[name for name in SAMPLE_COLUMNS if name in rows]]
    return known.sample(min(len(known), count), random_state=seed)


def _family(variables: Sequence[Variable], rows: pd.DataFrame) -> Family:
    places = [positions_of(rows[variable.name], variable) for variable in variables]
    if len(variables) == 1:  # in a family of several variables every row counts in each of them
        known = places[0] >= 0
        places, rows = [places[0][known]], rows[known]
    accidents, sizes = accidents_of(rows), [variable.size for variable in variables]
    counts = {
        variable.name: np.bincount(values, minlength=variable.size)
        for variable, values in zip(variables, places, strict=True)
    }
    count = int(accidents.max(initial=-1)) + 1
    return Family(variables[0].kind, counts, count, accident_scatter(places, sizes, accidents))


def _to_plain(family: Family) -> dict[str, Any]:
    covariance = family.scatter.covariance
    return {
        "kind": family.kind,
        "accidents": family.accidents,
        "counts": {name: counted.tolist() for name, counted in family.counts.items()},
        "covariance": _rounded(covariance[np.tril_indices(len(covariance))]),
        "third moments": _rounded(family.scatter.third),
    }


def _rounded(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _from_plain(plain: Mapping[str, Any]) -> Family:
    counts = {name: np.array(counted, dtype=np.int64) for name, counted in plain["counts"].items()}
    size = sum(map(len, counts.values()))
    rows, columns = np.tril_indices(size)
    lower, third = (np.array(plain[name], dtype=np.float64) for name in ("covariance", "third moments"))
    if lower.shape != rows.shape or third.shape != (size,):
        raise ReferenceFormatError(
            f"the drift reference holds {len(lower)} covariances and {len(third)} third moments for {size} values; "
            "train and promote anew"
        )
    covariance = np.zeros((size, size))
    covariance[rows, columns] = covariance[columns, rows] = lower
    return Family(plain["kind"], counts, int(plain["accidents"]), Scatter(covariance, third))
