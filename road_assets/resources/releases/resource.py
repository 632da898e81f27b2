"""The releases as a resource of Dagster. ``store`` does the work."""

from pathlib import Path

import dagster as dg

from road_assets.resources.releases.data_gouv import DataGouv
from road_assets.resources.releases.store import ReleaseStore


class ReleasesResource(dg.ConfigurableResource[ReleaseStore]):
    """Releases from the user's directory, those fetched, data.gouv.fr, or a generated one, in this order.

    Attributes:
        home: directory of the platform's state (``ROAD_HOME``).
        releases_dir: directory of the user's (``ROAD_RELEASES_DIR``); where given, nothing else is looked at.
        data_gouv_url: base of the public API (``ROAD_DATA_GOUV_URL``); the real one if not given.
    """

    home: str
    releases_dir: str | None = None
    data_gouv_url: str | None = None

    def store(self) -> ReleaseStore:
        """Open the store that this configuration names."""
        directory = Path(self.releases_dir) if self.releases_dir else None
        return ReleaseStore(Path(self.home), directory, DataGouv(self.data_gouv_url))
