"""Real neighbours of the service: Dagster's web server, Prometheus and Alertmanager."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

LOCATION = Path(__file__).parent / "code_location.py"
OBSERVATIONS = """query Observations($path: [String!]!) { assetNodeOrError(assetKey: {path: $path}) { __typename
  ... on AssetNode { assetObservations { partition description } } } }"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], ready: str, log: Path, *, environment: dict[str, str] | None = None, seconds: float = 90
) -> Iterator[None]:
    """Run a server until the block ends; it is ready when an address answers with a success."""
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    try:
        deadline = time.monotonic() + seconds
        while not _answers(ready):
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} does not answer: {log.read_text()[-3000:]}")
            time.sleep(0.1)
        yield
    finally:
        if server.poll() is None:
            family = [*psutil.Process(server.pid).children(recursive=True), server]
            for process in family:
                process.kill()
        server.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).is_success
    except httpx.TransportError:
        return False


@contextmanager
def serve_dagster(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run Dagster's web server over ``code_location``; its state is in ``folder``."""
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-f", str(LOCATION)]
    with running(command, f"{address}/server_info", folder / "log", environment={"DAGSTER_HOME": str(folder)}):
        yield address


def ask_dagster(address: str, document: str, **variables: Any) -> Any:
    """The value of an operation's only field."""
    body = {"query": document, "variables": variables}
    answer = httpx.post(f"{address}/graphql", json=body, trust_env=False, timeout=30).json()
    (value,) = answer["data"].values()
    return value


def observations(address: str, asset: str) -> list[tuple[str, str]]:
    """Partition and description of each observation of an asset, newest first."""
    found = ask_dagster(address, OBSERVATIONS, path=[asset])["assetObservations"]
    return [(event["partition"], event["description"]) for event in found]


def debian_programs(package: str, *names: str) -> tuple[dict[str, Path], str]:
    """Programs of a Debian package: those that are installed, else unpacked from the package, without root.

    Returns:
        Paths by name, and why there are none, if there are none.
    """
    found = {name: shutil.which(name) for name in names}
    if all(found.values()):
        return {name: Path(path) for name, path in found.items() if path}, ""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "road-assets" / "debian" / package
    programs = {name: folder / "usr" / "bin" / name for name in names}
    if not all(path.exists() for path in programs.values()):
        reason = _unpack(package, folder)
        if reason:
            return {}, reason
    return programs, ""


def alertmanager_command(program: Path) -> list[str]:
    """How to run Debian's Alertmanager: it wants its templates where the package puts them when it is installed.

    Returns:
        The beginning of a command; empty if that cannot be had here.
    """
    templates = Path("/usr/share/prometheus/alertmanager")
    if templates.exists():
        return [str(program)]
    unpacked = program.parents[1] / "share" / "prometheus" / "alertmanager"
    apart = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:  # noqa: S603
        return []
    mount = f"mount -t tmpfs none /usr/share && mkdir {templates.parent} && cp -r {unpacked} {templates}"
    return [*apart, "sh", "-c", f'{mount} && exec "$@"', "sh", str(program)]


def _unpack(package: str, folder: Path) -> str:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return f"{package} is not installed, and there is no apt-get here to get it with"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        try:
            for command in (["apt-get", "download", package], ["sh", "-c", "dpkg -x ./*.deb unpacked"]):
                subprocess.run(command, cwd=aside, capture_output=True, check=True, timeout=120)  # noqa: S603
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            words = (error.stderr or b"").decode(errors="replace").strip().splitlines()[-1:]
            return f"{package} is not installed and cannot be downloaded: {' '.join(words) or error}"
        try:
            (Path(aside) / "unpacked").rename(folder)
        except OSError:
            if not folder.exists():  # else another test run was faster
                raise
    return ""


def as_uvicorn_sends(app: Any) -> Any:
    """Give the application a body that came in one piece as one message; httpx says its end in a second one."""

    async def give(scope: Any, receive: Any, send: Any) -> None:
        first = await receive()
        waiting = [first]
        if first.get("more_body"):
            second = await receive()
            whole = second["type"] == "http.request" and not second["body"] and not second["more_body"]
            waiting = [{**first, "more_body": False}] if whole else [first, second]

        async def receive_again() -> Any:
            return waiting.pop(0) if waiting else await receive()

        await app(scope, receive_again, send)

    return give
