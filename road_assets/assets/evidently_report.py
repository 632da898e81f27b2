"""The drift report that people read: Evidently draws it, with our distance and our thresholds.

Evidently's own tests are not used: its default changes with the sample size, its "TVD" is a permutation p-value.
"""

from dataclasses import dataclass
from html import escape
from typing import Any, Final

import pandas as pd

from road_assets.core.drift import DISTANCE_THRESHOLD, RETRAIN_ABOVE, sampling_noise, total_variation
from road_assets.core.vocabulary import FEATURES, UNKNOWN_CODE, Feature

_DISTANCE_TEST: Final = "tvd_distance"


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """Evidently's report.

    Attributes:
        html: a self-contained page.
        json: the same as data.
    """

    html: str
    json: str


def render_report(reference: pd.DataFrame, current: pd.DataFrame, *, title: str) -> RenderedReport:
    """Draw the report.

    Args:
        reference: real rows of the production model's training window, or a sample of them; the 13 features.
        current: real rows of the trailing window; the 13 features.
        title: stands above the report; it says which days are compared and where the data comes from.

    Returns:
        The page and its data.
    """
    # Imported here: it takes ten seconds, which only those should pay who draw a report.
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    _register_distance()
    names = [_caption(feature) for feature in FEATURES]
    definition = DataDefinition(categorical_columns=names)
    datasets = [Dataset.from_pandas(_with_words(rows), data_definition=definition) for rows in (current, reference)]
    preset = DataDriftPreset(
        columns=names,
        cat_method=_DISTANCE_TEST,
        cat_threshold=DISTANCE_THRESHOLD,
        drift_share=RETRAIN_ABOVE,
    )
    snapshot = Report([preset]).run(*datasets)
    page = snapshot.get_html_str(as_iframe=False).replace("<body>", f"<body>{_headline(title)}", 1)
    return RenderedReport(page, snapshot.json())


def _headline(title: str) -> str:
    return f'<h1 style="font: 600 1.1rem sans-serif; margin: 1rem 2rem">{escape(title)}</h1>'


def judge_column(
    reference: "pd.Series[Any]", current: "pd.Series[Any]", _feature_type: Any, threshold: float
) -> tuple[float, bool]:
    """Our distance and verdict, in the form that Evidently calls.

    Returns:
        The distance, and whether it passes both the threshold and the sampling noise.
    """
    expected, found = reference.value_counts().align(current.value_counts(), fill_value=0)
    distance = total_variation(expected.to_numpy(), found.to_numpy())
    noise = sampling_noise((expected / len(reference)).to_numpy(), len(reference), len(current))
    return distance, distance > threshold and distance > noise


def _register_distance() -> None:
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    test = StatTest(
        name=_DISTANCE_TEST,
        display_name="total-variation distance",
        allowed_feature_types=[ColumnType.Categorical],
        default_threshold=DISTANCE_THRESHOLD,
    )
    register_stattest(test, default_impl=judge_column)


def _caption(feature: Feature) -> str:
    return f"{feature.name} – {feature.en}"


def _with_words(rows: pd.DataFrame) -> pd.DataFrame:
    """Codes as the codebook words them, so that the pictures can be read."""
    return pd.DataFrame({_caption(feature): rows[feature.name].map(_words(feature)) for feature in FEATURES})


def _words(feature: Feature) -> dict[int, str]:
    return {UNKNOWN_CODE: "not recorded", **{code.value: f"{code.value} {code.en}" for code in feature.codes}}
