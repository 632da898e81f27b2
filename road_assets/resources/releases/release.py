"""A release: the four files of one year, and what they are once they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from road_assets.core.joining import JoinCounts
from road_assets.core.quarantine import RowCounts
from road_assets.core.vocabulary import Table
from road_assets.resources.releases.files import ReleaseFiles

Source = Literal["directory", "fetched", "demonstration"]
"""The user's directory, data.gouv.fr, or generated if there is neither."""


@dataclass(frozen=True, slots=True)
class Release:
    """The four files of one year.

    Attributes:
        year: of the accidents; the newest one where copies mix several.
        files: path by table.
        content_hash: SHA-256 over the bytes of the four files, in the order of ``TABLES``.
        source: where they come from.
        data_label: where the data comes from; shown wherever results are.
    """

    year: int
    files: ReleaseFiles
    content_hash: str
    source: Source
    data_label: str


@dataclass(frozen=True, slots=True)
class LoadedRelease:
    """A release, read and joined.

    Attributes:
        release: what was read.
        frame: one row per user, as ``join_users`` describes it.
        counts: what the join kept and left out.
        quarantine: rows set aside, as ``validate_release`` describes them.
        rows: what became of the rows of each file.
        unknown_columns: names in the headers that no codebook has, by table; their content is not read.
    """

    release: Release
    frame: pd.DataFrame
    counts: JoinCounts
    quarantine: pd.DataFrame
    rows: Mapping[Table, RowCounts]
    unknown_columns: Mapping[Table, tuple[str, ...]]

    @property
    def content_hash(self) -> str:
        """The release's hash: its data version."""
        return self.release.content_hash
