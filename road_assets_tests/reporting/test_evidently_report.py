"""Evidently's report against our own figures."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from road_assets.core.drift import DriftDetector, DriftScore
from road_assets.core.drift_counts import NUMERIC_NAMES, DayTallies
from road_assets.core.drift_reference import freeze_reference
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES
from road_assets.reporting.evidently_report import render_report
from road_assets.resources.reports import RenderedReport
from road_assets_tests.frames import feature_rows


def make_rows(rows: int, *, seed: int, age: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = {name: rng.integers(5, 20, rows) for name in NUMERIC_NAMES} | {"age": rng.normal(age, 8, rows).round()}
    known = {name: np.where(rng.random(rows) < 0.9, values, -1).astype("int16") for name, values in numbers.items()}
    return feature_rows(rows, seed=seed).assign(**known)


@pytest.fixture(scope="module")
def sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two samples; light, weather and ages were moved on the current side."""
    reference, current = make_rows(4000, seed=1, age=40), make_rows(1000, seed=2, age=60)
    return reference, current.assign(lum=1, atm=current["atm"].where(current.index % 2 == 0, 1).astype("int8"))


@pytest.fixture(scope="module")
def drawn(sides: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[DriftScore, RenderedReport]:
    reference, current = sides
    detector = DriftDetector(freeze_reference(reference, reference, np.full(len(reference), 0.2)))
    days = current["day"].dt.date.unique().tolist()
    score = detector.score(DayTallies(current).of_window(days))
    return score, render_report(reference, current, detector, score, title="<demonstration> data")


def shown_in(report: RenderedReport) -> tuple[dict[str, float], list[Any]]:
    metrics = json.loads(report.json)["metrics"]
    columns = [metric for metric in metrics if "column" in metric.get("config", {})]
    counted = [metric["value"] for metric in metrics if isinstance(metric["value"], dict)]
    return {metric["config"]["column"].split(" ")[0]: metric["value"] for metric in columns}, counted


def test_evidently_shows_our_figures_for_every_feature(drawn: tuple[DriftScore, RenderedReport]) -> None:
    score, report = drawn
    ours = {found.feature: found.distance for found in score.features}
    ours |= {found.feature: 1 - found.distance for found in score.beside if found.kind == "numeric"}
    shown, _ = shown_in(report)
    assert list(shown) == [*FEATURE_NAMES, *NUMERIC_NAMES]
    assert shown == {name: pytest.approx(figure, abs=1e-9) for name, figure in ours.items()}


def test_the_figures_are_those_of_a_plain_count(
    sides: tuple[pd.DataFrame, pd.DataFrame], drawn: tuple[DriftScore, RenderedReport]
) -> None:
    shown, _ = shown_in(drawn[1])
    for name in FEATURE_NAMES:
        one, other = (rows[name].value_counts(normalize=True) for rows in sides)
        assert shown[name] == pytest.approx(one.sub(other, fill_value=0).abs().sum() / 2, abs=1e-9)
    bins = [np.histogram(rows["age"][rows["age"] >= 0], np.arange(0, 130, 5))[0] for rows in sides]
    assert shown["age"] == pytest.approx(np.corrcoef(*bins)[0, 1], abs=1e-9)


def test_evidently_counts_what_we_call_drifted(drawn: tuple[DriftScore, RenderedReport]) -> None:
    score, report = drawn
    assert (score.drifted_features, score.drifted_beside) == (["lum", "atm"], ["age"])
    _, (counted,) = shown_in(report)
    assert counted["count"] == 3


def test_the_page_speaks_the_codebooks_words_and_needs_no_network(drawn: tuple[DriftScore, RenderedReport]) -> None:
    html = drawn[1].html
    assert "&lt;demonstration&gt; data</h1>" in html
    assert FEATURE_BY_NAME["lum"].codes[0].en in html
    assert "Age of the user" in html
    assert "correlation of histograms" in html
    assert "<script src=" not in html


def test_a_field_that_nobody_recorded_is_left_out(sides: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    reference, current = sides
    current = current.assign(age=np.int16(-1))
    detector = DriftDetector(freeze_reference(reference, reference, np.full(len(reference), 0.2)))
    score = detector.score(DayTallies(current).of_window(current["day"].dt.date.unique().tolist()))
    shown, _ = shown_in(render_report(reference, current, detector, score, title=""))
    assert "age" not in shown
    assert "heure" in shown
