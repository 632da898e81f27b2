"""The archive of promoted models, with real git and real DVC on local remotes."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import stamina

from road_assets.core.archive import ArchivedModel
from road_assets.core.bundle import MANIFEST_FILE
from road_assets.core.manifest import Manifest, Window
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, MODEL_NAME
from road_assets.resources.archive.model_archive import ModelArchive
from road_assets.resources.subprocesses import CommandError
from road_assets.settings import SettingsError

TOKEN = "a-very-secret-token"
USER = {f"GIT_{role}_{what}": f"user@{role}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def model(version: int = 1, roc_auc: float = 0.75) -> ArchivedModel:
    manifest = Manifest(
        model_name=MODEL_NAME,
        features=FEATURE_NAMES,
        threshold=0.5,
        data=DATA_DEMONSTRATION,
        training_window=Window(first_day=date(2024, 1, 1), last_day=date(2024, 9, 30)),
        evaluation_window=Window(first_day=date(2024, 10, 1), last_day=date(2024, 10, 31)),
        metrics={"roc_auc": roc_auc},
        code_version="0",
        libraries={},
        created_at=datetime(2024, 11, 1, tzinfo=UTC),
        sha256={},
    )
    bundle = {MANIFEST_FILE: manifest.model_dump_json().encode(), "model.onnx": bytes(range(256)) * version}
    return ArchivedModel(version, f"run-{version}", bundle, {"counts.json": f"[{version}]".encode()})


class Ground:
    """A place with a work tree, remotes and an archive."""

    def __init__(self, folder: Path, dvc: str, environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.dvc = dvc
        self.tree = folder / "models"
        self.remote = folder / "remote.git"
        self.data = folder / "dvc-remote"
        self.said: list[str] = []
        self.archive = ModelArchive(folder=str(folder / "home"))
        self.environment = environment
        for name in [name for name in os.environ if name.startswith("ROAD_ARCHIVE_")]:
            environment.delenv(name)
        self.set(ROAD_DVC=dvc, ROAD_ARCHIVE_REPOSITORY=str(self.tree), HOME=str(folder), GIT_CONFIG_NOSYSTEM="1")

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.environment.setenv(name, value)

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        return self.run("git", *arguments, cwd=cwd).stdout.strip()

    def run(self, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(  # noqa: S603 - git and DVC
            command, cwd=cwd or self.tree, env={**os.environ, **USER}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done

    def make_tree(self) -> None:
        self.git("init", "--quiet", "--initial-branch", "main", str(self.tree), cwd=self.folder)

    def make_remotes(self) -> None:
        self.git("init", "--quiet", "--bare", "--initial-branch", "main", str(self.remote), cwd=self.folder)
        self.data.mkdir()
        self.set(ROAD_ARCHIVE_DVC_REMOTE=str(self.data))

    def store(self, known: ArchivedModel | None = None) -> object:
        return self.archive.store(known or model(), self.said.append)

    def pull_fresh(self, revision: str = "main") -> dict[str, str]:
        """Clone, ``dvc pull``, and hash what came."""
        clone = self.folder / f"clone-{len(list(self.folder.iterdir()))}"
        self.git("clone", "--quiet", str(self.remote), str(clone), cwd=self.folder)
        self.git("checkout", "--quiet", revision, cwd=clone)
        self.run(self.dvc, "pull", "--quiet", cwd=clone)
        return hashes({path.name: path.read_bytes() for path in clone.glob(f"{MODEL_NAME}/*/*")})


def hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def everything(known: ArchivedModel) -> dict[str, str]:
    return hashes({**known.bundle, **known.reference})


@pytest.fixture
def ground(tmp_path: Path, dvc: str, monkeypatch: pytest.MonkeyPatch) -> Ground:
    return Ground(tmp_path, dvc, monkeypatch)


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2):
        yield


def test_a_fresh_clone_pulls_the_very_bytes_of_each_version_and_its_commit_says_what_it_is(ground: Ground) -> None:
    ground.make_tree()
    ground.make_remotes()
    ground.git("remote", "add", "origin", str(ground.remote))

    first = ground.store(model(1))
    second = ground.store(model(2, roc_auc=0.8))

    assert (first.problem, second.problem) == (None, None)
    assert set(second.remotes) == {"git", "DVC"}
    assert ground.pull_fresh() == everything(model(2, roc_auc=0.8))
    assert ground.pull_fresh(first.tag) == everything(model(1))
    message = ground.git("log", "-1", "--format=%B")
    assert "version 2" in message
    assert "- roc_auc: 0.8000" in message
    assert f"Data: {DATA_DEMONSTRATION}" in message
    assert ground.git("for-each-ref", "--format=%(contents:subject)", f"refs/tags/{second.tag}").endswith("version 2")
    record = json.loads(ground.git("show", f"HEAD:{MODEL_NAME}/model.json"))
    assert (record["version"], record["metrics"], record["data"]) == (2, {"roc_auc": 0.8}, DATA_DEMONSTRATION)
    assert "model.onnx" not in ground.git("ls-files"), "the data itself is not in git"

    back = ground.store(model(1))

    assert back.changed
    assert back.tag == first.tag
    assert json.loads((ground.tree / MODEL_NAME / "model.json").read_text())["version"] == 1


def test_twice_is_once_and_what_the_user_works_on_is_left_alone(ground: Ground) -> None:
    ground.make_tree()
    for name in ("theirs.txt", "staged.txt"):
        (ground.tree / name).write_text("before")
    ground.git("add", ".")
    ground.git("commit", "--quiet", "-m", "start")
    for name in ("theirs.txt", "staged.txt", "new.txt"):
        (ground.tree / name).write_text("in the middle of something")
    ground.git("add", "staged.txt")
    before = ground.git("status", "--porcelain")

    once = ground.store()
    twice = ground.store()

    assert once.changed
    assert once.remotes == {}
    assert not twice.changed
    assert (twice.commit, twice.tag) == (once.commit, once.tag)
    assert ground.git("status", "--porcelain") == before
    committed = ground.git("diff", "--name-only", "HEAD~2", "HEAD").split()
    assert not [name for name in committed if name.endswith(".txt")]


def test_a_failed_push_is_retried_and_reported_and_the_next_run_completes_it(ground: Ground) -> None:
    ground.make_tree()
    ground.make_remotes()
    ground.git("remote", "add", "origin", str(ground.remote))
    ground.data.rmdir()
    ground.data.write_text("a file where the folder should be")

    failed = ground.store(model(1))
    with stamina.set_testing(True, attempts=1):
        again = ground.store(model(2))

    assert "dvc" in failed.problem
    assert again.problem
    assert failed.changed
    assert ground.git("ls-remote", "origin") == "", "no commit went without its data"
    ground.data.unlink()

    done = ground.store(model(2))

    assert done.problem is None
    assert done.changed
    assert done.commit == again.commit, "nothing new is committed"
    assert ground.pull_fresh(failed.tag) == everything(model(1)), "the version that was never pushed came along"
    assert not ground.store(model(2)).changed


def test_an_address_is_cloned_and_what_others_pushed_there_is_kept(ground: Ground) -> None:
    ground.make_remotes()
    ground.environment.delenv("ROAD_ARCHIVE_DVC_REMOTE")
    ground.set(ROAD_ARCHIVE_REPOSITORY=f"file://{ground.remote}")
    assert ground.store(model(1)).problem is None

    other = ground.folder / "other"
    ground.git("clone", "--quiet", str(ground.remote), str(other), cwd=ground.folder)
    (other / "README").write_text("ours")
    ground.git("add", "README", cwd=other)
    ground.git("commit", "--quiet", "-m", "Describe", cwd=other)
    ground.git("push", "--quiet", cwd=other)

    assert ground.store(model(2)).problem is None
    assert ground.git("show", "main:README", cwd=ground.remote) == "ours"
    assert json.loads(ground.git("show", f"main:{MODEL_NAME}/model.json", cwd=ground.remote))["version"] == 2


def test_a_registry_made_anew_gives_the_same_number_another_tag() -> None:
    assert model(1, roc_auc=0.7).tag != model(1, roc_auc=0.8).tag
    assert replace(model(1), version=2).tag != model(1).tag


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda g: g.set(ROAD_ARCHIVE_REPOSITORY="models"), "absolute path"),
        (lambda g: g.set(ROAD_ARCHIVE_REPOSITORY=str(g.folder / "nowhere")), "git init"),
        (lambda g: g.set(ROAD_ARCHIVE_REPOSITORY=str(g.folder)), "is no git repository"),
        (lambda g: g.set(ROAD_ARCHIVE_REPOSITORY=f"https://me:{TOKEN}@models.example/x.git"), "holds a user or a pass"),
        (
            lambda g: g.set(ROAD_ARCHIVE_DVC_REMOTE=f"https://{TOKEN}@models.example/x.dvc"),
            "holds a user or a password",
        ),
        (lambda g: (g.make_tree(), g.git("remote", "add", "origin", f"https://me:{TOKEN}@x/y")), "git remote set-url"),
        (lambda g: (g.make_tree(), g.set(ROAD_DVC=str(g.folder / "no-dvc"))), "is no executable"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_to_do_and_without_secrets(
    ground: Ground, prepare: Callable[[Ground], object], message: str
) -> None:
    prepare(ground)
    with pytest.raises(SettingsError, match=message) as error:
        ground.store()
    assert TOKEN not in str(error.value)


def test_a_branch_must_be_checked_out(ground: Ground) -> None:
    ground.make_tree()
    ground.git("commit", "--quiet", "--allow-empty", "-m", "start")
    ground.git("checkout", "--quiet", "--detach")
    with pytest.raises(SettingsError, match="git switch"):
        ground.store()


def test_without_git_the_message_says_so(ground: Ground) -> None:
    ground.make_tree()
    ground.set(PATH=str(ground.folder))
    with pytest.raises(CommandError, match="git is not installed"):
        ground.store()


def test_the_remote_is_not_noted_over_changes_of_the_user(ground: Ground) -> None:
    ground.make_tree()
    config = ground.tree / ".dvc" / "config"
    config.parent.mkdir()
    config.write_text("[core]\n    autostage = true\n")
    ground.set(ROAD_ARCHIVE_DVC_REMOTE=str(ground.folder / "elsewhere"))
    with pytest.raises(SettingsError, match="commit or undo them"):
        ground.store()
    assert "autostage" in config.read_text()
