"""Where the servers are, for what is done once. What the parts themselves need is in ``road_assets.settings``."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from road_assets.addresses import AbsolutePath, PublicAddress
from road_assets.environment import environment_config


class ProvisionSettings(BaseSettings):
    """What ``road provision`` needs.

    Attributes:
        admin_database_url: ``ROAD_ADMIN_DATABASE_URL``, a superuser's connection to the server.
        passwords_dir: ``ROAD_PASSWORDS_DIR``, a file for each role, named as the role is, with its password.
    """

    model_config = environment_config("ROAD_")

    admin_database_url: SecretStr
    passwords_dir: AbsolutePath


class DagsterSettings(BaseSettings):
    """Which Dagster ``road load`` and ``road backfill`` ask for runs.

    Attributes:
        dagster_url: ``ROAD_DAGSTER_URL``, address of its web server; without it the one on this machine.
    """

    model_config = environment_config("ROAD_")

    dagster_url: PublicAddress | None = None
