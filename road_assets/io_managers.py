"""The IO manager of frames: each partition is a Parquet file of the lake."""

from collections.abc import Sequence
from typing import Final, cast

import dagster as dg
import pandas as pd

from road_assets.partitions import to_days
from road_assets.resources.lake import Lake

COLUMNS: Final = "columns"
"""Input metadata: read only these columns."""

SKIP_MISSING: Final = "skip_missing"
"""Input metadata: days that were never materialized are skipped instead of failing."""

_YEAR_KEY_LENGTH: Final = 4


class ParquetIOManager(dg.ConfigurableIOManager):
    """Stores a frame by partition, and loads the partitions that a partition mapping names.

    Attributes:
        lake: where the files are.
    """

    lake: dg.ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write one file per partition of the run."""
        asset, keys = context.asset_key.path[-1], list(context.asset_partition_keys)
        if len(keys[0]) == _YEAR_KEY_LENGTH:
            for year in map(int, keys):
                self.lake.write_year(asset, year, obj[obj["day"].dt.year == year])
        else:
            self.lake.write_days(asset, obj, to_days(keys))

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Read the days that the partition mapping names, as one frame."""
        metadata = context.definition_metadata or {}
        return self.lake.read_days(
            context.asset_key.path[-1],
            to_days(list(context.asset_partition_keys)),
            columns=cast("Sequence[str] | None", metadata.get(COLUMNS)),
            skip_missing=bool(metadata.get(SKIP_MISSING, False)),
        )
