"""The noise setting as it stands in Postgres, for everybody who reads or sets it. Who runs the statements connects too.

What the noise does to rows is in ``noise``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

IN_FORCE: Final[LiteralString] = "SELECT noise, since, set_by FROM noise_settings ORDER BY id DESC LIMIT 1"
APPEND: Final[LiteralString] = (
    "INSERT INTO noise_settings (noise, set_by) VALUES (%s, %s) RETURNING noise, since, set_by"
)
"""Takes the noise, 0 to 1, and who sets it; earlier values stay in the table."""


@dataclass(frozen=True, slots=True)
class NoiseSetting:
    """How much the rows of the partitions to come are distorted.

    Attributes:
        noise: chance that a feature's code is replaced by a random one, 0 to 1.
        since: when it was set; nothing if it never was.
        set_by: who set it, and through what.
    """

    noise: float
    since: datetime | None = None
    set_by: str | None = None

    def __str__(self) -> str:
        """Say value, time and author."""
        if self.since is None:
            return "noise 0 (never set)"
        return f"noise {self.noise:g} (set {self.since:%Y-%m-%d %H:%M:%S %Z} by {self.set_by})"
