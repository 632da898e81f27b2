"""The pointer to production, with a real Postgres and a real MLflow: kills, hands that move the alias, two at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import psycopg
import pytest

from road_assets.core.production_history import PROMOTED, REFUSED, NoFormerChampionError
from road_assets.core.vocabulary import PRODUCTION_ALIAS
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.promotion.pointer import PointerError, hold_pointer
from road_assets.promotion.rollback import roll_back
from road_assets.resources import decisions, model_registry
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author, Decision
from road_assets.resources.model_registry import BEST_MODEL_TAG, ModelRegistry
from road_assets_tests.conftest import fresh_database
from road_assets_tests.registry_versions import AS_OF, register, registry_of_its_own

ANN = Author("ann")
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Place:
    """Tables and a registry of a test's own."""

    database: Database
    registry: ModelRegistry

    def promote(self, version: int, registry: ModelRegistry | None = None) -> None:
        with hold_pointer(self.database, registry or self.registry, ANN) as pointer:
            pointer.move(Decision(PROMOTED, version, pointer.version(), ["better"]))

    def reconcile(self) -> list[str]:
        with hold_pointer(self.database, self.registry, Author("bob")) as pointer:
            return pointer.reconcile()

    def query(self, statement: Any) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(statement).fetchall()

    def told(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT decision, version, previous_version, decided_by FROM promotions ORDER BY id")

    def champion(self) -> list[tuple[Any, ...]]:
        return self.query("SELECT version, published FROM champion")

    def best(self) -> list[int]:
        name = model_registry.MODEL_NAME
        versions = self.registry.client().search_model_versions(f"name = '{name}'")
        return [int(found.version) for found in versions if BEST_MODEL_TAG in found.tags]


@pytest.fixture
def place(
    postgres: EmbeddedPostgres, mlflow_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    name = f"pointer-{request.node.name}"[:60]
    with registry_of_its_own(mlflow_url, name) as registry:
        yield Place(Database(url=fresh_database(postgres, name)), registry)


@pytest.fixture
def three(place: Place) -> Place:
    """Three versions, each of which was in production."""
    for _ in range(3):
        place.promote(register(place.registry))
    return place


def test_a_promotion_is_a_row_the_champion_the_alias_and_the_tag(three: Place) -> None:
    assert three.told() == [("promoted", 1, None, "ann"), ("promoted", 2, 1, "ann"), ("promoted", 3, 2, "ann")]
    assert three.champion() == [(3, True)]
    assert three.registry.production_version() == 3
    assert three.best() == [3]
    assert three.reconcile() == []


def test_with_mlflow_down_the_decision_stands_and_the_next_to_come_completes_it(three: Place) -> None:
    version = register(three.registry)
    dead = three.registry.model_copy(update={"tracking_uri": NOWHERE})
    with pytest.raises(PointerError, match=r"version 4 is in production, but the model registry has not followed"):
        three.promote(version, dead)
    assert (three.champion(), three.registry.production_version()) == ([(4, False)], 3)
    assert three.reconcile() == ["version 4 was decided upon, and the registry had not followed; it has now"]
    assert (three.champion(), three.registry.production_version(), three.best()) == ([(4, True)], 4, [4])
    assert len(three.told()) == 4, "completing a decision is no new one"


def test_a_kill_after_the_alias_moved_and_before_the_tag_is_completed(three: Place) -> None:
    version = register(three.registry)
    with three.database.connect() as connection:
        decisions.set_champion(connection, Decision(PROMOTED, version, 3, ["better"]), ANN)
    three.registry.client().set_registered_model_alias(model_registry.MODEL_NAME, PRODUCTION_ALIAS, str(version))
    three.reconcile()
    assert (three.champion(), three.best()) == ([(4, True)], [4])


def test_an_alias_moved_by_hand_is_accepted_and_written_down(three: Place) -> None:
    three.registry.client().set_registered_model_alias(model_registry.MODEL_NAME, PRODUCTION_ALIAS, "1")
    (said,) = three.reconcile()
    assert "points at version 1, where version 3 was decided upon" in said
    assert three.told()[-1] == ("found in the registry", 1, 3, "bob")
    assert (three.champion(), three.best()) == ([(1, True)], [1])
    assert three.reconcile() == []


def test_a_registry_that_promoted_before_decisions_were_written_down_is_accepted(place: Place) -> None:
    place.registry.promote(place.registry.version(register(place.registry)))
    place.reconcile()
    assert place.told() == [("found in the registry", 1, None, "bob")]
    assert place.champion() == [(1, True)]


def test_a_lost_alias_comes_back(three: Place) -> None:
    three.registry.client().delete_registered_model_alias(model_registry.MODEL_NAME, PRODUCTION_ALIAS)
    assert three.reconcile() == ["the registry had lost its production alias; it points at version 3 again"]
    assert three.registry.production_version() == 3


def test_a_registry_that_was_emptied_leaves_no_champion(three: Place) -> None:
    three.registry.client().delete_registered_model(model_registry.MODEL_NAME)
    (said,) = three.reconcile()
    assert "points at no version" in said
    assert three.champion() == []
    assert three.told()[-1] == ("found in the registry", None, 3, "bob")


def test_of_two_promotions_at_once_the_second_waits_for_the_first(place: Place) -> None:
    versions = [register(place.registry) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(place.promote, versions))
    told = place.told()
    assert sorted(version for _, version, _, _ in told) == versions
    assert [before for _, _, before, _ in told] == [None, *(version for _, version, _, _ in told[:-1])]
    last = told[-1][1]
    assert (place.champion(), place.registry.production_version(), place.best()) == ([(last, True)], last, [last])


def test_whoever_waits_too_long_is_told(place: Place) -> None:
    with (
        hold_pointer(place.database, place.registry, ANN),
        pytest.raises(PointerError, match=r"at work for 0\.1 s; nothing was changed"),
        hold_pointer(place.database, place.registry, ANN, wait_seconds=0.1),
    ):
        pass


def test_an_error_while_holding_lets_go(place: Place) -> None:
    with pytest.raises(KeyError), hold_pointer(place.database, place.registry, ANN):
        raise KeyError
    assert place.reconcile() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE promotions SET decided_by = 'eve'",
        "DELETE FROM promotions",
        "TRUNCATE promotions CASCADE",
        "UPDATE gate_verdicts SET promote = true",
        "TRUNCATE gate_verdicts CASCADE",
    ],
)
def test_the_database_refuses_to_change_what_was_decided(postgres: EmbeddedPostgres, statement: str) -> None:
    with (
        pytest.raises(psycopg.errors.RestrictViolation, match="only ever added, never changed or removed"),
        psycopg.connect(postgres.url("road")) as connection,
    ):
        connection.execute(statement.encode())


