"""Settings, secrets, the banner's command, and what children inherit."""

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from road_api import auth
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_BY_NAME, FEATURE_NAMES, SCENE_EXAMPLE
from road_assets.local.banner import DEMO_PASSWORD, DEMO_USER, banner, curl
from road_assets.local.secrets import SecretError, secret
from road_assets.local.services import base_environment
from road_assets.local.spawn import tail
from road_assets.settings import PlatformSettings, PortSettings, ServiceSecrets, SettingsError

ADDRESSES = {"api": "http://127.0.0.1:1", "dagster": "http://127.0.0.1:2", "mlflow": "http://127.0.0.1:3"}


def test_settings_have_defaults_that_need_no_environment(clean_environment: pytest.MonkeyPatch) -> None:
    settings = PlatformSettings()
    assert settings.home == Path.cwd() / ".road"
    assert settings.first_day == date(2019, 1, 1)
    assert not settings.demo
    clean_environment.setenv("ROAD_RELEASES_DIR", "")  # as make passes a variable that is not set
    assert PlatformSettings().releases_dir is None


def test_tables_that_are_needed_and_not_named_are_asked_for(clean_environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="ROAD_DATABASE_URL is not set"):
        PlatformSettings().require_database_url()
    clean_environment.setenv("ROAD_DATABASE_URL", "postgresql://user:word@host/road")
    settings = PlatformSettings()
    assert settings.require_database_url() == "postgresql://user:word@host/road"
    assert "word" not in repr(settings)


def test_a_database_of_another_kind_is_refused_without_repeating_its_password(
    clean_environment: pytest.MonkeyPatch,
) -> None:
    clean_environment.setenv("ROAD_DATABASE_URL", "mysql://user:hidden@host/road")
    with pytest.raises(ValueError, match="database_url") as caught:
        PlatformSettings()
    assert "hidden" not in str(caught.value)


def test_this_machine_reaches_a_public_address_on_loopback(clean_environment: pytest.MonkeyPatch) -> None:
    del clean_environment
    assert PortSettings().address(80) == "http://127.0.0.1:80"
    assert PortSettings(bind_host="0.0.0.0").address(80) == "http://127.0.0.1:80"  # noqa: S104 - compared
    assert PortSettings(bind_host="::1").address(80) == "http://[::1]:80"
    assert not PortSettings(bind_host="0.0.0.0").is_loopback  # noqa: S104 - compared


def test_missing_secrets_are_named_by_their_variables(clean_environment: pytest.MonkeyPatch) -> None:
    assert ServiceSecrets().missing() == ["ROAD_API_JWT_SECRET"]
    clean_environment.setenv("ROAD_API_USERNAME", "anna")
    assert ServiceSecrets().missing() == ["ROAD_API_JWT_SECRET", "ROAD_API_PASSWORD_HASH"]
    clean_environment.setenv("ROAD_API_JWT_KEYS", "a:s")
    assert ServiceSecrets().missing() == ["ROAD_API_PASSWORD_HASH"]


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


def test_the_banners_question_is_one_that_the_codebook_allows() -> None:
    assert tuple(SCENE_EXAMPLE) == FEATURE_NAMES
    assert all(code in FEATURE_BY_NAME[name].values for name, code in SCENE_EXAMPLE.items())


def test_the_banner_names_the_user_that_the_service_lets_in() -> None:
    assert (DEMO_USER, DEMO_PASSWORD) == (auth.DEMO_USERNAME, auth.DEMO_PASSWORD)


def test_the_banners_command_takes_the_token_from_the_answer_and_asks_with_it(tmp_path: Path) -> None:
    fake = tmp_path / "curl"
    fake.write_text(
        '#!/bin/sh\ncase "$*" in *"/auth/token"*) echo "{\\"access_token\\":\\"abc.DEF-1_2\\",\\"expires_in\\":1800}";;'
        ' *) echo "$@";; esac\n'
    )
    fake.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    command = curl(ADDRESSES["api"], DEMO_USER, DEMO_PASSWORD)
    asked = subprocess.run(["sh", "-c", command], env={"PATH": path}, capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert "Authorization: Bearer abc.DEF-1_2 " in asked.stdout
    assert '{"catu":1,"sexe":1,' in asked.stdout
    assert asked.stdout.strip().endswith("http://127.0.0.1:1/protected/predict")


def test_generated_data_is_announced_and_passwords_only_in_a_demonstration() -> None:
    demo = banner(ADDRESSES, demo=True, data=DATA_DEMONSTRATION, seconds=12)
    assert DATA_DEMONSTRATION in demo
    assert DEMO_PASSWORD in demo
    serious = banner(ADDRESSES, demo=False, data=None, seconds=12)
    assert DEMO_PASSWORD not in serious
    assert "http://127.0.0.1:1/auth/token" in serious


def test_children_inherit_neither_foreign_connections_nor_the_services_secrets() -> None:
    inherited = {
        "PGHOST": "elsewhere",
        "ROAD_API_JWT_SECRET": "s",
        "MAKEFLAGS": "n",
        "NO_PROXY": "intranet",
        "HOME": "/home/anna",
        "PATH": "/usr/bin",
    }
    environment = base_environment(inherited)
    assert {"PGHOST", "ROAD_API_JWT_SECRET", "MAKEFLAGS"}.isdisjoint(environment)
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost,::1"
    assert environment["HOME"] == "/home/anna"
    assert environment["PATH"].endswith(f"{os.pathsep}/usr/bin")


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "does not exist" in tail(log)
    log.write_text("\n".join(str(number) for number in range(100)))
    assert tail(log, 3) == "97\n98\n99"
