"""Where Chromium is, for the browser tests, and whether it starts here.

`python -m tests.chromium` starts Playwright's driver and the browser and prints where it is; it exits with 1 when
there is none, and says what is missing when one does not start.
"""

from __future__ import annotations

import shutil
import subprocess
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


def missing_libraries() -> list[str]:
    """Shared libraries that the driver's own Node.js needs and this machine lacks, e.g. "libatomic.so.1"."""
    from playwright._impl._driver import compute_driver_executable

    program = compute_driver_executable()[0]
    if not sys.platform.startswith("linux") or not shutil.which("ldd"):
        return []
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in told.splitlines() if line.endswith("not found")]


def start() -> str | None:
    """The path of a browser that was started and has ended; None where there is none. Raises what Playwright does."""
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    if path:
        with sync_playwright() as playwright:
            playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS)).close()
    return path


def main() -> int:
    lacking = missing_libraries()  # without them the driver ends at once, and Playwright waits for it
    if lacking:
        sys.stdout.write(f"{' '.join(lacking)}\n")
        return 1
    path = start()
    sys.stdout.write(f"{path}\n" if path else "")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
