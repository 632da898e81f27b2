"""Figures of a model for each group of users, with intervals: the table of the model card."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.bundle import Probabilities
from road_assets.core.gate_slices import group_labels
from road_assets.core.manifest import SliceFigures
from road_assets.core.metrics import calibration_error
from road_assets.core.model_input import filled_in
from road_assets.core.paired_bootstrap import Ranking, Resamples
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET

ENOUGH_TO_CALIBRATE: Final = 300
"""Rows needed for a calibration error: with fewer, chance alone exceeds the error that a model may have."""

_RESAMPLES: Final = 200
_SEED: Final = 20_240_102
_ENDS: Final = (0.025, 0.975)


def slice_figures(rows: pd.DataFrame, probabilities: Probabilities) -> tuple[SliceFigures, ...]:
    """Evaluate a model group by group.

    Args:
        rows: evaluation rows with the target.
        probabilities: shape (rows,), the model's estimates.

    Returns:
        One entry per group of users with any row, in the order of the fields; rows where the field was not recorded are
        in no group.
    """
    labels = rows[TARGET].to_numpy().astype(int)
    resamples = Resamples.draw(rows["num_acc"].to_numpy(), _RESAMPLES, seed=_SEED)
    filled = filled_in(rows)
    found = []
    for field, groups in group_labels(rows).items():
        if field in FEATURE_NAMES:
            groups = np.where(filled[:, FEATURE_NAMES.index(field)], "", groups)  # noqa: PLW2901 - the same, corrected
        for value in sorted(set(groups.tolist()) - {""}):
            inside = np.flatnonzero(groups == value)
            found.append(_judge(field, value, inside, labels, probabilities, resamples))
    return tuple(found)


def _judge(  # noqa: PLR0913, PLR0917 - a line of a table
    field: str,
    value: str,
    inside: npt.NDArray[np.intp],
    labels: npt.NDArray[Any],
    probabilities: Probabilities,
    resamples: Resamples,
) -> SliceFigures:
    ranking = Ranking.of(labels, probabilities, inside)
    observed = float(ranking.roc_auc(np.ones((1, len(labels))))[0])
    known = not np.isnan(observed)
    low = high = None
    if known:
        drawn = np.concatenate([ranking.roc_auc(weights) for weights in resamples.weights()])
        low, high = (float(end) for end in np.nanquantile(drawn, _ENDS))
    enough = len(inside) >= ENOUGH_TO_CALIBRATE
    return SliceFigures(
        field=field,
        value=value,
        rows=len(inside),
        severe_share=float(labels[inside].mean()),
        roc_auc=observed if known else None,
        roc_auc_low=low,
        roc_auc_high=high,
        calibration_error=calibration_error(labels[inside], probabilities[inside]) if enough else None,
    )
