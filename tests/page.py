"""The page as a reader uses it, for browser tests: one method per thing a person does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.chromium import ARGUMENTS, chromium_path

PATIENCE = 60_000  # milliseconds: two shared cores may be busy with something else
expect.set_options(timeout=PATIENCE)


@contextmanager
def browser_page(width: int = 1440, height: int = 900, **context: object) -> Iterator[Page]:
    """A page in a fresh profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            opened = browser.new_context(viewport={"width": width, "height": height}, **context)  # type: ignore[arg-type]  # options of new_context
            opened.set_default_timeout(PATIENCE)
            yield opened.new_page()
        finally:
            browser.close()


class Room:
    """The reading room in a browser."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requests: list[str] = []
        self.trouble: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))

    def open(self, path: str = "/") -> Room:
        self.page.goto(self.url + path)
        expect(self.page.locator("#question textarea")).to_be_visible(timeout=PATIENCE)
        self.page.wait_for_function("window.basira !== undefined")
        return self

    def speak(self, code: str) -> None:
        """Choose the language of the page."""
        self.page.locator(f"#language input[value={code}]").check(force=True)
        expect(self.page.locator("html")).to_have_attribute("lang", code)

    def upload(self, *files: Path) -> None:
        self.page.locator("#upload input[type=file]").set_input_files([str(file) for file in files])

    def wait_for_image(self) -> None:
        """Until the image is on the canvas and in the record, so that it can be asked about."""
        expect(self.page.locator("#facts")).not_to_have_text("", timeout=PATIENCE)
        expect(self.page.locator(".reading-progress")).to_be_hidden(timeout=PATIENCE)
        self.page.wait_for_function("document.querySelector('.place-seen img:not([hidden])') !== null")

    def ask(self, question: str) -> Locator:
        """Type and press Enter; returns the new turn once its answer is complete."""
        turn = self.begin(question)
        return self.finished(turn)

    def begin(self, question: str) -> Locator:
        """Type and press Enter; returns the new turn as soon as it is on the page."""
        before = self.page.locator("article.turn").count()
        box = self.page.locator("#question textarea")
        box.fill(question)
        box.press("Enter")
        turn = self.page.locator("article.turn").nth(before)
        expect(turn).to_be_visible(timeout=PATIENCE)
        return turn

    def finished(self, turn: Locator) -> Locator:
        expect(turn.locator("footer.about")).to_be_visible(timeout=PATIENCE)
        return turn

    def answer(self, turn: Locator) -> str:
        return turn.locator(".answer-text").inner_text().strip()

    def foreign_requests(self) -> list[str]:
        """Every request to a host other than our own."""
        return [url for url in self.requests if not url.startswith((self.url, "data:", "blob:"))]
