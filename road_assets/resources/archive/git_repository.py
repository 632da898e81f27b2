"""A git repository in which models are archived: a work tree of the user, or a clone of our own.

In the user's work tree only given paths are committed; all other changes, staged or not, stay as they are.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from road_assets.addresses import holds_password
from road_assets.resources.subprocesses import CommandError, run_command
from road_assets.settings import ArchiveSettings, SettingsError

_SSH_ADDRESS: Final = re.compile(r"[\w.-]+@[\w.-]+:")
_PUSHED: Final = "refs/road-archive/pushed"
"""A reference of our own: the newest commit that was pushed together with its data."""

_STEERING: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_PREFIX")
"""Set by a git that runs us as a hook; with them git would work on that repository."""

_ASK: Final = """#!/bin/sh
case "$1" in
    Username*) printf '%s\\n' "$ROAD_ARCHIVE_GIT_USERNAME" ;;
    *) printf '%s\\n' "$ROAD_ARCHIVE_GIT_TOKEN" ;;
esac
"""
"""Gives git the credentials from the environment, so that a token is in no file, address or argument."""


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A work tree to commit in.

    Attributes:
        root: its top folder.
        own: whether it is our clone, into which commits of others may be merged.
        remote: name of the remote to push to.
        env: environment of git.
        secrets: removed from error messages.
    """

    root: Path
    own: bool
    remote: str
    env: Mapping[str, str]
    secrets: tuple[str, ...]

    @classmethod
    def open(cls, settings: ArchiveSettings, folder: Path) -> Self:
        """Find the repository, or clone it.

        Args:
            settings: which one.
            folder: where clones and the script that answers git are kept.

        Raises:
            SettingsError: the path is none of a repository, or not absolute.
            CommandError: git is not there, or cloning failed.
        """
        place = settings.repository or ""
        env = _environment(settings, folder)
        address = "://" in place or _SSH_ADDRESS.match(place)
        path = Path(place).expanduser()
        if not address and not path.is_absolute():
            raise SettingsError(f"ROAD_ARCHIVE_REPOSITORY={place}: give an absolute path, or an address to clone")
        if not address and not path.is_dir():
            raise SettingsError(f"ROAD_ARCHIVE_REPOSITORY={place}: no such folder; make it with: git init {place}")
        if not address:
            top = _top_of(path, env)
            if top is not None:
                return cls(top, False, settings.git_remote, env, settings.secrets)  # noqa: FBT003 - a field
        clone = folder / hashlib.sha256(place.encode()).hexdigest()[:12]
        found = cls(clone, True, "origin", env, settings.secrets)  # noqa: FBT003 - a field
        if not clone.exists():
            found._clone(place if address else str(path))
        return found

    def _clone(self, address: str) -> None:
        with tempfile.TemporaryDirectory(dir=self.root.parent) as scratch:
            fresh = Path(scratch, self.root.name)
            run_command(
                ["git", "clone", "--quiet", address, str(fresh)], cwd=Path(scratch), env=self.env, secrets=self.secrets
            )
            fresh.replace(self.root)
        if self.head():
            self.note_pushed()

    def git(self, *arguments: str, given: str | None = None) -> str:
        """Run git in the repository and return what it prints, without the last line's end.

        Raises:
            CommandError: it failed.
        """
        return run_command(
            ["git", *arguments],
            cwd=self.root,
            env=self.env,
            given=given.encode() if given is not None else None,
            secrets=self.secrets,
        ).rstrip("\n")

    def try_git(self, *arguments: str) -> str | None:
        """Run git and return what it prints; None if it fails, which is an answer to some questions."""
        try:
            return self.git(*arguments)
        except CommandError:
            return None

    def head(self) -> str | None:
        """The newest commit, None in an empty repository."""
        return self.try_git("rev-parse", "--verify", "--quiet", "HEAD")

    def branch(self) -> str:
        """The branch that is checked out.

        Raises:
            SettingsError: none is.
        """
        name = self.try_git("symbolic-ref", "--short", "HEAD")
        if name is None:
            raise SettingsError(f"{self.root} has no branch checked out; check one out there (git switch)")
        return name

    def committed(self, path: str) -> str | None:
        """Text of a file in the newest commit, without its last line's end, None if it holds no such file."""
        return self.try_git("show", f"HEAD:{path}")

    def is_changed(self, path: str) -> bool:
        """Whether a file differs from the newest commit, staged or not."""
        return bool(self.git("status", "--porcelain", "--", path))

    def commit(self, paths: Sequence[str], message: str) -> None:
        """Commit these paths as they are and nothing else; no commit if they did not change."""
        self.git("add", "--", *paths)
        if self.git("status", "--porcelain", "--", *paths):
            self.git(*self._signature(), "commit", "--quiet", "--only", "--file", "-", "--", *paths, given=message)

    def tag(self, name: str, message: str) -> None:
        """Tag the newest commit; a tag that is there stays where it is."""
        if self.try_git("rev-parse", "--verify", "--quiet", f"refs/tags/{name}") is None:
            self.git(*self._signature(), "tag", "--annotate", "--file", "-", name, given=message)

    def remote_address(self) -> str | None:
        """Where a push goes, None if the remote is not set.

        Raises:
            SettingsError: the address holds a password.
        """
        address = self.try_git("remote", "get-url", "--push", self.remote)
        if address and holds_password(address):
            raise SettingsError(
                f"the remote {self.remote} of {self.root} has a user or password in its address; set it without "
                f"(git remote set-url {self.remote} ...) and give ROAD_ARCHIVE_GIT_USERNAME and ROAD_ARCHIVE_GIT_TOKEN"
            )
        return address

    def merge_remote(self) -> None:
        """Merge what others pushed into our clone; a user's work tree is left to its user."""
        if not self.own:
            return
        self.git("fetch", "--quiet", "--tags", self.remote)
        theirs = f"refs/remotes/{self.remote}/{self.branch()}"
        if self.try_git("rev-parse", "--verify", "--quiet", theirs) is None:
            return
        try:
            self.git(*self._signature(), "merge", "--quiet", "--no-edit", theirs)
        except CommandError:
            self.try_git("merge", "--abort")
            raise

    def push(self, tags: Sequence[str]) -> None:
        """Push the branch and these tags."""
        branch = f"HEAD:refs/heads/{self.branch()}"
        self.git("push", "--quiet", "--atomic", self.remote, branch, *(f"refs/tags/{tag}" for tag in tags))

    def unpushed_tags(self, pattern: str) -> list[str]:
        """Tags whose commit is not known to have reached the remote."""
        note = ["--no-merged", _PUSHED] if self.try_git("rev-parse", "--verify", "--quiet", _PUSHED) else []
        return self.git("tag", "--list", pattern, *note).split()

    def is_pushed(self) -> bool:
        """Whether the newest commit is known to have reached the remote."""
        return self.try_git("merge-base", "--is-ancestor", "HEAD", _PUSHED) is not None

    def note_pushed(self) -> None:
        """Note that the newest commit reached the remote with its data."""
        self.git("update-ref", _PUSHED, "HEAD")

    def _signature(self) -> list[str]:
        """Who commits: whoever git is set up for, else the platform."""
        if self.try_git("config", "user.email") or {"GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"} <= self.env.keys():
            return []
        return ["-c", "user.name=road-assets", "-c", "user.email=road-assets@localhost"]


