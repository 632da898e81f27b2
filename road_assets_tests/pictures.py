"""Takes the pictures of the documents from a running platform, with a Chromium without a window.

Start the platform with an official year and leave it running; ``ROAD_HOME`` and the ports are read as ``road`` reads
them:

    ROAD_RELEASES_DIR=/path/to/2024 make up
    .venv/bin/python -m road_assets_tests.pictures

With ``--grafana`` the dashboard of the accidents is taken from a Grafana that reads the platform's tables, as a guest
or as the user named by ``ROAD_GRAFANA_USER`` and ``ROAD_GRAFANA_PASSWORD``:

    .venv/bin/python -m road_assets_tests.pictures --grafana http://127.0.0.1:3000 --days 2024-01-01 2024-10-31
"""

import argparse
import io
import json
import os
import tempfile
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from PIL import Image

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets.core.scene_fields import FULL_EXAMPLE_FIELDS
from road_assets.core.vocabulary import SCENE_EXAMPLE
from road_assets.dashboards import accidents
from road_assets.docs.__main__ import PAGE
from road_assets.local.platform import make_site
from road_assets.local.services import Site
from road_assets.settings import PlatformSettings, PortSettings
from road_assets_tests.browser import ALT, NAMES, Browser, Page, find_browser, run_browser

FOLDER: Final = PAGE.with_name("pictures")
DASHBOARD: Final = "dashboard"
GRAFANA_USER: Final = "ROAD_GRAFANA_USER"
GRAFANA_PASSWORD: Final = "ROAD_GRAFANA_PASSWORD"
WIDTH: Final = 1200
COLOURS: Final = 128
_FIGURES_OF_CARD: Final = 3
"""Which heading of a model card the figures stand under, from 0."""
_CHARTS: Final = 2
"""In the dashboard of the accidents, above the map."""
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


def take_dashboard(browser: Browser, grafana: str, days: Sequence[date]) -> bytes:
    """The accidents in Grafana, down to the map; over days, else over the range that the dashboard begins with."""
    shown = f"{grafana}/d/{accidents.dashboard().uid}?kiosk&theme=light"
    if days:
        shown += f"&from={days[0]}T00:00:00.000Z&to={days[1]}T23:59:59.000Z"
    with browser.open(f"{grafana}/login", {}, width=1500, height=1164) as page:
        page.ask("Emulation.setLocaleOverride", locale="fr-FR")
        page.ask("Emulation.setScrollbarsHidden", hidden=True)
        user, password = (os.environ.get(name, "") for name in (GRAFANA_USER, GRAFANA_PASSWORD))
        if user:
            body = json.dumps(json.dumps({"user": user, "password": password}))
            headers = json.dumps({"Content-Type": "application/json"})
            request = f"{{method: 'POST', headers: {headers}, body: {body}}}"
            entered = page.evaluate(f"fetch('login', {request}).then((answer) => answer.ok)")
            assert entered, f"Grafana at {grafana} does not let {user} in; see {GRAFANA_PASSWORD}"
        page.ask("Page.navigate", url=shown)
        page.until(f"document.querySelectorAll('.uplot canvas').length >= {_CHARTS}", _PATIENCE)
        page.until("document.querySelector('.ol-viewport canvas')", _PATIENCE)
        time.sleep(_SETTLING)
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
    # Not the median cut: it drops colours of few pixels, such as what is red.
    few = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(packed, "PNG", optimize=True)
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
    parser.add_argument("--only", nargs="+", choices=PICTURES, help="which pictures of the platform")
    parser.add_argument("--grafana", help="address of a Grafana; without --only, nothing but its picture is taken")
    parser.add_argument("--days", nargs=2, type=date.fromisoformat, default=(), help="first and last in Grafana")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    given = parser.parse_args()
    program = find_browser()
    if program is None:
        parser.error(f"no Chromium is installed (looked for {', '.join(NAMES)})")
    site = make_site(PlatformSettings(), PortSettings())
    wanted = given.only or ([] if given.grafana else PICTURES)
    takes: dict[str, Callable[[Browser], bytes]] = {name: partial(PICTURES[name], site=site) for name in wanted}
    if given.grafana:
        takes[DASHBOARD] = partial(take_dashboard, grafana=given.grafana.rstrip("/"), days=given.days)
    given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, run_browser(program, Path(profile)) as browser:
        for name, take in takes.items():
            content = compress(take(browser))
            (given.folder / f"{name}.png").write_bytes(content)
            print(f"{name}.png: {len(content) / 1000:.0f} kB")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
