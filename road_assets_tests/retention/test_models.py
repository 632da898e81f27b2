"""Old versions of the model, removed from a real MLflow: what is in production, or may be, stays."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from road_assets.core.production_history import PROMOTED, NoFormerChampionError
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.promotion.pointer import hold_pointer
from road_assets.promotion.rollback import roll_back
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author, Decision
from road_assets.resources.model_registry import BUNDLE_FOLDER, ModelRegistry
from road_assets.retention import models
from road_assets.retention.models import remove_models
from road_assets_tests.conftest import fresh_database
from road_assets_tests.registry_versions import register, registry_of_its_own

ANN = Author("ann")
DAYS = [date(2024, month, 1) for month in range(1, 7)]
LATER = datetime.now(UTC) + timedelta(days=1)
VERDICT = """
    INSERT INTO gate_verdicts (as_of, challenger, promote, figures, reasons, candidates)
    VALUES (%s, 4, true, %s, '{}', '{4}')
"""


@pytest.fixture
def place(postgres: EmbeddedPostgres, mlflow_url: str, tmp_path: Path) -> Iterator[tuple[Database, ModelRegistry]]:
    """Six versions: 1 to 3 were promoted one after the other, 4 was judged, 5 is nothing, 6 is the newest."""
    with registry_of_its_own(mlflow_url, f"old-{tmp_path.name}") as registry:
        database = Database(url=fresh_database(postgres, f"old_{tmp_path.name}"))
        for day in DAYS:
            register(registry, day)
        for version in (1, 2, 3):
            with hold_pointer(database, registry, ANN) as pointer:
                pointer.move(Decision(PROMOTED, version, pointer.version(), ["better"]))
        with database.connect() as connection:
            connection.execute(VERDICT, (DAYS[3], Jsonb({})))
        yield database, registry


def left(registry: ModelRegistry) -> list[int]:
    return [number for number in range(1, 7) if registry.holds(number)]


def test_what_is_in_production_may_come_back_or_waits_for_a_decision_stays(
    place: tuple[Database, ModelRegistry],
) -> None:
    database, registry = place
    runs = {number: registry.version(number).run_id for number in (1, 3, 5)}

    told = remove_models(database, registry, LATER, 1, dry_run=True)
    assert left(registry) == [1, 2, 3, 4, 5, 6]
    done = remove_models(database, registry, LATER, 1, dry_run=False)

    assert done.removed == told.removed == ["version 1", "version 5"]
    assert done.kept == told.kept == 4
    assert left(registry) == [2, 3, 4, 6]
    assert registry.production_version() == 3
    assert registry.run_files(runs[3], BUNDLE_FOLDER)
    assert not registry.run_files(runs[5], BUNDLE_FOLDER)
    assert registry.client().get_run(runs[1]).info.lifecycle_stage == "active", "its figures stay"
    assert roll_back(database, registry, None, ANN).version == 2


def test_young_versions_stay(place: tuple[Database, ModelRegistry]) -> None:
    database, registry = place
    done = remove_models(database, registry, datetime.now(UTC) - timedelta(days=180), 1, dry_run=False)
    assert (done.removed, done.kept, left(registry)) == ([], 0, [1, 2, 3, 4, 5, 6])


def test_files_that_a_kill_left_behind_go_the_next_time(
    place: tuple[Database, ModelRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, registry = place
    run = registry.version(5).run_id

    def die(_: ModelRegistry) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(models, "_remove_files", die)
        with pytest.raises(KeyboardInterrupt):
            remove_models(database, registry, LATER, 1, dry_run=False)
    assert registry.run_files(run, BUNDLE_FOLDER)

    assert remove_models(database, registry, LATER, 1, dry_run=False).removed == []
    assert not registry.run_files(run, BUNDLE_FOLDER)


def test_a_rollback_to_a_version_that_went_is_refused_before_anything_is_written(
    place: tuple[Database, ModelRegistry],
) -> None:
    database, registry = place
    remove_models(database, registry, LATER, 1, dry_run=False)
    with pytest.raises(NoFormerChampionError, match="version 1 is no longer in the model registry"):
        roll_back(database, registry, 1, ANN)
    with hold_pointer(database, registry, ANN) as pointer:
        assert pointer.version() == 3
