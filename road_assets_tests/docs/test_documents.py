"""The documents point at what is there, and stay small enough to be read and fetched."""

import pytest
from PIL import Image

from road_assets.docs.__main__ import PAGE
from road_assets.local.services import PROJECT
from road_assets_tests.docs.documents import NAMES, anchors, links, paths, read

ROOTS = (
    PROJECT,
    PROJECT / "road_assets",
    PROJECT / "road_assets" / "core",
    PROJECT / "road_assets_tests",
    PROJECT / "road_api",
)
"""Folders that names in the text may start from."""

OTHERS = {"card/model_card.en.md", "path/of/the/test.py"}
"""Paths of no file of the project."""

PICTURES_BYTES = 600_000

each = pytest.mark.parametrize("name", NAMES)


@each
def test_every_link_leads_to_a_file_and_a_heading(name: str) -> None:
    for file, anchor in links(name):
        assert file.exists(), file
        assert not anchor or anchor in anchors(file), f"{file.name}#{anchor}"


@each
def test_every_file_named_in_the_text_is_there(name: str) -> None:
    missing = [path for path in paths(name) - OTHERS if not any((root / path).exists() for root in ROOTS)]
    assert missing == []


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {file.resolve() for file, _ in links("README.md")}
    assert {PROJECT / name for name in NAMES} <= linked | {PROJECT / "README.md"}


def test_the_readme_is_short() -> None:
    assert len(read("README.md").splitlines()) <= 300


def test_pictures_are_shown_small_and_no_wider_than_a_page() -> None:
    pictures = sorted(PAGE.with_name("pictures").glob("*"))
    shown = {file.resolve() for name in NAMES for file, _ in links(name)}
    assert set(pictures) <= shown
    assert sum(path.stat().st_size for path in pictures) <= PICTURES_BYTES
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.width <= 1200, path
