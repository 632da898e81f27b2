"""The rules of retraining for drift as a resource of Dagster."""

from datetime import timedelta

import dagster as dg

from road_assets.core.retraining import RetrainingRules


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
