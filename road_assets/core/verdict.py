"""The gate's verdict with its grounds, and the margins it is based on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from road_assets.core.metrics import DECIDING_METRIC

CONFIDENCE: Final = 0.95
"""Confidence level of every one-sided bound."""

CALIBRATION: Final = "calibration_error"


@dataclass(frozen=True, slots=True)
class Margins:
    """Margins of the gate.

    Attributes:
        promotion: the lower bound of the gain in ROC-AUC must be above it.
        calibration: increase of the calibration error that is accepted.
        slices: loss of ROC-AUC in a slice that is accepted.
    """

    promotion: float = 0.0
    calibration: float = 0.005
    slices: float = 0.02


@dataclass(frozen=True, slots=True)
class Comparison:
    """Challenger against champion in one respect.

    Attributes:
        field: by which the rows are grouped; empty for all rows.
        group: the group, in words; empty for all rows.
        metric: name of the figure.
        rows: number of rows.
        champion: the champion's figure.
        challenger: the challenger's figure.
        loss_at_least: lower bound of the challenger's loss, one-sided; negative where it may be better.
        margin: loss that is accepted.
    """

    field: str
    group: str
    metric: str
    rows: int
    champion: float
    challenger: float
    loss_at_least: float
    margin: float

    @property
    def worse(self) -> bool:
        """Whether the challenger's loss exceeds the margin by more than chance explains."""
        return self.loss_at_least > self.margin

    def __str__(self) -> str:
        """Name the place and the figures."""
        where = f"{self.field} = {self.group}" if self.field else "all rows"
        return (
            f"{self.metric} on {where}: {self.challenger:.4f} against {self.champion:.4f}, worse by at least "
            f"{self.loss_at_least:.4f}, allowed is {self.margin:g}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict with its grounds.

    Attributes:
        promote: whether the challenger takes over.
        reasons: why, in sentences with the figures.
        challenger: version judged; nothing where none stood for promotion, so that nothing was decided.
        champion: version in production when it was judged, if any.
        candidates: all versions that stood for promotion, the best first.
        difference: the challenger's gain in the deciding metric; nothing if it was not compared.
        lower_bound: what that gain is at least, one-sided.
        rows: judged on.
        accidents: that they belong to.
        figures: per version, what ``evaluate`` gives on the common rows.
        comparisons: calibration and every slice.
    """

    promote: bool
    reasons: tuple[str, ...]
    challenger: int | None
    champion: int | None
    candidates: tuple[int, ...]
    difference: float | None = None
    lower_bound: float | None = None
    rows: int = 0
    accidents: int = 0
    figures: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()

    def grounds(self) -> dict[str, Any]:
        """The figures in the form of JSON."""
        return {
            "metric": DECIDING_METRIC,
            "rows": self.rows,
            "accidents": self.accidents,
            "difference": self.difference,
            "lower_bound": self.lower_bound,
            "by_version": {str(version): dict(figures) for version, figures in self.figures.items()},
            "comparisons": [{**asdict(comparison), "worse": comparison.worse} for comparison in self.comparisons],
        }


def refuse(candidates: Sequence[int], champion: int | None, reason: str) -> Verdict:
    """A verdict without a comparison.

    Args:
        candidates: versions that stood for promotion; may be none, and then nothing was decided.
        champion: in production, if any.
        reason: why there is nothing to compare.
    """
    return Verdict(
        promote=False,
        reasons=(reason,),
        challenger=candidates[0] if candidates else None,
        champion=champion,
        candidates=tuple(candidates),
    )
