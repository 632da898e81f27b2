"""How long things are kept, as the environment says. Nothing of Dagster is imported, so that commands start quickly."""

from typing import Annotated, Final

from pydantic import Field
from pydantic_settings import BaseSettings

from road_assets.environment import environment_config

LEAST_LAKE_DAYS: Final = 800
"""A model learns from a year and is judged on a month; mix and drift look at the year before. With room to spare."""


class RetentionSettings(BaseSettings):
    """How many days each kind of thing is kept.

    Attributes:
        run_days: ``ROAD_RETENTION_RUN_DAYS``, finished runs: events, logs of steps.
        model_days: ``ROAD_RETENTION_MODEL_DAYS``, versions that are neither in production nor may come back.
        former_champions: ``ROAD_RETENTION_FORMER_CHAMPIONS``, versions before the present one that may come back.
        report_days: ``ROAD_RETENTION_REPORT_DAYS``, pages of drift reports; their figures stay in the tables.
        notice_days: ``ROAD_RETENTION_NOTICE_DAYS``, notes of failed runs and of alerts.
        lake_days: ``ROAD_RETENTION_LAKE_DAYS``, days of Parquet files before the newest one; without it all are kept.
    """

    model_config = environment_config("ROAD_RETENTION_")

    run_days: Annotated[int, Field(ge=1)] = 90
    model_days: Annotated[int, Field(ge=1)] = 180
    former_champions: Annotated[int, Field(ge=1)] = 5
    report_days: Annotated[int, Field(ge=1)] = 180
    notice_days: Annotated[int, Field(ge=1)] = 365
    lake_days: Annotated[int, Field(ge=LEAST_LAKE_DAYS)] | None = None
