"""Drift of live traffic through the real graph: the service's own table, the real model's reference."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import numpy as np
import pandas as pd
import psycopg
import pytest
from pydantic import SecretStr

from road_api.services.prediction_rows import LogEntry, encode
from road_api.services.prediction_table import PredictionTable
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES
from road_assets_tests.conftest import FIRST_DAY, LAST_DAY, Platform, failure_of

SAME, OTHER, FEW, NONE = (LAST_DAY - timedelta(days=back) for back in (2, 12, 22, 32))
"""Days on which the service was asked like training, otherwise, hardly, and not at all; their windows do not meet."""


def _answer(codes: pd.DataFrame, moment: datetime) -> LogEntry:
    matrix = np.full((len(codes), len(MODEL_FIELDS)), np.nan, dtype=np.float32)
    matrix[:, : -len(SCENE_FIELD_NAMES)] = codes[list(FEATURE_NAMES)]
    lines = range(2, len(codes) + 2)
    return LogEntry("file", "johndoe", "1", int(moment.timestamp()) * 10**6, matrix, [0.25] * len(codes), lines)


def _evening(day: date) -> datetime:
    """Late enough to be another day in UTC half the year, and never in France."""
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.fixture(scope="module")
def asked(platform: Platform) -> Iterator[Platform]:
    """The platform after its service was asked on some days."""
    learned = platform.resource("lake").read_days("features", [FIRST_DAY + timedelta(days=day) for day in range(30)])
    learned = learned[~learned["synthetic"]]
    draw = np.random.default_rng(0)
    anything = pd.DataFrame({feature.name: draw.choice(sorted(feature.values), 800) for feature in FEATURES})
    table = PredictionTable(SecretStr(platform.database_url))
    open_light = learned.assign(lum=np.nan)
    table.write(
        encode(
            [
                _answer(learned, _evening(SAME)),
                _answer(open_light.head(50), _evening(SAME - timedelta(days=6))),  # the window's first day
                _answer(anything, _evening(SAME - timedelta(days=7))),  # just before it
                _answer(anything, _evening(OTHER)),
                _answer(anything.head(20), _evening(FEW)),
            ]
        )
    )
    table.close()
    yield platform
    with psycopg.connect(platform.database_url) as connection:
        connection.execute("TRUNCATE predictions, live_traffic_scores, live_traffic_features")


@pytest.fixture(scope="module")
def score(asked: Platform) -> Callable[..., dg.ExecuteInProcessResult]:
    def run(first: date, last: date | None = None) -> dg.ExecuteInProcessResult:
        run = asked.run("daily_job", first, last, only=("live_traffic_drift",))
        assert run.success, failure_of(run)
        return run

    return run


def _row(platform: Platform, day: date) -> dict[str, Any]:
    columns = ("score", "drifted_features", "questions", "distinct_questions", "mean_probability", "model_version")
    statement = f"SELECT {', '.join(columns)} FROM live_traffic_scores WHERE day = '{day}'"  # noqa: S608 - our own day
    ((*values,),) = platform.query(statement)
    return dict(zip(columns, values, strict=True))


def _said(run: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (materialization,) = run.asset_materializations_for_node("live_traffic_drift")
    return {name: value.value for name, value in materialization.metadata.items()}


def test_questions_like_those_that_were_learned_do_not_drift(asked: Platform, score: Callable[..., Any]) -> None:
    said = _said(score(SAME))

    row = _row(asked, SAME)
    assert (row["score"], row["drifted_features"], row["mean_probability"]) == (0, 0, 0.25)
    assert row["questions"] > 1000
    assert row["distinct_questions"] < row["questions"]
    assert row["model_version"] >= 1
    assert said["drift score"] == 0
    ((unknown,),) = asked.query("SELECT unknown_share FROM live_traffic_features WHERE feature = 'lum'")
    assert unknown == pytest.approx(50 / row["questions"])


def test_questions_about_other_accidents_drift_and_a_table_and_a_plot_show_where(
    asked: Platform, score: Callable[..., Any]
) -> None:
    said = _said(score(OTHER))

    assert _row(asked, OTHER)["score"] > 0.5
    assert "Light" in said["drifted features"] or "lum" in said["drifted features"]
    assert said["distance per feature"].startswith("![distance per feature](data:image/png")
    assert len(said["features"].records) == len(FEATURES)
    drifted = asked.query(f"SELECT count(*) FROM live_traffic_features WHERE drifted AND day = '{OTHER}'")  # noqa: S608
    assert drifted == [(_row(asked, OTHER)["drifted_features"],)]


def test_too_few_questions_are_said_to_be_too_few(asked: Platform, score: Callable[..., Any]) -> None:
    few, none = _said(score(FEW)), _said(score(NONE))

    assert few["drift score"] == "none: 20 questions in the window are too few to tell"
    assert none["drift score"] == "none: 0 questions in the window are too few to tell"
    assert (_row(asked, FEW)["score"], _row(asked, FEW)["questions"]) == (None, 20)
    assert (_row(asked, NONE)["score"], _row(asked, NONE)["model_version"]) == (None, None)
    assert asked.query(f"SELECT count(*) FROM live_traffic_features WHERE day <= '{FEW}'") == [(0,)]  # noqa: S608


def test_a_range_of_days_in_one_run_and_again_gives_the_same_rows(asked: Platform, score: Callable[..., Any]) -> None:
    every = "SELECT * FROM live_traffic_scores ORDER BY day"
    score(OTHER, SAME)
    first = asked.query(every)
    score(OTHER, SAME)

    assert asked.query(every) == first
    assert len(first) >= (SAME - OTHER).days + 1
