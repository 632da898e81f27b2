"""Generates the page about the architecture from the definitions, the imports, the OpenAPI document and the tables."""

import secrets
from typing import Final

from pydantic import SecretStr

from road_api.app import create_app
from road_api.settings import Settings
from road_assets.definitions import build_definitions
from road_assets.docs import endpoints, graph, packages, tables
from road_assets.local.services import PROJECT
from road_assets.settings import PlatformSettings

_HEAD: Final = """# Architecture

Written by `python -m road_assets.docs` (`make docs`) from the definitions, the imports, the OpenAPI document and the
migrated tables. Change the code, not this page; a test says when the page is older than the code.
[Back to the README](../../README.md)
"""
_LEGEND: Final = "Hexagons are checks; what others write than runs has rounded ends."
_ARROWS: Final = (
    "An arrow says: imports. Modules that lie beside the packages wire everything and are left out. The contracts that "
    "keep arrows from turning round stand in `pyproject.toml` (`lint-imports`)."
)
_DOCUMENTS: Final = "Every field and every error: the service's own pages, `/docs`."


def architecture(database_url: str) -> str:
    """The page.

    Args:
        database_url: of a migrated database.
    """
    definitions = build_definitions(PlatformSettings(demo=True))
    service = create_app(Settings(demo=True, jwt_secret=SecretStr(secrets.token_urlsafe(48))))
    sections = {
        "Assets": (_LEGEND, graph.asset_diagram(definitions), graph.asset_table(definitions)),
        "Checks": (graph.check_table(definitions),),
        "Jobs": (graph.job_table(definitions),),
        "What starts by itself": (graph.trigger_table(definitions),),
        "Packages": (_ARROWS, packages.import_diagram(PROJECT), packages.package_table(PROJECT)),
        "The service": (endpoints.endpoint_table(service), _DOCUMENTS),
        "Tables": (tables.schema_table(database_url),),
    }
    texts = ["\n\n".join((f"## {title}", *parts)) for title, parts in sections.items()]
    return "\n".join((_HEAD, *(f"{text}\n" for text in texts)))
