"""``road make-secrets``: generates random secrets at the first start, in a folder for each part of the stack.

Compose mounts each folder into the containers of its part only. A secret that exists is never changed, so you may put
your own there beforehand; files that are derived from others are written again each time.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from road_assets.server.roles import DAGSTER, EXPORTER, GRAFANA, MLFLOW, OWNERS, PIPELINE, ROLES, SERVICE

SUPERUSER: Final = "postgres"
BYTES: Final = 32
FOLDER_MODE: Final = 0o755
"""The volume is mounted into its part's containers only, whose users differ."""

PRIVATE: Final = 0o400
"""libpq ignores a password file that others may read."""

READABLE: Final = 0o444
PROVISION: Final = "provision"
PASSWORD_FILES: Final = {
    PROVISION: (SUPERUSER, *OWNERS.values()),  # the owners restore their databases
    "pipeline": (PIPELINE, DAGSTER),
    "dagster": (DAGSTER,),
    "service": (SERVICE,),
    "mlflow": (MLFLOW,),
    "backup": tuple(OWNERS.values()),
}
"""Parts that speak to Postgres through libpq, with the roles whose passwords stand in their ``pgpass``."""


def make_secrets(root: Path) -> list[str]:
    """Make what is missing.

    Args:
        root: holds a folder for each part; they are made if they are missing.

    Returns:
        The secrets made, by part and file. Never their values.
    """
    made: list[str] = []

    def keep(name: str) -> str:
        """Read a secret; generate it if there is none yet."""
        path = root / name
        if not path.exists():
            _write(path, secrets.token_urlsafe(BYTES), READABLE)
            made.append(name)
        return path.read_text().strip()

    passwords = {role: keep(f"{PROVISION}/{role}") for role in (*ROLES, SUPERUSER)}
    alert_token = keep("service/road_api_alert_token")
    keep("service/road_api_jwt_secret")
    keep("grafana/admin_password")
    keep("proxy/password")
    copies = {
        f"{SUPERUSER}/password": passwords[SUPERUSER],
        "exporter/password": passwords[EXPORTER],
        "grafana/grafana_db_password": passwords[GRAFANA],
        "alertmanager/alert_token": alert_token,
    }
    for name, value in copies.items():
        _write(root / name, value, READABLE)
    for part, roles in PASSWORD_FILES.items():
        lines = "".join(f"*:*:*:{role}:{_escape(passwords[role])}\n" for role in roles)
        _write(root / part / "pgpass", lines, PRIVATE)
    return made


def _escape(password: str) -> str:
    """As libpq reads a password file: a colon ends the field, and a backslash makes the next character ordinary."""
    return password.replace("\\", "\\\\").replace(":", "\\:")


def _write(path: Path, value: str, mode: int) -> None:
    """Write a file completely or not at all: a crash leaves no half of a secret."""
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:  # noqa: PTH123 - the mode is set at creation
        file.write(value)
    draft.replace(path)