def _top_of(path: Path, env: Mapping[str, str]) -> Path | None:
    """Top folder of the work tree that a folder belongs to; None for a bare repository."""
    try:
        bare = run_command(["git", "rev-parse", "--is-bare-repository"], cwd=path, env=env).strip() == "true"
        return (
            None if bare else Path(run_command(["git", "rev-parse", "--show-toplevel"], cwd=path, env=env).rstrip("\n"))
        )
    except CommandError as error:
        raise SettingsError(f"ROAD_ARCHIVE_REPOSITORY={path} is no git repository: {error}") from error


def _environment(settings: ArchiveSettings, folder: Path) -> dict[str, str]:
    if shutil.which("git") is None:
        raise CommandError("git is not installed; install it, or unset ROAD_ARCHIVE_REPOSITORY")
    env = {name: value for name, value in os.environ.items() if name not in _STEERING}
    env |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")  # fail rather than wait for somebody to type
    if settings.git_token is None:
        return env
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "answer-git.sh"
    script.write_text(_ASK, encoding="utf-8")
    script.chmod(0o700)
    given = int(env.get("GIT_CONFIG_COUNT", "0"))
    return env | {
        "GIT_ASKPASS": str(script),
        "ROAD_ARCHIVE_GIT_USERNAME": settings.git_username or "git",
        "ROAD_ARCHIVE_GIT_TOKEN": settings.git_token.get_secret_value(),
        # The user's helpers must neither be asked before us nor told the token.
        "GIT_CONFIG_COUNT": str(given + 1),
        f"GIT_CONFIG_KEY_{given}": "credential.helper",
        f"GIT_CONFIG_VALUE_{given}": "",
    }
