"""Chromium for tests, and a member of the service who uses it. Playwright is imported where it is
used: it may not be installed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import pytest
from django.test import Client

if TYPE_CHECKING:
    from playwright.sync_api import (
        Browser,
        BrowserContext,
        BrowserType,
        FrameLocator,
        Page,
        Request,
    )

PASSWORD = "a-long-passphrase"
PHONE, DESK = (390, 844), (1280, 900)  # width and height of the window, px
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A page may be drawn once before Playwright sets its size: in the window's own, which by default is
# 800 px wide. The jump to DESK would count as the page's.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-gpu",
    f"--window-size={DESK[0]},{DESK[1]}",
]

# A flow runs on a phone in Korean, what is not about the window's width at a desk in English; `make
# test-browser-all` (BROWSER_ALL=1) takes both widths in both languages for all of them.
ALL = os.environ.get("BROWSER_ALL") == "1"
_LOOKS = {
    f"{name}-{language}": (size, language)
    for name, size in (("phone", PHONE), ("desk", DESK))
    for language in ("ko", "en")
}
LOOKS = [pytest.param(look, id=name) for name, look in _LOOKS.items() if ALL or name == "phone-ko"]
ONE_LOOK = [
    pytest.param(look, id=name) for name, look in _LOOKS.items() if ALL or name == "desk-en"
]

# Waits of up to 15 s pass 40 times faster, so that all tries of a back-off fit into a test. Limits,
# which are longer, stay.
HURRY = (
    "const slow = window.setTimeout; window.setTimeout = (run, ms, ...more) => slow(run, ms > "
    "15000 ? ms : ms / 40, ...more);"
)

# Everything that a page moved while nobody touched it, and what would be news to a screen reader.
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) {
      window.shifts.push([entry.value, entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? "")]);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""

# The rules of WCAG 2.2 AA, and what axe-core calls best practice.
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# Controls lower or narrower than 44 px; links inside a sentence are as tall as their line.
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary, [role=button]")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest(".visually-hidden, .skip, p, dd, .help"))
  .map((node) => [node, (node.closest("label") ?? node).getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 43.5)
  .map(([node, box]) => `${node.outerHTML.slice(0, 120)} ${box.width}x${box.height}`)"""


def _missing(reason: str) -> NoReturn:
    """Skip, or fail where a browser is demanded."""
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but {reason}")
    pytest.skip(reason)


def launch(kind: BrowserType, **more: Any) -> Browser:
    """A running Chromium: $CHROMIUM, else one on the PATH, else Playwright's own. Skips the test
    where there is none.

    more: options of Playwright's launch.
    """
    path = (
        os.environ.get("CHROMIUM")
        or next(filter(None, map(shutil.which, NAMES)), None)
        or kind.executable_path
    )
    if not Path(path).exists():
        _missing(
            f"there is no browser at {path}: install chromium, set CHROMIUM, or run: playwright "
            "install chromium"
        )
    return kind.launch(executable_path=path, args=ARGUMENTS, **more)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The first browser of a thread. Playwright's loop runs in it, which Django takes for
    asynchronous code; meanwhile that is allowed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright is not installed: pip install -r requirements-dev.txt")
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as playwright:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


@cache
def _axe() -> str:
    """axe-core's script, from the test dependency that carries it."""
    import axe_playwright_python

    return (
        Path(str(axe_playwright_python.__file__))
        .with_name("axe.min.js")
        .read_text(encoding="utf-8")
    )


class Payer:
    """A member's tab. It remembers errors that the page reports and requests that leave the site;
    `no_trouble` judges them.
    """

    def __init__(
        self,
        browser: Browser,
        site: str,
        *,
        size: tuple[int, int] = DESK,
        language: str = "ko",
        hurry: bool = False,
        **more: Any,
    ) -> None:
        """site: where the server answers. hurry: make the pages' timers run fast. more: options of
        Playwright's context.
        """
        self.site, self.language = site, language
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=language, **more
        )
        self.context.set_default_timeout(15_000)
        if hurry:
            self.context.add_init_script(HURRY)
        self.errors: list[str] = []
        self.said: list[str] = []  # whatever any page wrote to its console
        self.strangers: list[str] = []
        self.posts: list[str] = []  # paths
        self.page: Page = self.tab()

    def tab(self) -> Page:
        """One more tab of the same browser, watched too."""
        page = self.context.new_page()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        page.on("request", self._note)
        return page

    def _hear(self, level: str, text: str) -> None:
        self.said.append(text)
        if level == "error":
            self.errors.append(text)

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

    def accessible(self, *, colours_only: bool = False) -> None:
        """axe-core finds nothing against the page as it is shown, nothing is wider than the window,
        no target is too small.

        colours_only: the same page in another theme, of which only the contrast can differ.
        """
        page = self.page
        page.evaluate(
            "Promise.all(document.getAnimations().filter((one) => "
            "one.effect.getTiming().iterations === 1).map((one) => one.finished))"
        )
        if page.evaluate("typeof axe") == "undefined":
            page.evaluate(_axe())
        options = {
            "runOnly": {"type": "rule", "values": ["color-contrast"]} if colours_only else AXE_TAGS,
            "resultTypes": ["violations"],
            "preload": False,
            "iframes": False,
        }
        found = page.evaluate("(options) => axe.run(document, options)", options)["violations"]
        faults = [
            f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']]}"
            for one in found
        ]
        if page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            faults.append("it scrolls sideways")
        faults += [f"too small to touch: {node}" for node in page.evaluate(SMALL_TARGETS)]
        assert not faults, "\n".join([page.url, *faults])

    def until(self, expression: str, argument: Any = None) -> None:
        """Wait until it is true. Playwright's own wait_for_function evaluates a text inside the
        page, which our policy forbids.
        """
        for _ in range(150):
            if self.page.evaluate(expression, argument):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"never true: {expression}")

    # -- what a member does --

    def enter(self, user: Any, path: str = "/billing/charge/") -> None:
        """Be logged in already, and open a page."""
        client = Client()
        client.force_login(user)
        self.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.site}]
        )
        self.page.goto(f"{self.site}{path}")

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
        if self.page.is_visible("#buyer_tel"):
            self.page.fill("#buyer_tel", "010-1234-5678")
        self.page.check("#agree")

    def pay(self, amount: int = 10_000, method: str = "card") -> None:
        """Choose and press the button; the window opens."""
        self.choose(amount, method)
        self.page.click("#pay")

    @property
    def window(self) -> FrameLocator:
        """The sandbox's payment window."""
        return self.page.frame_locator("[role=dialog] iframe")

    def do(self, choice: str) -> None:
        """approve, account or close as a payer in the window; decline and all else by its strip for
        developers.
        """
        self.do_in(self.window, choice)

    @staticmethod
    def do_in(window: FrameLocator | Page, choice: str) -> None:
        """The same in a window that is a page of its own."""
        if choice in ("approve", "account"):
            window.locator("#agree-all").check()
        elif choice != "close":
            window.locator("#strip > summary").click()
        window.locator(f"[name=choice][value={choice}]").click()

    def sees(self, title: str) -> None:
        """Wait until the charge page says this between choosing and the outcome."""
        self.until(
            "title => document.getElementById('progress-title').textContent === title", title
        )

    @property
    def focus(self) -> str:
        """The id of what has the focus."""
        return self.page.evaluate("document.activeElement?.id ?? ''")
