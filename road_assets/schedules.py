"""What runs by the clock."""

import dagster as dg

from road_assets.jobs import daily_job

daily_schedule = dg.build_schedule_from_partitioned_job(
    daily_job,
    name="daily_schedule",
    hour_of_day=3,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At three in the morning in Paris: materialize yesterday.",
)
