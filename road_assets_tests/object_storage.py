"""A real S3 server for the tests, from a package: moto's, over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

BUCKET: Final = "road"
SECRET_KEY: Final = "the-secret-key-of-the-tests"


@contextmanager
def serve_s3(folder: Path) -> Iterator[str]:
    """Run the server and point this process's environment at it; one bucket, ``BUCKET``, is made.

    Args:
        folder: for its log.

    Yields:
        The server's address.
    """
    for package in ("moto", "s3fs", "boto3"):
        pytest.importorskip(package, reason=f"{package} is not installed: no S3 server to try")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=log, stderr=subprocess.STDOUT, cwd=folder, env={**os.environ, **environment}
        )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            _wait_for(address, server)
            httpx.put(f"{address}/{BUCKET}").raise_for_status()
            yield address
        finally:
            server.kill()
            server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{address}/moto-api/", timeout=2)
        except httpx.HTTPError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
