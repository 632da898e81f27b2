"""The lake: frames in Parquet files, one per asset and partition, each replaced completely or not at all."""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from dagster import ConfigurableResource
from pydantic import PrivateAttr

from road_assets.resources.files import StoragePath, folders_in, is_remote, names_in, storage_path
from road_assets.resources.parquet_files import number_of_rows, read_column, read_table, write_table

_SUFFIX = ".parquet"
_THREADS = 4
"""For small files, which wait for the disk more than for the processor."""

_REMOTE_THREADS = 16
"""For an object storage, which is waited for longer."""

_DAYS_AT_ONCE = 366
"""How many days are converted at a time, so that many years are not in memory twice."""

_PANDAS_TYPES = dict.fromkeys((pa.string(), pa.large_string()), pd.StringDtype("pyarrow"))
"""Texts stay in Arrow's buffers; as Python objects those of a year take three times the memory."""


class LakeError(LookupError):
    """A partition is needed that was not materialized."""


class Lake(ConfigurableResource):
    """The folder of Parquet files.

    Layout: ``<root>/<asset>/<year>/<day>.parquet`` for daily assets, ``<root>/<asset>/<year>.parquet`` for yearly ones.

    Attributes:
        root: absolute path of the folder, or its address in an object storage.
    """

    root: str
    _opened: StoragePath | None = PrivateAttr(None)

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
        with self._threads() as pool:
            for begin in range(0, len(days), _DAYS_AT_ONCE):
                part = slice(begin, begin + _DAYS_AT_ONCE)
                first, last = starts[part][0], ends[part][-1]
                table = pa.Table.from_pandas(ordered.iloc[first:last], preserve_index=False)
                paths = [self._day_path(asset, day) for day in days[part]]
                rows = map(table.slice, starts[part] - first, ends[part] - starts[part])
                list(pool.map(write_table, paths, rows))

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
        there = {name for year in {day.year for day in paths} for name in names_in(self._year_folder(asset, year))}
        missing = [day for day, path in paths.items() if path.name not in there]
        if missing and not skip_missing:
            raise LakeError(
                f"{asset} has no partition for {missing[0]}"
                + _and_others(missing)
                + f"; materialize {asset} for those days first"
            )
        present = [path for path in paths.values() if path.name in there]
        if not present:
            raise LakeError(
                f"{asset} has no partition between {min(paths)} and {max(paths)}; materialize {asset} first"
            )
        with self._threads() as pool:
            parts = pool.map(lambda path: read_table(path, columns, optional=optional), present)
            table = pa.concat_tables(list(parts), promote_options="permissive")
        table = table.combine_chunks()  # the single days, which take as much memory, are free from here on
        return _to_frame(table)

    def stored_days(self, asset: str) -> list[date]:
        """Days of an asset that were materialized, in order."""
        return sorted(map(date.fromisoformat, _stems(names_in(self._place / asset, below=True))))

    def daily_assets(self) -> list[str]:
        """Assets of which days are stored, by name."""
        return [name for name in folders_in(self._place) if self.stored_days(name)]

    def remove_day(self, asset: str, day: date) -> None:
        """Remove the file of a day, if it is there."""
        self._day_path(asset, day).unlink(missing_ok=True)

    def write_year(self, asset: str, year: int, frame: pd.DataFrame) -> None:
        """Replace the file of a year."""
        write_table(self._year_path(asset, year), pa.Table.from_pandas(frame, preserve_index=False))

    def read_year(self, asset: str, year: int, *, days: Iterable[date] | None = None) -> pd.DataFrame:
        """Read the file of a year, or some days of it.

        Raises:
            LakeError: the year was never materialized.
        """
        path = self._year_path(asset, year)
        if not path.is_file():
            raise LakeError(f"{asset} has no partition {year}; materialize {asset} for {year} first")
        wanted = None if days is None else pc.field("day").isin([pd.Timestamp(day) for day in days])
        return _to_frame(read_table(path, filters=wanted))

    def rows_of_year(self, asset: str, year: int) -> int:
        """Number of rows in the file of a year; 0 where it was never materialized."""
        path = self._year_path(asset, year)
        return number_of_rows(path) if path.is_file() else 0

    def stored_years(self, asset: str) -> list[int]:
        """Years of an asset that were materialized, in order."""
        return sorted(map(int, _stems(names_in(self._place / asset))))

    def days_of_year(self, asset: str, year: int) -> list[date]:
        """Days that have rows in the file of a year, in order."""
        path = self._year_path(asset, year)
        if not path.is_file():
            return []
        return sorted(day.date() for day in read_column(path, "day").unique().to_pandas())

    @property
    def _place(self) -> StoragePath:
        if self._opened is None:
            self._opened = storage_path(self.root)
        return self._opened

    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(_REMOTE_THREADS if is_remote(self._place) else _THREADS)

    def _day_path(self, asset: str, day: date) -> StoragePath:
        return self._year_folder(asset, day.year) / f"{day.isoformat()}{_SUFFIX}"

    def _year_folder(self, asset: str, year: int) -> StoragePath:
        return self._place / asset / f"{year:04d}"

    def _year_path(self, asset: str, year: int) -> StoragePath:
        return self._place / asset / f"{year:04d}{_SUFFIX}"


def _to_frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=_PANDAS_TYPES.get)


def _stems(names: Iterable[str]) -> Iterable[str]:
    """Names of Parquet files without the ending; what is just being written has a name with another one."""
    return (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def _and_others(missing: Sequence[date]) -> str:
    return f" and {len(missing) - 1} other days up to {missing[-1]}" if len(missing) > 1 else ""
