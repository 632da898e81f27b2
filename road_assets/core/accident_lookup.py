"""Which accidents one frame lacks of another: by index, since ``isin`` is twenty times slower on Arrow strings."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import numpy.typing as npt


def lacks(known: "pd.Series[str]", wanted: "pd.Series[str]") -> "npt.NDArray[np.bool_]":
    """Tell which accident numbers are not among the known ones.

    Args:
        known: numbers in any order, repeated or null.
        wanted: numbers to look up.

    Returns:
        Shape (wanted,), true where the number is not known.
    """
    return np.asarray(pd.Index(known.dropna().unique()).get_indexer(pd.Index(wanted)) < 0)
