"""A real browser against a real server on a database of the test's own."""

import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from config.scratch import DatabaseUrls
from config.serve import HOST, running, web
from tests.admin.people import PASSWORD, person

SECONDS_TO_ANSWER = 60.0
# A page is there within a second; a machine that others use may take longer.
MILLISECONDS_TO_SHOW = 20_000
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """The running server, people with a browser window each, what the windows asked for, and what they broke of the
    site's Content-Security-Policy."""

    address: str
    open_window: Callable[[], Page]
    requested: list[str]
    complaints: list[str]

    def log_in(self, name: str) -> Page:
        """A window in which this person is logged in and sees the index."""
        page = self.open_window()
        page.goto(f"{self.address}/admin/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text(f"Welcome, {name}")).to_be_visible()
        return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium: browsers of Playwright's own are not downloaded.

    Of a module, not of the session: its driver keeps an event loop in this thread, where Django suspects asynchronous
    code, and other modules' tests are not to be told to ignore that.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "no Chromium: install it (Debian: apt install chromium), or name it: CHROMIUM=/path/to/chromium"
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def site(committed_db: DatabaseUrls, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The web server as a process of its own, and three people who may use it."""
    for name, value in committed_db.environment().items():
        monkeypatch.setenv(name, value)
    for name, group in (("ben", "bookkeeper"), ("tess", "treasury"), ("theo", "treasury")):
        person(name, group)
    port = _free_port()
    contexts = []
    requested: list[str] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    def open_window() -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(MILLISECONDS_TO_SHOW)
        context.on("request", lambda request: requested.append(request.url))
        context.on("console", listen)
        contexts.append(context)
        return context.new_page()

    expect.set_options(timeout=MILLISECONDS_TO_SHOW)
    with running({"web": web(port)}):
        address = f"http://{HOST}:{port}"
        _wait_for(address)
        yield Site(address, open_window, requested, complaints)
        for context in contexts:
            context.close()
    # Of every test with a browser: the pages use what the policy allows, and nothing of another host.
    assert complaints == []
    assert [url for url in requested if not url.startswith((f"{address}/", "data:"))] == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while True:
        try:
            with urllib.request.urlopen(f"{address}/admin/login/", timeout=SECONDS_TO_ANSWER):
                return
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, f"no answer from {address} within {SECONDS_TO_ANSWER:.0f} s"
            time.sleep(0.05)
