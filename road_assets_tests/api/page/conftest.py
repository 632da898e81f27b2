"""A real Chromium that visits the page of a running service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets_tests.api.page.states import ASKS_WHO, FOCUSED
from road_assets_tests.browser import NAMES, Browser, Page, find_browser, run_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        pytest.skip(f"no Chromium is installed (looked for {', '.join(NAMES)})")
    with run_browser(program, tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module")
def token(module_server: str) -> str:
    form = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}
    answer = httpx.post(f"{module_server}/auth/token", data=form, trust_env=False, timeout=20).raise_for_status()
    return str(answer.json()["access_token"])


@pytest.fixture
def visit(browser: Browser, module_server: str, token: str) -> Any:
    """Opens the page, by default as somebody who is logged in; at the end nothing may have gone wrong unseen."""

    @contextmanager
    def run(*, logged_in: bool = True, expected: tuple[str, ...] = (), **size: int) -> Iterator[Page]:
        remembered = {"token": token, "user": DEMO_USERNAME} if logged_in else {}
        with browser.open(f"{module_server}/", remembered, **size) as page:
            page.until(f"{FOCUSED} == 'catu'" if logged_in else ASKS_WHO)
            yield page
            assert [text for text in page.complaints if not any(word in text for word in expected)] == []
            assert [url for url in page.requested if not url.startswith(f"{module_server}/")] == []

    return run
