"""The documents of the project, and what is to be found in them: commands, links, headings, paths."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from road_assets.docs.__main__ import PAGE
from road_assets.local.services import PROJECT

DOCUMENTS: Final = (
    PROJECT / "README.md",
    PROJECT / "CONTRIBUTING.md",
    PROJECT / "docker" / "k8s" / "README.md",
    *sorted(PAGE.parent.glob("*.md")),
)
NAMES: Final = tuple(str(path.relative_to(PROJECT)) for path in DOCUMENTS)

_BLOCK: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PATH: Final = re.compile(r"(?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|yml|toml|lock|json|sh|txt|png)")


def read(name: str) -> str:
    """A document's text."""
    return (PROJECT / name).read_text(encoding="utf-8")


def command_lines(name: str) -> list[str]:
    """Lines of the document's shell blocks, as a shell would be given them; each holds one command."""
    blocks = (content for language, content in _BLOCK.findall(read(name)) if language == "sh")
    joined = (block.replace("\\\n", "") for block in blocks)
    return [line for block in joined for line in block.splitlines() if line.strip()]


def inline_code(name: str) -> list[str]:
    """What stands between single backticks."""
    return [" ".join(found.split()) for found in _INLINE.findall(_BLOCK.sub("", read(name)))]


def words_of(line: str) -> list[list[str]]:
    """The commands of a line as words, without comments; those joined by ``&&`` are told apart."""
    commands: list[list[str]] = [[]]
    for word in shlex.split(line, comments=True):
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def links(name: str) -> Iterator[tuple[Path, str]]:
    """File and anchor of each link to another place of the project; the anchor may be empty."""
    for target in _LINK.findall(_BLOCK.sub("", read(name))):
        if not target.startswith(("http:", "https:")):
            file, _, anchor = target.partition("#")
            yield (PROJECT / name).parent / file if file else PROJECT / name, anchor


def anchors(path: Path) -> set[str]:
    """Names by which GitHub lets headings be linked."""
    text = _BLOCK.sub("", path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(text)}


def paths(name: str) -> set[str]:
    """Files that inline code names with a folder."""
    return {found for code in inline_code(name) for found in _PATH.findall(code)}
