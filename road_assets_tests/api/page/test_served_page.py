"""The page for dispatchers as it is served: its words, its headers, its files. The modules beside this one use it."""

import re
import tomllib
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from road_api.page import render
from road_api.page.render import DEFAULTS, FILES_DIR, name_version, render_page
from road_assets.core.scene_fields import MODEL_FIELDS, SCENE_FIELDS
from road_assets.core.vocabulary import DATA_DEMONSTRATION, DATA_OFFICIAL, FEATURE_BY_NAME, FEATURES

pytestmark = pytest.mark.anyio

PROJECT = Path(__file__).parents[3]
TEXTS_ON_GROUNDS = [
    *((text, ground) for text in ("text", "muted") for ground in ("ground", "card")),
    *((text, "card") for text in ("accent", "severe", "calm")),
    ("on-accent", "accent"),
]
EDGES_ON_GROUNDS = [(edge, "card") for edge in ("edge", "accent", "severe", "calm")]


class Elements(HTMLParser):
    """Every start tag of a page with its attributes, and the labels of its options by field."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.options: dict[str, list[dict[str, str | None]]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.found.append((tag, attributes))
        if tag == "select":
            self.options[str(attributes["name"])] = []
        if tag == "option":
            self.options[list(self.options)[-1]].append(attributes)

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture(scope="module")
def elements() -> Elements:
    return Elements(render_page("/page/0"))


def words_of(attributes: dict[str, str | None]) -> tuple[str | None, str | None]:
    return attributes["data-fr"], attributes["data-en"]


def test_each_field_of_a_question_is_asked_once_with_its_label_in_both_languages(elements: Elements) -> None:
    asked = [control["name"] for control in elements.named("select", "input") if control.get("name")]
    labels = {label["for"]: words_of(label) for label in elements.named("label")}

    assert sorted(map(str, asked)) == sorted(MODEL_FIELDS)
    for field in (*FEATURES, *SCENE_FIELDS):
        assert labels[field.name] == (field.fr, field.en)


def test_each_choice_has_its_codes_in_the_codebook_s_order_after_unknown(elements: Elements) -> None:
    for field in (*FEATURES, *SCENE_FIELDS):
        if field.codes:
            unknown, *options = elements.options[field.name]
            assert (unknown["value"], *words_of(unknown)) == ("", "Inconnu", "Unknown")
            offered = [(option["value"], *words_of(option)) for option in options]
            assert offered == [(str(code.value), code.fr, code.en) for code in field.codes]


def test_each_quantity_has_its_range_to_check_and_to_read(elements: Elements) -> None:
    inputs = {control.get("name"): control for control in elements.named("input")}
    paragraphs = {paragraph.get("id"): paragraph for paragraph in elements.named("p")}
    for field in SCENE_FIELDS:
        if field.kind == "number":
            assert (inputs[field.name]["min"], inputs[field.name]["max"]) == (str(field.low), str(field.high))
            assert words_of(paragraphs[f"{field.name}-range"]) == (field.describe_codes("fr"), field.describe_codes())


def test_each_quantity_has_its_unit_in_both_languages(elements: Elements) -> None:
    inputs = {control.get("name"): control for control in elements.named("input")}
    units = {name: (control["data-unit-fr"], control["data-unit-en"]) for name, control in inputs.items() if name}

    assert set(units) == {field.name for field in SCENE_FIELDS if field.kind == "number"}
    assert (units["vma"], units["age"]) == (("km/h", "km/h"), ("ans", "years"))


def test_what_is_presumed_is_selected_and_nothing_else(elements: Elements) -> None:
    selected = {
        name: int(str(option["value"]))
        for name, options in elements.options.items()
        for option in options
        if "selected" in option
    }

    assert selected == DEFAULTS
    assert all(code in FEATURE_BY_NAME[name].values for name, code in DEFAULTS.items())


def test_where_the_data_come_from_is_known_in_both_languages(elements: Elements) -> None:
    known = {words[1] for item in elements.named("li") if (words := words_of(item))[0]}

    assert known == {DATA_OFFICIAL, DATA_DEMONSTRATION}


def test_every_text_is_there_in_both_languages(elements: Elements) -> None:
    french = [attributes for _, attributes in elements.found if "data-fr" in attributes]

    assert len(french) > 200
    assert all(attributes["data-fr"] and attributes.get("data-en") for attributes in french)


def test_every_identity_is_unique_and_every_reference_finds_one(elements: Elements) -> None:
    identities = [attributes["id"] for _, attributes in elements.found if attributes.get("id")]
    referred = [
        identity
        for _, attributes in elements.found
        for name in ("for", "aria-describedby", "aria-labelledby")
        for identity in str(attributes.get(name) or "").split()
    ]

    assert len(identities) == len(set(identities))
    assert set(referred) <= set(identities)


def test_labels_are_text_and_never_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "DATA_IN_FRENCH", {'"><script>': "<b>&"})

    page = render_page("/page/0")

    assert "<b>" not in page
    assert page.count("<script") == 1


async def test_the_page_is_sent_with_headers_that_keep_others_out(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={"Authorization": ""})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"


async def test_all_that_the_page_loads_comes_from_the_service_and_may_be_kept(client: httpx.AsyncClient) -> None:
    page = Elements((await client.get("/")).text)
    loaded = [str(each["href"]) for each in page.named("link")] + [str(each["src"]) for each in page.named("script")]
    folder = loaded[0].rpartition("/")[0]
    kinds = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

    assert len(loaded) == 5
    assert set(loaded) <= {f"{folder}/{file.name}" for file in FILES_DIR.iterdir()}
    for file in FILES_DIR.iterdir():
        answer = await client.get(f"{folder}/{file.name}")
        assert answer.content == file.read_bytes()
        assert answer.headers["content-type"].partition(";")[0] == kinds[file.suffix]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]


def test_nothing_in_it_is_inline_or_names_another_server(elements: Elements) -> None:
    texts = {"page": render_page("/page/0"), **{file.name: file.read_text() for file in FILES_DIR.iterdir()}}

    for name, text in texts.items():
        assert set(re.findall(r"https?://[^\s\"'<>]+", text)) <= {"http://www.w3.org/2000/svg"}, name
        assert "@import" not in text
    assert all(script.get("src") for script in elements.named("script"))
    assert not elements.named("style")
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in elements.found if "style" in attributes]


async def test_links_lead_to_the_documents_and_the_model(client: httpx.AsyncClient) -> None:
    links = [link["href"] for link in Elements((await client.get("/")).text).named("a")]

    assert links == ["/docs", "/model"]


@pytest.mark.parametrize("name", ["../page.html", "%2e%2e/render.py", "nix.js"])
async def test_nothing_beside_its_files_is_served(client: httpx.AsyncClient, name: str) -> None:
    path = f"/page/{name_version()}/{name}".encode()
    answer = await client.get(httpx.URL(client.base_url, raw_path=path))

    assert answer.status_code == 404


def test_other_files_have_another_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "page.css").write_text("a")
    monkeypatch.setattr(render, "FILES_DIR", tmp_path)
    first = name_version()
    (tmp_path / "page.css").write_text("b")

    assert name_version() != first


def test_whatever_the_page_needs_is_installed_with_the_package() -> None:
    settings: Any = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["road_api.page"]
    folder = FILES_DIR.parent
    files = [file.relative_to(folder).as_posix() for file in (*folder.glob("*.html"), *FILES_DIR.iterdir())]

    assert len(files) > 8
    assert [file for file in files if not any(fnmatch(file, pattern) for pattern in patterns)] == []


@pytest.mark.parametrize("palette", [0, 1], ids=["light", "dark"])
def test_texts_have_a_contrast_of_4_5_and_edges_of_3(palette: int) -> None:
    roots = re.findall(r":root \{(.*?)\}", (FILES_DIR / "page.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", roots[palette]))

    low = [pair for pair in TEXTS_ON_GROUNDS if contrast(*(colours[name] for name in pair)) < 4.5]
    low += [pair for pair in EDGES_ON_GROUNDS if contrast(*(colours[name] for name in pair)) < 3]
    assert len(roots) == 2
    assert low == []


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
