"""Takes the pictures of the documents from a running platform, with a Chromium without a window.

Start the platform with an official year and leave it running; ``ROAD_HOME`` and the ports are read as ``road`` reads
them:

    ROAD_RELEASES_DIR=/path/to/2024 make up
    .venv/bin/python -m road_assets_tests.pictures
"""

import argparse
import io
import json
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
from PIL import Image

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS
from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets.docs.__main__ import PAGE
from road_assets.local.platform import make_site
from road_assets.local.services import Site
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.browser import ALT, NAMES, Browser, Page, find_browser, run_browser

FOLDER: Final = PAGE.with_name("pictures")
WIDTH: Final = 1200
COLOURS: Final = 128
_FIGURES_OF_CARD: Final = 3
"""Which heading of a model card the figures stand under, from 0."""
_PATIENCE: Final = 90.0
_SETTLING: Final = 8.0
"""Seconds in which graphs and plots are laid out, of which the pages give no sign."""


def take_page(browser: Browser, site: Site) -> bytes:
    """The dispatchers' page with an estimate and its reasons."""
    api = site.addresses["api"]
    form = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}
    token = httpx.post(f"{api}/auth/token", data=form, trust_env=False).raise_for_status().json()["access_token"]
    fields = json.dumps({**SCENE_EXAMPLE, **FULL_EXAMPLE_FIELDS})
    with browser.open(f"{api}/", {"token": token, "user": DEMO_USERNAME}, width=WIDTH, height=800) as page:
        page.until("document.activeElement.id == 'catu'", _PATIENCE)
        page.evaluate(
            f"Object.entries({fields}).forEach(([name, value]) => document.getElementById(name).value = value)"
        )
        page.press("Enter")
        page.until("document.querySelector('#reasons').checkVisibility()", _PATIENCE)
        page.evaluate("window.scrollTo(0, 0)")
        return _whole(page, height=1100)


def take_asset_graph(browser: Browser, site: Site) -> bytes:
    """The asset graph in Dagster, all groups open, without what stands beside it."""
    address = f"{site.addresses['dagster']}/asset-groups"
    with browser.open(address, {}, width=2100, height=1330) as page:
        page.until("document.body.textContent.includes('synthetic')", _PATIENCE)
        time.sleep(_SETTLING)
        page.evaluate("document.querySelectorAll('[aria-label=panel_show_right]').forEach((each) => each.click())")
        page.press("e", modifiers=ALT)  # expands all groups
        page.until("document.body.textContent.includes('live_traffic_drift')", _PATIENCE)
        time.sleep(_SETTLING)
        return _shot(page)


def take_drift_report(browser: Browser, site: Site) -> bytes:
    """The newest drift report."""
    reports = sorted((site.home / "reports" / "drift").glob("*.html"))
    with browser.open(reports[-1].as_uri(), {}, width=WIDTH, height=1000) as page:
        page.until("document.body.innerText.includes('Drift')", _PATIENCE)
        time.sleep(_SETTLING)
        return _shot(page)


def take_model_card(browser: Browser, site: Site) -> bytes:
    """The card of the model that answers, in English."""
    with browser.open(f"{site.addresses['api']}/model?lang=en", {}, width=WIDTH, height=1000) as page:
        page.evaluate(f"document.querySelectorAll('h2')[{_FIGURES_OF_CARD}].scrollIntoView()")
        return _shot(page)


PICTURES: Final[dict[str, Callable[[Browser, Site], bytes]]] = {
    "page": take_page,
    "asset-graph": take_asset_graph,
    "drift-report": take_drift_report,
    "model-card": take_model_card,
}


def compress(picture: bytes) -> bytes:
    """The same, no wider than the documents need it, in few colours."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def _whole(page: Page, height: int) -> bytes:
    """The page from its top, as high as it is, up to a height."""
    full = int(page.evaluate("document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": min(full, height), "scale": 1}
    return b64decode(page.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"])


def _shot(page: Page) -> bytes:
    return b64decode(page.ask("Page.captureScreenshot", format="png")["data"])


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PICTURES, default=list(PICTURES), help="which pictures")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    given = parser.parse_args()
    program = find_browser()
    if program is None:
        parser.error(f"no Chromium is installed (looked for {', '.join(NAMES)})")
    site = make_site(PlatformSettings(), PortSettings())
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, run_browser(program, Path(profile)) as browser:
        for name in given.only:
            content = compress(PICTURES[name](browser, site))
            (given.folder / f"{name}.png").write_bytes(content)
            print(f"{name}.png: {len(content) / 1000:.0f} kB")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
