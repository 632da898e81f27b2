"""How much may be wrong with data before it is not taken."""

import dagster as dg


class QualityLimits(dg.ConfigurableResource):
    """Limits that the environment sets.

    Attributes:
        max_bad_rows_share: share of a day's rows in quarantine above which the day is not taken.
    """

    max_bad_rows_share: float
