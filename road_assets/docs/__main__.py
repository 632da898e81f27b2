"""``python -m road_assets.docs``: generates ``road_assets/docs/architecture.md``.

It starts a Postgres in a temporary directory, since only migrated tables show what the tables are.
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
