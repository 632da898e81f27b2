"""Diagram and table of the packages: their docstrings, and what they import."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from road_assets.docs.markdown import first_sentence, flowchart, table

ROOTS: Final = ("road_api", "road_assets")
_ALONE: Final = "road_assets/*.py"
"""Modules that stand beside the packages: settings, jobs, definitions and the like. They are no part of the diagram,
since they wire everything to everything."""


def import_diagram(project: Path) -> str:
    """Which package imports which, as a flowchart."""
    edges = {
        (package, other)
        for package, path in _modules(project)
        for other in _imported(project, path)
        if other != package and _ALONE not in {package, other}
    }
    named = [f"{_id(name)}[{name}]" for name in sorted({name for edge in edges for name in edge})]
    return flowchart("LR", [*named, *(f"{_id(package)} --> {_id(other)}" for package, other in sorted(edges))])


def package_table(project: Path) -> str:
    """What each package says of itself."""
    rows = [(f"`{package}`", _said(project, package)) for package in sorted({name for name, _ in _modules(project)})]
    return table(("package", "what belongs there"), rows)


def _modules(project: Path) -> Iterator[tuple[str, Path]]:
    for root in ROOTS:
        for path in sorted((project / root).rglob("*.py")):
            yield _package(path.relative_to(project)), path


def _package(path: Path) -> str:
    """Of ``road_assets`` its packages are told apart; the service is small enough to be one."""
    if path.parts[0] == "road_assets":
        return f"road_assets.{path.parts[1]}" if len(path.parts) > 2 else _ALONE  # noqa: PLR2004 - root, package, module
    return path.parts[0]


def _imported(project: Path, path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.partition(".")[0] in ROOTS:
                yield _package(_file(project, name))


def _file(project: Path, name: str) -> Path:
    """The module that a dotted name lies in, relative to the project."""
    parts = name.split(".")
    while len(parts) > 1:
        if (project / Path(*parts)).is_dir():
            return Path(*parts, "__init__.py")
        if (project / Path(*parts)).with_suffix(".py").is_file():
            return Path(*parts).with_suffix(".py")
        parts.pop()
    return Path(parts[0], "__init__.py")


def _said(project: Path, package: str) -> str:
    if package == _ALONE:
        return "Wiring, settings, jobs, and what several packages share"
    text = (project / Path(*package.split(".")) / "__init__.py").read_text(encoding="utf-8")
    return first_sentence(ast.get_docstring(ast.parse(text)))


def _id(package: str) -> str:
    return package.replace(".", "_")
