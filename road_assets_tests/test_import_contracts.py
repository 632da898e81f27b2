"""Core, service and dashboards take from the platform what they are allowed, and no package that is added later."""

import pkgutil
import tomllib
from pathlib import Path

import pytest

import road_assets

PROJECT = Path(__file__).parents[1]
CONTRACTS = {
    contract["source_modules"][0]: set(contract["forbidden_modules"])
    for contract in tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    if contract["type"] == "forbidden"
}


@pytest.mark.parametrize("part", ["road_assets.core", "road_api", "road_assets.dashboards"])
def test_everything_but_the_core_is_kept_from(part: str) -> None:
    modules = {f"road_assets.{module.name}" for module in pkgutil.iter_modules(road_assets.__path__)}
    assert modules - {"road_assets.core", part} <= CONTRACTS[part]
