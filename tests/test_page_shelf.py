"""The shelf of conversations: what a title says, in which order and how much of it, and where erasing leaves one."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
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
    rows = page.locator("#conversations .shelf-item", has_text=same)
    expect(rows.locator(".name")).to_have_text([same, same])
    expect(rows.locator(".about-image bdi:first-child")).to_have_text(["MRI", "CT"])
    expect(rows.locator(".about-image bdi:last-child")).to_have_text([re.compile(r"^\d\d:\d\d$")] * 2)
    shown = "imgs => imgs.every((img) => img.complete && img.naturalWidth > 0 && img.clientWidth === 40)"
    assert rows.locator("img").evaluate_all(shown), "a small picture tells them apart before a word is read"
    room.speak("ar")
    expect(rows.locator(".about-image bdi:first-child")).to_have_text(["رنين", "مقطعي"])

    room.speak("en")
    page.get_by_role("button", name="Edit question").click()
    box = page.locator("#question textarea")
    box.fill("A better question")
    box.press("Enter")
    name = page.locator("#conversations .title[aria-current] .name")
    expect(name).to_have_text("A better question", timeout=PATIENCE)


ARABIC_THEN_NUMBERS = "مجهر الشرائح · 20× · \u2066عينة 2220 × 2967\u2069"
LINE_OF = """async (title) => {
  for (let k = 0; k < 3; k++) await new Promise(requestAnimationFrame); // the sign of a cut comes a frame later
  const texts = document.createTreeWalker(title, NodeFilter.SHOW_TEXT);
  const seen = [];
  while (texts.nextNode()) {
    for (let k = 0; k < texts.currentNode.data.length; k++) {
      const range = document.createRange();
      range.setStart(texts.currentNode, k);
      range.setEnd(texts.currentNode, k + 1);
      const [box, it] = [title.getBoundingClientRect(), range.getBoundingClientRect()];
      const across = it.left >= box.left - 1 && it.right <= box.right + 1;
      const inside = across && it.top >= box.top - 1 && it.bottom <= box.bottom + 1;
      seen.push([texts.currentNode.data[k], inside]);
    }
  }
  const whole = seen.map(([sign]) => sign).join("");
  return { seen: seen.map(([, inside]) => inside), whole, cut: getComputedStyle(title, "::after").content };
}"""


def shelf_line(page: Page, room: Room, question: str) -> Any:
    """Which characters of a new conversation's title are seen, and the sign that some are not."""
    page.locator("#new-conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    room.ask(question)
    title = page.locator("#conversations .title[aria-current] .name")
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
    assert " " in line["whole"][shown - 1 : shown + 1], "no word and no number is cut"
    short = shelf_line(page, room, "ما نوع هذا؟")
    assert all(short["seen"])
    assert "…" not in short["cut"]


def test_the_dots_of_a_final_yaa_have_room_on_the_shelf(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.speak("ar")
    shelf_line(page, room, "تصوير مقطعي")
    title = page.locator("#conversations .title[aria-current] .name")
    needed = """it => {
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = getComputedStyle(it).font;
      const { fontBoundingBoxAscent, fontBoundingBoxDescent } = pen.measureText("ي");
      return fontBoundingBoxAscent + fontBoundingBoxDescent;
    }"""
    assert title.evaluate("it => it.clientHeight") >= title.evaluate(needed)


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        ("Is the small nodule 12.5 × 3.5 mm or larger?", ["12.5", "3.5"]),
        ("Nodule beside fissure 1250-1300 HU or not?", ["1250-1300"]),
        ("هل العقيدة الصغيرة هنا 12.75 ملم أم أكبر؟", ["12.75"]),
    ],
)
def test_the_shelf_cuts_nothing_inside_a_number(program: Program, page: Page, words: str, whole: list[str]) -> None:
    room = Room(page, program.url).open()
    shelf_line(page, room, words)
    title = page.locator("#conversations .title[aria-current] .name")
    cuts = set()
    for width in range(60, 260, 5):
        narrow = f"(title) => {{ title.style.inlineSize = '{width}px'; return ({LINE_OF})(title); }}"
        line = title.evaluate(narrow)
        cut = [*line["seen"], False].index(False)
        cuts.add(cut)
        for number in whole:
            begin = line["whole"].index(number)
            assert not begin < cut < begin + len(number), (width, line["whole"][:cut])
    assert len(cuts) > 3, "else this shows nothing"


@pytest.fixture
def three(program: Program, page: Page) -> Room:
    """Three conversations with an image each, none asked about."""
    room = Room(page, program.url).open()
    for _ in range(3):
        page.locator("#new-conversation").click()
        expect(page.locator("#facts")).to_have_text("")
        room.upload(CT)
        room.wait_for_image()
        expect(page.locator("#conversations .title[aria-current]")).to_be_visible(timeout=PATIENCE)
    return room


def ids(page: Page) -> list[str | None]:
    return [title.get_attribute("data-conversation") for title in page.locator("#conversations .title").all()]


@pytest.mark.parametrize("code", ["en", "ar"])
def test_deleting_by_keyboard_can_be_undone_by_keyboard(page: Page, three: Room, code: str) -> None:
    three.speak(code)
    undo = {"en": "Undo", "ar": "تراجع"}[code]
    for place in (1, 0):  # another one, then the open one
        before = ids(page)
        page.locator(f'[data-conversation="{before[place]}"]').focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.locator(f'[data-conversation="{before[place]}"] ~ .erase')).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=undo)).to_be_focused()
        assert ids(page) == [each for each in before if each != before[place]]
        if place == 0:
            expect(page.locator(".welcome")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator(f'[data-conversation="{before[place]}"]')).to_be_visible(timeout=PATIENCE)
        assert ids(page) == before
        expect(page.locator("#notice .notice")).to_be_hidden()
    expect(page.locator(f'[data-conversation="{before[0]}"]')).to_have_attribute("aria-current", "true")
    three.wait_for_image()


