"""People at a real browser: Debian's Chromium, driven by Playwright.

A `Reader` is one of them, with a browser of their own; `served` is the portal that they read.
"""

import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Locator, expect, sync_playwright

from adapters.language import Code, Language
from portal.app import make_app

WAIT_MS = 30_000  # for a page, on a busy machine
NARROW, WIDE = 390, 1366  # a phone, and the screen of an old office PC
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FITS = "document.documentElement.scrollWidth <= innerWidth"
Files = Sequence[Path] | Sequence[FilePayload]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium")
    if found is None and os.environ.get("CI"):
        pytest.fail("Chromium is missing; in CI the browser tests have to run")
    if found is None:
        pytest.skip("Chromium is missing: install the package `chromium`")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One for a module. While it runs, this thread has an event loop: `asyncio.run` works in no test beside it."""
    with launched(chromium) as browser:
        yield browser


@contextmanager
def launched(chromium: str, language: str = "en") -> Iterator[Browser]:
    """`language` is that of the browser's own words, such as those on the button that chooses a file."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=FLAGS, env={**os.environ, "LANGUAGE": language}
        )
        yield browser
        browser.close()


@contextmanager
def served() -> Iterator[str]:
    """The portal over the database of the settings, in a thread; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as line:
        server = uvicorn.Server(uvicorn.Config(make_app, factory=True, log_level="warning", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [line]}, name="portal")
        thread.start()
        try:
            yield f"http://127.0.0.1:{line.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Reader:
    """Somebody with a browser of their own. Texts of the pages are given by their msgid.

    `troubles` is what the browser has complained of.
    """

    def __init__(
        self, browser: Browser, address: str, *, width: int = WIDE, scripts: bool = True, **options: Any
    ) -> None:
        self.address = address
        self.code: Code = "zh"
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, base_url=address, **options
        )
        self.context.set_default_timeout(WAIT_MS)
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", self._complain)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _complain(self, message: ConsoleMessage) -> None:
        # A refusal is the page's news, whatever its status is to the browser.
        if message.type in {"error", "warning"} and "responded with a status of 4" not in message.text:
            self.troubles.append(f"{self.page.url}: {message.text}")

    def words(self, msgid: str, **facts: Any) -> str:
        return Language.of(self.code).gettext(msgid).format(**facts)

    def read(self, code: Code) -> None:
        """Choose the language by the link at the top."""
        if code != self.code:
            self.page.locator(f".language[lang^={code}]").click()
            self.code = code
            expect(self.page.locator("html")).to_have_attribute("lang", "zh-CN" if code == "zh" else "en")

    def enter(self, link: str, name: str = "", code: Code = "zh") -> None:
        """Come in by a link; where a name is asked for, say this one."""
        self.page.goto(link)
        self.read(code)
        if name:
            self.fill("Your full name", name)
        self.press("Come in")

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    def told(self, msgid: str, **facts: Any) -> None:
        """The page says that this was done."""
        expect(self.main.locator(".notice")).to_have_text(self.words(msgid, **facts))

    def refused(self, part: str) -> None:
        """The page says why it was not done."""
        expect(self.main.locator(".refused")).to_contain_text(part)

    def at(self, title: str) -> None:
        """The page has this heading."""
        expect(self.main.get_by_role("heading", level=1)).to_have_text(title)

    def button(self, label: str) -> Locator:
        return self.main.get_by_role("button", name=self.words(label), exact=True)

    def press(self, label: str) -> None:
        self.button(label).click()

    def follow(self, label: str) -> None:
        self.page.get_by_role("link", name=re.compile(f"^{re.escape(self.words(label))}")).first.click()

    def field(self, label: str) -> Locator:
        """By its label, after which may stand that it is optional."""
        return self.main.get_by_label(re.compile(rf"^{re.escape(self.words(label))}\s*([(（]|$)"))

    def fill(self, label: str, value: str) -> None:
        self.field(label).fill(value)

    def tick(self, *labels: str) -> None:
        """Boxes and choices by their labels, which are taken as they are."""
        for label in labels:
            self.main.get_by_label(label, exact=True).check()

    def choose(self, label: str) -> None:
        self.tick(self.words(label))

    def unfold(self, label: str) -> None:
        self.main.locator("summary", has_text=self.words(label)).click()

    def glance(self) -> None:
        """What every page has: the right language, one heading, and everything within the window."""
        expect(self.page.locator("html")).to_have_attribute("lang", "zh-CN" if self.code == "zh" else "en")
        expect(self.page.get_by_role("heading", level=1)).to_have_count(1)
        self.page.wait_for_load_state()  # with its style sheet
        assert self.page.evaluate(FITS), f"{self.page.url} is wider than the window"
        assert not self.troubles, self.troubles
