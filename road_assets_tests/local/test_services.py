"""The environment of the platform's services."""

import os
from pathlib import Path

import psutil
import pytest

from road_assets.local.platform import make_site
from road_assets.local.secrets import secret
from road_assets.local.services import ALERT_TOKEN, api_service, base_environment
from road_assets.settings import PlatformSettings, PortSettings


@pytest.mark.parametrize("own", [{}, {"ROAD_API_DAGSTER_URL": "http://elsewhere:3000", "ROAD_API_ALERT_TOKEN": "mine"}])
def test_it_names_its_own_tables_and_dagster_and_makes_the_secret_of_the_alerts(
    tmp_path: Path, ports: PortSettings, clean_environment: pytest.MonkeyPatch, own: dict[str, str]
) -> None:
    for name, value in own.items():
        clean_environment.setenv(name, value)
    site = make_site(PlatformSettings(home=tmp_path, demo=True), ports)
    service = api_service(site)
    process = service.launch()
    try:
        seen = psutil.Process(process.pid).environ()
    finally:
        process.kill()
        process.wait()

    assert seen["ROAD_DATABASE_URL"] == site.postgres.url("road")
    assert seen["ROAD_API_DAGSTER_URL"] == own.get("ROAD_API_DAGSTER_URL", site.addresses["dagster"])
    assert seen["ROAD_API_ALERT_TOKEN"] == own.get("ROAD_API_ALERT_TOKEN", secret(tmp_path, ALERT_TOKEN))


def test_children_inherit_neither_foreign_connections_nor_the_services_secrets() -> None:
    inherited = {
        "PGHOST": "elsewhere",
        "ROAD_API_JWT_SECRET": "s",
        "MAKEFLAGS": "n",
        "NO_PROXY": "intranet",
        "HOME": "/home/anna",
        "PATH": "/usr/bin",
    }
    environment = base_environment(inherited)
    assert {"PGHOST", "ROAD_API_JWT_SECRET", "MAKEFLAGS"}.isdisjoint(environment)
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost,::1"
    assert environment["HOME"] == "/home/anna"
    assert environment["PATH"].endswith(f"{os.pathsep}/usr/bin")
