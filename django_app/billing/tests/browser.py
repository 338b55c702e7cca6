"""Chromium for tests, and a member of the service who uses it. Playwright is imported where it is used: it may not be installed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Request

PASSWORD = "a-long-passphrase"
PHONE, DESK = (390, 844), (1280, 900)  # width and height of the window, px
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]

# Waits of up to 15 s pass 40 times faster, so that all tries of a back-off fit into a test. Limits, which are longer, stay.
HURRY = "const slow = window.setTimeout; window.setTimeout = (run, ms, ...more) => slow(run, ms > 15000 ? ms : ms / 40, ...more);"


def _missing(reason: str) -> NoReturn:
    """Skip, or fail where a browser is demanded."""
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {reason}")
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium: $CHROMIUM, else one on the PATH, else Playwright's own. Skips the test where there is none.

    Playwright's loop runs in this thread, which Django takes for asynchronous code; meanwhile that is allowed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed: pip install -r requirements-dev.txt")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None) or playwright.chromium.executable_path
        if not Path(path).exists():
            _missing(f"there is no browser at {path}: install chromium, set CHROMIUM, or run: playwright install chromium")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Payer:
    """A member's tab. It remembers errors that the page reports and requests that leave the site; `no_trouble` judges them."""

    def __init__(
        self, browser: Browser, site: str, *, size: tuple[int, int] = DESK, language: str = "ko", hurry: bool = False, **more: Any
    ) -> None:
        """site: where the server answers. hurry: make the pages' timers run fast. more: options of Playwright's context."""
        self.site = site
        self.context: BrowserContext = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale=language, **more)
        self.context.set_default_timeout(15_000)
        if hurry:
            self.context.add_init_script(HURRY)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.posts: list[str] = []  # paths
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.site:
            self.strangers.append(request.url)
        if request.method == "POST":
            self.posts.append(parts.path)

    def no_trouble(self, *, expected: str = "nothing") -> None:
        """No error but those that match `expected`, and nothing was asked of another site."""
        assert [text for text in self.errors if not re.search(expected, text)] == []
        assert self.strangers == []

    # -- what a member does --

    def log_in(self, username: str = "payer") -> None:
        """From the site's first page through the form to the charge page."""
        self.page.goto(f"{self.site}/")
        self.log_in_here(username)
        self.page.wait_for_url("**/billing/charge/")

    def log_in_here(self, username: str = "payer") -> None:
        """Fill in the login form that is shown."""
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", PASSWORD)
        self.page.press("[name=password]", "Enter")

    def choose(self, amount: int = 10_000, method: str = "card") -> None:
        """Fill in the charge form."""
        self.page.fill("#amount", str(amount))
        self.page.check(f"[name=pay_method][value={method}]")
        if self.page.locator("#buyer_tel").count():
            self.page.fill("#buyer_tel", "010-1234-5678")

    def pay(self, amount: int = 10_000, method: str = "card") -> None:
        """Choose and press the button; the window opens."""
        self.choose(amount, method)
        self.page.click("#pay")

    @property
    def window(self) -> FrameLocator:
        """The sandbox's payment window."""
        return self.page.frame_locator("[role=dialog] iframe")

    def do(self, choice: str) -> None:
        """approve, account or close as a payer in the window; decline and all else by its strip for developers."""
        if choice in ("approve", "account"):
            self.window.locator("#agree-all").check()
        elif choice != "close":
            self.window.locator("#strip > summary").click()
        self.window.locator(f"[name=choice][value={choice}]").click()
