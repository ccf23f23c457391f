"""The shelf of conversations: what a title says, in which order and how much of it, and where erasing leaves one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.data import get_testdata_file

from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("shelf") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def test_the_shelf_tells_the_same_question_about_different_images_apart(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    same = "Is this one unlike the other?"
    for file in (CT, MR):
        page.locator("#new-conversation").click()
        expect(page.locator(".welcome")).to_be_visible()
        room.upload(file)
        room.wait_for_image()
        room.ask(same)
    titles = page.locator("#conversations .title", has_text=same)
    expect(titles).to_have_text([f"MRI: {same}", f"CT: {same}"])
    room.speak("ar")
    expect(titles).to_have_text([f"رنين مغناطيسي: {same}", f"تصوير مقطعي محوسب: {same}"])

    room.speak("en")
    page.get_by_role("button", name="Edit question").click()
    box = page.locator("#question textarea")
    box.fill("A better question")
    box.press("Enter")
    expect(page.locator("#conversations .title[aria-current]")).to_have_text("MRI: A better question", timeout=PATIENCE)


ARABIC_THEN_NUMBERS = "مجهر الشرائح · 20× · \u2066عينة 2220 × 2967\u2069"
LINE_OF = """async (title) => {
  for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame); // the sign of a cut comes a frame later
  const seen = (k) => {
    const range = document.createRange();
    range.setStart(title.firstChild, k);
    range.setEnd(title.firstChild, k + 1);
    const [box, it] = [title.getBoundingClientRect(), range.getBoundingClientRect()];
    return it.left >= box.left - 1 && it.right <= box.right + 1 && it.top >= box.top - 1 && it.bottom <= box.bottom + 1;
  };
  return { seen: [...title.textContent].map((_, k) => seen(k)), cut: getComputedStyle(title, "::after").content };
}"""


def shelf_line(page: Page, room: Room, question: str) -> Any:
    """Which characters of a new conversation's title are seen, and the sign that some are not."""
    page.locator("#new-conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    room.ask(question)
    title = page.locator("#conversations .title[aria-current] bdi")
    expect(title).to_contain_text(question[:5])
    return title.evaluate(LINE_OF)


@pytest.mark.parametrize("code", ["en", "ar"])
@pytest.mark.parametrize(
    "words",
    [
        "A question in English that is too long for the shelf",
        "سؤال باللغة العربية أطول من أن يتسع له الرف كله",
        ARABIC_THEN_NUMBERS,
    ],
    ids=["english", "arabic", "arabic-that-ends-in-numbers"],
)
def test_a_title_on_the_shelf_is_cut_at_its_own_end(page: Page, program: Program, code: str, words: str) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    line = shelf_line(page, room, words)
    shown = line["seen"].count(True)
    assert 10 < shown < len(line["seen"])
    assert line["seen"] == sorted(line["seen"], reverse=True), "only the end may be out of sight"
    assert "…" in line["cut"]
    short = shelf_line(page, room, "ما نوع هذا؟")
    assert all(short["seen"])
    assert "…" not in short["cut"]


def test_the_dots_of_a_final_yaa_have_room_on_the_shelf(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.speak("ar")
    shelf_line(page, room, "تصوير مقطعي")
    title = page.locator("#conversations .title[aria-current] bdi")
    needed = """it => {
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = getComputedStyle(it).font;
      const { fontBoundingBoxAscent, fontBoundingBoxDescent } = pen.measureText("ي");
      return fontBoundingBoxAscent + fontBoundingBoxDescent;
    }"""
    assert title.evaluate("it => it.clientHeight") >= title.evaluate(needed)


@pytest.mark.parametrize("code", ["en", "ar"])
def test_erasing_by_keyboard_leaves_the_focus_on_the_next_conversation(program: Program, page: Page, code: str) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    for _ in range(3):
        page.locator("#new-conversation").click()
        expect(page.locator("#facts")).to_have_text("")
        room.upload(CT)
        room.wait_for_image()
        expect(page.locator("#conversations .title[aria-current]")).to_be_visible(timeout=PATIENCE)

    def ids() -> list[str | None]:
        return [title.get_attribute("data-conversation") for title in page.locator("#conversations .title").all()]

    for erased in (1, 0):  # another one, then the open one
        before = ids()
        page.locator(f'[data-conversation="{before[erased]}"] + .erase').focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Shift+Tab")
        expect(page.locator(".shelf-question .danger")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(f'[data-conversation="{before[erased]}"]')).to_have_count(0, timeout=PATIENCE)
        expect(page.locator(f'[data-conversation="{before[erased + 1]}"]')).to_be_focused()


def order_of(title: Locator, *words: str) -> list[str]:
    """`words` of a shelf's title from left to right as they are drawn."""
    find = """(it, words) => words.map((word) => {
      const text = document.createTreeWalker(it, NodeFilter.SHOW_TEXT).nextNode();
      const range = document.createRange();
      range.setStart(text, text.data.indexOf(word));
      range.setEnd(text, text.data.indexOf(word) + word.length);
      return range.getBoundingClientRect().left;
    })"""
    lefts: list[float] = title.locator("bdi").evaluate(find, list(words))
    return [word for _, word in sorted(zip(lefts, words, strict=True))]


@pytest.mark.parametrize(
    ("question", "words"),
    [("هل الكثافة (-450 HU) طبيعية؟", ("-", "450", "HU")), ("هل القياس (3-5 mm) طبيعي؟", ("3", "5", "mm"))],
)
def test_the_shelf_keeps_measurements_in_their_order_on_both_pages(
    program: Program, page: Page, question: str, words: tuple[str, ...]
) -> None:
    room = Room(page, program.url).open()
    room.ask(question)
    title = page.locator("#conversations .title[aria-current]")
    for code in ("en", "ar"):
        room.speak(code)
        assert order_of(title, *words) == list(words), code
        expect(title.locator("bdi")).to_have_css("direction", "rtl")
