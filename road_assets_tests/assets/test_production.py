"""From the gate to production and back, through the real jobs, with a real Postgres and a real MLflow."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
import psycopg
import pytest

from road_assets import step_retries
from road_assets.checks.gate import GATE_CHECK_KEY
from road_assets.core.vocabulary import PRODUCTION_ALIAS
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources import decisions, locks, model_registry
from road_assets.resources.model_registry import FAMILY_TAG, ModelRegistry
from road_assets_tests.conftest import LAST_DAY, SMALL_FOREST, Platform, failure_of, fresh_database
from road_assets_tests.registry_versions import registry_of_its_own

STUMP = {"ops": {"severity_model": {"config": {"n_estimators": 1, "max_depth": 1}}}}
TOLD = "SELECT decision, version, previous_version FROM promotions ORDER BY id"


@dataclass
class Story:
    """A platform on which a weak model was promoted, a better one after it, and an equal one refused."""

    platform: Platform
    registry: ModelRegistry
    runs: list[dg.ExecuteInProcessResult] = field(default_factory=list)

    def train(self, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
        run = self.platform.run("training_job", LAST_DAY, config=config)
        assert run.success, failure_of(run)
        return run

    def decide(self) -> dict[str, Any]:
        """Materialize production_model alone."""
        run = self.platform.run("training_job", LAST_DAY, only=("production_model",))
        assert run.success, failure_of(run)
        (event,) = run.asset_materializations_for_node("production_model")
        return {name: value.value for name, value in event.metadata.items()}

    def roll_back(self, **config: Any) -> dg.ExecuteInProcessResult:
        with self.platform._environment():  # noqa: SLF001 - a job without partitions
            return self.platform.definitions.resolve_job_def("rollback_job").execute_in_process(
                {"ops": {"rollback": {"config": config}}}, instance=self.platform.instance, raise_on_error=False
            )

    def told(self) -> list[tuple[Any, ...]]:
        return self.platform.query(TOLD)

    def in_production(self) -> tuple[int | None, list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        return (
            self.registry.production_version(),
            self.platform.query("SELECT version FROM champion"),
            self.platform.query("SELECT model_version FROM model_metrics WHERE in_production"),
        )


@pytest.fixture(scope="module")
def story(platform: Platform, postgres: EmbeddedPostgres) -> Iterator[Story]:
    own = replace(platform, database_url=fresh_database(postgres, "story"), instance=dg.DagsterInstance.ephemeral())
    with registry_of_its_own(platform.mlflow_url, "story") as registry:
        story = Story(own, registry)
        story.runs = [story.train(config) for config in (STUMP, SMALL_FOREST, SMALL_FOREST)]
        yield story


def test_the_first_is_promoted_a_better_one_after_it_and_an_equal_one_refused(story: Story) -> None:
    assert story.told()[:3] == [("promoted", 1, None), ("promoted", 2, 1), ("refused", 3, 2)]
    rows = story.platform.query(
        "SELECT lower_bound > 0, metric, family, figures -> 'difference' IS NOT NULL, dagster_run_id, decided_by, "
        "as_of, array_length(reasons, 1) > 0 FROM promotions ORDER BY id LIMIT 3"
    )
    assert [row[0] for row in rows] == [True, True, False]
    assert {row[1:4] for row in rows} == {("roc_auc", "forest", True)}
    assert [row[4] for row in rows] == [run.run_id for run in story.runs]
    assert {row[5:] for row in rows} == {("production_model", LAST_DAY, True)}


def test_the_gate_comes_before_promotion_and_a_refusal_is_a_warning(story: Story) -> None:
    for run, passed in zip(story.runs, (True, True, False), strict=True):
        check = _judged(run)
        assert (check.passed, check.severity) == (passed, dg.AssetCheckSeverity.WARN)
        steps = [event.step_key for event in run.all_events if event.is_step_success]
        assert steps.index("severity_model_gate") < steps.index("production_model")
    shown = _judged(story.runs[1]).metadata
    assert {record.data["figure"] for record in shown["figures by version"].records} >= {"roc_auc", "brier"}
    assert "data:image/png;base64," in str(shown["loss by group"].value)
    fields = {record.data["field"] for record in shown["calibration and groups of users"].records}
    assert {"", "sexe", "catu"} <= fields


def _judged(run: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (check,) = [found for found in run.get_asset_check_evaluations() if found.asset_check_key == GATE_CHECK_KEY]
    return check


def test_mlflow_holds_the_verdict_beside_the_version(story: Story) -> None:
    client = story.registry.client()
    passed, refused = (client.get_model_version("story", number) for number in ("2", "3"))
    assert (passed.tags["gate"], passed.tags["gate_champion"]) == ("passed", "1")
    assert refused.tags["gate"] == "refused"
    assert "chance may explain it" in refused.tags["gate_reasons"]
    assert client.get_run(passed.run_id).data.metrics["gate_lower_bound"] > 0


def test_deciding_again_from_the_same_verdict_adds_nothing(story: Story) -> None:
    before = story.told()
    said = story.decide()
    assert "decided upon before, from the same verdict" in said["decision"]
    assert said["promoted"] is False
    assert story.told() == before


def test_after_a_rollback_the_model_stays_and_what_was_left_is_not_promoted_by_itself(story: Story) -> None:
    run = story.roll_back(decided_by="ann")
    assert run.success, failure_of(run)
    (observed,) = [event for event in run.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    assert "version 1 is in production again" in str(observed.asset_observation_data.asset_observation.description)
    assert story.told()[-1] == ("rolled back", 1, 2)
    assert story.in_production() == (1, [(1,)], [(1,)])

    # The newest candidate, 3, was judged against 2, which is no longer there; and 2 itself is left alone.
    story.registry.client().set_model_version_tag("story", "3", FAMILY_TAG, "set aside")
    story.registry.client().set_model_version_tag("story", "3", "as_of", "2000-01-01")
    said = story.decide()
    assert "version 2 was rolled back from, and only `road rollback` brings it back" in said["decision"]
    assert "judged again" in said["noticed"]
    assert story.told()[-1] == ("rolled back", 1, 2)

    assert (
        "promoted"
        in story.train(SMALL_FOREST).asset_materializations_for_node("production_model")[0].metadata["decision"].value
    )
    assert story.told()[-1] == ("promoted", 4, 1)
    assert story.in_production() == (4, [(4,)], [(4,)])


def test_a_verdict_on_another_champion_is_not_acted_upon(story: Story) -> None:
    champion = story.registry.production_version()
    story.registry.client().set_registered_model_alias("story", PRODUCTION_ALIAS, "1")
    said = story.decide()
    assert f"points at version 1, where version {champion} was decided upon" in said["noticed"]
    kinds = [decision for decision, _, _ in story.told()]
    assert "found in the registry" in kinds
    assert len(story.platform.query("SELECT 1 FROM champion")) == 1


def test_of_two_families_the_better_one_is_judged(story: Story) -> None:
    other = story.train(STUMP)
    assert other.success
    newest = max(int(found.version) for found in story.registry.client().search_model_versions("name = 'story'"))
    story.registry.client().set_model_version_tag("story", str(newest), FAMILY_TAG, "stump")
    assert [model.family for model in story.registry.candidates_as_of(LAST_DAY)] == ["forest", "stump"]
    said = story.decide()
    assert "other candidates than there are now; judged again" in said["noticed"]
    assert "version 4" in said["decision"]


def test_a_rollback_to_a_version_never_in_production_fails_with_those_that_were(story: Story) -> None:
    before = story.told()
    run = story.roll_back(version=99, decided_by="ann")
    assert not run.success
    assert "version 99 was never in production" in failure_of(run)
    assert story.told() == before


def test_a_step_whose_lock_is_lost_with_its_connection_is_tried_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_retries, "PAUSE_SECONDS", 0.1)
    story.decide()
    before = story.told()
    with ThreadPoolExecutor(1) as pool, psycopg.connect(story.platform.database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (locks.POINTER,))
        deciding = pool.submit(story.platform.run, "training_job", LAST_DAY, only=("production_model",))
        waiting = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not other.execute(waiting).fetchall():
            assert not deciding.done()
            time.sleep(0.05)
        other.execute("SELECT pg_advisory_unlock(%s)", (locks.POINTER,))
        run = deciding.result(120)
    assert run.success, failure_of(run)
    assert len([event for event in run.all_events if event.is_step_up_for_retry]) == 1
    assert story.told() == before


def test_a_step_cut_off_after_its_promotion_says_so_when_it_is_tried_again(
    platform: Platform, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_published = decisions.note_published

    def lose_connection(connection: psycopg.Connection) -> None:
        monkeypatch.setattr(decisions, "note_published", note_published)
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(step_retries, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(decisions, "note_published", lose_connection)
    own = replace(platform, database_url=fresh_database(postgres, "cut_off"), instance=dg.DagsterInstance.ephemeral())
    with registry_of_its_own(platform.mlflow_url, "cut off") as registry:
        story = Story(own, registry)
        run = story.train(STUMP)
        (event,) = run.asset_materializations_for_node("production_model")
        assert story.told() == [("promoted", 1, None)]
        assert story.in_production() == (1, [(1,)], [(1,)])
    assert len([retry for retry in run.all_events if retry.is_step_up_for_retry]) == 1
    assert event.metadata["promoted"].value is True


def test_with_mlflow_down_nothing_is_decided(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = story.told()
    run = replace(story.platform, mlflow_url="http://127.0.0.1:9").run(
        "training_job", LAST_DAY, only=("production_model",)
    )
    assert not run.success
    assert story.told() == before
    assert model_registry.MODEL_NAME == "story"
