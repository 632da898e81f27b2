"""Which versions of the model may be removed from the registry."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from road_assets.core.production_history import ProductionChange


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version in the registry.

    Attributes:
        number: of the version.
        registered_at: moment of its registration.
        as_of: last day known when it was trained.
    """

    number: int
    registered_at: datetime
    as_of: date


def former_champions(history: Sequence[ProductionChange], count: int) -> list[int]:
    """The last versions that were in production before the present one, newest first, each once.

    Args:
        history: in order of time.
        count: at most so many.
    """
    present = history[-1].version if history else None
    found: dict[int, None] = {}
    for change in reversed(history):
        if change.version is not None and change.version != present:
            found.setdefault(change.version)
    return list(found)[:count]


def superfluous(
    versions: Iterable[StoredVersion], needed: Collection[int], judged_days: Collection[date], oldest: datetime
) -> tuple[list[int], int]:
    """Choose the versions that may go.

    Args:
        versions: all in the registry.
        needed: in production, or champions that may come back.
        judged_days: days whose candidates wait for a decision.
        oldest: versions registered since then stay, whatever they are.

    Returns:
        Numbers of the versions that may go, in order, and how many older ones stay because they are needed.
    """
    versions = list(versions)
    newest_day = max((version.as_of for version in versions), default=None)
    old = [version for version in versions if version.registered_at < oldest]
    in_use = {
        version.number
        for version in old
        if version.number in needed or version.as_of in judged_days or version.as_of == newest_day
    }
    return sorted(version.number for version in old if version.number not in in_use), len(in_use)
