"""How much better a candidate must be, and how much worse it may be, before it takes over."""

import dagster as dg

from road_assets.core.verdict import Margins


class GateMargins(dg.ConfigurableResource):
    """Margins that the environment sets.

    Attributes:
        promotion: the bound of the gain in ROC-AUC must be above it.
        calibration: calibration error that may be added.
        slices: ROC-AUC that may be lost in a slice.
    """

    promotion: float = Margins().promotion
    calibration: float = Margins().calibration
    slices: float = Margins().slices

    def margins(self) -> Margins:
        """The same, as ``core`` takes them."""
        return Margins(self.promotion, self.calibration, self.slices)
