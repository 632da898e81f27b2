"""Runs DVC from an environment of its own: it needs a version of antlr4 that breaks Dagster's asset selections."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from road_assets.addresses import holds_password
from road_assets.resources.subprocesses import CommandError, run_command
from road_assets.settings import ArchiveSettings, SettingsError

DVC_VERSION: Final = "3.67.1"
REMOTE: Final = "road"
"""Name given to the remote of ``ROAD_ARCHIVE_DVC_REMOTE`` in the repository's DVC configuration."""

SETUP_FILES: Final = (".dvc/config", ".dvc/.gitignore", ".dvcignore")
"""What ``dvc init`` leaves to be committed."""

_REMOTE_SECTION: Final = re.compile(r"""'remote "(.+)"'""")
_INSTALLED: Final = "installed"
_QUIET: Final = {"DVC_NO_ANALYTICS": "1", "CI": "true"}  # neither telemetry nor a look for updates


def find_dvc(settings: ArchiveSettings, folder: Path, say: Callable[[str], None]) -> list[str]:
    """The command that runs DVC; the first call installs it, which takes half a minute and needs the network.

    Args:
        settings: may name an executable.
        folder: in which the environment is created; the caller holds a lock on it.
        say: called with a line before anything that takes long.

    Raises:
        SettingsError: the executable named is not there.
        CommandError: it cannot be installed.
    """
    if settings.dvc is not None:
        if not os.access(settings.dvc, os.X_OK):
            raise SettingsError(
                f"ROAD_DVC={settings.dvc} is no executable; name one, or unset it to have one installed"
            )
        return [str(settings.dvc)]
    environment = folder / f"dvc-{DVC_VERSION}"
    python = environment / "bin" / "python"
    if not (environment / _INSTALLED).exists():
        say(f"installing DVC {DVC_VERSION} into {environment}, once")
        install_dvc(environment)
    return [str(python), "-m", "dvc"]


def install_dvc(environment: Path) -> None:
    """Create a Python environment with DVC alone, in place of what a killed attempt may have left.

    Raises:
        CommandError: the package registry cannot be reached, or refuses.
    """
    shutil.rmtree(environment, ignore_errors=True)
    environment.parent.mkdir(parents=True, exist_ok=True)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    python = str(environment / "bin" / "python")
    package = f"dvc=={DVC_VERSION}"
    if uv:
        steps = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(environment)],
            [uv, "pip", "install", "--quiet", "--python", python, package],
        ]
    else:
        steps = [[sys.executable, "-m", "venv", str(environment)], [python, "-m", "pip", "install", "--quiet", package]]
    try:
        for step in steps:
            run_command(step, cwd=environment.parent, env=os.environ)
    except CommandError as error:
        raise CommandError(f"{error}\nDVC cannot be installed; install it yourself and name it by ROAD_DVC") from error
    (environment / _INSTALLED).touch()


@dataclass(frozen=True, slots=True)
class Dvc:
    """DVC in one repository.

    Attributes:
        command: that runs it.
        root: top of the git work tree.
        settings: remote and credentials.
    """

    command: Sequence[str]
    root: Path
    settings: ArchiveSettings

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run DVC and return what it prints.

        Raises:
            CommandError: it failed.
        """
        return run_command(
            [*self.command, *arguments],
            cwd=self.root,
            env={**_without_ours(os.environ), **_QUIET, **(env or {})},
            secrets=self.settings.secrets,
        )

    @property
    def is_set_up(self) -> bool:
        """Whether the repository has DVC."""
        return (self.root / ".dvc").is_dir()

    def set_up(self) -> None:
        """Make the repository one of DVC."""
        self.run("init", "--quiet")

    def remotes(self) -> dict[str, str]:
        """The repository's remotes by name, the default one also under the empty name; read without starting DVC.

        Raises:
            SettingsError: an address holds a password.
        """
        config = ConfigParser(interpolation=None, strict=False)
        config.read(self.root / SETUP_FILES[0], encoding="utf-8")
        named = {name: found.group(1) for name in config.sections() if (found := _REMOTE_SECTION.fullmatch(name))}
        found = {name: config.get(section, "url", fallback="") for section, name in named.items()}
        for name, address in found.items():
            if holds_password(address):
                raise SettingsError(
                    f"the DVC remote {name} of {self.root} has a user or password in its address; take them out and "
                    "give ROAD_ARCHIVE_DVC_USERNAME and ROAD_ARCHIVE_DVC_TOKEN"
                )
        default = config.get("core", "remote", fallback="")
        return found | ({"": found[default]} if default in found else {})

    def target(self) -> str | None:
        """Name of the remote to push to: ours if one is asked for, else the repository's default."""
        if self.settings.dvc_remote:
            return REMOTE
        remotes = self.remotes()
        return next((name for name, address in remotes.items() if name and address == remotes.get("")), None)

    def set_remote(self, address: str, *, default: bool) -> None:
        """Set the remote where the data is kept."""
        self.run("remote", "add", "--quiet", "--force", *(["--default"] if default else []), REMOTE, address)

    def add(self, *folders: str) -> None:
        """Put folders under DVC: their content goes to the cache, a ``.dvc`` file next to each folder."""
        self.run("add", "--quiet", *folders)

    def push(self, remote: str, *pointers: str, every_tag: bool) -> None:
        """Push the data that ``.dvc`` files refer to.

        Args:
            remote: name of it.
            pointers: ``.dvc`` files.
            every_tag: also the data of tagged commits, of which an earlier push may have failed.
        """
        with self._credentials(remote) as env:
            self.run("push", "--quiet", "--remote", remote, *(["--all-tags"] if every_tag else []), *pointers, env=env)

    @contextmanager
    def _credentials(self, remote: str) -> Iterator[dict[str, str]]:
        """Environment that names a configuration with the credentials, which exists during one command only."""
        token = self.settings.dvc_token
        if token is None:
            yield {}
            return
        with tempfile.TemporaryDirectory() as folder:  # mode 0700
            text = f"['remote \"{remote}\"']\n"
            if self.remotes().get(remote, "").startswith("http"):
                text += "    auth = basic\n"
            text += f"    user = {self.settings.dvc_username or ''}\n    password = {token.get_secret_value()}\n"
            Path(folder, "config").write_text(text, encoding="utf-8")
            yield {"DVC_GLOBAL_CONFIG_DIR": folder}


def _without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without our settings, which hold tokens, and without Python's, which are not for DVC."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("ROAD_", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "PYTHONPATH", "PYTHONHOME"))
    }
