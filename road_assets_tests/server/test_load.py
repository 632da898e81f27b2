"""What stops ``road load`` before Dagster is asked for anything; that it brings a release through, the stack shows."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from road_assets.cli import main
from road_assets.core.demonstration import generate_release


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small release in the directory that is named."""
    folder = tmp_path / "official"
    folder.mkdir()
    days = {"first_day": date(2024, 3, 1), "last_day": date(2024, 3, 5)}
    for name, content in generate_release(2024, accidents=30, seed=1, **days).items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("ROAD_RELEASES_DIR", str(folder))
    monkeypatch.setenv("ROAD_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ROAD_DATABASE_URL", raising=False)
    return folder


def complaint() -> str:
    answer = CliRunner().invoke(main, ["load"])
    assert answer.exit_code == 1
    return answer.output


def test_a_release_that_lacks_a_file_is_named(official: Path) -> None:
    next(official.glob("usagers*")).unlink()
    assert "usagers" in complaint()


def test_without_the_tables_it_says_which_variable_is_missing(official: Path) -> None:
    assert official.is_dir()
    assert "ROAD_DATABASE_URL" in complaint()


def test_tables_that_cannot_be_reached_are_told_without_the_password(
    official: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert official.is_dir()
    monkeypatch.setenv("ROAD_DATABASE_URL", "postgresql://pipeline:unseen@127.0.0.1:9/road")
    said = complaint()
    assert "127.0.0.1" in said
    assert "unseen" not in said
