"""Frames in Parquet files: one file per asset and partition, each replaced as a whole or not at all."""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from dagster import ConfigurableResource

from road_assets.resources.files import replacing

_SUFFIX = ".parquet"
_THREADS = 4
"""Small files wait for the disk more than for the processor."""

_DAYS_AT_ONCE = 366
"""Of many years, so many days are converted at a time: they are not to stand twice in memory."""

_PANDAS_TYPES = dict.fromkeys((pa.string(), pa.large_string()), pd.StringDtype("pyarrow"))
"""Texts stay in Arrow's buffers: as Python objects those of a year take three times the memory."""


class LakeError(LookupError):
    """Something was asked for that has not been materialized."""


class Lake(ConfigurableResource):
    """The folder of Parquet files.

    Layout: ``<root>/<asset>/<year>/<day>.parquet`` for daily assets, ``<root>/<asset>/<year>.parquet`` for yearly ones.

    Attributes:
        root: absolute path of the folder.
    """

    root: str

    def write_days(self, asset: str, frame: pd.DataFrame, days: Sequence[date]) -> None:
        """Replace the files of some days.

        Args:
            asset: name of the asset.
            frame: rows of those days in a ``day`` column, in any order; their order within a day is kept.
            days: every day to write; a day without rows becomes an empty file.

        Raises:
            ValueError: the frame holds rows of other days.
        """
        in_order = frame["day"].is_monotonic_increasing
        ordered = frame if in_order else frame.sort_values("day", kind="stable", ignore_index=True)
        days = sorted(days)
        starts, ends = (ordered["day"].searchsorted(pd.to_datetime(pd.Index(days)), side) for side in ("left", "right"))
        if int((ends - starts).sum()) != len(ordered):
            strange = sorted(set(ordered["day"].dt.date) - set(days))
            raise ValueError(
                f"{asset}: rows of the days {strange[:3]} were given, which are not among the partitions to write"
            )
        with ThreadPoolExecutor(_THREADS) as pool:
            for begin in range(0, len(days), _DAYS_AT_ONCE):
                part = slice(begin, begin + _DAYS_AT_ONCE)
                first, last = starts[part][0], ends[part][-1]
                table = pa.Table.from_pandas(ordered.iloc[first:last], preserve_index=False)
                paths = [self._day_path(asset, day) for day in days[part]]
                rows = map(table.slice, starts[part] - first, ends[part] - starts[part])
                list(pool.map(_write, paths, rows))

    def read_days(
        self,
        asset: str,
        days: Iterable[date],
        *,
        columns: Sequence[str] | None = None,
        optional: Collection[str] = (),
        skip_missing: bool = False,
    ) -> pd.DataFrame:
        """Read the files of some days, in the order of time.

        Args:
            asset: name of the asset.
            days: the days wanted.
            columns: only these columns.
            optional: those of ``columns`` that files written by an earlier version lack: null in their rows, or no
                column at all where no file has it.
            skip_missing: leave out days that were never materialized instead of failing.

        Returns:
            Rows of all days.

        Raises:
            LakeError: a day was never materialized, or none of them was.
        """
        paths = {day: self._day_path(asset, day) for day in sorted(days)}
        missing = [day for day, path in paths.items() if not path.is_file()]
        missing_paths = {paths[day] for day in missing}
        if missing and not skip_missing:
            raise LakeError(
                f"{asset} has no partition for {missing[0]}"
                + _and_others(missing)
                + f"; materialize {asset} for those days first"
            )
        present = [path for path in paths.values() if path not in missing_paths]
        if not present:
            raise LakeError(
                f"{asset} has no partition between {min(paths)} and {max(paths)}; materialize {asset} first"
            )
        with ThreadPoolExecutor(_THREADS) as pool:
            parts = pool.map(lambda path: _read(path, columns, optional), present)
            table = pa.concat_tables(list(parts), promote_options="permissive")
        table = table.combine_chunks()  # the single days, which take as much memory, are free from here on
        return _to_frame(table)

    def with_days(
        self, frame: pd.DataFrame, asset: str, days: Collection[date], *, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """A frame of an asset preceded by its stored rows of further days.

        Args:
            frame: rows of other days.
            asset: name of the asset.
            days: the further days; may be none.
            columns: only these columns are read.
        """
        if not days:
            return frame
        return pd.concat([self.read_days(asset, days, columns=columns), frame], ignore_index=True)

    def stored_days(self, asset: str) -> list[date]:
        """Days of an asset that were materialized, in order."""
        files = Path(self.root, asset).glob(f"*/*{_SUFFIX}")
        return sorted(date.fromisoformat(path.stem) for path in files)

    def write_year(self, asset: str, year: int, frame: pd.DataFrame) -> None:
        """Replace the file of a year."""
        _write(self._year_path(asset, year), pa.Table.from_pandas(frame, preserve_index=False))

    def read_year(self, asset: str, year: int, *, days: Iterable[date] | None = None) -> pd.DataFrame:
        """Read the file of a year, or some days of it.

        Raises:
            LakeError: the year was never materialized.
        """
        path = self._year_path(asset, year)
        if not path.is_file():
            raise LakeError(f"{asset} has no partition {year}; materialize {asset} for {year} first")
        wanted = None if days is None else pc.field("day").isin([pd.Timestamp(day) for day in days])
        return _to_frame(pq.read_table(path, filters=wanted, partitioning=None))

    def rows_of_year(self, asset: str, year: int) -> int:
        """Number of rows in the file of a year; 0 where it was never materialized."""
        path = self._year_path(asset, year)
        return int(pq.read_metadata(path).num_rows) if path.is_file() else 0

    def stored_years(self, asset: str) -> list[int]:
        """Years of an asset that were materialized, in order."""
        return sorted(int(path.stem) for path in Path(self.root, asset).glob(f"*{_SUFFIX}"))

    def days_of_year(self, asset: str, year: int) -> list[date]:
        """Days that have rows in the file of a year, in order."""
        path = self._year_path(asset, year)
        if not path.is_file():
            return []
        return sorted(
            day.date() for day in pq.read_table(path, columns=["day"], partitioning=None)["day"].unique().to_pandas()
        )

    def _day_path(self, asset: str, day: date) -> Path:
        return Path(self.root, asset, f"{day.year:04d}", f"{day.isoformat()}{_SUFFIX}")

    def _year_path(self, asset: str, year: int) -> Path:
        return Path(self.root, asset, f"{year:04d}{_SUFFIX}")


def _to_frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=_PANDAS_TYPES.get)


def _write(path: Path, table: pa.Table) -> None:
    with replacing(path) as temporary:
        # A day is read whole: neither statistics nor dictionaries of 60 columns pay for their time and place.
        pq.write_table(table, temporary, compression="zstd", use_dictionary=False, write_statistics=False)


def _read(path: Path, columns: Sequence[str] | None, optional: Collection[str]) -> pa.Table:
    if columns is not None and optional:
        there = pq.read_schema(path).names
        columns = [name for name in columns if name in there or name not in optional]
    return pq.read_table(path, columns=columns, partitioning=None)


def _and_others(missing: Sequence[date]) -> str:
    return f" and {len(missing) - 1} other days up to {missing[-1]}" if len(missing) > 1 else ""
