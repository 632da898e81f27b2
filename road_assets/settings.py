"""What the environment decides: one class per concern, read when it is made and never at import.

Secrets of the service have no default anywhere; what a demonstration on loopback makes up is in ``road_assets.local``.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PostgresDsn, SecretStr, TypeAdapter
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port to listen on."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _postgres_address(value: SecretStr) -> SecretStr:
    TypeAdapter(PostgresDsn).validate_python(value.get_secret_value())
    return value


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""A path made absolute when it is read: child processes may work in another directory."""

_CONFIG: Final = SettingsConfigDict(
    env_prefix="ROAD_", env_ignore_empty=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
)


class SettingsError(ValueError):
    """A setting is missing where it is needed; the message names the variable."""


class PlatformSettings(BaseSettings):
    """Where the state, the data and the neighbours are.

    Attributes:
        home: ``ROAD_HOME``, the one directory that holds all state.
        demo: ``ROAD_DEMO``, a demonstration on loopback, with a known user.
        releases_dir: ``ROAD_RELEASES_DIR``, yearly files brought by the user.
        first_day: ``ROAD_FIRST_DAY``, the first partition. Since 2019 the files have one dialect and "hospitalised" one
            meaning.
        max_bad_rows_share: ``ROAD_MAX_BAD_ROWS_SHARE``, share of a day's rows in quarantine above which the day is not
            taken.
        database_url: ``ROAD_DATABASE_URL``, the tables' database; the embedded platform sets it itself.
        mlflow_tracking_uri: ``MLFLOW_TRACKING_URI``, the model registry; the embedded platform sets it itself.
        mlflow_public_url: ``ROAD_MLFLOW_PUBLIC_URL``, MLflow as a browser reaches it, where that differs; for links.
    """

    model_config = _CONFIG

    home: AbsolutePath = Path(".road")
    demo: bool = False
    releases_dir: AbsolutePath | None = None
    first_day: date = date(2019, 1, 1)
    max_bad_rows_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    database_url: Annotated[SecretStr, AfterValidator(_postgres_address)] | None = None
    mlflow_tracking_uri: str | None = Field(default=None, validation_alias="MLFLOW_TRACKING_URI")
    mlflow_public_url: str | None = None

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

    def require_mlflow_tracking_uri(self) -> str:
        """The model registry.

        Raises:
            SettingsError: ``MLFLOW_TRACKING_URI`` is not set.
        """
        if self.mlflow_tracking_uri is None:
            raise SettingsError(
                "MLFLOW_TRACKING_URI is not set. `make up` sets it for its own MLflow; elsewhere give http://host:port"
            )
        return self.mlflow_tracking_uri


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

    model_config = _CONFIG

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
        username: ``ROAD_API_USERNAME``, the first user.
        password_hash: ``ROAD_API_PASSWORD_HASH``, Argon2 hash of the user's password.
    """

    model_config = SettingsConfigDict(env_prefix="ROAD_API_", env_ignore_empty=True, extra="ignore")

    jwt_secret: SecretStr | None = None
    username: str | None = None
    password_hash: SecretStr | None = None

    def missing(self) -> list[str]:
        """Names of the variables that are not set."""
        return [f"ROAD_API_{name.upper()}" for name in type(self).model_fields if getattr(self, name) is None]
