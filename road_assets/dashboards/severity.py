"""How severe accidents were, in the columns of the sums ``accident_figures`` and ``accident_squares``."""

from typing import Final

from road_assets.core.vocabulary import SEVERE_GRAVITIES
from road_assets.dashboards.panels import GREEN, ORANGE, RED, Levels

COUNTED: Final = {2: "killed", 3: "hospitalised", 4: "slightly_hurt"}
"""Columns of the sums by code of ``grav``."""

SEVERE: Final = " + ".join(f"sum({COUNTED[code]})" for code in sorted(SEVERE_GRAVITIES))
"""How many users were severely hurt, in SQL."""

SEVERE_SHARE: Final = f"({SEVERE})::float / sum(users)"
SEVERE_LEVELS: Final[Levels] = ((GREEN, 0), (ORANGE, 0.15), (RED, 0.3))

FEW: Final = 30
"""Users of whom no share is told: it would be chance."""
