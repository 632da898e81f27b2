"""Tables of Arrow as single Parquet files, on this machine or in an object storage."""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from road_assets.resources.files import StoragePath, is_remote, replace_bytes, replacing

_BLOCK_BYTES = 2**20
"""Of a file of which only a part is wanted, so much is fetched at a time."""


def write_table(path: StoragePath, table: pa.Table) -> None:
    """Replace a file."""
    # A day is read whole: neither statistics nor dictionaries of 60 columns pay for their time and place.
    options: dict[str, Any] = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
    if is_remote(path):
        content = pa.BufferOutputStream()
        pq.write_table(table, content, **options)
        replace_bytes(path, content.getvalue().to_pybytes())
        return
    with replacing(path) as temporary:
        pq.write_table(table, temporary, **options)


def read_table(
    path: StoragePath,
    columns: Sequence[str] | None = None,
    *,
    optional: Collection[str] = (),
    filters: pc.Expression | None = None,
) -> pa.Table:
    """Read a file.

    Args:
        path: where it is.
        columns: only these.
        optional: those of ``columns`` that the file may lack.
        filters: only rows for which it is true.
    """
    # Fetched in one request, since asking for single columns costs several.
    source = pa.BufferReader(path.read_bytes()) if is_remote(path) else path
    if columns is not None and optional:
        there = pq.read_schema(source).names
        columns = [name for name in columns if name in there or name not in optional]
    return pq.read_table(source, columns=columns, filters=filters, partitioning=None)


def read_column(path: StoragePath, column: str) -> pa.ChunkedArray:
    """Read one column of a large file, without the others."""
    if is_remote(path):
        with path.open("rb", block_size=_BLOCK_BYTES) as file:
            return pq.read_table(file, columns=[column], partitioning=None)[column]
    return pq.read_table(path, columns=[column], partitioning=None)[column]


def number_of_rows(path: StoragePath) -> int:
    """Tell the rows of a file by its footer."""
    if is_remote(path):
        with path.open("rb", block_size=_BLOCK_BYTES) as file:
            return int(pq.read_metadata(file).num_rows)
    return int(pq.read_metadata(path).num_rows)
