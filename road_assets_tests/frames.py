"""Small frames made by code, for tests of several parts."""

import numpy as np
import pandas as pd

from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURES, TARGET


def feature_rows(rows: int, *, day: str = "2024-01-01", seed: int = 0) -> pd.DataFrame:
    """Feature rows of one day, codes drawn alike, the target leaning on light and collision."""
    rng = np.random.default_rng(seed)
    codes = {feature.name: rng.choice([code.value for code in feature.codes], rows) for feature in FEATURES}
    chance = 0.1 + 0.3 * (codes["lum"] == 3) + 0.3 * (codes["col"] == 1)
    return pd.DataFrame(
        {
            "day": pd.Timestamp(day),
            "num_acc": [f"{number // 2:012d}" for number in range(rows)],
            "user_key": [f"u{number}" for number in range(rows)],
            "synthetic": False,
            "data_source": DATA_DEMONSTRATION,
            **{name: values.astype("int8") for name, values in codes.items()},
            TARGET: (rng.random(rows) < chance).astype("int8"),
        }
    )
