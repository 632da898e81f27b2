"""Settings of the service, from environment variables, and the checks without which it does not start.

No other module of the service reads the environment. Outside demonstration mode there is no default for the signing
secret, nor for the users.
"""

import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from road_api.client_address import Network, read_networks
from road_api.tokens import NO_KEY_ID, OPERATOR_PREFIX, read_keys

PREFIX: Final = "ROAD_API_"

SECRET_VARIABLE: Final = f"{PREFIX}JWT_SECRET"
METRICS_DIR_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it, too, when it is imported."""

SECRETS_DIR_VARIABLE: Final = f"{PREFIX}SECRETS_DIR"
"""Directory with one file per secret, as Compose and Kubernetes mount them. A file is named like its variable in lower
case; the environment takes precedence."""

SECRET_MIN_BYTES: Final = 32
"""HS256 needs a key at least as long as the output of SHA-256 (RFC 7518, section 3.2)."""

SECRET_MIN_DISTINCT_CHARACTERS: Final = 10
PLACEHOLDERS: Final = ("changeme", "change-me", "change_me", "your-", "your_", "secret-key", "secretkey", "placeholder")

MAKE_SECRET: Final = 'python -c "import secrets; print(secrets.token_urlsafe(48))"'  # noqa: S105 (how to make one)
MAKE_HASH: Final = 'python -c "import argon2, getpass; print(argon2.PasswordHasher().hash(getpass.getpass()))"'


class SettingsError(ValueError):
    """A setting does not allow the start; the message names the variable and says how to make a value."""


class Settings(BaseSettings):
    """Settings of one running service.

    Attributes:
        host: address to listen on.
        port: TCP port to listen on.
        demo: demonstration mode: a known user, a random signing secret, loopback only.
        jwt_secret: signs the tokens; every worker needs the same one.
        jwt_keys: ``id:secret,...`` instead of ``jwt_secret``, for rotation: the first one signs, all verify. If both
            are given, tokens signed with ``jwt_secret`` stay valid until they expire.
        username: a user in addition to those in the database; needed without a database.
        password_hash: that user's Argon2 hash.
        users_seconds: pause between two polls of the users in the database.
        log_in_tries: failed log-ins of one user in ``log_in_window_seconds`` before more are refused, in each worker.
        log_in_tries_per_address: the same for one address.
        log_in_window_seconds: time after which all tries are available again.
        trusted_proxies: addresses or networks, separated by commas, whose ``X-Forwarded-For`` is trusted.
        mlflow_uri: address of the model registry, http or https.
        mlflow_username: for a registry behind basic authentication.
        mlflow_password: for a registry behind basic authentication.
        poll_seconds: pause between two polls of the production alias.
        home: directory of the platform's state.
        state_dir: directory of the last good bundle; by default ``api`` below ``home``.
        csv_max_bytes: largest file that ``predict_csv`` accepts.
        csv_max_rows: largest number of rows of such a file, without its header.
        accident_max_users: largest number of users that ``predict_accident`` accepts.
        workers: processes that answer, each with the model in memory.
        database_url: the platform's Postgres, for users, prediction log, ``/config``, alerts, and drift in
            ``/metrics``; estimates do not need it.
        dagster_url: Dagster's web server, to launch runs and to report alerts.
        dagster_public_url: its address for browsers, if it is another one; for links.
        alert_token: bearer token that Alertmanager sends.
        figures_seconds: pause between two polls of the drift figures in Postgres; Dagster is polled a third as often.
        prediction_retention_days: days for which logged predictions are kept.
        prediction_queue_rows: predictions that may wait to be logged while Postgres is away; more are dropped.
        head_seconds: time in which the head of a request must arrive, or its connection is closed.
        body_seconds: the same for a body, in addition to the time it needs at 4 KB/s.
        max_connections: connections open at once, in each worker; further ones are refused.
        metrics_dir: directory in which several workers count together; set by ``python -m road_api`` itself.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    demo: bool = Field(default=False, validation_alias="ROAD_DEMO")
    jwt_secret: SecretStr | None = None
    jwt_keys: SecretStr | None = None
    username: str | None = None
    password_hash: SecretStr | None = None
    users_seconds: float = Field(default=2.0, gt=0)
    log_in_tries: int = Field(default=10, ge=1)
    log_in_tries_per_address: int = Field(default=50, ge=1)
    log_in_window_seconds: float = Field(default=300.0, gt=0)
    trusted_proxies: str = ""
    mlflow_uri: str = Field(default="http://127.0.0.1:5000", validation_alias="MLFLOW_TRACKING_URI")
    mlflow_username: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_USERNAME")
    mlflow_password: SecretStr | None = Field(default=None, validation_alias="MLFLOW_TRACKING_PASSWORD")
    poll_seconds: float = Field(default=5.0, gt=0)
    home: Path = Field(default=Path(".road"), validation_alias="ROAD_HOME")
    state_dir: Path | None = None
    csv_max_bytes: int = Field(default=200_000_000, gt=0)
    csv_max_rows: int = Field(default=1_000_000, gt=0)
    accident_max_users: int = Field(default=100, ge=1, le=1000)
    workers: int = Field(default=1, ge=1, le=64)
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices(f"{PREFIX}DATABASE_URL", "ROAD_DATABASE_URL")
    )
    dagster_url: str | None = None
    dagster_public_url: str | None = None
    alert_token: SecretStr | None = None
    figures_seconds: float = Field(default=5.0, gt=0)
    prediction_retention_days: int = Field(default=90, ge=1, le=36_500)
    prediction_queue_rows: int = Field(default=100_000, ge=10_000, le=10_000_000)
    head_seconds: float = Field(default=10.0, gt=0)
    body_seconds: float = Field(default=20.0, gt=0)
    max_connections: int = Field(default=512, ge=1)
    metrics_dir: Path | None = Field(default=None, validation_alias=METRICS_DIR_VARIABLE)

    @property
    def bundle_dir(self) -> Path:
        """Directory of the last good bundle."""
        return self.state_dir or self.home / "api"

    def signing_key(self) -> str:
        """The secret that signs tokens; without one, as in demonstration mode, a new random one at each call."""
        return self.jwt_secret.get_secret_value() if self.jwt_secret else secrets.token_urlsafe(48)

    def signing_keys(self) -> dict[str, str]:
        """The keys that verify tokens, by id; the first signs."""
        if self.jwt_keys is None:
            return {NO_KEY_ID: self.signing_key()}
        former = {NO_KEY_ID: self.jwt_secret.get_secret_value()} if self.jwt_secret else {}
        return read_keys(self.jwt_keys.get_secret_value()) | former

    def proxy_networks(self) -> tuple[Network, ...]:
        """Proxies whose ``X-Forwarded-For`` is trusted."""
        return read_networks(self.trusted_proxies)

    @field_validator("trusted_proxies")
    @classmethod
    def _name_networks(cls, text: str) -> str:
        try:
            read_networks(text)
        except ValueError as error:
            raise ValueError(f"addresses or networks, separated by commas, are needed: {error}") from error
        return text

    @field_validator("mlflow_uri")
    @classmethod
    def _speak_http(cls, uri: str) -> str:
        if not uri.startswith(("http://", "https://")):
            raise ValueError("the service reads the registry over HTTP; set the server's http address")
        if urlsplit(uri).username is not None:
            raise ValueError(
                "the address holds a user or a password, which would show in logs; take them out and set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        return uri

    @field_validator("dagster_url", "dagster_public_url")
    @classmethod
    def _cut_slash(cls, address: str | None) -> str | None:
        if address is not None and not address.startswith(("http://", "https://")):
            raise ValueError(f"set the address of Dagster's web server, http://host:port, not {address!r}")
        return address and address.rstrip("/")

    @model_validator(mode="after")
    def _refuse_unsafe_start(self) -> Self:
        problems = [*_secret_problems(self), *_user_problems(self)]
        if self.demo and not is_loopback(self.host):
            problems.append(
                f"ROAD_DEMO=true starts with a known password, so it serves on loopback only, not on {self.host}; "
                f"set {PREFIX}HOST=127.0.0.1, or ROAD_DEMO=false with a secret and a user of your own"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load_settings() -> Settings:
    """Read the settings from the environment.

    Returns:
        Settings that are safe to start with.

    Raises:
        SettingsError: a value is missing, weak or malformed, or the directory of secrets is not there. The message has
            one line for each, with the variable's name and what to do, and never repeats a secret.
    """
    secrets_dir = os.environ.get(SECRETS_DIR_VARIABLE) or None
    if secrets_dir is not None and not Path(secrets_dir).is_dir():
        raise SettingsError(f"{SECRETS_DIR_VARIABLE}: there is no directory {secrets_dir}; mount it, or unset it")
    options: dict[str, Any] = {"_secrets_dir": secrets_dir}  # mypy does not know it
    try:
        return Settings(**options)
    except ValidationError as error:
        lines = [_explain(item["loc"], item["msg"]) for item in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _explain(location: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ")
    if not location:
        return message
    name = str(location[0])
    return f"{name if name.isupper() else PREFIX + name.upper()}: {message}"


def _secret_problems(settings: Settings) -> list[str]:
    problems = []
    if settings.jwt_keys is not None:
        problems += _key_problems(settings.jwt_keys)
    if settings.jwt_secret is not None:
        problems += _weaknesses("JWT_SECRET", settings.jwt_secret)
    elif settings.jwt_keys is None and not settings.demo:
        problems += [f"{SECRET_VARIABLE} is not set. Make one with: {MAKE_SECRET}"]
    if settings.alert_token is not None:
        problems += _weaknesses("ALERT_TOKEN", settings.alert_token)
    return problems


def _key_problems(keys: SecretStr) -> list[str]:
    try:
        secrets_by_id = read_keys(keys.get_secret_value())
    except ValueError as error:
        return [f"{PREFIX}JWT_KEYS: {error}. Make a secret with: {MAKE_SECRET}"]
    found = [_weaknesses("JWT_KEYS", SecretStr(secret)) for secret in secrets_by_id.values()]
    return [f"{text} (key {number})" for number, texts in enumerate(found, start=1) for text in texts]


def _weaknesses(name: str, value: SecretStr) -> list[str]:
    variable, secret = PREFIX + name, value.get_secret_value()
    if len(secret.encode()) < SECRET_MIN_BYTES:
        return [f"{variable} has {len(secret.encode())} bytes, needed are {SECRET_MIN_BYTES}. Make one: {MAKE_SECRET}"]
    if len(set(secret)) < SECRET_MIN_DISTINCT_CHARACTERS or any(word in secret.lower() for word in PLACEHOLDERS):
        return [f"{variable} is a placeholder or easy to guess. Make one with: {MAKE_SECRET}"]
    return []


def _user_problems(settings: Settings) -> list[str]:
    problems = []
    if settings.username is not None and settings.username.startswith(OPERATOR_PREFIX):
        problems.append(f"{PREFIX}USERNAME must not begin with {OPERATOR_PREFIX!r}, which names people on the machine.")
    alone = not settings.demo and settings.database_url is None  # nobody else could log in
    if settings.username is None and (alone or settings.password_hash is not None):
        problems.append(
            f"{PREFIX}USERNAME is not set. Choose the name of the user who may ask for estimates, or name the tables "
            "with the users in ROAD_DATABASE_URL."
        )
    if settings.password_hash is None:
        if alone or settings.username is not None:
            problems.append(f"{PREFIX}PASSWORD_HASH is not set. Make an Argon2 hash with: {MAKE_HASH}")
        return problems
    try:
        extract_parameters(settings.password_hash.get_secret_value())
    except InvalidHashError:
        problems.append(f"{PREFIX}PASSWORD_HASH is not an Argon2 hash (a shell eats its $). Make one: {MAKE_HASH}")
    return problems
