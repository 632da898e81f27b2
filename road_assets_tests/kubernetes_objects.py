"""What stands in ``docker/k8s``: read, and Dagster's chart rendered with our values."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

FOLDER: Final = Path(__file__).parents[1] / "docker" / "k8s"
KUBERNETES: Final = "1.34"
_REMOTE_DEFINITIONS: Final = re.compile(r"https://[^\"#]+/_definitions\.json#/definitions/")
CHART_VARIABLE: Final = "ROAD_DAGSTER_CHART"
"""Names a folder with Dagster's chart, ``helm pull --untar dagster/dagster``: it is nobody's package."""


def objects_of(name: str) -> list[dict[str, Any]]:
    """Objects in one of our files."""
    return [each for each in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")) if each]


def resources() -> list[str]:
    """Files that the kustomization names."""
    (kustomization,) = objects_of("kustomization.yaml")
    return list(kustomization["resources"])


def our_objects() -> list[dict[str, Any]]:
    """All objects of the kustomization."""
    return [each for name in resources() for each in objects_of(name)]


def rendered_chart(folder: Path) -> Iterator[dict[str, Any]]:
    """Objects of Dagster's chart with our values, the values checked against the chart's schema.

    Args:
        folder: empty one, for a copy of the chart whose schema asks no server for Kubernetes' definitions.
    """
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not installed: the chart is not rendered")
    chart = os.environ.get(CHART_VARIABLE)
    if not chart:
        pytest.skip(f"{CHART_VARIABLE} names no chart of Dagster to render")
    values = helm.values_from_yaml((FOLDER / "dagster-values.yaml").read_text(encoding="utf-8"))
    shutil.copytree(chart, folder, dirs_exist_ok=True)
    for schema in folder.rglob("values.schema.json"):
        text = schema.read_text(encoding="utf-8")
        schema.write_text(_REMOTE_DEFINITIONS.sub(f"{_definitions().as_uri()}#/$defs/", text))
    with helm.Chart.load(str(folder)) as loaded:
        loaded.validate_schema(values)
        for file, text in loaded.render(values, name="dagster", namespace="road").items():
            if file.endswith(".yaml"):  # the chart's notes are rendered, too
                yield from (each for each in yaml.safe_load_all(text) if each)


def _definitions() -> Path:
    package = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    schemas = Path(package.__file__).parent / "kubernetes-json-schema"
    return schemas / f"v{KUBERNETES}.0-local" / "_definitions.json"


def containers_of(each: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of a pod's spec and one of its containers, those that prepare it included; none where there is no pod."""
    pod = each.get("spec", {}).get("template", {}).get("spec") or {}
    return [(pod, container) for kind in ("initContainers", "containers") for container in pod.get(kind) or []]
