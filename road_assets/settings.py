"""What the environment decides: one class per concern, read when it is made and never at import.

Secrets of the service have no default anywhere; what a demonstration on loopback makes up is in ``road_assets.local``.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PostgresDsn,
    SecretStr,
    TypeAdapter,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode

from road_assets.addresses import AbsolutePath, PublicAddress, StorageAddress
from road_assets.core.drift_limits import DEFAULT_LIMITS, DriftLimits
from road_assets.environment import environment_config

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port to listen on."""


def _postgres_address(value: SecretStr) -> SecretStr:
    TypeAdapter(PostgresDsn).validate_python(value.get_secret_value())
    return value


def _families(value: str | Iterable[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (value.split(",") if isinstance(value, str) else value))
    known = ("forest", "boosting")  # as in core.families, whose import would cost every command scikit-learn
    if not names or set(names) - set(known) or len(set(names)) != len(names):
        raise ValueError(f"{', '.join(names)!r}: name one or more of {', '.join(known)}, each once, with commas")
    return names


Share = Annotated[float, Field(ge=0, le=1)]


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message names the variable."""


class PlatformSettings(BaseSettings):
    """Where the state, the data and the neighbours are.

    Attributes:
        home: ``ROAD_HOME``, the one directory that holds all state.
        storage_url: ``ROAD_STORAGE_URL``, where Parquet files, drift reports and MLflow's artifacts (bundles) are
            instead of ``home``: a directory, or an address in an object storage.
        step_executor: ``ROAD_STEP_EXECUTOR``, ``k8s``: each step of a training is a Job of Kubernetes; by default the
            steps of a run follow each other in its process.
        demo: ``ROAD_DEMO``, a demonstration on loopback, with a known user.
        releases_dir: ``ROAD_RELEASES_DIR``, yearly files brought by the user.
        data_gouv_url: ``ROAD_DATA_GOUV_URL``, base of the API that tells of official releases; data.gouv.fr's own if
            not given.
        first_day: ``ROAD_FIRST_DAY``, the first partition. Since 2019 the files have one dialect and "hospitalised" one
            meaning.
        max_bad_rows_share: ``ROAD_MAX_BAD_ROWS_SHARE``, share of a day's rows in quarantine above which the day is not
            taken.
        retraining_cooldown_minutes: ``ROAD_RETRAINING_COOLDOWN_MINUTES``, pause after a retraining for drift.
        retraining_attempts: ``ROAD_RETRAINING_ATTEMPTS``, how often one sign of drift is tried in all.
        database_url: ``ROAD_DATABASE_URL``, the tables' database; the embedded platform sets it itself.
        mlflow_tracking_uri: ``MLFLOW_TRACKING_URI``, the model registry; the embedded platform sets it itself.
        mlflow_public_url: ``ROAD_MLFLOW_PUBLIC_URL``, MLflow as a browser reaches it, where that differs; for links.
    """

    model_config = environment_config("ROAD_")

    home: AbsolutePath = Path(".road")
    storage_url: StorageAddress | None = None
    step_executor: Literal["in_process", "k8s"] = "in_process"
    demo: bool = False
    releases_dir: AbsolutePath | None = None
    data_gouv_url: PublicAddress | None = None
    first_day: date = date(2019, 1, 1)
    max_bad_rows_share: Share = 0.05
    retraining_cooldown_minutes: Annotated[int, Field(ge=0)] = 60
    retraining_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    database_url: Annotated[SecretStr, AfterValidator(_postgres_address)] | None = None
    mlflow_tracking_uri: PublicAddress | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    mlflow_public_url: PublicAddress | None = None

    @property
    def storage(self) -> str:
        """Path or address of the folder with Parquet files, drift reports and bundles."""
        return self.storage_url or str(self.home)

    def require_database_url(self) -> str:
        """The tables' database.

        Raises:
            SettingsError: ``ROAD_DATABASE_URL`` is not set.
        """
        if self.database_url is None:
            raise SettingsError(
                "ROAD_DATABASE_URL is not set. `make up` sets it for its own Postgres; elsewhere give "
                "postgresql://user:password@host:port/database"
            )
        return self.database_url.get_secret_value()


class DriftSettings(BaseSettings):
    """What counts as drift; ``road_assets.core.drift_limits.DriftLimits`` says what each means, and has the defaults.

    Attributes:
        window_days: ``ROAD_DRIFT_WINDOW_DAYS``.
        retrain_above: ``ROAD_DRIFT_RETRAIN_ABOVE``.
        warn_above: ``ROAD_DRIFT_WARN_ABOVE``, at most the former.
        distance_threshold: ``ROAD_DRIFT_DISTANCE_THRESHOLD``.
        correlation_threshold: ``ROAD_DRIFT_CORRELATION_THRESHOLD``.
        severe_share_threshold: ``ROAD_DRIFT_SEVERE_SHARE_THRESHOLD``.
        false_alarm_share: ``ROAD_DRIFT_FALSE_ALARM_SHARE``.
        min_rows: ``ROAD_DRIFT_MIN_ROWS``.
    """

    model_config = environment_config("ROAD_DRIFT_")

    window_days: Annotated[int, Field(ge=1, le=366)] = DEFAULT_LIMITS.window_days
    retrain_above: Share = DEFAULT_LIMITS.retrain_above
    warn_above: Share = DEFAULT_LIMITS.warn_above
    distance_threshold: Share = DEFAULT_LIMITS.distance_threshold
    correlation_threshold: Share = DEFAULT_LIMITS.correlation_threshold
    severe_share_threshold: Share = DEFAULT_LIMITS.severe_share_threshold
    false_alarm_share: Annotated[float, Field(ge=0.001, le=0.5)] = DEFAULT_LIMITS.false_alarm_share
    min_rows: Annotated[int, Field(ge=1)] = DEFAULT_LIMITS.min_rows

    @model_validator(mode="after")
    def _warn_before_retraining(self) -> Self:
        if self.warn_above > self.retrain_above:
            raise ValueError(
                f"ROAD_DRIFT_WARN_ABOVE={self.warn_above} is above ROAD_DRIFT_RETRAIN_ABOVE={self.retrain_above}; "
                "a warning comes before retraining"
            )
        return self

    def limits(self) -> DriftLimits:
        """The same for ``core``."""
        return DriftLimits(**self.model_dump())


class ModelSettings(BaseSettings):
    """Which models stand for promotion, and what they decide by.

    Attributes:
        candidates: ``ROAD_CANDIDATES``, families to fit on each training day, separated by commas, the model of record
            first; see ``road_assets.core.families``.
        missed_case_cost: ``ROAD_MISSED_CASE_COST``, what a missed severe case costs in needless dispatches. Help is
            called for from the probability 1 / (1 + cost) on: 0.5 for a cost of 1.
    """

    model_config = environment_config("ROAD_")

    candidates: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_families)] = ("forest", "boosting")
    missed_case_cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class GateSettings(BaseSettings):
    """What is asked of a candidate before it takes over; see ``road_assets.core.verdict.Margins``.

    Attributes:
        gate_margin: ``ROAD_GATE_MARGIN``, gain in ROC-AUC that the one-sided 95 % bound must be above.
        gate_calibration_margin: ``ROAD_GATE_CALIBRATION_MARGIN``, calibration error that may be added.
        gate_slice_margin: ``ROAD_GATE_SLICE_MARGIN``, ROC-AUC that may be lost in a group of users.
    """

    model_config = environment_config("ROAD_")

    gate_margin: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    gate_calibration_margin: Share = 0.005
    gate_slice_margin: Annotated[float, Field(ge=0, le=0.5)] = 0.02


class PortSettings(BaseSettings):
    """Where the embedded platform listens.

    Attributes:
        bind_host: ``ROAD_BIND_HOST``, address that the service, Dagster and MLflow listen on. Postgres and the code
            server, which only serve their neighbours, stay on loopback whatever it says.
        api_port: ``ROAD_API_PORT``, the service.
        dagster_port: ``ROAD_DAGSTER_PORT``, Dagster's pages.
        mlflow_port: ``ROAD_MLFLOW_PORT``, MLflow's pages and registry.
        postgres_port: ``ROAD_POSTGRES_PORT``, the embedded database.
        code_port: ``ROAD_CODE_PORT``, Dagster's code server (gRPC).
    """

    model_config = environment_config("ROAD_")

    bind_host: str = "127.0.0.1"
    api_port: Port = 8000
    dagster_port: Port = 8080
    mlflow_port: Port = 5000
    postgres_port: Port = 15432
    code_port: Port = 4266

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.bind_host in LOOPBACK_HOSTS

    def address(self, port: int) -> str:
        """Where this machine reaches one of the ports, as ``http://host:port``."""
        host = "127.0.0.1" if self.bind_host in {"0.0.0.0", "::"} else self.bind_host  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class ServiceSecrets(BaseSettings):
    """What the service needs to let anybody in. Read by it, checked here before anything is started.

    Attributes:
        jwt_secret: ``ROAD_API_JWT_SECRET``, signs the tokens.
        jwt_keys: ``ROAD_API_JWT_KEYS``, several in its place.
        username: ``ROAD_API_USERNAME``, a user beside those in the tables.
        password_hash: ``ROAD_API_PASSWORD_HASH``, Argon2 hash of the user's password.
    """

    model_config = environment_config("ROAD_API_")

    jwt_secret: SecretStr | None = None
    jwt_keys: SecretStr | None = None
    username: str | None = None
    password_hash: SecretStr | None = None

    def missing(self) -> list[str]:
        """Names of the variables that are not set and needed. The platform has tables, so no user need be named."""
        missing = [] if self.jwt_secret or self.jwt_keys else ["jwt_secret"]
        pair = {"username": self.username, "password_hash": self.password_hash}
        if any(pair.values()):
            missing += [name for name, value in pair.items() if value is None]
        return [f"ROAD_API_{name.upper()}" for name in missing]


class ArchiveSettings(BaseSettings):
    """Where promoted models are kept with git and DVC. Off without a repository.

    Attributes:
        repository: ``ROAD_ARCHIVE_REPOSITORY``, a work tree of git (absolute path), or an address to clone.
        git_remote: ``ROAD_ARCHIVE_GIT_REMOTE``, remote that is pushed to, if the repository has it.
        git_username: ``ROAD_ARCHIVE_GIT_USERNAME``, with the token.
        git_token: ``ROAD_ARCHIVE_GIT_TOKEN``, password or token for git over HTTPS.
        dvc_remote: ``ROAD_ARCHIVE_DVC_REMOTE``, address where DVC keeps the data; the repository's own default remote
            if not given.
        dvc_username: ``ROAD_ARCHIVE_DVC_USERNAME``, with the token.
        dvc_token: ``ROAD_ARCHIVE_DVC_TOKEN``, password or token for DVC over HTTPS.
        dvc: ``ROAD_DVC``, the executable; without it one is installed below ``ROAD_HOME``.
    """

    model_config = environment_config("ROAD_ARCHIVE_")

    repository: PublicAddress | None = None
    git_remote: str = "origin"
    git_username: str | None = None
    git_token: SecretStr | None = None
    dvc_remote: PublicAddress | None = None
    dvc_username: str | None = None
    dvc_token: SecretStr | None = None
    dvc: AbsolutePath | None = Field(default=None, validation_alias="ROAD_DVC")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(secret.get_secret_value() for secret in (self.git_token, self.dvc_token) if secret)
