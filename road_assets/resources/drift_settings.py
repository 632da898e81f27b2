"""The limits of drift as a resource of Dagster."""

import dagster as dg

from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits


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
