"""Rows of earlier days, which the generator and the imputation of a day are fitted to.

They are read from ``raw_accidents`` only: once that is stored, ranges of days can be made in parallel, in any order.
"""

from datetime import date
from typing import Final

import pandas as pd

from road_assets.asset_names import RAW_ACCIDENTS
from road_assets.core.mixing import LABELLED_COLUMNS, labelled_codes
from road_assets.core.vocabulary import FEATURE_NAMES, GRAVITY
from road_assets.resources.lake import Lake

LEARNED: Final = ("day", "num_acc", "user_key", "data_source", *FEATURE_NAMES, GRAVITY.name)
"""Columns of ``raw_accidents`` that generator and imputation are fitted to."""


def known_rows(real: pd.DataFrame, lake: Lake, earlier: set[date]) -> pd.DataFrame:
    """The real rows of the history: those of earlier days, then those of the run itself.

    Args:
        real: real rows of the run's days, with ``LABELLED_COLUMNS``.
        lake: holds ``raw_accidents``.
        earlier: the earlier days, from ``core.windows.earlier_days``.

    Returns:
        ``LABELLED_COLUMNS``, codes as ``core.mixing.labelled_codes`` writes them.
    """
    real = real[list(LABELLED_COLUMNS)]
    if not earlier:
        return real
    before = labelled_codes(lake.read_days(RAW_ACCIDENTS, earlier, columns=list(LEARNED)), with_scene=False)
    return pd.concat([before, real], ignore_index=True)
