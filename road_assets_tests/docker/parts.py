"""The files below ``docker`` as the tests read them."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
DOCKER = PROJECT / "docker"
FILES = (DOCKER / "compose.yaml", DOCKER / "compose.monitoring.yaml")

ONCE = {"secrets", "provision", "load"}
"""Services that end."""

TOOLS = {"backup", "restore"}
"""Services that somebody runs."""


def compose() -> dict[str, Any]:
    """Both Compose files as one, as ``include`` makes them."""
    files = [yaml.safe_load(path.read_text()) for path in FILES]
    return {
        key: {k: v for file in files for k, v in (file.get(key) or {}).items()}
        for key in ("services", "volumes", "networks")
    }


SERVICES: dict[str, dict[str, Any]] = compose()["services"]


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program and take what it prints."""
    return subprocess.run(command, capture_output=True, text=True, **{"check": True, "cwd": PROJECT, **options})  # noqa: PLW1510, S603 - fixed words
