"""A training day with every family, on a real MLflow: what is logged, registered and shown."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from road_assets.core.bundle import Bundle
from road_assets.core.model_input import known_scenes
from road_assets.definitions import build_definitions
from road_assets.resources.configuration import ModelPolicy
from road_assets.resources.model_registry import ModelRegistry
from road_assets.settings import PlatformSettings
from road_assets_tests.conftest import LAST_DAY, SMALL_FOREST, Platform

AS_OF = LAST_DAY - timedelta(days=1)
"""A day of its own, so that nothing here stands for promotion elsewhere."""

MAX_MEGABYTES = 40


@pytest.fixture(scope="module")
def trained(platform: Platform) -> tuple[Platform, dict[str, Any]]:
    policy = ModelPolicy(candidates=["forest", "boosting"], missed_case_cost=4.0)
    settings = PlatformSettings(home=platform.home, releases_dir=platform.releases)
    both = replace(platform, definitions=build_definitions(settings, model_policy=policy))
    run = both.run("training_job", AS_OF, config=SMALL_FOREST, only=("severity_model",))
    assert run.success
    return both, dict(run.asset_materializations_for_node("severity_model")[0].metadata)


@pytest.fixture
def registry(trained: tuple[Platform, dict[str, Any]]) -> ModelRegistry:
    return trained[0].resource("registry")


def test_every_family_is_registered_with_a_run_of_its_own(registry: ModelRegistry) -> None:
    found = registry.candidates_as_of(AS_OF)
    assert [model.family for model in found] == [model.manifest.family for model in found] == ["forest", "boosting"]
    assert len({model.run_id for model in found}) == 2


def test_each_run_holds_parameters_figures_plots_and_the_days_it_learned_from(registry: ModelRegistry) -> None:
    for model in registry.candidates_as_of(AS_OF):
        run = registry.client().get_run(model.run_id)
        assert run.info.status == "FINISHED"
        assert run.data.params["random_state"] == "42"
        assert run.data.metrics["roc_auc"] == pytest.approx(model.manifest.metrics["roc_auc"])
        assert run.data.metrics["roc_auc_low"] < run.data.metrics["roc_auc"] < run.data.metrics["roc_auc_high"]
        assert (run.data.tags["family"], run.data.tags["as_of"]) == (model.family, str(AS_OF))
        contexts = {given.tags[0].value: given.dataset for given in run.inputs.dataset_inputs}
        assert set(contexts) == {"training", "evaluation"}
        assert str(model.manifest.evaluation_window.first_day) in contexts["evaluation"].name
        plots = {file.path for file in registry.client().list_artifacts(model.run_id, "plots")}
        names = ("ROC", "precision_and_recall", "calibration", "confusion", "importances")
        assert plots == {f"plots/{name}.png" for name in names}


def test_the_registered_model_has_a_signature_and_an_input_example(registry: ModelRegistry) -> None:
    from mlflow.models import get_model_info
    from mlflow.tracking import MlflowClient

    assert isinstance(registry.client(), MlflowClient)
    for model in registry.candidates_as_of(AS_OF):
        files = {file.path for file in registry.client().list_artifacts(model.run_id, "bundle")}
        assert "bundle/input_example.json" in files
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
            signature = get_model_info(f"runs:/{model.run_id}/bundle").signature
        assert signature.inputs.inputs[0].shape == (-1, len(model.manifest.features))


def test_each_bundle_answers_small_enough_and_says_what_it_was_made_from(registry: ModelRegistry) -> None:
    for model in registry.candidates_as_of(AS_OF):
        files = registry.bundle_files(model)
        assert sum(map(len, files.values())) < MAX_MEGABYTES * 1e6
        manifest = Bundle.open(files).manifest
        assert list(manifest.data_versions) == ["baac_release 2024"]
        assert manifest.threshold == pytest.approx(0.2)
        assert len(Bundle.open(files).predict(known_scenes(10, seed=1))) == 10


def test_the_asset_shows_all_candidates_and_the_best_one_in_full(
    trained: tuple[Platform, dict[str, Any]], registry: ModelRegistry
) -> None:
    shown = trained[1]
    best = max(registry.candidates_as_of(AS_OF), key=lambda model: model.manifest.metrics["roc_auc"])
    assert [line.data["family"] for line in shown["candidates"].records] == ["forest", "boosting"]
    assert shown["best family"].value == best.family
    assert shown["roc_auc"].value == pytest.approx(best.manifest.metrics["roc_auc"])
    groups = {line.data["field"] for line in shown["figures by group of users"].records}
    assert groups == {"catu", "sexe", "lum", "catr", "département"}
    assert isinstance(shown["importances"], dg.MarkdownMetadataValue)
