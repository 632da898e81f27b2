"""``python -m road_assets.dashboards [FOLDER]``: write the dashboards, by default to ``grafana/dashboards``."""

import json
import sys
from pathlib import Path
from typing import Final

from road_assets.dashboards import accidents, api, best_model, containers, pipeline

FOLDER: Final = Path(__file__).parents[2] / "grafana" / "dashboards"
DASHBOARDS: Final = tuple(module.dashboard() for module in (api, best_model, accidents, containers, pipeline))


def files() -> dict[str, str]:
    """The content of each file by its name."""
    return {
        f"{dashboard.uid}.json": json.dumps(dashboard.to_json(), ensure_ascii=False, indent=2) + "\n"
        for dashboard in DASHBOARDS
    }


def main(folder: Path) -> None:
    """Write the files; dashboards that are no longer made are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = files()
    for old in folder.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, content in made.items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
