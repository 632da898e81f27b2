"""Runs external programs to their end. What they print may be shown: secrets are removed from it."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

SECONDS: Final = 900
"""Time limit of one command; a push of some megabytes over a slow line takes far less."""

_USER_IN_ADDRESS: Final = re.compile(r"://[^/\s@]+@")
_TAIL: Final = 1500


class CommandError(RuntimeError):
    """A program failed, or is not there; the message has its last words."""


def run_command(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    given: bytes | None = None,
    secrets: Sequence[str] = (),
) -> str:
    """Run a program to its end.

    Args:
        command: program and arguments; never with a secret, as every user of the machine can read them.
        cwd: working directory.
        env: the whole environment.
        given: standard input; empty if not given.
        secrets: removed from error messages.

    Returns:
        What it printed to standard output.

    Raises:
        CommandError: it is not there, failed, or did not end in time.
    """
    name = " ".join(command[:3])
    try:
        done = subprocess.run(  # noqa: S603 - commands are built by this package
            list(command), cwd=cwd, env=dict(env), input=given or b"", capture_output=True, check=False, timeout=SECONDS
        )
    except FileNotFoundError as error:
        raise CommandError(
            f"{command[0]} is not there ({error.strerror}); install it, or name it by its setting"
        ) from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"`{name} ...` in {cwd} did not end within {SECONDS} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CommandError(hide(f"`{name} ...` in {cwd} ended with {done.returncode}: {said[-_TAIL:]}", secrets))
    return done.stdout.decode(errors="replace")


def hide(text: str, secrets: Sequence[str] = ()) -> str:
    """Replace secrets, and users and passwords in addresses, by asterisks."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _USER_IN_ADDRESS.sub("://***@", text)
