"""The objects of ``docker/k8s`` against Kubernetes' own schemas, strictly, and against each other."""

from typing import Any

import pytest
import yaml

from road_assets.settings import PlatformSettings
from road_assets_tests.kubernetes_objects import (
    FOLDER,
    KUBERNETES,
    containers_of,
    objects_of,
    our_objects,
    rendered_chart,
    resources,
)


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return list(rendered_chart(tmp_path_factory.mktemp("chart")))


def _validate(each: dict[str, Any]) -> None:
    kubernetes = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    kubernetes.validate(each, KUBERNETES, strict=True)


def _of(kind: str, name: str, objects: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize("each", our_objects(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_each_object_is_what_kubernetes_knows_and_nothing_else(each: dict[str, Any]) -> None:
    _validate(each)


def test_a_misspelt_field_is_found() -> None:
    wrong = _of("Deployment", "road-service", our_objects())
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(Exception, match="readynessProbe"):
        _validate(wrong)


def test_every_file_belongs_to_the_kustomization() -> None:
    others = {"kustomization.yaml", "dagster-values.yaml"}
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*resources(), *others}


@pytest.mark.parametrize("each", our_objects(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_pods_run_without_rights_they_do_not_need(each: dict[str, Any]) -> None:
    for pod, container in containers_of(each):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert container["resources"]["limits"]["memory"]
        assert ":" in container["image"]
        assert not container["image"].endswith(":latest")


def test_the_service_is_probed_where_it_answers_and_scaled_and_never_taken_down_whole() -> None:
    objects = our_objects()
    deployment = _of("Deployment", "road-service", objects)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    scaler = _of("HorizontalPodAutoscaler", "road-service", objects)["spec"]
    budget = _of("PodDisruptionBudget", "road-service", objects)["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"]
    assert 1 < scaler["minReplicas"] < scaler["maxReplicas"]
    assert budget["minAvailable"] < scaler["minReplicas"]
    assert container["resources"]["requests"]["cpu"], "the autoscaler counts in shares of it"


def test_selectors_find_their_pods() -> None:
    objects = our_objects()
    for name in ("road-service", "mlflow"):
        labels = _of("Deployment", name, objects)["spec"]["template"]["metadata"]["labels"].items()
        for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment"):
            spec = _of(kind, name, objects)["spec"]
            selector = spec.get("podSelector") or spec["selector"]
            assert (selector.get("matchLabels") or selector).items() <= labels, (kind, name)


def test_no_secret_is_written_down() -> None:
    assert not [each for each in our_objects() if each["kind"] == "Secret"]
    for each in our_objects():
        for _, container in containers_of(each):
            written = {variable["name"] for variable in container.get("env", []) if "value" in variable}
            assert not [name for name in written if name.endswith(("PASSWORD", "SECRET", "TOKEN", "KEY", "KEYS"))]


def test_the_settings_are_settings_of_the_platform() -> None:
    (settings,) = objects_of("settings.yaml")
    storage = PlatformSettings(storage_url=settings["data"]["ROAD_STORAGE_URL"]).storage
    mlflow = _of("Deployment", "mlflow", our_objects())
    assert mlflow["spec"]["template"]["spec"]["containers"][0]["args"] == [
        "--artifacts-destination",
        f"{storage}/mlflow",
    ]


def test_the_chart_takes_the_values_and_gives_valid_objects(chart: list[dict[str, Any]]) -> None:
    for each in chart:
        _validate(each)
    assert {"Deployment", "ConfigMap", "Role", "RoleBinding", "Service"} <= {each["kind"] for each in chart}


def test_the_chart_makes_no_secret_and_no_postgres(chart: list[dict[str, Any]]) -> None:
    assert not [each["metadata"]["name"] for each in chart if each["kind"] in {"Secret", "StatefulSet"}]


def test_policies_select_the_pods_of_the_chart(chart: list[dict[str, Any]]) -> None:
    pods = [each["spec"]["template"]["metadata"]["labels"] for each in chart if each["kind"] == "Deployment"]
    for name in ("code-location", "dagster-webserver"):
        wanted = _of("NetworkPolicy", name, our_objects())["spec"]["podSelector"]["matchLabels"].items()
        assert [labels for labels in pods if wanted <= labels.items()], name


def test_the_service_asks_dagster_where_the_chart_puts_it(chart: list[dict[str, Any]]) -> None:
    (container,) = _of("Deployment", "road-service", our_objects())["spec"]["template"]["spec"]["containers"]
    (address,) = [each["value"] for each in container["env"] if each["name"] == "ROAD_API_DAGSTER_URL"]
    services = {
        each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in chart if each["kind"] == "Service"
    }
    assert address in {f"http://{name}:{port}" for name, port in services.items()}


def test_dagster_reads_the_instance_that_the_chart_writes(
    chart: list[dict[str, Any]], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed")
    from dagster._core.instance.ref import InstanceRef

    (instance,) = [each for each in chart if each["kind"] == "ConfigMap" and "dagster.yaml" in (each["data"] or {})]
    (tmp_path / "dagster.yaml").write_text(instance["data"]["dagster.yaml"])
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "of nobody")
    ref = InstanceRef.from_dir(str(tmp_path))
    assert ref.run_launcher_data is not None
    assert ref.run_launcher_data.class_name == "K8sRunLauncher"
    assert type(ref.run_coordinator).__name__ == "QueuedRunCoordinator"
    concurrency = ref.settings["concurrency"]
    ours = yaml.safe_load((FOLDER.parents[1] / "dagster.yaml").read_text())["concurrency"]
    assert concurrency["pools"] == ours["pools"]
    assert concurrency["runs"]["tag_concurrency_limits"] == ours["runs"]["tag_concurrency_limits"]
