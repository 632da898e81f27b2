"""``road down``, ``status`` and ``clean``: looks at a platform of this machine, stops it, deletes its state."""

import shutil
import signal
import time
from collections.abc import Mapping
from typing import Any, Final

import psutil

from road_assets.errors import UserFacingError
from road_assets.local.leftovers import stop_leftovers
from road_assets.local.platform import production_version
from road_assets.local.postgres_files import remove_outside
from road_assets.local.services import Site
from road_assets.local.state import PlatformState, load_state, locked

DOWN_SECONDS: Final = 40.0


class StillRunningError(UserFacingError):
    """The platform did not stop in time, or must be stopped first."""


def status(site: Site) -> dict[str, Any]:
    """The state of a platform, for programs.

    Returns:
        ``running``, ``ready``, ``addresses`` (``api``, ``dagster``, ``mlflow``), ``postgres_url``, ``mlflow_uri``,
        ``production_version``, ``demo``, ``home`` and ``services`` by name with ``pid`` and ``up``. Addresses are those
        that a stopped platform would have.
    """
    state = load_state(site.home)
    running = state is not None and state.supervisor.alive()
    addresses = state.addresses if state is not None and running else site.addresses
    if state is not None and running:
        site.postgres.port = state.postgres_port
    return {
        "running": running,
        "ready": state is not None and running and state.ready,
        "addresses": addresses,
        "postgres_url": site.postgres.url("road") if running else None,
        "mlflow_uri": addresses["mlflow"],
        "production_version": production_version(addresses["mlflow"]) if running else None,
        "demo": state.demo if state is not None and running else site.settings.demo,
        "home": str(site.home),
        "services": _services(state),
    }


def status_lines(facts: Mapping[str, Any]) -> list[str]:
    """The state that ``status`` returns as lines for people."""
    if not facts["running"]:
        return [f"no platform is running in {facts['home']}; `make up` starts one"]
    word = "ready" if facts["ready"] else "starting, or at work on the main job"
    mode = ", demonstration" if facts["demo"] else ""
    model = facts["production_version"] or "none yet"
    lines = [f"platform in {facts['home']}: {word}{mode}; model in production: {model}"]
    for name, service in facts["services"].items():
        where = facts["addresses"].get(name, "")
        lines.append(f"  {name:<10} {'up' if service['up'] else 'down':<5} pid {service['pid']:<8} {where}".rstrip())
    return lines


def down(site: Site) -> str:
    """Stop the platform of a home and wait until it is gone, with whatever a killed one left behind.

    Returns:
        What was done.

    Raises:
        StillRunningError: it does not stop.
    """
    state = load_state(site.home)
    if state is None or not state.supervisor.alive():
        left = stop_leftovers(site.home)
        return f"stopped what was left over: {', '.join(left)}" if left else f"no platform is running in {site.home}"
    supervisor = psutil.Process(state.supervisor.pid)
    supervisor.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while state.supervisor.alive():
        if time.monotonic() > deadline:
            raise StillRunningError(
                f"process {supervisor.pid} has not stopped after {DOWN_SECONDS:.0f} s; "
                f"`kill -9 {supervisor.pid}` and `road down` again will"
            )
        time.sleep(0.1)
    stop_leftovers(site.home)
    return f"stopped the platform in {site.home}"


def clean(site: Site) -> str:
    """Delete all state of a home.

    Returns:
        What was done.

    Raises:
        StillRunningError: its platform runs.
    """
    home = site.home
    if not home.exists():
        return f"{home} does not exist, nothing to delete"
    state = load_state(home)
    if state is not None and state.supervisor.alive():
        raise StillRunningError(f"the platform in {home} is running; stop it first with `make down`")
    with locked(home):
        stop_leftovers(home)
        remove_outside(home)
        shutil.rmtree(home)
    return f"deleted {home}"


def _services(state: PlatformState | None) -> dict[str, dict[str, Any]]:
    if state is None:
        return {}
    return {name: {"pid": process.pid, "up": process.alive()} for name, process in state.services.items()}
