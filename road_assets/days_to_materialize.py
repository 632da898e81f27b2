"""The days that a release adds or changes: metadata of ``baac_release``, read by the sensor and by ``road up``.

Neither Dagster nor pandas is imported here, so that the supervisor of ``road up`` stays small.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict

LABEL: Final = "days to materialize"
"""Label under which they stand in the metadata, as JSON."""

Span = tuple[str, str]
"""First and last partition key of consecutive days."""


class DaysToMaterialize(BaseModel):
    """Days that are new or whose rows changed.

    Attributes:
        spans: whole days; each span can be one run.
        damaged: days too much of which is in quarantine: materializing them fails and says why.
    """

    model_config = ConfigDict(frozen=True)

    spans: tuple[Span, ...] = ()
    damaged: tuple[Span, ...] = ()
