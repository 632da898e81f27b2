"""Ports for platforms of the tests, and a look at the machine's processes."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from road_assets.settings import PortSettings
from road_assets_tests.api.servers import free_port

FOLDER = Path(__file__).parent


def free_ports() -> PortSettings:
    """A port that nobody listens on for each part of a platform."""
    return PortSettings(**{name: free_port() for name in PortSettings.model_fields if name.endswith("_port")})


@pytest.fixture
def ports() -> PortSettings:
    """Ports that nobody listens on."""
    return free_ports()


def processes_with(mark: str) -> list[psutil.Process]:
    """Living processes that have a word on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        alive = process.info["status"] != psutil.STATUS_ZOMBIE
        if alive and mark in (process.info["cmdline"] or []) and process.pid != os.getpid():
            found.append(process)
    return found


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def mark() -> Iterator[str]:
    """A word on the command lines of a test's processes; none of them outlives the test."""
    word = f"mark-{uuid.uuid4().hex}"
    yield word
    for process in processes_with(word):
        process.kill()
