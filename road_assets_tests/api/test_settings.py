"""What the service needs to be told, and how it says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from road_api.settings import Settings, SettingsError, load_settings

GOOD = {
    "ROAD_API_JWT_SECRET": "0123456789abcdefghijklmnopqrstuvwxyz",
    "ROAD_API_USERNAME": "dispatch",
    "ROAD_API_PASSWORD_HASH": PasswordHasher(time_cost=1, memory_cost=64).hash("x"),
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("ROAD_", "MLFLOW_")):
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_everything_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        **GOOD,
        ROAD_API_HOST="0.0.0.0",  # noqa: S104 (what is tested)
        ROAD_API_PORT="9000",
        ROAD_API_POLL_SECONDS="1.5",
        ROAD_API_CSV_MAX_BYTES="1000",
        ROAD_API_CSV_MAX_ROWS="20",
        ROAD_API_ACCIDENT_MAX_USERS="7",
        ROAD_HOME="/srv/road",
        MLFLOW_TRACKING_URI="https://models.example",
        MLFLOW_TRACKING_USERNAME="reader",
        MLFLOW_TRACKING_PASSWORD="hidden",
        ROAD_API_WORKERS="2",
        ROAD_DATABASE_URL="postgresql://road:unseen@db/road",
        ROAD_API_DAGSTER_URL="http://dagster:8080/",
        ROAD_API_DAGSTER_PUBLIC_URL="https://dagster.example",
        ROAD_API_ALERT_TOKEN=GOOD["ROAD_API_JWT_SECRET"][::-1],
        ROAD_API_FIGURES_SECONDS="2.5",
    )

    assert (settings.host, settings.port, settings.poll_seconds, settings.csv_max_bytes) == ("0.0.0.0", 9000, 1.5, 1000)  # noqa: S104
    assert (settings.csv_max_rows, settings.accident_max_users) == (20, 7)
    assert settings.mlflow_uri == "https://models.example"
    assert settings.bundle_dir == Path("/srv/road/api")
    assert settings.signing_key() == GOOD["ROAD_API_JWT_SECRET"]
    assert (settings.workers, settings.figures_seconds) == (2, 2.5)
    assert (settings.dagster_url, settings.dagster_public_url) == ("http://dagster:8080", "https://dagster.example")
    assert settings.database_url is not None
    assert settings.alert_token is not None
    assert settings.database_url.get_secret_value() == "postgresql://road:unseen@db/road"
    for secret in ("hidden", "unseen", settings.alert_token.get_secret_value()):
        assert secret not in repr(settings)
    assert GOOD["ROAD_API_JWT_SECRET"] not in repr(settings)


def test_a_demonstration_needs_nothing_and_makes_a_new_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, ROAD_DEMO="true", ROAD_API_JWT_SECRET="")

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.bundle_dir == Path(".road/api")
    assert len(settings.signing_key()) >= 32
    assert settings.signing_key() != settings.signing_key()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])  # noqa: S104 (what is refused)
def test_a_demonstration_serves_on_loopback_only(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(SettingsError, match="loopback only"):
        load(monkeypatch, ROAD_DEMO="true", ROAD_API_HOST=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_every_name_of_loopback_is_fine(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert load(monkeypatch, ROAD_DEMO="true", ROAD_API_HOST=host).host == host


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("absent", [None, ""])
def test_outside_a_demonstration_each_missing_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, absent: str | None
) -> None:
    environment = {**GOOD, name: absent or ""}
    if absent is None:
        del environment[name]

    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **environment)

    assert str(caught.value).startswith(f"{name} is not set.")
    assert len(str(caught.value).splitlines()) == 1


def test_where_there_are_tables_their_users_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://road@db/road"
    settings = load(
        monkeypatch,
        ROAD_API_JWT_SECRET=GOOD["ROAD_API_JWT_SECRET"],
        ROAD_DATABASE_URL=url,
        ROAD_API_USERS_SECONDS="0.5",
    )

    assert (settings.username, settings.password_hash, settings.users_seconds) == (None, None, 0.5)


@pytest.mark.parametrize("name", ["ROAD_API_USERNAME", "ROAD_API_PASSWORD_HASH"])
def test_a_user_without_a_password_or_the_other_way_round_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        load(monkeypatch, **{**GOOD, name: "", "ROAD_DATABASE_URL": "postgresql://road@db/road"})


def test_keys_take_the_secrets_place_or_stand_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = GOOD["ROAD_API_JWT_SECRET"]
    new, old = secret[::-1], secret.upper()
    environment = {**GOOD, "ROAD_API_JWT_KEYS": f"2026-b:{new}, 2026-a:{old}", "ROAD_API_JWT_SECRET": ""}

    settings = load(monkeypatch, **environment)
    assert list(settings.signing_keys().items()) == [("2026-b", new), ("2026-a", old)]
    assert new not in repr(settings)
    both = load(monkeypatch, ROAD_API_JWT_SECRET=secret)
    assert list(both.signing_keys().items()) == [("2026-b", new), ("2026-a", old), ("", secret)]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("s3cret-without-id", "key 1 is not id:secret"),
        (f"a:{GOOD['ROAD_API_JWT_SECRET']},b:s3cret-short", "ROAD_API_JWT_KEYS has 12 bytes.*key 2"),
        ("a:changeme-s3cret-changeme-changeme-12345", "ROAD_API_JWT_KEYS is a placeholder.*key 1"),
    ],
)
@pytest.mark.parametrize("demo", ["true", "false"])
def test_weak_or_unreadable_keys_are_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, keys: str, reason: str, demo: str
) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        load(monkeypatch, **GOOD, ROAD_API_JWT_KEYS=keys, ROAD_DEMO=demo)

    assert str(caught.value).startswith("ROAD_API_JWT_KEYS")
    assert "s3cret" not in str(caught.value)


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **GOOD, ROAD_API_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8,::1")

    assert [str(network) for network in settings.proxy_networks()] == ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    "secret",
    [
        "short",
        "x" * 31,
        "é" * 15,
        "a" * 64,
        "changemechangemechangemechangeme-1234567890",
        "your-256-bit-secret-your-256-bit-secret",
        "my-super-secret-key-that-is-long-enough",
    ],
)
@pytest.mark.parametrize("demo", ["true", "false"])
def test_a_weak_secret_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, secret: str, demo: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(monkeypatch, **{**GOOD, "ROAD_DEMO": demo, "ROAD_API_JWT_SECRET": secret})

    assert str(caught.value).startswith("ROAD_API_JWT_SECRET ")
    assert "secrets.token_urlsafe" in str(caught.value)
    assert secret not in str(caught.value)


def test_the_service_may_have_a_database_role_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own, platforms = "postgresql://service@db/road", "postgresql://platform@db/road"
    settings = load(monkeypatch, **GOOD, ROAD_API_DATABASE_URL=own, ROAD_DATABASE_URL=platforms)

    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == own


@pytest.mark.parametrize("token", ["short", "a" * 64, "changemechangemechangemechangeme-1234567890"])
def test_a_weak_alert_token_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    with pytest.raises(SettingsError, match=r"^ROAD_API_ALERT_TOKEN ") as caught:
        load(monkeypatch, **GOOD, ROAD_API_ALERT_TOKEN=token)

    assert token not in str(caught.value)


def test_nobody_is_named_like_an_operator_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="ROAD_API_USERNAME must not begin with 'operator:'"):
        load(monkeypatch, **{**GOOD, "ROAD_API_USERNAME": "operator:ann"})


def test_a_password_in_place_of_its_hash_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="is not an Argon2 hash") as caught:
        load(monkeypatch, **{**GOOD, "ROAD_API_PASSWORD_HASH": "plain-password"})

    assert "plain-password" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROAD_API_PORT", "http"),
        ("ROAD_API_PORT", "70000"),
        ("ROAD_API_POLL_SECONDS", "0"),
        ("ROAD_API_POLL_SECONDS", "inf"),
        ("ROAD_API_HEAD_SECONDS", "nan"),
        ("ROAD_API_CSV_MAX_BYTES", "-1"),
        ("ROAD_API_CSV_MAX_ROWS", "0"),
        ("ROAD_API_ACCIDENT_MAX_USERS", "0"),
        ("ROAD_DEMO", "maybe"),
        ("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"),
        ("ROAD_API_DAGSTER_URL", "dagster:8080"),
        ("ROAD_API_WORKERS", "0"),
        ("ROAD_API_FIGURES_SECONDS", "0"),
        ("ROAD_API_PREDICTION_RETENTION_DAYS", "0"),
        ("ROAD_API_PREDICTION_RETENTION_DAYS", "1000000000"),
        ("ROAD_API_USERS_SECONDS", "0"),
        ("ROAD_API_LOG_IN_TRIES", "0"),
        ("ROAD_API_LOG_IN_TRIES_PER_ADDRESS", "none"),
        ("ROAD_API_LOG_IN_WINDOW_SECONDS", "-1"),
        ("ROAD_API_TRUSTED_PROXIES", "proxy.example"),
        ("ROAD_API_TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_a_malformed_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load(monkeypatch, **{**GOOD, name: value})


def test_the_program_says_what_is_missing_and_exits_with_2() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ROAD_", "MLFLOW_"))}

    ended = subprocess.run(
        [sys.executable, "-m", "road_api"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for name in GOOD:
        assert name in ended.stderr


def test_secrets_come_from_files_and_the_environment_before_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_file, in_environment = GOOD["ROAD_API_JWT_SECRET"][::-1], GOOD["ROAD_API_JWT_SECRET"]
    (tmp_path / "road_api_jwt_secret").write_text(f"{in_file}\n")
    others = {name: value for name, value in GOOD.items() if name != "ROAD_API_JWT_SECRET"}
    from_file = load(monkeypatch, **others, ROAD_API_SECRETS_DIR=str(tmp_path), ROAD_API_JWT_SECRET="")
    assert from_file.signing_key() == in_file
    assert load(monkeypatch, ROAD_API_JWT_SECRET=in_environment).signing_key() == in_environment


def test_a_weak_secret_in_a_file_is_refused_like_any_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "road_api_jwt_secret").write_text("changeme")
    others = {name: value for name, value in GOOD.items() if name != "ROAD_API_JWT_SECRET"}
    with pytest.raises(SettingsError, match="ROAD_API_JWT_SECRET has 8 bytes"):
        load(monkeypatch, **others, ROAD_API_SECRETS_DIR=str(tmp_path))


def test_a_directory_of_secrets_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ROAD_API_SECRETS_DIR: there is no directory"):
        load(monkeypatch, **GOOD, ROAD_API_SECRETS_DIR=str(tmp_path / "none"))
