"""The official rows of 2024 for the benchmarks of drift: real users, missing codes filled in."""

import os
import sys
from pathlib import Path

import pandas as pd

from road_assets.core.features import impute, modes_of
from road_assets.core.mixing import labelled_codes
from road_assets.core.vocabulary import DATA_OFFICIAL
from road_assets.resources.releases.store import ReleaseStore

LAST_OF_REFERENCE = pd.Timestamp("2024-06-30")


def load_year() -> pd.DataFrame:
    """Real users of the release that ``ROAD_RELEASES_DIR`` names.

    Missing codes are filled in with the modes of January to June, the reference.
    """
    named = os.environ.get("ROAD_RELEASES_DIR")
    if not named:
        sys.exit("name the official files of 2024: ROAD_RELEASES_DIR=/path/to/2024")
    store = ReleaseStore(Path(named), Path(named))
    users = store.load_release(store.find_release()).frame.assign(data_source=DATA_OFFICIAL)
    codes = labelled_codes(users)
    rows, _ = impute(codes, modes_of(codes[codes["day"] <= LAST_OF_REFERENCE]))
    return rows
