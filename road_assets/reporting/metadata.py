"""Values in the metadata of assets and checks, as Dagster's pages show them: tables, pictures, figures."""

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PREVIEW_ROWS: Final = 8
_LARGE: Final = (dg.TableMetadataValue, dg.MarkdownMetadataValue)


def preview(frame: pd.DataFrame, rows: int = _PREVIEW_ROWS) -> dg.TableMetadataValue:
    """The first rows of a frame as a table in the metadata."""
    shown = frame.head(rows).astype(object).where(frame.head(rows).notna(), None)
    records = [
        dg.TableRecord({str(name): _plain(value) for name, value in row.items()}) for row in shown.to_dict("records")
    ]
    return dg.MetadataValue.table(records) if records else _empty(frame)


def picture(figure: "Figure", alt: str) -> dg.MarkdownMetadataValue:
    """A plot in the metadata, as an inline PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80, bbox_inches="tight")
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})")


def figures_table(figures: Mapping[str, float]) -> dg.TableMetadataValue:
    """Named figures as a two-column table."""
    return dg.MetadataValue.table(
        [dg.TableRecord({"figure": name, "value": round(value, 4)}) for name, value in figures.items()]
    )


def rows_per_day(days: "pd.Series[pd.Timestamp]") -> dg.MarkdownMetadataValue:
    """Rows per day as a plot."""
    from matplotlib.figure import Figure

    counts = days.value_counts().sort_index()
    figure = Figure(figsize=(8, 2.2))
    axes = figure.subplots()
    axes.bar(counts.index, counts.to_numpy(), width=1.0)
    axes.set_ylabel("rows")
    axes.set_title(f"rows per day, {len(counts)} days")
    figure.autofmt_xdate()
    return picture(figure, "rows per day")


def keep_large_for_last_day(context: dg.AssetExecutionContext, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Attach pictures and tables to the last day of a run alone, where Dagster's pages show them.

    Dagster stores the metadata of a run once per day. With a plot in each, the events of a year weigh 50 MB, and
    writing them takes longer than the data.

    Args:
        context: of the asset; the large values are added to the partition of the run's last day.
        metadata: all values.

    Returns:
        The values that every day of the run gets.
    """
    large = {name: value for name, value in metadata.items() if isinstance(value, _LARGE)}
    context.add_asset_metadata(large, partition_key=context.partition_keys[-1])
    return {name: value for name, value in metadata.items() if name not in large}


def _plain(value: Any) -> str | float | int | bool | None:
    return value if value is None or isinstance(value, str | float | int | bool) else str(value)


def _empty(frame: pd.DataFrame) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(str(name)) for name in frame.columns]
    return dg.MetadataValue.table([], schema=dg.TableSchema(columns=columns))
