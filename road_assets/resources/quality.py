"""The limits of data quality as a resource of Dagster."""

import dagster as dg


class QualityLimits(dg.ConfigurableResource):
    """Limits above which a day is refused.

    Attributes:
        max_bad_rows_share: share of a day's rows in quarantine above which the day is not taken.
    """

    max_bad_rows_share: float
