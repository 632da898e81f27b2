"""Evidently's report against our own figures."""

import json

import pandas as pd
import pytest

from road_assets.assets.evidently_report import render_report
from road_assets.core.drift import count_codes, score_drift
from road_assets.core.vocabulary import FEATURE_BY_NAME
from road_assets_tests.frames import feature_rows


@pytest.fixture(scope="module")
def sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two samples; light and weather were moved on the current side."""
    reference, current = feature_rows(4000, seed=1), feature_rows(1000, seed=2)
    return reference, current.assign(lum=1, atm=current["atm"].where(current.index % 2 == 0, 1).astype("int8"))


def test_evidently_shows_our_distances_and_our_verdicts(sides: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    ours = {feature.feature: feature for feature in score_drift(*map(count_codes, sides)).features}
    metrics = json.loads(render_report(*sides, title="").json)["metrics"]
    shown = {
        metric["config"]["column"].split(" ")[0]: metric["value"]
        for metric in metrics
        if "column" in metric.get("config", {})
    }
    assert shown == {name: pytest.approx(feature.distance) for name, feature in ours.items()}
    assert {name for name, feature in ours.items() if feature.drifted} == {"lum", "atm"}
    (counted,) = [metric["value"] for metric in metrics if isinstance(metric["value"], dict)]
    assert counted["count"] == 2


def test_the_page_speaks_the_codebooks_words_and_needs_no_network(sides: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    html = render_report(*sides, title="<demonstration> data").html
    assert "&lt;demonstration&gt; data</h1>" in html
    assert FEATURE_BY_NAME["lum"].codes[0].en in html
    assert "<script src=" not in html
