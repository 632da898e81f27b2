"""Every command in the documents: run on real tables where that is cheap, else proved to be one.

Requests by ``curl`` are made to a real service in ``api/test_documented_requests.py``.
"""

import importlib
import inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import psycopg
import pytest
import yaml
from click.testing import CliRunner

from road_assets.cli import main
from road_assets.local.postgres import EmbeddedPostgres
from road_assets.local.services import PROJECT
from road_assets_tests.conftest import fresh_database
from road_assets_tests.docs.documents import NAMES, command_lines, inline_code, words_of
from road_assets_tests.docs.test_settings import documented_settings

RUN_HERE: Final = {"noise", "users", "token", "status", "migrate"}
RUN_ELSEWHERE: Final = {  # faults: by `make faults`
    "backfill": "faults/suite.py",
    "restore": "commands/test_backup.py",
    "rollback": "commands/test_rollback.py",
}
"""Commands of ``road`` that need runs, a backup or a registry: only parsed here, run by these tests."""

ONLY_PARSED: Final = {
    "docker": "needs an engine; services and files are looked up here, docker/test_smoke.py runs it where one is",
    "kubectl": "needs a cluster; files are looked up here, docker/test_kubernetes.py validates them",
    "helm": "needs a cluster and the chart; docker/test_kubernetes.py renders it where a copy is",
    "git": "changes the work tree",
    "dvc": "works in the user's archive; resources/archive/test_model_archive.py brings the bytes back",
    "pip-audit": "needs data that are not in the project",
    "promtool": "api/test_alerts.py runs it where Prometheus is installed",
    "cp": "the file is looked up here",
}
ROAD: Final = (".venv/bin/road", "road")
PYTHON: Final = (".venv/bin/python", "python")
ANY_COMMAND: Final = re.compile(rf"(make|{'|'.join(map(re.escape, (*ROAD, *PYTHON, *ONLY_PARSED)))}) \S")
ASSIGNMENT: Final = re.compile(r"([A-Z_]+)=(.*)")


def _commands(lines: list[str]) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Variables and words of each command."""
    for line in lines:
        for words in words_of(line):
            given: dict[str, str] = {}
            while words and (found := ASSIGNMENT.fullmatch(words[0])):
                given[found[1]] = found[2]
                words.pop(0)
            if words and "TOKEN" not in given:
                yield given, words


def _in_text(name: str) -> list[str]:
    without = (re.sub(r"^(?:[A-Z_]+=\S+ )+", "", code) for code in inline_code(name))
    return [code for code, bare in zip(inline_code(name), without, strict=True) if ANY_COMMAND.match(bare)]


CASES: Final = [
    pytest.param(given, words, in_text, id=f"{name}: {' '.join(words)[:60]}")
    for name in NAMES
    for lines, in_text in ((command_lines(name), False), (_in_text(name), True))
    for given, words in _commands(lines)
    if words[0] != "curl"
]


@pytest.mark.parametrize(("given", "words", "in_text"), CASES)
def test_a_command_is_one(given: dict[str, str], words: list[str], in_text: bool, tmp_path: Path) -> None:  # noqa: FBT001
    assert set(given) <= documented_settings(), "a variable that nobody reads"
    if words[0] == "make":
        _prove_make(words[1:], tmp_path)
    elif words[0] in ROAD:
        _prove_road(words[1:], tmp_path, whole=not in_text)
    elif words[0] in PYTHON:
        _prove_module(words[1:])
    else:
        assert words[0] in ONLY_PARSED, f"nothing proves {words[0]}"
        _prove_places(words, tmp_path)


def _prove_make(words: list[str], tmp_path: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    variables = [word.partition("=")[0] for word in words if "=" in word]
    assert set(variables) <= set(re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE))
    subprocess.run(  # noqa: S603 - shows what would be done, and does nothing
        ["make", "--dry-run", f"VENV={tmp_path}", *words],  # noqa: S607
        cwd=PROJECT,
        check=True,
        capture_output=True,
    )


def _prove_road(words: list[str], tmp_path: Path, *, whole: bool) -> None:
    """Its own parser takes it, and runs nothing; in a sentence arguments may be left out."""
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, f"road has no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if whole:
        (tmp_path / "FILE").touch()
        command.make_context("road", [str(tmp_path / word) if word == "FILE" else word for word in words])
    else:
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


def _prove_module(words: list[str]) -> None:
    assert words[0] == "-m"
    name, options = words[1], [word for word in words[2:] if word.startswith("--")]
    try:
        module: Any = importlib.import_module(f"{name}.__main__")
    except ModuleNotFoundError:
        module = importlib.import_module(name)
    assert callable(module.main)
    source = inspect.getsource(module)
    assert [option for option in options if f'"{option}"' not in source] == []


def _prove_places(words: list[str], tmp_path: Path) -> None:
    """Files of the project and services of Compose that are named are there."""
    for word in words[1:]:
        if re.match(r"(docker|road_assets|\.env\.example)(/|$)", word):
            assert (PROJECT / word).exists(), word
    if words[:2] == ["docker", "compose"]:
        services = yaml.safe_load((PROJECT / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"]
        for action in ("exec", "logs", "run"):
            if action in words:
                named = next(word for word in words[words.index(action) + 1 :] if not word.startswith("-"))
                assert named in services, named
        if "road" in words:
            _prove_road(words[words.index("road") + 1 :], tmp_path, whole=True)


@pytest.mark.parametrize("name", NAMES)
def test_commands_on_tables_are_run_in_the_order_of_the_document(
    name: str, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [words[1:] for _, words in _commands(command_lines(name)) if words[0] in ROAD]
    mine = [words for words in commands if words[0] in RUN_HERE]
    if not mine:
        assert all(words[0] in RUN_ELSEWHERE for words in commands)
        return
    url = fresh_database(postgres, f"documents_{NAMES.index(name)}")
    monkeypatch.setenv("ROAD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROAD_DATABASE_URL", url)
    for words in mine:
        result = CliRunner().invoke(main, words, input="correct horse battery\n")
        assert result.exit_code == 0, (words, result.output)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (int(["users", "list"] in mine),)


def test_what_is_run_elsewhere_is_run_there() -> None:
    for command, test in RUN_ELSEWHERE.items():
        assert command in main.commands
        assert command in (PROJECT / "road_assets_tests" / test).read_text(encoding="utf-8")
