"""``road rollback``: brings a former champion back into production while the platform runs."""

import os

import psycopg

from road_assets.commands.endpoints import find_database_url, find_tracking_uri
from road_assets.core.production_history import NoFormerChampionError
from road_assets.errors import UserFacingError
from road_assets.local.services import Site, base_environment
from road_assets.promotion.pointer import PointerError
from road_assets.promotion.rollback import roll_back
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author
from road_assets.resources.model_registry import ModelRegistry


class RollbackError(UserFacingError):
    """Nothing was rolled back, or not to the end; the message says which."""


def rollback(site: Site, version: int | None, by: str) -> str:
    """Bring back a former champion.

    Args:
        site: of the platform; ``ROAD_DATABASE_URL`` and ``MLFLOW_TRACKING_URI`` name tables and registry where they are
            not the embedded ones.
        version: to bring back; by default the one before the present one.
        by: who decides.

    Returns:
        What was done.

    Raises:
        RollbackError: the version was never in production, or tables or registry cannot be reached.
        UserFacingError: no platform runs here, and none is named.
    """
    database, address = Database(url=find_database_url(site)), find_tracking_uri(site)
    # As the platform's own processes do: connections to this machine do not go through a proxy.
    environment = base_environment(os.environ)
    os.environ.update({name: environment[name] for name in ("NO_PROXY", "no_proxy", "MLFLOW_DISABLE_TELEMETRY")})
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # somebody waits for the answer
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

    from mlflow.exceptions import MlflowException

    try:
        return f"{roll_back(database, ModelRegistry(tracking_uri=address, public_url=address), version, Author(by))}."
    except (NoFormerChampionError, PointerError) as error:
        raise RollbackError(str(error)) from error
    except psycopg.OperationalError as error:
        raise RollbackError(f"the platform's tables cannot be reached; nothing was changed: {error}") from error
    except MlflowException as error:
        raise RollbackError(f"the model registry at {address} does not answer; nothing was changed: {error}") from error
