"""The whole way on a real MLflow server that asks for user and password: train, promote, describe, serve, swap."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import dagster as dg
import pytest
from pydantic import SecretStr, ValidationError

from road_api.settings import Settings
from road_assets.core.model_card_labels import CARD_FOLDER, card_file
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.settings import PlatformSettings
from road_assets_tests.conftest import LAST_DAY, SMALL_FOREST, Platform, failure_of, fresh_database, serve_mlflow

pytestmark = pytest.mark.anyio

WAIT = 60
"""Seconds that a swap may take: the server checks the password at every answer."""

USERNAME, PASSWORD = "admin", "a-long-password-for-mlflow"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_mlflow(tmp_path_factory.mktemp("secured"), PASSWORD) as address:
        yield address


@pytest.fixture
def on_other_registry(platform: Platform, postgres: EmbeddedPostgres, tmp_path: Path) -> Callable[[str], Platform]:
    """The same features under another model registry, with tables of its own; only training may be run there."""

    def move(mlflow: str) -> Platform:
        database = fresh_database(postgres, f"{tmp_path.name}_{abs(hash(mlflow))}")
        return replace(platform, mlflow_url=mlflow, database_url=database, instance=dg.DagsterInstance.ephemeral())

    return move


def log_in(environment: pytest.MonkeyPatch, password: str = PASSWORD) -> None:
    environment.setenv("MLFLOW_TRACKING_USERNAME", USERNAME)
    environment.setenv("MLFLOW_TRACKING_PASSWORD", password)


def train_and_promote(platform: Platform) -> int:
    for asset in ("severity_model", "production_model", "model_card"):
        config = SMALL_FOREST if asset == "severity_model" else None
        run = platform.run("training_job", LAST_DAY, config=config, only=(asset,))
        assert run.success, failure_of(run)
    return int(platform.resource("registry").production().version)


@pytest.fixture
def promoted(secured: str, on_other_registry: Callable[[str], Platform], monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A platform that trained, promoted and described a model through the server."""
    log_in(monkeypatch)
    platform = on_other_registry(secured)
    train_and_promote(platform)
    return platform


async def test_pipeline_and_service_go_through_a_server_that_asks_for_a_password(
    secured: str, *, promoted: Platform, start: Any, until: Any, tmp_path: Path
) -> None:
    registry = promoted.resource("registry")
    first = registry.production()
    known = {
        "mlflow_uri": secured,
        "mlflow_username": USERNAME,
        "state_dir": tmp_path / "service",
        "wait": False,
        "poll_seconds": 0.5,
    }

    async with start(**known, mlflow_password=SecretStr(PASSWORD)) as service:
        await until(service, lambda health: health.get("model_version") == str(first.version), WAIT)
        second = registry.register(first.run_id, LAST_DAY)
        registry.promote(registry.version(second))
        health = await until(service, lambda health: health.get("model_version") == str(second), WAIT)
        assert health["registry"] == {"reachable": True, "detail": "answers"}
        await anyio.sleep(2)
        page = await service.get("/model?lang=fr")
        assert "Fiche du modèle" in page.text

    async with start(**known, mlflow_password=SecretStr("wrong-password")) as service:
        health = await until(service, lambda health: health.get("registry", {}).get("reachable") is False, WAIT)
        assert health["model_version"] == str(second), "it goes on with what it has"
        assert "answered 401" in health["registry"]["detail"]
        assert "MLFLOW_TRACKING_PASSWORD" in health["registry"]["detail"]
        assert "wrong-password" not in health["registry"]["detail"]


def test_a_wrong_password_stops_training_at_once_with_what_to_do(
    secured: str, on_other_registry: Callable[[str], Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, "wrong-password")
    run = on_other_registry(secured).run("training_job", LAST_DAY, config=SMALL_FOREST, only=("severity_model",))
    assert not run.success
    said = " ".join(str(event.event_specific_data) for event in run.all_events)
    assert "does not let us in; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in said
    assert "wrong-password" not in said


def test_a_sqlite_file_is_registry_enough_for_the_pipeline(
    on_other_registry: Callable[[str], Platform], tmp_path: Path
) -> None:
    platform = on_other_registry(f"sqlite:///{tmp_path}/registry.db")
    assert train_and_promote(platform) == 1
    (card,) = (tmp_path / "artifacts").glob(f"*/artifacts/{CARD_FOLDER}/{card_file('en', 'html')}")
    page = card.read_text()
    assert "Model card" in page
    assert page.count("<img src=") >= 5, "the plots that training logged"


@pytest.mark.parametrize("address", ["https://me:secret-token@models.example", "https://secret-token@models.example"])
def test_an_address_with_a_password_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    for settings in (PlatformSettings, lambda: Settings(demo=True)):
        with pytest.raises(ValidationError, match="MLFLOW_TRACKING_PASSWORD") as error:
            settings()
        shown = str(error.value.errors(include_input=False))
        assert "secret-token" not in shown
