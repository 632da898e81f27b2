"""A real server, prepared as those of Compose and of a cluster are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.server import roles
from road_assets.server.make_secrets import make_secrets
from road_assets.server.provision import provision, read_passwords
from road_assets.server.settings import ProvisionSettings


@dataclass(frozen=True)
class Server:
    """A server that was prepared."""

    settings: ProvisionSettings
    passwords: dict[str, str]
    port: int
    said: list[str]

    @property
    def admin(self) -> str:
        return self.settings.admin_database_url.get_secret_value()

    def url(self, role: str, database: str = roles.TABLES) -> str:
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without anything on it, prepared by ``road provision``."""
    folder = tmp_path_factory.mktemp("server")
    make_secrets(folder / "secrets")
    said: list[str] = []
    with EmbeddedPostgres(folder, port=0) as postgres, pytest.MonkeyPatch.context() as patch:
        _drop_everything(postgres.url("postgres"))
        (folder / "dagster").mkdir()
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        patch.setenv("ROAD_DAGSTER_STORAGE", str(folder))
        (folder / "dagster" / "dagster.yaml").write_text((Path(__file__).parents[2] / "dagster.yaml").read_text())
        settings = ProvisionSettings(
            admin_database_url=SecretStr(postgres.url("postgres")), passwords_dir=folder / "secrets" / "provision"
        )
        provision(settings, said.append)
        yield Server(settings, read_passwords(settings.passwords_dir), postgres.port, said)


def _drop_everything(admin: str) -> None:
    with psycopg.connect(admin, autocommit=True) as connection:
        for database in roles.OWNERS:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database)))
