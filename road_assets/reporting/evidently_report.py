"""Evidently's drift report, with the distances, thresholds and verdicts of this project.

Evidently's own tests are not used: its default test depends on the sample size, and its "TVD" is a permutation p-value.
The plots show a sample of the training rows; distances are computed from all of them, as in the tables.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd

from road_assets.core.drift import DriftDetector, DriftScore, correlation, total_variation
from road_assets.core.drift_counts import FEATURE_VARIABLES, NUMERIC_VARIABLES, Counts, Variable, positions_of
from road_assets.core.vocabulary import FEATURE_BY_NAME, UNKNOWN_CODE, Feature
from road_assets.resources.reports import RenderedReport

_DISTANCE_TEST: Final = "tvd_distance"
_CORRELATION_TEST: Final = "histogram_correlation"

Judge = Callable[["pd.Series[Any]", "pd.Series[Any]", Any, float], tuple[float, bool]]
"""A test as Evidently calls it: from reference, current, column type and threshold to distance and verdict."""


def render_report(
    reference: pd.DataFrame, current: pd.DataFrame, detector: DriftDetector, score: DriftScore, *, title: str
) -> RenderedReport:
    """Draw the report.

    Args:
        reference: real rows of the production model's training window, or a sample of them: the 13 features and, where
            they are known, numeric fields.
        current: real rows of the trailing window, likewise.
        detector: holds the reference's counts and the limits.
        score: drift of the current rows; its bounds of sampling noise are used in the report.
        title: stands above the report; it says which days are compared and where the data comes from.

    Returns:
        The page and its data.
    """
    # Imported here because it takes ten seconds, and only this function needs it.
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numeric = _numeric_in(reference, current, score)
    codes = [_caption(variable) for variable in FEATURE_VARIABLES]
    numbers = [_caption(variable) for variable in numeric]
    _register_tests(detector, score, numeric)
    definition = DataDefinition(categorical_columns=codes, numerical_columns=numbers)
    datasets = [
        Dataset.from_pandas(_with_words(rows, numeric), data_definition=definition) for rows in (current, reference)
    ]
    preset = DataDriftPreset(
        columns=[*codes, *numbers],
        cat_method=_DISTANCE_TEST,
        cat_threshold=detector.limits.distance_threshold,
        num_method=_CORRELATION_TEST,
        num_threshold=detector.limits.correlation_threshold,
        drift_share=detector.limits.retrain_above,
    )
    snapshot = Report([preset]).run(*datasets)
    page = snapshot.get_html_str(as_iframe=False).replace("<body>", f"<body>{_headline(title)}", 1)
    return RenderedReport(page, snapshot.json())


def _headline(title: str) -> str:
    return f'<h1 style="font: 600 1.1rem sans-serif; margin: 1rem 2rem">{escape(title)}</h1>'


def _numeric_in(reference: pd.DataFrame, current: pd.DataFrame, score: DriftScore) -> list[Variable]:
    """Numeric fields with values on both sides; Evidently refuses an empty column."""
    judged = {found.feature for found in score.beside if not np.isnan(found.distance)}
    return [
        variable
        for variable in NUMERIC_VARIABLES
        if variable.name in judged
        and variable.name in reference
        and (reference[variable.name] >= variable.low).any()
        and (current[variable.name] >= variable.low).any()
    ]


def _register_tests(detector: DriftDetector, score: DriftScore, numeric: Sequence[Variable]) -> None:
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    limits, noise = detector.limits, {found.feature: found.noise for found in (*score.features, *score.beside)}
    before = {name: counts for family in detector.reference.families for name, counts in family.counts.items()}
    tests = (
        (_DISTANCE_TEST, "total-variation distance", ColumnType.Categorical, limits.distance_threshold),
        (_CORRELATION_TEST, "correlation of histograms", ColumnType.Numerical, limits.correlation_threshold),
    )
    judges = (_judge_codes(before, noise), _judge_numbers(before, noise, numeric))
    for (name, words, kind, threshold), judge in zip(tests, judges, strict=True):
        test = StatTest(name=name, display_name=words, allowed_feature_types=[kind], default_threshold=threshold)
        register_stattest(test, default_impl=judge)


def _judge_codes(before: Mapping[str, Counts], noise: Mapping[str, float]) -> Judge:
    variables = {_caption(variable): variable for variable in FEATURE_VARIABLES}

    def judge(_sample: "pd.Series[Any]", current: "pd.Series[Any]", _kind: Any, threshold: float) -> tuple[float, bool]:
        variable = variables[str(current.name)]
        codes = current.map({words: code for code, words in _words(FEATURE_BY_NAME[variable.name]).items()})
        distance = total_variation(before[variable.name], _count(codes.rename(variable.name), variable))
        return distance, distance > threshold and distance > noise[variable.name]

    return judge


def _judge_numbers(before: Mapping[str, Counts], noise: Mapping[str, float], numeric: Sequence[Variable]) -> Judge:
    variables = {_caption(variable): variable for variable in numeric}

    def judge(_sample: "pd.Series[Any]", current: "pd.Series[Any]", _kind: Any, threshold: float) -> tuple[float, bool]:
        variable = variables[str(current.name)]
        found = correlation(before[variable.name], _count(current, variable))
        return found, found < threshold and 1 - found > noise[variable.name]

    return judge


def _count(column: "pd.Series[Any]", variable: Variable) -> Counts:
    places = positions_of(column, variable)
    return np.bincount(places[places >= 0], minlength=variable.size)


def _caption(variable: Variable) -> str:
    return f"{variable.name} – {variable.en}"


def _with_words(rows: pd.DataFrame, numeric: Sequence[Variable]) -> pd.DataFrame:
    """Replace codes by their labels, so that the plots can be read, and numbers not recorded by null."""
    words = {
        _caption(variable): rows[variable.name].map(_words(FEATURE_BY_NAME[variable.name]))
        for variable in FEATURE_VARIABLES
    }
    numbers = {
        _caption(variable): rows[variable.name].astype("float64").where(rows[variable.name] >= variable.low)
        for variable in numeric
    }
    return pd.DataFrame({**words, **numbers})


def _words(feature: Feature) -> dict[int, str]:
    return {UNKNOWN_CODE: "not recorded", **{code.value: f"{code.value} {code.en}" for code in feature.codes}}
