"""Which versions were in production, one after the other, and what follows from that for promotions and rollbacks."""

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
class Reign:
    """The beginning of a version's time in production.

    Attributes:
        kind: how it came there.
        version: its number; nothing where the registry was found without one.
        previous: the version before, if any.
    """

    kind: Kind
    version: int | None
    previous: int | None


def withdrawn(reigns: Sequence[Reign]) -> set[int]:
    """Versions that somebody rolled back from, and that nobody has brought back since.

    The gate leaves them alone: the rows that once promoted them would do so again, against the decision of a person. A
    newly trained version is another matter.

    Args:
        reigns: in order of time.
    """
    left: set[int] = set()
    for reign in reigns:
        if reign.kind == ROLLED_BACK and reign.previous is not None:
            left.add(reign.previous)
        left -= {reign.version}
    return left


def former_champion(reigns: Sequence[Reign], wanted: int | None) -> int:
    """Choose the version that a rollback brings back.

    Args:
        reigns: in order of time.
        wanted: a version; by default the one before the present one. Asked again, that goes back one step more, and not
            forward to what was left.

    Raises:
        NoFormerChampionError: the version was never in production, is there now, or there is none before.
    """
    present = reigns[-1].version if reigns else None
    former = sorted({reign.version for reign in reigns if reign.version is not None} - {present})
    known = f"former champions: {', '.join(map(str, former)) or 'none'}"
    if present is None:
        raise NoFormerChampionError(f"no model is in production, so there is nothing to roll back from; {known}")
    if wanted is None:
        line = _line(reigns)
        if len(line) < 2:  # noqa: PLR2004 - the present one and one before
            raise NoFormerChampionError(f"version {present} has no version before it to go back to; {known}")
        return line[-2]
    if wanted == present:
        raise NoFormerChampionError(f"version {wanted} is in production already; {known}")
    if wanted not in former:
        raise NoFormerChampionError(
            f"version {wanted} was never in production, and a rollback passes no gate; nothing was changed. {known}"
        )
    return wanted


def _line(reigns: Sequence[Reign]) -> list[int]:
    """Versions that led to the present one, without those that were rolled back from."""
    line: list[int] = []
    for reign in reigns:
        if reign.kind == ROLLED_BACK and reign.version in line:
            del line[line.index(reign.version) + 1 :]
        elif reign.version is not None:
            line.append(reign.version)
    return line