def test_the_database_refuses_a_second_champion(three: Place) -> None:
    second = "INSERT INTO champion (singleton, version, promotion_id, published) VALUES (%s, 1, 1, true)"
    for key in (True, False):
        with pytest.raises(psycopg.errors.IntegrityError), three.database.connect() as connection:
            connection.execute(second, (key,))
    assert three.champion() == [(3, True)]


def test_a_refusal_changes_nothing_but_the_table(three: Place) -> None:
    with hold_pointer(three.database, three.registry, ANN) as pointer:
        decisions.add_decision(pointer.connection, Decision(REFUSED, 9, 3, ["worse"]), ANN)
    assert three.told()[-1] == ("refused", 9, 3, "ann")
    assert (three.champion(), three.registry.production_version()) == ([(3, True)], 3)


def test_a_rollback_brings_back_the_one_before_and_then_the_one_before_that(three: Place) -> None:
    done = roll_back(three.database, three.registry, None, Author("ann", "run-1"))
    assert (done.version, done.previous) == (2, 3)
    assert "version 2 is in production again, in the place of version 3" in str(done)
    assert (three.champion(), three.registry.production_version(), three.best()) == ([(2, True)], 2, [2])
    roll_back(three.database, three.registry, None, ANN)
    assert three.told()[-2:] == [("rolled back", 2, 3, "ann"), ("rolled back", 1, 2, "ann")]
    with pytest.raises(NoFormerChampionError, match=r"no version before it .* former champions: 2, 3"):
        roll_back(three.database, three.registry, None, ANN)
    assert roll_back(three.database, three.registry, 3, ANN).version == 3


def test_a_rollback_to_a_version_never_in_production_changes_nothing(three: Place) -> None:
    register(three.registry)
    with pytest.raises(NoFormerChampionError, match=r"version 4 was never in production.*former champions: 1, 2"):
        roll_back(three.database, three.registry, 4, ANN)
    assert (len(three.told()), three.registry.production_version()) == (3, 3)


def test_a_rollback_completes_what_a_kill_left_before_it_goes_back(three: Place) -> None:
    version = register(three.registry)
    with three.database.connect() as connection:
        decisions.set_champion(connection, Decision(PROMOTED, version, 3, ["better"]), ANN)
    done = roll_back(three.database, three.registry, None, ANN)
    assert (done.version, done.previous) == (3, 4)
    assert "the registry had not followed" in str(done)


def test_the_table_of_figures_follows_in_the_same_step(three: Place) -> None:
    days = ("as_of", "training_first_day", "training_last_day", "evaluation_first_day", "evaluation_last_day")
    known = {"model_version": [2, 3], "in_production": [False, True], "trained_at": datetime(2024, 10, 1, tzinfo=UTC)}
    known |= {"mlflow_run_id": "r", "data_source": "d", **dict.fromkeys(days, AS_OF)}
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'model_metrics'"
    figures = {name: 0 for (name,) in three.query(columns) if name not in known}
    three.database.replace_rows("model_metrics", pd.DataFrame(known | figures), "model_version")
    roll_back(three.database, three.registry, None, ANN)
    assert three.query("SELECT model_version FROM model_metrics WHERE in_production") == [(2,)]


def test_tables_of_an_older_version_are_said_to_be_so(place: Place, postgres: EmbeddedPostgres) -> None:
    with pytest.raises(PointerError, match="start the platform again"):
        Place(Database(url=postgres.url("postgres")), place.registry).reconcile()
