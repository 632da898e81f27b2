"""How long what is kept, and what a removal tells about itself."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import dagster as dg
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LEAST_LAKE_DAYS: Final = 800
"""A model learns from a year and is judged on a month; mix and drift look at the year before. With room to spare."""


class RetentionSettings(BaseSettings):
    """How many days what is kept.

    Attributes:
        run_days: ``ROAD_RETENTION_RUN_DAYS``, finished runs: events, logs of steps.
        model_days: ``ROAD_RETENTION_MODEL_DAYS``, versions that are neither in production nor may come back.
        former_champions: ``ROAD_RETENTION_FORMER_CHAMPIONS``, versions before the present one that may come back.
        report_days: ``ROAD_RETENTION_REPORT_DAYS``, pages of drift reports; their figures stay in the tables.
        notice_days: ``ROAD_RETENTION_NOTICE_DAYS``, notes of failed runs and of alerts.
        lake_days: ``ROAD_RETENTION_LAKE_DAYS``, days of Parquet files before the newest one; without it all are kept.
    """

    model_config = SettingsConfigDict(
        env_prefix="ROAD_RETENTION_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    run_days: Annotated[int, Field(ge=1)] = 90
    model_days: Annotated[int, Field(ge=1)] = 180
    former_champions: Annotated[int, Field(ge=1)] = 5
    report_days: Annotated[int, Field(ge=1)] = 180
    notice_days: Annotated[int, Field(ge=1)] = 365
    lake_days: Annotated[int, Field(ge=LEAST_LAKE_DAYS)] | None = None


class Retention(dg.ConfigurableResource):
    """The same for runs; ``RetentionSettings`` says what each means."""

    run_days: int = 90
    model_days: int = 180
    former_champions: int = 5
    report_days: int = 180
    notice_days: int = 365
    lake_days: int | None = None


@dataclass(slots=True)
class Retired:
    """What a removal did, or would do.

    Attributes:
        kind: of what was looked at.
        removed: what went, or would go, by name.
        kept: how many were old enough and stay, because they are in use.
        freed_bytes: of files.
        notes: further sentences.
    """

    kind: str
    removed: list[str] = field(default_factory=list)
    kept: int = 0
    freed_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def days_ago(days: int) -> datetime:
    """The moment before which something is old."""
    return datetime.now(UTC) - timedelta(days=days)
