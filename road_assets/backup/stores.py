"""What state there is, and where: databases and folders. What each start creates again does not belong to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from road_assets.addresses import AbsolutePath
from road_assets.environment import environment_config
from road_assets.local.planning import PLAN_FILE
from road_assets.local.postgres import DATABASES, PASSWORD_SECRET
from road_assets.local.postgres_files import OUTSIDE_NOTE
from road_assets.local.secrets import DIRECTORY as SECRETS
from road_assets.local.services import Site
from road_assets.local.state import LOCK_FILE, STATE_FILE, UNFINISHED_FILE
from road_assets.resources.files import is_remote, storage_path
from road_assets.settings import ArchiveSettings

HOME: Final = "home"
"""Folder of the backup that holds ``ROAD_HOME``."""

STAGING: Final = ".restoring"
"""Name of the folder for new files, within each folder that is restored: that may be a disk of its own, and a rename
works within a disk only."""

REPLACED: Final = ".replaced"
"""The same for the files that are replaced."""

_RECREATED: Final = (
    *("postgres", OUTSIDE_NOTE, "logs", LOCK_FILE, STATE_FILE, PLAN_FILE, UNFINISHED_FILE),
    *("dagster", "*.version", SECRETS, ".*"),
)
"""In ``ROAD_HOME``, what a backup leaves out: databases are dumped, secrets saved on request,
the rest is created again."""

_RECREATED_BELOW: Final = {"archive": ("dvc-*", "lock")}


class StoreSettings(BaseSettings):
    """Where the state is that is not in ``ROAD_HOME``, on platforms whose databases are elsewhere.

    Attributes:
        dagster: ``DAGSTER_POSTGRES_URL``, Dagster's database.
        mlflow: ``MLFLOW_BACKEND_STORE_URI``, MLflow's database.
        dagster_storage: ``ROAD_DAGSTER_STORAGE``, Dagster's outputs and logs of steps.
        mlflow_artifacts: ``ROAD_MLFLOW_ARTIFACTS``, folder in which MLflow's server keeps the models' files.
    """

    model_config = environment_config("ROAD_")

    dagster: SecretStr | None = Field(default=None, validation_alias="DAGSTER_POSTGRES_URL")
    mlflow: SecretStr | None = Field(default=None, validation_alias="MLFLOW_BACKEND_STORE_URI")
    dagster_storage: AbsolutePath | None = Field(default=None, validation_alias="ROAD_DAGSTER_STORAGE")
    mlflow_artifacts: AbsolutePath | None = Field(default=None, validation_alias="ROAD_MLFLOW_ARTIFACTS")


@dataclass(frozen=True, slots=True)
class Stores:
    """All state of one platform.

    Attributes:
        databases: addresses by name; a database that refers to another comes before it. The champion in ``road`` is a
            version in ``mlflow``, whose files are in a folder.
        home: ``ROAD_HOME``.
        elsewhere: folders outside of it, by their name in the backup.
        left_out: what a backup will not hold, in sentences.
    """

    databases: dict[str, str]
    home: Path
    elsewhere: dict[str, Path]
    left_out: tuple[str, ...] = ()

    def roots(self) -> Iterator[tuple[str, Path]]:
        """Folders and single files that exist, by their name in the backup."""
        if self.home.is_dir():
            for path in sorted(self.home.iterdir()):
                if not is_recreated(path.name):
                    yield f"{HOME}/{path.name}", path
        for name, path in self.elsewhere.items():
            if path.is_dir():
                yield name, path

    def place(self, name: str) -> tuple[Path, str]:
        """Where a file of the backup belongs.

        Args:
            name: in the backup, as ``home/lake/features/2024/2024-01-01.parquet``.

        Returns:
            The folder that is replaced as a whole, and the path below it; for single files ``home`` and their name.
        """
        first, _, rest = name.partition("/")
        if first != HOME:
            return self.elsewhere[first], rest
        folder, _, below = rest.partition("/")
        return (self.home / folder, below) if below else (self.home, folder)

    def secrets(self) -> list[Path]:
        """The platform's own secrets but the password of its Postgres, which every new server makes for itself."""
        folder = self.home / SECRETS
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return [path for path in files if path.name != PASSWORD_SECRET and not path.name.startswith(".")]


def stores_of(site: Site) -> Stores:
    """The state of a platform: of the embedded one, or of that whose databases the environment names."""
    home, settings, archive = site.home, StoreSettings(), ArchiveSettings().repository
    named = {"dagster-storage": settings.dagster_storage, "mlflow-artifacts": settings.mlflow_artifacts}
    elsewhere = {name: path for name, path in named.items() if path is not None and not path.is_relative_to(home)}
    left_out = ["logs of the services, and what is made anew at each start"]
    if archive is not None and Path(archive).is_absolute():
        elsewhere["model-archive"] = Path(archive)
    if site.settings.releases_dir is not None:
        left_out.append(f"the files in {site.settings.releases_dir}, which are yours; what was read from them is in it")
    storage = storage_path(site.settings.storage)
    if is_remote(storage):
        left_out.append(
            f"what is in {site.settings.storage}: Parquet files, drift reports and the models' files; "
            "let the object storage keep versions, or copy them there"
        )
    elif not storage.is_relative_to(home):
        elsewhere["storage"] = storage
    if site.settings.database_url is None:
        return Stores({name: site.postgres.url(name) for name in DATABASES}, home, elsewhere, tuple(left_out))
    variables = {"dagster": "DAGSTER_POSTGRES_URL", "mlflow": "MLFLOW_BACKEND_STORE_URI"}
    given = {"road": site.settings.database_url, "dagster": settings.dagster, "mlflow": settings.mlflow}
    urls = {name: url.get_secret_value() if url else "" for name, url in given.items()}
    databases = {name: url for name, url in urls.items() if url.startswith("postgres")}
    left_out += [
        f"the database {name}: {variables[name]} names no Postgres; a SQLite file is saved with the folder it is in"
        for name in urls
        if name not in databases
    ]
    return Stores(databases, home, elsewhere, tuple(left_out))


def is_recreated(name: str, below: str | None = None) -> bool:
    """Whether something in ``ROAD_HOME``, or in a folder of it, is created again at each start, and so is no state."""
    patterns = _RECREATED if below is None else _RECREATED_BELOW.get(below, ())
    return any(fnmatch(name, pattern) for pattern in patterns)
