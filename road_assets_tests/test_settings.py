"""Settings of the platform from the environment."""

from datetime import date
from pathlib import Path

import pytest

from road_assets.settings import PlatformSettings, PortSettings, ServiceSecrets, SettingsError


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
