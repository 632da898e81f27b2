"""``road noise``: shows and changes the noise setting while the platform runs."""

from typing import Final

import psycopg

from road_assets.commands.endpoints import find_database_url
from road_assets.errors import UserFacingError
from road_assets.local.services import Site
from road_assets.resources.database import Database
from road_assets.resources.runtime_settings import RuntimeSettingError, read_noise, set_noise

_APPLIES: Final = (
    "It applies to partitions materialized from now on (synthetic_mix, and features after it); those materialized "
    "before stay as they are until they are materialized again."
)


class NoiseError(UserFacingError):
    """The setting cannot be read or changed."""


def noise(site: Site, value: float | None, by: str) -> str:
    """Set the noise, or show the one in force.

    Args:
        site: of the platform; ``ROAD_DATABASE_URL`` names its tables where they are not the embedded ones.
        value: 0 to 1; nothing to look only.
        by: who sets it.

    Returns:
        What is in force and what that means.

    Raises:
        NoiseError: the value is out of range, or the tables cannot be reached.
        NotRunningError: there are no tables.
    """
    database = Database(url=find_database_url(site))
    try:
        setting = read_noise(database) if value is None else set_noise(database, value, by=by)
    except RuntimeSettingError as error:
        raise NoiseError(str(error)) from error
    except psycopg.OperationalError as error:
        raise NoiseError(f"the platform's tables cannot be reached: {error}") from error
    reset = " `road noise 0` ends the rehearsal." if setting.noise else ""
    return f"{setting}. {_APPLIES}{reset}"
