"""Somebody of the staff at a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.test import Client

from billing.tests.support.browser import AXE_TAGS, DESK, _axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# "region" and "page-has-heading-one" ask for landmarks and a heading, which are the frame's.
AXE = {
    "runOnly": AXE_TAGS,
    "rules": {"region": {"enabled": False}, "page-has-heading-one": {"enabled": False}},
    "resultTypes": ["violations"],
}


class StaffBrowser:
    """A tab in which `user` is logged in. It remembers errors that pages report and requests that
    leave the site.
    """

    def __init__(
        self,
        browser: Browser,
        site: str,
        user: Any,
        *,
        size: tuple[int, int] = DESK,
        language: str = "en",
        **more: Any,
    ) -> None:
        self.site = site
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=language, **more
        )
        self.context.set_default_timeout(15_000)
        client = Client()
        client.force_login(user)
        self.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}]
        )
        self.page: Page = self.context.new_page()
        self.trouble: list[str] = []
        self.page.on(
            "console",
            lambda message: self.trouble.append(message.text) if message.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda request: self._stays(request.url))

    def _stays(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" != self.site:
            self.trouble.append(f"asked elsewhere: {url}")

    def open(self, path: str) -> str:
        """Show a page; returns the text of our own content."""
        self.page.goto(f"{self.site}{path}")
        return self.text

    @property
    def text(self) -> str:
        return self.page.inner_text("#content")

    def press(self, words: str) -> None:
        """A button or link of ours, by what it says; the next page is there afterwards."""
        with self.page.expect_navigation():
            self.page.locator(".bo").get_by_role("button", name=words).or_(
                self.page.locator(".bo").get_by_role("link", name=words)
            ).first.click()

    @property
    def told(self) -> str:
        """What the page says about the action before."""
        return self.page.locator("#main ul li").first.inner_text()

    def accessible(self) -> None:
        """axe-core finds nothing against our content, in the theme that is shown, and nothing is
        wider than the window.
        """
        self.page.wait_for_function("!document.documentElement.hasAttribute('x-cloak')")
        self.page.evaluate(_axe())
        found = self.page.evaluate("(options) => axe.run('.bo', options)", AXE)["violations"]
        faults = [
            f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes']]}"
            for one in found
        ]
        if self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        ):
            faults.append("it scrolls sideways")
        assert not faults, "\n".join([self.page.url, *faults])

    def no_trouble(self, *, expected: str = "nothing") -> None:
        """No error but those that match `expected`, nothing asked of another site."""
        assert [text for text in self.trouble if not re.search(expected, text)] == []
