"""The reasons of a real model on the page, in a real Chromium, on a desk and on a phone."""

from typing import Any

import httpx
import pytest

from road_assets.core.vocabulary import FEATURES
from road_assets_tests.api.explained_bundles import make_explained_bundle
from road_assets_tests.api.page.states import ANSWERED, DESKTOP, PHONE
from road_assets_tests.browser import ALT

BUNDLE = make_explained_bundle()
"""What the service of these tests answers with."""

READ_SCENE = "import(new URL('form.js', document.querySelector('script').src)).then((form) => form.readScene())"
SHOWN = "[...document.querySelectorAll('#reasons li')].map((each) => each.innerText)"


def reasons_of(server: str, token: str, scene: dict[str, Any]) -> list[dict[str, Any]]:
    header = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(
        f"{server}/protected/predict", params={"explain": "true"}, json=scene, headers=header, trust_env=False
    )
    return [part for part in answer.json()["explanation"]["contributions"] if part["contribution"]]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_estimate_shows_the_weightiest_reasons_in_both_languages(
    visit: Any, module_server: str, token: str, size: dict[str, int]
) -> None:
    with visit(**size) as page:
        page.press("p", "i")
        page.press("Enter")
        page.until(ANSWERED)
        page.until("document.querySelector('#reasons').checkVisibility()")
        french, scene = page.evaluate(SHOWN), page.evaluate(READ_SCENE)
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        widths = page.evaluate(
            "[...document.querySelectorAll('#reasons .weight')].map((each) => each.getBoundingClientRect().width)"
        )
        page.press("l", modifiers=ALT)
        page.until("document.documentElement.lang == 'en'")
        english = page.evaluate(SHOWN)

    expected = reasons_of(module_server, token, scene)[:6]
    assert len(french) == len(english) == len(expected) > 1
    assert scene["catu"] == 3
    for reason, said, in_english in zip(expected, french, english, strict=True):
        raises = reason["contribution"] > 0
        assert f"{reason['label_fr']} : {reason['value_label_fr']}" in said
        assert ("augmente le risque" if raises else "diminue le risque") in said
        assert f"{reason['label']}: {reason['value_label']}" in in_english
        assert ("raises the risk" if raises else "lowers the risk") in in_english
    assert any("Piéton" in said for said in french)
    assert widths == sorted(widths, reverse=True)
    assert beyond == 0


def test_what_is_not_known_counts_too_and_is_said_so(visit: Any, module_server: str, token: str) -> None:
    with visit() as page:
        page.evaluate(
            f"{[feature.name for feature in FEATURES]}.forEach((name) => document.getElementById(name).value = '')"
        )
        page.press("Enter")
        page.until(ANSWERED)
        said, scene = page.evaluate(SHOWN), page.evaluate(READ_SCENE)

    assert set(scene.values()) == {None}
    assert len(said) == len(reasons_of(module_server, token, scene)[:6])
    assert all("Inconnu" in reason or "inconnu" in reason for reason in said)
