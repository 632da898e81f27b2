"""Where a command finds the tables and the model registry: named by the environment, else of the running platform."""

from road_assets.errors import UserFacingError
from road_assets.local.services import Site
from road_assets.local.state import PlatformState, load_state


class NotRunningError(UserFacingError):
    """No platform runs in this home, and the environment names none elsewhere."""


def find_database_url(site: Site) -> str:
    """Find the address of the tables, with the password.

    Args:
        site: of the platform; ``ROAD_DATABASE_URL`` comes first.

    Raises:
        NotRunningError: there are none.
    """
    if site.settings.database_url is not None:
        return site.settings.require_database_url()
    site.postgres.port = _running(site, "its tables", "ROAD_DATABASE_URL").postgres_port
    return site.postgres.url("road")


def find_tracking_uri(site: Site) -> str:
    """Find the address of the model registry.

    Args:
        site: of the platform; ``MLFLOW_TRACKING_URI`` comes first.

    Raises:
        NotRunningError: there is none.
    """
    if site.settings.mlflow_tracking_uri is not None:
        return site.settings.mlflow_tracking_uri
    return _running(site, "its model registry", "MLFLOW_TRACKING_URI").addresses["mlflow"]


def _running(site: Site, what: str, variable: str) -> PlatformState:
    state = load_state(site.home)
    if state is None or not state.supervisor.alive():
        raise NotRunningError(
            f"no platform is running in {site.home}, and {what} with it; `make up` starts one. Where the platform is "
            f"elsewhere, name {what.removeprefix('its ')} in {variable}"
        )
    return state
