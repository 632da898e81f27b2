"""A real Chromium without a window, driven over its own protocol (Chrome DevTools Protocol), for tests of pages.

Keys are pressed as a keyboard would: the browser decides what they do.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
)
ALT: Final = 1
SHIFT: Final = 8
_KEY_NUMBERS: Final = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}


def find_browser() -> str | None:
    """Where a Chromium is installed, None if nowhere."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running browser and the line to it."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._numbers = count(1)
        self._pages: dict[str, Page] = {}

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for what it answers; what happens meanwhile is given to its page."""
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": params, "sessionId": session or ""}))
        while True:
            message: dict[str, Any] = json.loads(self._line.recv(timeout=30))
            if message.get("id") == number:
                assert "error" not in message, (method, message)
                return dict(message["result"])
            page = self._pages.get(message.get("sessionId", ""))
            if page is not None and "method" in message:
                page.note(message["method"], message["params"])

    @contextmanager
    def open(
        self, address: str, remembered: dict[str, str], *, width: int = 1280, height: int = 800
    ) -> Iterator["Page"]:
        """Open an address in a window of its own, which remembers for its session what it is told and nothing else."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.ask(
            "Page.addScriptToEvaluateOnNewDocument",
            source=f"Object.assign(sessionStorage, {json.dumps(remembered)})",
        )
        page.ask("Page.bringToFront")
        page.ask("Page.navigate", url=address)
        page.until(f"location.href.startsWith({address!r}) && document.readyState == 'complete'")
        try:
            yield page
        finally:
            del self._pages[session]
            self.ask("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """One window.

    Attributes:
        requested: addresses it asked for.
        complaints: exceptions in its scripts, and what the browser logged as an error, refused content included.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.requested: list[str] = []
        self.complaints: list[str] = []

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **params)

    def note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"].get("exception", params)))
        elif event == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])

    def evaluate(self, script: str) -> Any:
        """Value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < deadline, f"not so after {seconds} s: {script}; {self.evaluate('document.title')}"
            time.sleep(0.03)

    def text(self, selector: str) -> str:
        """What is to be read in an element; nothing if it is hidden."""
        return str(self.evaluate(f"document.querySelector({selector!r}).innerText"))

    def press(self, *keys: str, modifiers: int = 0) -> None:
        """Press and release keys: letters, or names as the web platform has them."""
        for key in keys:
            number = _KEY_NUMBERS.get(key, ord(key[0].upper()))
            code = key if key in _KEY_NUMBERS else f"Key{key.upper()}"
            event = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
            text = "\r" if key == "Enter" else key if len(key) == 1 and not modifiers & ALT else ""
            self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **event)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **event)

    def write(self, text: str) -> None:
        """Write into what has the focus."""
        self.ask("Input.insertText", text=text)

    def go_offline(self, *, offline: bool) -> None:
        """Cut the network, or mend it."""
        self.ask(
            "Network.emulateNetworkConditions",
            offline=offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def accessible(self) -> list[tuple[str, str]]:
        """Role and name of each element as assistive technology is told."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        return [
            (str(node["role"]["value"]), str(node.get("name", {}).get("value", "")))
            for node in nodes
            if not node["ignored"]
        ]


@contextmanager
def run_browser(program: str, folder: Path) -> Iterator[Browser]:
    """Run a browser whose profile is in ``folder``."""
    # Chromium's sandbox refuses to work for root, whom containers run tests as.
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = [program, *FLAGS, *sandbox, f"--user-data-dir={folder}", "about:blank"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 - the browser found
    try:
        with connect(_find_line(folder, process), max_size=None, proxy=None, open_timeout=30) as line:
            yield Browser(line)
    finally:
        process.terminate()
        process.wait(20)


def _find_line(folder: Path, process: subprocess.Popen[bytes], seconds: float = 60) -> str:
    """Wait for the file in which the browser says where it listens."""
    file, deadline = folder / "DevToolsActivePort", time.monotonic() + seconds
    while not (file.exists() and len(lines := file.read_text().split()) == 2):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the browser does not start: {(folder / 'log').read_text()}")
        time.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
