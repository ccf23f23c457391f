"""On the screen and on paper, every sign and number stands where it was written: the order of glyphs in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

import pytest
from playwright.sync_api import Page

from app.answer_html import answer_html, growing_html, question_html
from app.bidi import direction_of
from app.runs import inline
from tests.order import PLACES, ROOT, Row, misplaced, rows
from tests.viewer_page.browser import chromium

ROWS = rows()
CSS = "\n".join((ROOT / "assets" / "web" / name).read_text(encoding="utf-8") for name in ("page.css",))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1800, "height": 900})


def draw(page: Page, pieces: list[str], *, direction: str = "ltr") -> list[list[list[object]]]:
    """The places of the glyphs of every piece, drawn with the page's own style."""
    body = "".join(f'<div class="row answer-text">{piece}</div>' for piece in pieces)
    style = f"{CSS} html, body {{ overflow: visible }} .row {{ white-space: nowrap }}"
    page.set_content(f'<html dir="{direction}"><head><style>{style}</style></head><body>{body}</body></html>')
    places: list[list[list[object]]] = page.evaluate(PLACES, ".row")
    return places


def in_words(text: str, direction: str) -> str:
    return f"<span>{escape(inline(text, direction))}</span>"  # type: ignore[arg-type] # one of the two


CONTEXTS: dict[str, Callable[[Row], str]] = {
    "answer": lambda row: answer_html(row.text),
    "list": lambda row: answer_html(f"* {row.text}"),
    "table": lambda row: answer_html(f"| {row.text} |\n|---|\n| {row.text} |").split("</thead>")[1],
    "bold": lambda row: answer_html(f"**{row.text}**"),
    "question": lambda row: question_html(row.text),
    "words of an English page": lambda row: in_words(row.text, "ltr"),
    "words of an Arabic page": lambda row: in_words(row.text, "rtl"),
}


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_every_sign_stands_where_it_was_written(page: Page, context: str, media: str) -> None:
    page.emulate_media(media=media)  # type: ignore[arg-type] # one of the two
    direction = "rtl" if "Arabic" in context else "ltr"
    rows = [row for row in ROWS if direction == "ltr" or direction_of(row.text, "rtl") == row.direction]
    assert len(rows) >= len(ROWS) - 1, "a tie reads as its page does; one is listed as English"
    drawn = draw(page, [CONTEXTS[context](row) for row in rows], direction=direction)
    wrong = {row.text: found for row, places in zip(rows, drawn, strict=True) if (found := misplaced(row, places))}
    assert wrong == {}


def test_half_way_through_an_answer_everything_that_has_arrived_stands_where_it_was_written(page: Page) -> None:
    page.emulate_media(media="screen")
    begun = [(row, end) for row in ROWS for end in range(1, len(row.text))]
    drawn = draw(page, [growing_html(row.text[:end], row.direction) for row, end in begun])
    wrong = {}
    for (row, end), places in zip(begun, drawn, strict=True):
        so_far = row._replace(text=row.text[:end])
        if found := misplaced(so_far, places):
            wrong[so_far.text] = found
    assert wrong == {}