def test_a_second_deletion_has_a_time_to_be_undone_of_its_own(page: Page, three: Room) -> None:
    seconds = [60, 3]  # of the second deletion and, before it, of the first

    def shorten(route: Route) -> None:
        if route.request.method == "DELETE":
            route.fulfill(response=route.fetch(), json={"undo_seconds": seconds.pop()})
        else:
            route.continue_()

    page.route("**/api/conversations/*", shorten)
    conversation = ids(page)[1]
    title = page.locator(f'[data-conversation="{conversation}"]')
    page.locator(f'[data-conversation="{conversation}"] ~ .erase').click()
    page.locator(".undo").click()
    expect(title).to_be_visible()
    page.locator(f'[data-conversation="{conversation}"] ~ .erase').click()
    expect(page.locator(".undo")).to_be_visible()
    page.wait_for_timeout(3500)
    expect(page.locator(".undo")).to_be_visible()


def test_a_deleted_conversation_is_gone_from_the_disk_when_the_program_ends(
    program: Program, page: Page, three: Room
) -> None:
    gone = ids(page)[0]
    page.locator(f'[data-conversation="{gone}"]').hover()
    page.locator(f'[data-conversation="{gone}"] ~ .erase').click()
    expect(page.locator(".undo")).to_be_visible()
    with contextlib.closing(sqlite3.connect(program.data / "basira.sqlite3")) as record:
        assert record.execute("SELECT deleted_at FROM conversations WHERE id = ?", [gone]).fetchone()[0]
    page.goto(f"{program.url}/#/c/{gone}")
    page.reload()
    expect(page.locator("#notice .notice-text")).to_contain_text("no longer here", timeout=PATIENCE)
    page.goto("about:blank")
    program.stop()
    with contextlib.closing(sqlite3.connect(program.data / "basira.sqlite3")) as record:
        assert record.execute("SELECT count(*) FROM conversations WHERE id = ?", [gone]).fetchone() == (0,)
    program.start()


@pytest.mark.parametrize(("code", "name"), [("en", "Knee, 12.5 mm cyst"), ("ar", "كيسة الركبة 12.5 mm")])
def test_a_conversation_is_renamed_by_keyboard_and_keeps_its_name(
    program: Program, page: Page, three: Room, code: str, name: str
) -> None:
    three.speak(code)
    before = ids(page)
    page.locator(f'[data-conversation="{before[1]}"]').focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    box = page.locator(".shelf-question input")
    expect(box).to_be_focused()
    page.keyboard.type("not this")
    page.keyboard.press("Escape")
    expect(page.locator(f'[data-conversation="{before[1]}"] ~ .rename')).to_be_focused()
    page.keyboard.press("Enter")
    box.fill(name)
    page.keyboard.press("Enter")
    named = page.locator(f'[data-conversation="{before[1]}"] .name')
    isolated = name.replace("12.5 mm", "\u2066?12.5 mm\u2069?")
    shown = re.compile(f"^{isolated}$")
    expect(named).to_have_text(shown, timeout=PATIENCE)
    page.reload()
    expect(named).to_have_text(shown, timeout=PATIENCE)
    assert ids(page) == before, "a name is no news"
    page.locator(f'[data-conversation="{before[1]}"] ~ .rename').click()
    expect(box).to_have_value(name)  # as it was written, not with the signs that keep its order on the screen


@pytest.mark.parametrize("code", ["en", "ar"])
def test_on_a_phone_rows_can_be_renamed_and_deleted_by_touch(program: Program, three: Room, code: str) -> None:
    browser = three.page.context.browser
    assert browser is not None
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as context:
        phone = context.new_page()
        phone.set_default_timeout(PATIENCE)
        room = Room(phone, program.url).open()
        room.speak(code)
        phone.locator(".shelf-button").tap()
        row = phone.locator(".shelf-item").first
        for action in (".rename", ".erase"):
            expect(row.locator(action)).to_be_in_viewport(ratio=1)
            box = row.locator(action).bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 32
        row.locator(".erase").tap()
        expect(phone.locator(".undo")).to_be_in_viewport(ratio=1)
        phone.locator(".undo").tap()
        expect(phone.locator(".undo")).to_have_count(0)
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def order_of(title: Locator, *words: str) -> list[str]:
    """`words` of a shelf's title from left to right as they are drawn."""
    find = """(it, words) => words.map((word) => {
      const texts = document.createTreeWalker(it, NodeFilter.SHOW_TEXT);
      let text = texts.nextNode();
      while (!text.data.includes(word)) text = texts.nextNode();
      const range = document.createRange();
      range.setStart(text, text.data.indexOf(word));
      range.setEnd(text, text.data.indexOf(word) + word.length);
      return range.getBoundingClientRect().left;
    })"""
    lefts: list[float] = title.locator(".name").evaluate(find, list(words))
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
        expect(title.locator(".name")).to_have_css("direction", "rtl")


def test_a_search_shows_the_sentence_it_found_with_its_words_marked(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.ask("هل كثافة الآفة –450 HU؟ وهل يوجد نزف؟")
    page.locator("#search-conversations").fill("النزف")
    found = page.locator("#conversations .found")
    expect(found.locator("mark").first).to_have_text("نزف؟", timeout=PATIENCE)
    expect(found.first).to_have_attribute("dir", "rtl")
    page.locator("#search-conversations").fill("")
    expect(found).to_have_count(0)
