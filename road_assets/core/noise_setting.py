"""The noise setting and its SQL statements, shared by platform and service; each runs them on its own connection.

How noise changes rows is in ``noise``.
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
    """The noise for partitions that are materialized from now on.

    Attributes:
        noise: probability that a feature's code is replaced by a random one, 0 to 1.
        since: when it was set; None if it never was.
        set_by: who set it, and by which means.
    """

    noise: float
    since: datetime | None = None
    set_by: str | None = None

    def __str__(self) -> str:
        """Say value, time and author."""
        if self.since is None:
            return "noise 0 (never set)"
        return f"noise {self.noise:g} (set {self.since:%Y-%m-%d %H:%M:%S %Z} by {self.set_by})"
