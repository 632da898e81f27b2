"""What the removal of one kind of thing reports, and from which moment on a thing is old."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(slots=True)
class Removal:
    """What was removed, or would be.

    Attributes:
        kind: what was looked at, such as "models".
        removed: names of what was removed, or would be.
        kept: how many are old and stay because they are in use.
        freed_bytes: size of the files among them.
        notes: further sentences.
    """

    kind: str
    removed: list[str] = field(default_factory=list)
    kept: int = 0
    freed_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def days_ago(days: int) -> datetime:
    """The moment so many days before now; what is from before it is old."""
    return datetime.now(UTC) - timedelta(days=days)
