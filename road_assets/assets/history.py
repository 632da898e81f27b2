"""Rows of earlier days that a day learns from, as the generator and the imputation need them.

They are read from ``raw_accidents`` alone: once that is stored, ranges of days can be made side by side, in any order.
"""

from datetime import date
from typing import Final

import pandas as pd

from road_assets.asset_names import RAW_ACCIDENTS
from road_assets.core.mixing import LABELLED_COLUMNS, labelled_codes
from road_assets.core.vocabulary import FEATURE_NAMES, GRAVITY
from road_assets.resources.lake import Lake

LEARNED: Final = ("day", "num_acc", "user_key", "data_source", *FEATURE_NAMES, GRAVITY.name)
"""Columns of ``raw_accidents`` that are learned from."""


def known_rows(real: pd.DataFrame, lake: Lake, earlier: set[date]) -> pd.DataFrame:
    """The run's own real rows after those of the days before it that it learns from.

    Args:
        real: real rows of the run's days, with ``LABELLED_COLUMNS``.
        lake: holds ``raw_accidents``.
        earlier: further days, as ``core.history.earlier_days`` tells them.

    Returns:
        ``LABELLED_COLUMNS``, codes as ``core.mixing.labelled_codes`` writes them.
    """
    real = real[list(LABELLED_COLUMNS)]
    if not earlier:
        return real
    before = labelled_codes(lake.read_days(RAW_ACCIDENTS, earlier, columns=list(LEARNED)), with_scene=False)
    return pd.concat([before, real], ignore_index=True)
