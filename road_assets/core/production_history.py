"""The history of production: which versions were champions, and what follows for promotions and rollbacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["promoted", "refused", "rolled back", "found in the registry"]
"""What can be decided about a version. The last one is somebody else's decision: the alias was moved by hand."""

PROMOTED: Final = "promoted"
REFUSED: Final = "refused"
ROLLED_BACK: Final = "rolled back"
FOUND: Final = "found in the registry"


class NoFormerChampionError(ValueError):
    """There is no such version to go back to; the message lists those that there are."""


@dataclass(frozen=True, slots=True)
class ProductionChange:
    """One change of the version in production.

    Attributes:
        kind: what brought the version into production.
        version: its number; nothing where the registry was found without one.
        previous: the version before, if any.
    """

    kind: Kind
    version: int | None
    previous: int | None


def rolled_back_versions(history: Sequence[ProductionChange]) -> set[int]:
    """Versions that somebody rolled back from, and that nobody has brought back since.

    The gate does not consider them: the rows that once promoted them would promote them again, against the decision of
    a person. This does not bar versions trained later.

    Args:
        history: in order of time.
    """
    left: set[int] = set()
    for change in history:
        if change.kind == ROLLED_BACK and change.previous is not None:
            left.add(change.previous)
        left -= {change.version}
    return left


def former_champion(history: Sequence[ProductionChange], wanted: int | None) -> int:
    """Choose the version that a rollback brings back.

    Args:
        history: in order of time.
        wanted: a version; by default the champion before the present one. A second rollback goes one champion further
            back, not forward again to the version that the first one left.

    Raises:
        NoFormerChampionError: the version was never in production, is there now, or there is none before.
    """
    present = history[-1].version if history else None
    former = sorted({change.version for change in history if change.version is not None} - {present})
    known = f"former champions: {', '.join(map(str, former)) or 'none'}"
    if present is None:
        raise NoFormerChampionError(f"no model is in production, so there is nothing to roll back from; {known}")
    if wanted is None:
        lineage = _lineage(history)
        if len(lineage) < 2:  # noqa: PLR2004 - the present one and one before
            raise NoFormerChampionError(f"version {present} has no version before it to go back to; {known}")
        return lineage[-2]
    if wanted == present:
        raise NoFormerChampionError(f"version {wanted} is in production already; {known}")
    if wanted not in former:
        raise NoFormerChampionError(
            f"version {wanted} was never in production, and a rollback passes no gate; nothing was changed. {known}"
        )
    return wanted


def _lineage(history: Sequence[ProductionChange]) -> list[int]:
    """Versions that led to the present one, without those that were rolled back from."""
    lineage: list[int] = []
    for change in history:
        if change.kind == ROLLED_BACK and change.version in lineage:
            del lineage[lineage.index(change.version) + 1 :]
        elif change.version is not None:
            lineage.append(change.version)
    return lineage
