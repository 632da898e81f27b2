"""The groups of users in which a new model must not be worse than the one it replaces."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.scene_fields import DEPARTMENT
from road_assets.core.vocabulary import FEATURE_BY_NAME, TARGET

SLICED_FEATURES: Final = ("catu", "sexe", "lum", "catr")
ILE_DE_FRANCE: Final = frozenset({"75", "77", "78", "91", "92", "93", "94", "95"})

ENOUGH_OF_EACH_CLASS: Final = 50
"""Severe and other users needed in a group: with fewer, the ROC-AUC is too noisy."""

Slices = dict[tuple[str, str], npt.NDArray[np.intp]]
"""Positions of a group's rows, by field and group in words."""


def department_group(code: str) -> str:
    """Group of départements; empty where the département is not known.

    Args:
        code: as in the files, "1" to "95", "2A", "2B", and three digits from 971 on overseas.
    """
    code = code.strip().upper().zfill(2)
    if code in {"00", "NAN", "<NA>"}:
        return ""
    if code in ILE_DE_FRANCE:
        return "Île-de-France"
    return "overseas" if len(code) > 2 else "elsewhere in metropolitan France"  # noqa: PLR2004 - digits of a code


def group_labels(rows: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """The group of each row, in words, for each way of grouping; empty where it is not known.

    Args:
        rows: feature rows; ``dep`` may be missing, as in rows written before there was one.
    """
    groups = {name: _labels(rows, name) for name in SLICED_FEATURES}
    if DEPARTMENT in rows:
        groups["département"] = rows[DEPARTMENT].fillna("").astype(str).map(department_group).to_numpy(dtype=str)
    return groups


def slices_of(rows: pd.DataFrame) -> Slices:
    """Divide rows into the groups that the gate compares.

    Args:
        rows: feature rows with the target; ``dep`` may be missing, as in rows written before there was one.

    Returns:
        The slices that hold at least ``ENOUGH_OF_EACH_CLASS`` rows of both classes.
    """
    severe = rows[TARGET].to_numpy() == 1
    found: Slices = {}
    for field, values in group_labels(rows).items():
        for value in sorted(set(values) - {""}):
            inside = values == value
            if min(int((inside & severe).sum()), int((inside & ~severe).sum())) >= ENOUGH_OF_EACH_CLASS:
                found[field, value] = np.flatnonzero(inside)
    return found


def _labels(rows: pd.DataFrame, name: str) -> npt.NDArray[Any]:
    words = {code.value: f"{code.value} {code.en}" for code in FEATURE_BY_NAME[name].codes}
    return rows[name].map(words).fillna("").to_numpy(dtype=str)
