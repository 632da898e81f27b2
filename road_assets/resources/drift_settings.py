"""What counts as drift, as the environment sets it."""

import dagster as dg

from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits


class DriftSettingsResource(dg.ConfigurableResource):
    """The limits of ``core.drift_limits`` as a resource.

    Attributes:
        window_days: length of the trailing window.
        retrain_above: score above which the model is retrained.
        warn_above: score above which it is worth a look.
        distance_threshold: total-variation distance that a drifted feature passes.
        correlation_threshold: correlation of histograms that a drifted numeric field stays below.
        severe_share_threshold: difference of the share of severe cases that is worth a look.
        false_alarm_share: share of windows without change in which a feature may pass its noise.
        min_rows: fewer users on a side say nothing.
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
