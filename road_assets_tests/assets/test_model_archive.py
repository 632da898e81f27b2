"""The archive as an asset: what is in production, kept once, said where people look."""

import subprocess
from pathlib import Path

import dagster as dg
import pytest

from road_assets.core.vocabulary import MODEL_NAME
from road_assets_tests.conftest import LAST_DAY, Platform, failure_of


def archive(platform: Platform) -> dg.ExecuteInProcessResult:
    return platform.run("training_job", LAST_DAY, only=("model_archive",))


def said(run: dg.ExecuteInProcessResult) -> str:
    (check,) = run.get_asset_check_evaluations()
    return str(check.description)


def test_without_a_repository_nothing_is_kept_and_the_reason_is_said(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROAD_ARCHIVE_REPOSITORY", raising=False)
    run = archive(platform)
    assert run.success
    assert run.asset_materializations_for_node("model_archive") == []
    assert "ROAD_ARCHIVE_REPOSITORY is not set" in said(run)


def test_what_is_in_production_is_committed_once(
    platform: Platform, dvc: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S603, S607
    monkeypatch.setenv("ROAD_ARCHIVE_REPOSITORY", str(tmp_path))
    monkeypatch.setenv("ROAD_DVC", dvc)

    run = archive(platform)

    assert run.success, failure_of(run)
    (event,) = run.asset_materializations_for_node("model_archive")
    assert str(event.metadata["tag"].value).startswith(f"{MODEL_NAME}-v")
    assert "on this machine alone" in said(run)
    production = platform.resource("registry").production()
    kept = tmp_path / MODEL_NAME / "bundle" / "model.onnx"
    assert kept.read_bytes() == platform.resource("registry").bundle_files(production)["model.onnx"]

    again = archive(platform)
    assert again.asset_materializations_for_node("model_archive") == []
    assert "already" in said(again)


def test_what_cannot_be_used_fails_the_asset_and_not_the_promotion(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = platform.resource("registry").production()
    monkeypatch.setenv("ROAD_ARCHIVE_REPOSITORY", str(tmp_path / "nowhere"))
    run = archive(platform)
    assert not run.success
    assert "git init" in failure_of(run)
    assert platform.resource("registry").production().version == before.version
