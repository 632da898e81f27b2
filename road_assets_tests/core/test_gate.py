"""Whether a candidate takes the place of the model in production."""

import json
from dataclasses import replace

import numpy as np
import pytest

from road_assets.core.gate import CommonRows, Contender, judge
from road_assets.core.verdict import Margins, refuse
from road_assets_tests.benchmarks.gate_simulation import share_promoted

ACCIDENTS = 1500
RNG = np.random.default_rng(11)
WHO = np.repeat(np.arange(ACCIDENTS), 2)
LABELS = (RNG.random(2 * ACCIDENTS) < 0.25).astype(int)
SIGNAL = RNG.normal(size=2 * ACCIDENTS) + 1.2 * LABELS
WOMEN = np.flatnonzero(RNG.random(2 * ACCIDENTS) < 0.4)
ROWS = CommonRows(LABELS, WHO, {("sexe", "2 Female"): WOMEN})
WIDE = Margins(calibration=1.0)


def contender(version: int, noise: float, *, family: str = "forest") -> Contender:
    """The more noise, the worse it ranks."""
    seen = SIGNAL + noise * np.random.default_rng(version).normal(size=len(SIGNAL))
    return Contender(version, family, 1 / (1 + np.exp(2 - seen)), 0.5)


def test_a_model_that_is_better_by_more_than_chance_is_promoted_with_figures() -> None:
    verdict = judge(ROWS, [contender(2, 0.1)], contender(1, 2.0), WIDE)
    assert verdict.promote
    assert (verdict.challenger, verdict.champion, verdict.rows, verdict.accidents) == (2, 1, 3000, ACCIDENTS)
    assert verdict.difference is not None
    assert verdict.lower_bound is not None
    assert 0 < verdict.lower_bound < verdict.difference
    assert (
        f"{verdict.figures[2]['roc_auc']:.4f}, version 1 in production {verdict.figures[1]['roc_auc']:.4f}"
        in (verdict.reasons[0])
    )


def test_a_model_that_is_better_by_chance_alone_is_refused() -> None:
    verdict = judge(ROWS, [contender(4, 0.5)], contender(3, 0.5), WIDE)
    assert not verdict.promote
    assert "chance may explain it" in verdict.reasons[0]


def test_a_model_is_not_better_than_itself() -> None:
    same = contender(1, 0.5)
    verdict = judge(ROWS, [replace(same, version=2)], same, WIDE)
    assert (verdict.promote, verdict.difference, verdict.lower_bound) == (False, 0, 0)


def test_the_margin_has_to_be_passed_by_the_bound() -> None:
    verdict = judge(ROWS, [contender(2, 0.1)], contender(1, 2.0), WIDE)
    assert verdict.lower_bound is not None
    for margin, passes in ((verdict.lower_bound - 1e-6, True), (verdict.lower_bound, False)):
        again = judge(ROWS, [contender(2, 0.1)], contender(1, 2.0), replace(WIDE, promotion=margin))
        assert again.promote is passes


def test_the_first_model_has_to_be_better_than_a_constant_answer() -> None:
    verdict = judge(ROWS, [contender(1, 0.5)], None, Margins(promotion=0.4))
    assert verdict.promote
    assert "with no model in production" in verdict.reasons[0]
    luck = Contender(1, "forest", np.random.default_rng(1).random(len(LABELS)), 0.5)
    assert not judge(ROWS, [luck], None, Margins()).promote


def test_a_model_that_ranks_better_and_says_wrong_probabilities_is_refused() -> None:
    better = contender(2, 0.1)
    boastful = replace(better, probabilities=better.probabilities**0.2)
    verdict = judge(ROWS, [boastful], contender(1, 2.0), Margins())
    assert verdict.lower_bound is not None
    assert verdict.lower_bound > 0
    assert not verdict.promote
    assert "calibration_error on all rows" in verdict.reasons[1]
    assert judge(ROWS, [boastful], contender(1, 2.0), WIDE).promote


def test_a_model_that_is_better_on_the_whole_and_worse_for_women_is_refused() -> None:
    better = contender(2, 0.1)
    probabilities = better.probabilities.copy()
    probabilities[WOMEN] = contender(1, 6.0).probabilities[WOMEN] / 100 + probabilities[WOMEN].mean()
    unfair = replace(better, probabilities=probabilities)
    verdict = judge(ROWS, [unfair], contender(1, 2.0), WIDE)
    assert verdict.lower_bound is not None
    assert verdict.lower_bound > 0
    assert not verdict.promote
    assert "roc_auc on sexe = 2 Female" in verdict.reasons[1]
    assert judge(ROWS, [unfair], contender(1, 2.0), replace(WIDE, slices=0.5)).promote


def test_a_slice_that_is_worse_by_chance_is_no_reason() -> None:
    few = CommonRows(
        LABELS, WHO, {("lum", "5"): np.concatenate([np.flatnonzero(kind == LABELS)[:55] for kind in (0, 1)])}
    )
    verdict = judge(few, [contender(2, 0.5)], contender(1, 0.5), WIDE)
    (_, small) = verdict.comparisons
    assert small.loss_at_least < abs(small.champion - small.challenger)
    assert not small.worse


def test_of_several_candidates_the_best_stands_and_all_are_shown() -> None:
    verdict = judge(ROWS, [contender(2, 3.0), contender(3, 0.1, family="boosting")], contender(1, 2.0), WIDE)
    assert verdict.candidates == (3, 2)
    assert set(verdict.figures) == {1, 2, 3}
    assert "version 3 (boosting), the best of 2 candidates" in verdict.reasons[0]


def test_the_more_candidates_the_higher_the_bar_for_the_best() -> None:
    best, champion = contender(2, 0.4), contender(1, 0.6)
    alone = judge(ROWS, [best], champion, WIDE).lower_bound
    among = judge(ROWS, [best, *(contender(number, 0.6) for number in range(3, 8))], champion, WIDE).lower_bound
    assert alone is not None
    assert among is not None
    assert among < alone


def test_of_equal_models_about_one_in_twenty_passes() -> None:
    assert share_promoted(challengers=1, days=100, accidents=250, resamples=100, seed=5) <= 0.10
    assert share_promoted(challengers=3, days=100, accidents=250, resamples=100, seed=6) <= 0.10
    assert share_promoted(challengers=1, days=20, accidents=250, resamples=100, seed=7, advantage=1.5) >= 0.90


def test_one_class_cannot_be_ranked() -> None:
    with pytest.raises(ValueError, match="both 0 and 1 are needed"):
        judge(replace(ROWS, labels=np.zeros_like(LABELS)), [contender(2, 0.5)], None, WIDE)


def test_the_grounds_can_be_kept_as_json() -> None:
    grounds = json.loads(json.dumps(judge(ROWS, [contender(2, 0.1)], contender(1, 2.0), WIDE).grounds()))
    assert grounds["metric"] == "roc_auc"
    assert set(grounds["by_version"]) == {"1", "2"}
    assert [known["field"] for known in grounds["comparisons"]] == ["", "sexe"]


def test_without_candidates_nothing_is_decided() -> None:
    assert refuse([], 1, "nobody").challenger is None
    assert refuse([2, 3], 1, "not compared").challenger == 2
