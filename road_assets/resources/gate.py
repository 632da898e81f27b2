"""The margins of the gate as a resource of Dagster."""

import dagster as dg

from road_assets.core.verdict import Margins


class GateMargins(dg.ConfigurableResource):
    """How much better a candidate must be to be promoted, and how much worse it may be.

    Attributes:
        promotion: gain in ROC-AUC that the lower confidence bound must exceed.
        calibration: increase of the calibration error that is accepted.
        slices: loss of ROC-AUC in a group of users that is accepted.
    """

    promotion: float = Margins().promotion
    calibration: float = Margins().calibration
    slices: float = Margins().slices

    def margins(self) -> Margins:
        """The same, as ``core`` takes them."""
        return Margins(self.promotion, self.calibration, self.slices)
