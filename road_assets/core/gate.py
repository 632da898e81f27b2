"""The promotion gate: a candidate must be better than the champion by more than chance, and worse in no group.

All candidates of a day and the champion are judged on the same rows, and on the same bootstrap resamples of accidents.
The candidate with the best ranking is the challenger. The more candidates there are, the further the best one stands
out by chance; therefore the bound uses the largest gain of any candidate in each resample (the "reality check" of
White, Econometrica 68, 2000). The error rate holds for a day as a whole: where no candidate is better than the
champion, one is promoted on 5 % of days at most, however many candidates there are and however similar they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from road_assets.core.bundle import Probabilities
from road_assets.core.gate_slices import Slices
from road_assets.core.metrics import DECIDING_METRIC, evaluate
from road_assets.core.paired_bootstrap import Calibration, Figures, Ranking, Resamples, Weights, lower_bound
from road_assets.core.verdict import CALIBRATION, CONFIDENCE, Comparison, Margins, Verdict

Measure = Callable[[Weights], Figures]

RESAMPLES: Final = 1000
SEED: Final = 20_240_101
"""Fixed, so that the same rows and models give the same verdict."""

CHANCE: Final = 0.5
"""ROC-AUC of a constant answer."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A model that stands for promotion, or defends its place.

    Attributes:
        version: in the registry.
        family: kind of model.
        probabilities: shape (rows,), its estimates for the common rows.
        threshold: a probability at or above it is answered as severe.
    """

    version: int
    family: str
    probabilities: Probabilities
    threshold: float


@dataclass(frozen=True, slots=True)
class CommonRows:
    """What all models are judged on; none of them has seen these users.

    Attributes:
        labels: shape (rows,), 1 for severe.
        accidents: shape (rows,), official number of each user's accident.
        slices: positions of the rows of each group.
    """

    labels: npt.NDArray[Any]
    accidents: npt.NDArray[Any]
    slices: Slices


def judge(
    rows: CommonRows,
    candidates: Sequence[Contender],
    champion: Contender | None,
    margins: Margins,
    *,
    resamples: int = RESAMPLES,
) -> Verdict:
    """Rank the candidates, and compare the best with the champion; without a champion, with a constant answer.

    Args:
        rows: that no contender has seen.
        candidates: at least one.
        champion: in production, if any.
        margins: from the settings.
        resamples: of accidents.

    Raises:
        ValueError: the rows hold only one class.
    """
    contenders = [*candidates, *([champion] if champion else [])]
    figures = {
        model.version: evaluate(rows.labels, model.probabilities, threshold=model.threshold) for model in contenders
    }
    ranked = sorted(candidates, key=lambda model: (-figures[model.version][DECIDING_METRIC], model.version))
    draws = Resamples.draw(rows.accidents, resamples, seed=SEED)
    difference, bound = _gain(rows, ranked, champion, draws)
    comparisons = _comparisons(rows, ranked[0], champion, margins, draws) if champion else ()
    required = margins.promotion if champion else 0.0
    better, worse = bound > required, [str(comparison) for comparison in comparisons if comparison.worse]
    verdict = Verdict(
        promote=better and not worse,
        reasons=(),
        challenger=ranked[0].version,
        champion=champion.version if champion else None,
        candidates=tuple(model.version for model in ranked),
        difference=difference,
        lower_bound=bound,
        rows=len(rows.labels),
        accidents=draws.accidents,
        figures=figures,
        comparisons=comparisons,
    )
    gain = _describe(ranked, champion, verdict)
    gain += f", more than {required:g}" if better else f", which is not more than {required:g}: chance may explain it"
    return replace(verdict, reasons=(gain, *worse))


def _gain(
    rows: CommonRows, ranked: Sequence[Contender], champion: Contender | None, draws: Resamples
) -> tuple[float, float]:
    """Gain of the best candidate in ROC-AUC, and its lower bound, corrected for the number of candidates."""
    models = [*ranked, *([champion] if champion else [])]
    observed, resampled = _measure([Ranking.of(rows.labels, model.probabilities).roc_auc for model in models], draws)
    reached, reached_resampled = (observed[-1], resampled[:, -1:]) if champion else (CHANCE, CHANCE)
    gains, gains_resampled = observed[: len(ranked)] - reached, resampled[:, : len(ranked)] - reached_resampled
    difference = float(gains[0])
    return difference, lower_bound(difference, difference + (gains_resampled - gains).max(axis=1), CONFIDENCE)


def _comparisons(
    rows: CommonRows, challenger: Contender, champion: Contender, margins: Margins, draws: Resamples
) -> tuple[Comparison, ...]:
    """Calibration on all rows, and ranking in every slice."""
    pair = (champion, challenger)
    everything = ("", "", CALIBRATION, len(rows.labels), margins.calibration)
    places = [everything, *((*name, DECIDING_METRIC, len(held), margins.slices) for name, held in rows.slices.items())]
    measures: list[Measure] = [Calibration.of(rows.labels, model.probabilities).error for model in pair]
    measures += [
        Ranking.of(rows.labels, model.probabilities, held).roc_auc for held in rows.slices.values() for model in pair
    ]
    observed, resampled = _measure(measures, draws)
    found = []
    for number, (name, group, metric, count, margin) in enumerate(places):
        old, new = 2 * number, 2 * number + 1
        sign = 1 if metric == CALIBRATION else -1  # an error is better where it is small
        loss = float(sign * (observed[new] - observed[old]))
        least = lower_bound(loss, sign * (resampled[:, new] - resampled[:, old]), CONFIDENCE)
        found.append(Comparison(name, group, metric, count, float(observed[old]), float(observed[new]), least, margin))
    return tuple(found)


def _measure(measures: Sequence[Measure], draws: Resamples) -> tuple[Figures, npt.NDArray[np.float64]]:
    """Each measure on all rows, shape (measures,), and on the resamples, shape (resamples, measures)."""
    as_they_are = np.ones((1, len(draws.accident_of_row)))
    observed = np.array([measure(as_they_are)[0] for measure in measures])
    parts = [np.column_stack([measure(weights) for measure in measures]) for weights in draws.weights()]
    return observed, np.concatenate(parts)


def _describe(ranked: Sequence[Contender], champion: Contender | None, verdict: Verdict) -> str:
    """The comparison in a sentence."""
    challenger = ranked[0]
    reached = {version: measured[DECIDING_METRIC] for version, measured in verdict.figures.items()}
    first = f"version {challenger.version} ({challenger.family}), "
    first += f"the best of {len(ranked)} candidates, " if len(ranked) > 1 else ""
    if champion is None:
        against = f"a constant answer {CHANCE:.4f}, with no model in production"
    else:
        against = f"version {champion.version} in production {reached[champion.version]:.4f}"
    return (
        f"{first}reached {DECIDING_METRIC} {reached[challenger.version]:.4f}, {against}, on the same rows: a gain of "
        f"{verdict.difference:+.4f}, at least {verdict.lower_bound:+.4f} with {CONFIDENCE:.0%} confidence"
    )
