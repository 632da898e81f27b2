"""Where the servers are, for what is done once. What the parts themselves need is in ``road_assets.settings``."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from road_assets.settings import AbsolutePath, PublicAddress


class ProvisionSettings(BaseSettings):
    """What ``road provision`` needs.

    Attributes:
        admin_database_url: ``ROAD_ADMIN_DATABASE_URL``, a superuser's connection to the server.
        passwords_dir: ``ROAD_PASSWORDS_DIR``, a file for each role, named as the role is, with its password.
    """

    model_config = SettingsConfigDict(
        env_prefix="ROAD_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    admin_database_url: SecretStr
    passwords_dir: AbsolutePath


class LoadSettings(BaseSettings):
    """What ``road load`` needs beside the settings of the platform.

    Attributes:
        dagster_url: ``ROAD_DAGSTER_URL``, Dagster's web server.
    """

    model_config = SettingsConfigDict(
        env_prefix="ROAD_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    dagster_url: PublicAddress = "http://127.0.0.1:8080"
