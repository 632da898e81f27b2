"""Whether everybody can use the page: by ear, by keyboard, on a phone. In a real Chromium."""

from typing import Any

import pytest

from road_assets.core.scene_fields import SCENE_FIELDS
from road_assets.core.vocabulary import FEATURES
from road_assets_tests.api.page.states import ANSWERED, DESKTOP, FOCUSED, PHONE
from road_assets_tests.browser import ALT, SHIFT


def test_assistive_technology_hears_a_name_for_every_control_and_the_estimate_when_it_comes(visit: Any) -> None:
    with visit() as page:
        page.press("p", modifiers=ALT)
        page.until("document.querySelector('#more').open")
        page.press("Enter")
        page.until(ANSWERED)
        elements = page.accessible()
        live = page.evaluate("document.querySelector('#sentence').getAttribute('role')")

    fields = [name for role, name in elements if role in {"combobox", "spinbutton"}]
    assert fields == [field.fr for field in sorted_as_shown()]
    assert {name for role, name in elements if role == "group"} >= {"L'usager", "L'accident", "Le lieu"}
    assert [role for role, name in elements if role in {"button", "link", "textbox"} and not name] == []
    assert live == "status"


def sorted_as_shown() -> list[Any]:
    tables = ("usagers", "caracteristiques", "lieux")
    return [*sorted(FEATURES, key=lambda feature: tables.index(feature.table)), *SCENE_FIELDS]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_is_wider_than_the_screen_and_the_button_is_in_reach(visit: Any, size: dict[str, int]) -> None:
    width = "document.documentElement.scrollWidth"
    place = "(({ top, bottom }) => [top, bottom])(document.querySelector('#estimate').getBoundingClientRect())"
    with visit(**size) as page:
        at_first, (top, bottom) = page.evaluate(width), page.evaluate(place)
        page.press("p", modifiers=ALT)
        page.press("Enter")
        page.until(ANSWERED)
        page.press("l", modifiers=ALT)
        later = page.evaluate(width)
        seen = page.evaluate("document.querySelector('#sentence').getBoundingClientRect().bottom <= innerHeight")

    assert at_first <= size["width"]
    assert later <= size["width"]
    assert 0 <= top < bottom <= size["height"]
    assert seen, "the estimate is on the screen as soon as it is there"


def test_on_a_phone_the_button_covers_no_field_that_has_the_focus(visit: Any) -> None:
    edges = (
        "[document.activeElement, document.querySelector('#scene > .actions')].map((e) => e.getBoundingClientRect())"
    )
    covered = f"(([field, bar]) => field.bottom > bar.top)({edges})"
    with visit(**PHONE) as page:
        for _ in FEATURES[1:]:
            page.press("Tab")
            assert not page.evaluate(covered), page.evaluate(FOCUSED)
        last = page.evaluate(FOCUSED)

    assert last == sorted_as_shown()[len(FEATURES) - 1].name


def test_the_focus_is_seen_on_whatever_has_it(visit: Any) -> None:
    outline = (
        "(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
    )
    with visit() as page:
        seen = {page.evaluate(FOCUSED): page.evaluate(outline)}
        page.press("Tab", modifiers=SHIFT)
        seen["before the form"] = page.evaluate(outline)

    assert seen == {"catu": ["solid", "3px"], "before the form": ["solid", "3px"]}
