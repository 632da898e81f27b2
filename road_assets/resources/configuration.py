"""Settings as resources of Dagster: what the environment says to assets, checks and sensors."""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from road_assets.core.candidate import MISSED_CASE_COST
from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits
from road_assets.core.families import FAMILIES
from road_assets.core.retraining import RetrainingRules
from road_assets.core.verdict import Margins


class QualityLimits(dg.ConfigurableResource):
    """Limits above which a day is refused.

    Attributes:
        max_bad_rows_share: share of a day's rows in quarantine above which the day is not taken.
    """

    max_bad_rows_share: float


class ModelPolicy(dg.ConfigurableResource):
    """What the environment asks of training.

    Attributes:
        candidates: families to fit, the model of record first.
        missed_case_cost: of a missed severe case, in needless dispatches.
    """

    candidates: list[str] = Field(default=list(FAMILIES), min_length=1)
    missed_case_cost: float = MISSED_CASE_COST


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


class DriftSettingsResource(dg.ConfigurableResource):
    """The limits of ``core.drift_limits`` as a resource.

    Attributes:
        window_days: length of the trailing window.
        retrain_above: score above which the model is retrained.
        warn_above: score above which the check warns.
        distance_threshold: total-variation distance above which a feature has drifted.
        correlation_threshold: correlation of histograms below which a numeric field has drifted.
        severe_share_threshold: difference in the share of severe cases above which that is reported.
        false_alarm_share: share of windows without any change in which a feature may exceed its noise.
        min_rows: users needed in the window and in the reference; with fewer there is no score.
    """

    window_days: int = DEFAULT_LIMITS.window_days
    retrain_above: float = DEFAULT_LIMITS.retrain_above
    warn_above: float = DEFAULT_LIMITS.warn_above
    distance_threshold: float = DEFAULT_LIMITS.distance_threshold
    correlation_threshold: float = DEFAULT_LIMITS.correlation_threshold
    severe_share_threshold: float = DEFAULT_LIMITS.severe_share_threshold
    false_alarm_share: float = DEFAULT_LIMITS.false_alarm_share
    min_rows: int = DEFAULT_LIMITS.min_rows

    def limits(self) -> DriftLimits:
        """The same for ``core``."""
        return DriftLimits(**{name: getattr(self, name) for name in DriftLimits.__slots__})


class RetrainingSettings(dg.ConfigurableResource):
    """Settings of the retraining sensor.

    Attributes:
        cooldown_minutes: pause after a successful retraining.
        attempts: how often one sign of drift is tried in all.
    """

    cooldown_minutes: int = int(RetrainingRules().cooldown.total_seconds() // 60)
    attempts: int = RetrainingRules().attempts

    def rules(self) -> RetrainingRules:
        """The same for ``core``."""
        return RetrainingRules(timedelta(minutes=self.cooldown_minutes), self.attempts)
