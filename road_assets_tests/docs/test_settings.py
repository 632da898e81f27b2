"""The table of settings names every variable that is read, and no other."""

import re
from typing import Final

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from road_api import settings as service
from road_assets import settings as platform
from road_assets.backup import stores
from road_assets.docs.__main__ import PAGE
from road_assets.retention import settings as retention
from road_assets.server import settings as server

MODULES: Final = (platform, retention, server, service, stores)
READ_BY_NAME: Final = {service.SECRETS_DIR_VARIABLE}
"""Variables that are read where they are needed, and by no class of settings."""


def documented_settings() -> set[str]:
    """Variables in the first column of the table."""
    text = PAGE.with_name("settings.md").read_text(encoding="utf-8")
    cells = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}


def _read_settings() -> set[str]:
    found = set(READ_BY_NAME)
    for module in MODULES:
        for known in vars(module).values():
            if isinstance(known, type) and issubclass(known, BaseSettings) and known is not BaseSettings:
                found |= _variables(known)
    return found


def _variables(settings: type[BaseSettings]) -> set[str]:
    names = set()
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names |= {str(choice) for choice in alias.choices}
        else:
            names.add(str(alias) if alias else f"{settings.model_config.get('env_prefix', '')}{name}".upper())
    return names


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    documented, read = documented_settings(), _read_settings()
    assert (sorted(read - documented), sorted(documented - read)) == ([], [])
