"""Words on the page in the order they were written: turned by hand, copied, previewed, pasted, named in a notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.bidi import without_controls
from tests.order import PLACES, Row, misplaced
from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

ARABIC = "ما قياس 3*4*5 cm وكثافة -450 HU هنا؟"
SIGNS = Row(ARABIC, "rtl", ("3*4*5 cm", "-450 HU"), ())
OTHER = {"ltr": "rtl", "rtl": "ltr"}
CLIPBOARD = """async () => {
  const [item] = await navigator.clipboard.read();
  const read = async (type) => (item.types.includes(type) ? (await item.getType(type)).text() : "");
  return [await read("text/plain"), await read("text/html")];
}"""
PASTE = """([words, file, name]) => {
  const data = new DataTransfer();
  if (words) data.setData("text/plain", words);
  if (file) data.items.add(new File([new Uint8Array([137, 80, 78, 71])], name, { type: "image/png" }));
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  return document.querySelector("#question textarea").dispatchEvent(event); // false: it was taken for a file
}"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("words") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page(permissions=["clipboard-read", "clipboard-write"]) as opened:
        yield opened


@pytest.fixture(scope="module")
def room(program: Program, page: Page) -> Room:
    """An Arabic question and its answer."""
    opened = Room(page, program.url).open()
    opened.speak("ar")
    opened.ask(ARABIC)
    return opened


def test_a_question_shows_its_signs_where_they_were_written(room: Room, page: Page) -> None:
    (places,) = page.evaluate(PLACES, ".question-text")
    assert misplaced(SIGNS, places) == []
    assert room.trouble == []


def test_copying_an_answer_gives_its_directions_and_beside_them_isolated_words(room: Room, page: Page) -> None:
    turn = page.locator("article.turn").first
    turn.locator("button.link", has_text="نسخ").click()
    expect(turn.locator("button.link", has_text="نُسخ")).to_be_visible()
    words, html = page.evaluate(CLIPBOARD)
    assert without_controls(words).split() == room.answer(turn).split()
    way = turn.locator(".answer-text [dir]").first.get_attribute("dir")
    assert f'<p dir="{way}">' in html


def test_without_clipboard_items_plain_words_are_copied(room: Room, page: Page) -> None:
    page.evaluate("() => { window.kept = window.ClipboardItem; delete window.ClipboardItem; }")
    page.evaluate("() => navigator.clipboard.writeText('before')")
    turn = page.locator("article.turn").first
    turn.locator(".about button.link").nth(0).click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()) !== 'before'")
    assert without_controls(page.evaluate("navigator.clipboard.readText()")).split() == room.answer(turn).split()
    page.evaluate("() => { window.ClipboardItem = window.kept; }")


def test_what_is_being_written_shows_how_it_will_read(room: Room, page: Page) -> None:
    box = page.locator("#question textarea")
    box.fill("بلا أرقام")
    expect(page.locator(".reads-as")).to_be_hidden()
    box.fill(ARABIC)
    expect(page.locator("#question .reads-as")).to_be_visible()
    (places,) = page.evaluate(PLACES, "#question .reads-as")
    assert misplaced(SIGNS, places) == []
    box.fill("")
    expect(page.locator(".reads-as")).to_be_hidden()


def test_a_comment_being_written_shows_how_it_will_read(room: Room, page: Page) -> None:
    page.locator("article.turn .rate-action").first.click()
    page.locator(".rating textarea").fill(ARABIC)
    expect(page.locator(".rating .reads-as")).to_be_visible()
    (places,) = page.evaluate(PLACES, ".rating .reads-as")
    assert misplaced(SIGNS, places) == []
    page.locator(".rating textarea").fill("")


@pytest.mark.parametrize(
    ("words", "names", "taken"),
    [("كتلة 5 cm", "image.png", False), ("", "image.png", True), ("scan 1.png", "scan 1.png", True)],
    ids=["words-and-their-picture", "a-picture-alone", "a-file-and-its-name"],
)
def test_pasted_words_win_over_the_picture_that_comes_with_them(
    room: Room, page: Page, words: str, names: str, taken: bool
) -> None:
    before = sum("/api/upload" in url for url in room.requests)
    assert page.evaluate(PASTE, [words, True, names]) is not taken
    if taken:
        expect(page.locator("#notice .notice")).to_be_visible()  # four bytes are no picture
        page.locator("#notice .icon-button").click()
    assert sum("/api/upload" in url for url in room.requests) == before + taken


def test_a_files_name_in_a_notice_keeps_its_order(room: Room, page: Page, tmp_path: Path) -> None:
    files = [tmp_path / "كثافة -450 HU scan.dcm", tmp_path / "other.dcm"]
    for file in files:
        file.write_bytes(b"no image")
    room.upload(*files)
    expect(page.locator("#notice .file-names bdi").first).to_be_visible(timeout=PATIENCE)
    (places, *_) = page.evaluate(PLACES, "#notice .file-names bdi")
    assert misplaced(Row("كثافة -450 HU scan.dcm", "rtl", ("-450 HU scan.dcm",), ()), places) == []


def test_a_message_turned_by_hand_stays_so_in_this_tab(room: Room, page: Page) -> None:
    before: dict[str, str] = {}
    for part, button in (("answer", ".turn-action"), ("question", ".turn-question")):
        block = page.locator(f"article.turn .{part}-text [dir]").first
        before[part] = str(block.get_attribute("dir"))
        page.locator(f"article.turn {button}").first.focus()
        page.keyboard.press("Enter")
        expect(block).to_have_attribute("dir", OTHER[before[part]])
    page.reload()
    for part, way in before.items():
        block = page.locator(f"article.turn .{part}-text [dir]").first
        expect(block).to_have_attribute("dir", OTHER[way], timeout=PATIENCE)
    page.locator("article.turn .turn-action").first.click()
    expect(page.locator("article.turn .answer-text [dir]").first).to_have_attribute("dir", before["answer"])
