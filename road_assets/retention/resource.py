"""The limits of ``RetentionSettings`` as a resource of Dagster."""

import dagster as dg


class RetentionLimits(dg.ConfigurableResource):
    """How long things are kept; ``RetentionSettings`` has the defaults and says what each field means."""

    run_days: int
    model_days: int
    former_champions: int
    report_days: int
    notice_days: int
    lake_days: int | None
