"""End the children of a supervisor that could not do it itself, because it was killed.

Each child leads a session of its own, so whatever it started in turn is found by the session's number, even after the
child itself is gone.
"""

import os
import signal
from collections.abc import Collection
from pathlib import Path
from typing import Final

import psutil

from road_assets.local.state import ProcessId, load_state

KILL_SECONDS: Final = 2.0
"""A killed process is gone at once, unless the kernel is busy on its behalf."""


def stop_leftovers(home: Path, seconds: float = 5.0) -> list[str]:
    """Stop every process that the last platform of this home left behind.

    Args:
        home: ``ROAD_HOME``.
        seconds: how long they may take to end before they are killed; Postgres, which is last, gets as long again.

    Returns:
        Names of the services of which something was still running.
    """
    state = load_state(home)
    if state is None or state.supervisor.alive():
        return []
    found = {name: members for name, leader in state.services.items() if (members := session_members(leader))}
    others = [process for name, members in found.items() if name != "postgres" for process in members]
    for process in others:
        send(process, signal.SIGTERM)
    end(others, None, seconds)
    # Postgres last, as the others may still be writing; SIGINT is its signal for a fast, clean shutdown.
    end(found.get("postgres", []), signal.SIGINT, seconds)
    return list(found)


def session_members(leader: ProcessId) -> list[psutil.Process]:
    """Every living process in the session that a child started, the child first.

    The number of a session is not given to a new process while a member lives. If another process has it now, none of
    ours is left.
    """
    members = []
    for process in psutil.process_iter(["create_time"]):
        try:
            if os.getsid(process.pid) != leader.pid or process.status() == psutil.STATUS_ZOMBIE:
                continue
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
        if process.pid == leader.pid and not leader.alive():
            return []
        members.append(process)
    return sorted(members, key=lambda process: process.pid != leader.pid)


def end(processes: Collection[psutil.Process], first: signal.Signals | None, seconds: float) -> None:
    """Ask processes to end and kill those that do not in time.

    Args:
        processes: the leader first; it alone gets the first signal, as it may end the others in good order.
        first: that signal; None if it was sent already.
        seconds: time until the rest is killed.
    """
    waiting = list(processes)
    rounds = ((first, 1, 0.7 * seconds), (signal.SIGTERM, None, 0.3 * seconds), (signal.SIGKILL, None, KILL_SECONDS))
    for number, count, patience in rounds:
        asked = waiting[:count]
        for process in asked:
            if number is not None:
                send(process, number)
        psutil.wait_procs(asked, timeout=patience)
        waiting = [process for process in waiting if is_alive(process)]
        if not waiting:
            return


def kill(processes: Collection[psutil.Process]) -> None:
    """Kill what a dead service left behind, without SIGTERM before.

    On SIGTERM a run would note that somebody stopped it, and Dagster retries only runs whose process died.
    """
    for process in processes:
        send(process, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=KILL_SECONDS)


def is_alive(process: psutil.Process) -> bool:
    """Whether a process is still running; a zombie, which has ended and was not waited for, is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return  # it has ended meanwhile, as wanted
