"""The platform's tables, empty before and after each test."""

from collections.abc import Iterator

import pytest

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import Database


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    database = Database(url=postgres.url("road"))
    yield database
    with database.connect() as connection:
        connection.execute(
            "TRUNCATE drift_scores, drift_features, model_metrics, accidents, quarantine, noise_settings"
        )
