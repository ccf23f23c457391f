"""Where Chromium is, for the browser tests. `python -m tests.chromium` prints it, or exits with 1."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
ARGUMENTS = (
    "--no-sandbox",  # containers run tests as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def chromium_path() -> str | None:
    """The system's Chromium or Chrome, else the one that Playwright downloaded, else None."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    for path in MAC:
        if path.exists():
            return str(path)
    return _from_playwright()


def _from_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


if __name__ == "__main__":
    found = chromium_path()
    sys.stdout.write(f"{found}\n" if found else "")
    sys.exit(0 if found else 1)
