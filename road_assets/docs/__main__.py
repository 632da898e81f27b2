"""``python -m road_assets.docs``: write ``road_assets/docs/architecture.md`` anew.

A Postgres is started for it in a temporary directory, since only the migrations know what the tables look like.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from road_assets.docs.architecture import architecture
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.resources.database import migrate

PAGE: Final = Path(__file__).with_name("architecture.md")


def main() -> int:
    """Write the page."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), port=0) as server:
        Path(folder).chmod(0o755)  # Postgres does not work for root, and enters as somebody else
        url = server.url("road")
        migrate(url)
        PAGE.write_text(architecture(url), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
