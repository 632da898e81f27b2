"""MLflow's tables, left by an earlier version, are migrated before its server starts."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import Site
from road_assets.local.tasks import note_mlflow_prepared, prepare_mlflow
from road_assets.settings import PlatformSettings, PortSettings


@pytest.fixture
def site(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Site]:
    """A platform whose MLflow has no tables yet."""
    yield Site(PlatformSettings(home=tmp_path), PortSettings(), postgres)
    with psycopg.connect(postgres.url("mlflow")) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


def earlier_tables(url: str) -> tuple[str, str]:
    """Make the tables of an earlier version; tell its revision, and the newest one."""
    import sqlalchemy as sa
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(url)
    newest, earlier, *_ = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, earlier)
    engine.dispose()
    return earlier, newest


def revision(url: str) -> str:
    with psycopg.connect(url) as connection:
        ((found,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        return str(found)


def test_tables_of_an_earlier_version_are_migrated_once(site: Site) -> None:
    url = site.postgres.url("mlflow")
    assert prepare_mlflow(site) is None, "its server makes them where there are none"
    earlier, newest = earlier_tables(url.replace("postgresql://", "postgresql+psycopg2://"))
    assert revision(url) == earlier

    task = prepare_mlflow(site)
    assert task is not None
    assert site.postgres.url("mlflow").split(":")[2].split("@")[0] not in " ".join(map(str, task.process.args))
    while not task.is_done():
        time.sleep(0.1)

    assert revision(url) == newest
    note_mlflow_prepared(site)
    assert prepare_mlflow(site) is None
