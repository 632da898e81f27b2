"""Thresholds of drift. Nothing heavy is imported here, since every command reads the settings."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["feature", "numeric", "prediction", "label"]
"""What a watched variable is: one of the 13 features, a numeric scene field, the model's answer, or the label."""


@dataclass(frozen=True, slots=True)
class DriftLimits:
    """Thresholds of drift, set by the environment.

    Attributes:
        window_days: length of the trailing window. A day has about 340 users and drifts with weather, light and
            week-end (7.7 % of days above 0.5 in 2024); no week of that year did.
        retrain_above: score above which the model is retrained, 0 to 1.
        warn_above: score above which the check warns, 0 to 1.
        distance_threshold: total-variation distance above which a feature, or the model's estimates, may have drifted.
        correlation_threshold: correlation of histograms below which a numeric field may have drifted.
        severe_share_threshold: difference of the share of severe cases above which it may have drifted.
        false_alarm_share: probability that, without drift, any of the 13 features exceeds its sampling noise; the same
            for each other variable.
        min_rows: users needed on each side for a comparison.
    """

    window_days: int = 7
    retrain_above: float = 0.5
    warn_above: float = 0.3
    distance_threshold: float = 0.1
    correlation_threshold: float = 0.95
    severe_share_threshold: float = 0.05
    false_alarm_share: float = 0.01
    min_rows: int = 200

    def threshold_of(self, kind: Kind) -> float:
        """The distance that a variable of this kind has to exceed."""
        if kind == "numeric":
            return 1 - self.correlation_threshold
        return self.severe_share_threshold if kind == "label" else self.distance_threshold


DEFAULT_LIMITS: Final = DriftLimits()
