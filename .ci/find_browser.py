"""Say which browser the browser tests will drive; where there is none, let Playwright try to fetch
its own, else say so loudly.

Never calls the system's package manager. With REQUIRE_BROWSER=1 a missing browser is an error.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def installed() -> str | None:
    """The path of a Chromium: CHROMIUM, one on PATH, or Playwright's own."""
    if os.environ.get("CHROMIUM"):
        return os.environ["CHROMIUM"]
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def main() -> int:
    """Print what was found; 1 only if a browser is required and missing."""
    browser = installed()
    if not browser:
        print("No Chromium on this machine: asking Playwright for its own …", flush=True)
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "playwright", "install", "chromium"],
                timeout=120,
                check=False,
                capture_output=True,
            )
        browser = installed()
    if browser:
        print(f"Browser tests drive {browser}")
        return 0
    print("*" * 100)
    print(
        "*** NO BROWSER: the browser tests will be skipped. Install Chromium, or name one: "
        "CHROMIUM=/path/to/chromium make test"
    )
    print("*" * 100)
    return 1 if os.environ.get("REQUIRE_BROWSER") == "1" else 0


if __name__ == "__main__":
    sys.exit(main())
