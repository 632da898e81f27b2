"""The archive of promoted models: their bundles and reference data under DVC, in a git repository of the user's choice.

Each run brings the repository to the state in production, so that a killed or failed run is completed by the next one.
The data is pushed before the commit, so that nobody fetches a commit whose data is missing.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import dagster as dg
import stamina
from pydantic import ValidationError

from road_assets.core.archive import RECORD_FILE, ArchivedModel
from road_assets.core.vocabulary import MODEL_NAME
from road_assets.environment import wrong_variables
from road_assets.resources.archive.dvc import REMOTE, SETUP_FILES, Dvc, find_dvc
from road_assets.resources.archive.git_repository import GitRepository
from road_assets.resources.files import file_lock
from road_assets.resources.subprocesses import CommandError
from road_assets.settings import ArchiveSettings, SettingsError

FOLDER: Final = MODEL_NAME
"""In the repository."""

_DATA: Final = ("bundle", "reference")
_ATTEMPTS: Final = 4


@dataclass(frozen=True, slots=True)
class Archived:
    """What was done.

    Attributes:
        repository: work tree with the commit.
        commit: that holds the model.
        tag: on it.
        changed: whether anything was committed or pushed now.
        remotes: where git and DVC pushed to, empty where none is set.
        problem: why the push failed, None if it did not.
    """

    repository: Path
    commit: str
    tag: str
    changed: bool
    remotes: dict[str, str]
    problem: str | None


class ModelArchive(dg.ConfigurableResource):
    """Keeps promoted models. The settings are read from the environment when a run needs them.

    Attributes:
        folder: holds clones, DVC's environment and the lock.
    """

    folder: str

    def settings(self) -> ArchiveSettings:
        """What the environment says.

        Raises:
            SettingsError: a value cannot be used; the message names the variable and repeats no value.
        """
        try:
            return ArchiveSettings()
        except ValidationError as error:
            raise SettingsError(wrong_variables(ArchiveSettings, error)) from None

    def store(self, model: ArchivedModel, say: Callable[[str], None]) -> Archived:
        """Commit, tag and push a model, as far as that is not done yet.

        Args:
            model: what is in production.
            say: called with a line before anything that takes long.

        Raises:
            SettingsError: the settings, or the repository, cannot be used as they are.
            CommandError: git or DVC failed before anything was to be pushed.
        """
        settings, folder = self.settings(), Path(self.folder)
        with archive_lock(folder):
            repository = GitRepository.open(settings, folder)
            repository.branch()
            repository.remote_address()  # refused before anything is written
            dvc = Dvc(find_dvc(settings, folder, say), repository.root, settings)
            before = repository.head()
            _set_up(repository, dvc, settings)
            if repository.committed(f"{FOLDER}/{RECORD_FILE}") != model.record().decode().rstrip("\n"):
                _write(repository, dvc, model)
            repository.tag(model.tag, model.message())
            remotes = _remotes(repository, dvc)
            pending = bool(remotes) and not repository.is_pushed()
            problem = _push(repository, dvc, model) if pending else None
            return Archived(
                repository=repository.root,
                commit=repository.head() or "",
                tag=model.tag,
                changed=pending or repository.head() != before,
                remotes=remotes,
                problem=problem,
            )


def _set_up(repository: GitRepository, dvc: Dvc, settings: ArchiveSettings) -> None:
    """Initialize DVC in the repository and set its remote, in a commit of its own."""
    was_set_up = dvc.is_set_up
    if not was_set_up:
        dvc.set_up()
    wanted = settings.dvc_remote
    remotes = dvc.remotes()
    if wanted and remotes.get(REMOTE) != wanted:
        if was_set_up and repository.is_changed(SETUP_FILES[0]):
            raise SettingsError(
                f"{SETUP_FILES[0]} in {repository.root} has changes that are not committed, so the remote of "
                "ROAD_ARCHIVE_DVC_REMOTE cannot be noted in it; commit or undo them"
            )
        dvc.set_remote(wanted, default="" not in remotes)
    elif was_set_up:
        return
    there = [path for path in SETUP_FILES if (repository.root / path).exists()]
    repository.commit(there, "Keep models under DVC\n")


def _write(repository: GitRepository, dvc: Dvc, model: ArchivedModel) -> None:
    target = repository.root / FOLDER
    for name, files in zip(_DATA, (model.bundle, model.reference), strict=True):
        shutil.rmtree(target / name, ignore_errors=True)
        (target / name).mkdir(parents=True)
        for file, content in files.items():
            (target / name / file).write_bytes(content)
    dvc.add(*(f"{FOLDER}/{name}" for name in _DATA))
    (target / RECORD_FILE).write_bytes(model.record())
    repository.commit([*(f"{FOLDER}/{name}" for name in (RECORD_FILE, ".gitignore")), *_pointers()], model.message())


def _pointers() -> list[str]:
    return [f"{FOLDER}/{name}.dvc" for name in _DATA]


def _remotes(repository: GitRepository, dvc: Dvc) -> dict[str, str]:
    data, commits = dvc.remotes().get(dvc.target() or ""), repository.remote_address()
    return ({"DVC": data} if data else {}) | ({"git": commits} if commits else {})


def _push(repository: GitRepository, dvc: Dvc, model: ArchivedModel) -> str | None:
    """Push, with retries; return why it failed for good, None if it did not."""
    tags = repository.unpushed_tags(f"{model.manifest.model_name}-v*")
    remote = dvc.target()
    try:
        if remote:
            _retry(partial(dvc.push, remote, *_pointers(), every_tag=len(tags) > 1))
        if repository.remote_address():
            _retry(partial(_push_commits, repository, tags))
    except CommandError as error:
        return str(error)
    repository.note_pushed()
    return None


def _push_commits(repository: GitRepository, tags: list[str]) -> None:
    repository.merge_remote()
    repository.push(tags)


def _retry(push: Callable[[], None]) -> None:
    for attempt in stamina.retry_context(on=CommandError, attempts=_ATTEMPTS, wait_initial=1.0, wait_max=15.0):
        with attempt:
            push()


@contextmanager
def archive_lock(folder: Path) -> Iterator[None]:
    """Lock the archive for one run, or a backup, during the block; a kill frees the lock.

    Args:
        folder: of the lock, ``ModelArchive.folder``.
    """
    with file_lock(folder / "lock"):
        yield
