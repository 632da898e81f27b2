"""Secrets generated for a platform on one machine."""

from pathlib import Path

import pytest

from road_assets.local.secrets import SecretError, secret


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = secret(tmp_path, "word")
    assert len(first) == 43
    assert secret(tmp_path, "word") == first
    assert secret(tmp_path, "other") != first
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "word").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["other", "word"]


def test_an_empty_secret_is_not_used(tmp_path: Path) -> None:
    secret(tmp_path, "word")
    (tmp_path / "secrets" / "word").write_text("\n")
    with pytest.raises(SecretError, match="word is empty"):
        secret(tmp_path, "word")
