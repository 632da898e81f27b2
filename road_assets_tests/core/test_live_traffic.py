"""Counting what callers ask, and comparing it with what a model learned."""

import math

import numpy as np
import pandas as pd
import pytest

from road_assets.core.drift import CodeCounts, count_codes
from road_assets.core.live_traffic import Traffic, compare_traffic, count_traffic
from road_assets.core.vocabulary import FEATURE_NAMES, FEATURES, UNKNOWN_CODE

Set = tuple[list[int], int, float]


def _some_sets(how_many: int, *, most: int, seed: int = 0) -> list[Set]:
    draw = np.random.default_rng(seed)
    codes = [[UNKNOWN_CODE, *sorted(feature.values)] for feature in FEATURES]
    return [
        ([int(draw.choice(known)) for known in codes], int(draw.integers(1, most)), float(draw.random()))
        for _ in range(how_many)
    ]


def _reference(rows: int = 3000) -> CodeCounts:
    """Codes as training counts them, nothing open."""
    draw = np.random.default_rng(1)
    columns = {}
    for feature in FEATURES:
        values = sorted(feature.values)
        shares = np.arange(len(values), 0, -1) ** 2.0
        columns[feature.name] = draw.choice(values, rows, p=shares / shares.sum())
    return count_codes(pd.DataFrame(columns))


def _asked_like(reference: CodeCounts, questions: int = 3000) -> Traffic:
    shares = {name: counts / counts.sum() for name, counts in reference.items()}
    codes = {name: np.round(share * questions).astype(np.int64) for name, share in shares.items()}
    return Traffic(codes, questions, questions, 0.2)


def test_each_set_counts_as_often_as_it_was_asked() -> None:
    sets = _some_sets(40, most=300)
    expanded = pd.DataFrame([codes for codes, asked, _ in sets for _ in range(asked)], columns=list(FEATURE_NAMES))

    traffic = count_traffic(sets)

    expected = count_codes(expanded)
    for name in FEATURE_NAMES:
        assert traffic.codes[name].tolist() == expected[name].tolist(), name
        assert traffic.unknown_shares()[name] == pytest.approx((expanded[name] == UNKNOWN_CODE).mean())
    assert (traffic.questions, traffic.distinct) == (len(expanded), 40)
    assert traffic.mean_probability == pytest.approx(sum(total for _, _, total in sets) / len(expanded))


def test_a_billion_times_the_same_question_is_counted_without_a_billion_rows() -> None:
    ((codes, _, _),) = _some_sets(1, most=2)

    assert count_traffic([(codes, 10**9, 2e8)]).codes["catu"].sum() == 10**9


def test_nobody_asking_is_no_drift_and_no_division_by_zero() -> None:
    nothing = count_traffic([])

    assert (nothing.questions, nothing.distinct) == (0, 0)
    assert math.isnan(nothing.mean_probability)
    assert set(nothing.unknown_shares().values()) == {0.0}
    assert not compare_traffic(_reference(), nothing).enough_rows


def test_callers_who_ask_about_what_happens_do_not_drift_and_others_do() -> None:
    reference = _reference()
    alike = _asked_like(reference)
    turned = Traffic({name: np.append(counts[:1], counts[:0:-1]) for name, counts in alike.codes.items()}, 3000, 9, 0.2)

    assert compare_traffic(reference, alike).score == 0
    assert compare_traffic(reference, turned).score > 0.8


def test_what_callers_leave_open_counts_as_training_would_have_filled_it() -> None:
    reference = _reference()
    traffic = _asked_like(reference)
    most = int(np.argmax(reference["lum"]))
    traffic.codes["lum"][0], traffic.codes["lum"][most] = traffic.codes["lum"][most], 0

    score = compare_traffic(reference, traffic)

    assert score.score == 0
    assert traffic.unknown_shares()["lum"] > 0.3


def test_a_reference_that_knows_open_features_is_compared_as_it_is() -> None:
    reference = _reference()
    reference["lum"][0] = 300
    traffic = _asked_like(reference)
    most = int(np.argmax(reference["lum"]))
    traffic.codes["lum"][0] += traffic.codes["lum"][most]
    traffic.codes["lum"][most] = 0

    assert compare_traffic(reference, traffic).drifted_features == ["lum"]


def test_a_code_that_no_codebook_has_is_refused() -> None:
    ((codes, asked, total),) = _some_sets(1, most=2)

    with pytest.raises(ValueError, match="which the codebook does not have"):
        count_traffic([([99, *codes[1:]], asked, total)])
