"""The page by keyboard and its sizes: where keys work, what their list says, how far Tab has to go, what is large."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.dicom_files import make_ct
from tests.page import PATIENCE, Room, browser_page
from tests.serving import ROOT, Program

SLICES = 12
WORDS = {
    "en": "the image shows a small round finding in the left lung ",
    "ar": "تُظهر الصورة موجودات صغيرة مستديرة في الرئة اليسرى ",
}
FIRST = SLICES // 2 + 1


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("keys") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_ct(tmp_path_factory.mktemp("stack"), SLICES, side=64)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def opened(page: Page, program: Program) -> Room:
    """A fresh room: the address alone would not load the page anew."""
    page.goto("about:blank")
    return Room(page, program.url).open()


def with_stack(page: Page, program: Program, stack: list[Path]) -> Room:
    room = opened(page, program)
    room.upload(*stack)
    expect(page.locator(".reading-progress")).to_be_hidden(timeout=PATIENCE)
    expect(page.locator("[data-corner=slice]")).to_have_text(f"{FIRST} / {SLICES}", timeout=PATIENCE)
    return room


def test_keys_work_as_soon_as_files_are_there_and_wherever_no_text_is_being_written(
    program: Program, page: Page, stack: list[Path]
) -> None:
    with_stack(page, program, stack)
    page.keyboard.press("ArrowDown")  # the focus came with the files
    expect(page.locator("[data-corner=slice]")).to_have_text(f"{FIRST + 1} / {SLICES}")
    page.locator(".theme-button").focus()
    page.locator(".bv-stage").hover()
    page.keyboard.press("ArrowDown")  # the pointer is on the image, the focus on a button elsewhere
    expect(page.locator("[data-corner=slice]")).to_have_text(f"{FIRST + 2} / {SLICES}")
    page.keyboard.press("Slash")
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type("wis/")
    expect(page.locator("#question textarea")).to_have_value("wis/")
    page.keyboard.press("Escape")
    expect(page.locator(".bv-stage")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("[data-corner=slice]")).to_have_text(f"{FIRST + 1} / {SLICES}")
    expect(page.locator("#question textarea")).to_have_value("wis/")


def test_files_that_come_while_somebody_writes_leave_the_focus_in_the_text(
    program: Program, page: Page, stack: list[Path]
) -> None:
    room = opened(page, program)
    page.locator("#question textarea").fill("half a ques")
    room.upload(*stack)
    expect(page.locator("[data-corner=slice]")).not_to_have_text("", timeout=PATIENCE)
    expect(page.locator("#question textarea")).to_be_focused()
    page.locator("#question textarea").fill("")


def test_an_arabic_layout_has_the_same_keys_at_the_same_places(program: Program, page: Page, stack: list[Path]) -> None:
    with_stack(page, program, stack)
    page.locator(".bv-stage").evaluate(
        "(stage) => stage.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyS', key: 'س', bubbles: true }))"
    )
    expect(page.locator("[data-action=scroll]")).to_have_attribute("aria-pressed", "true")
    page.evaluate(
        "document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { code: 'Slash', key: '؟', shiftKey: true, bubbles: true }))"
    )
    expect(page.locator(".keys-panel")).to_be_visible()
    page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("code", "names"), [("en", ("Next slice", "This list")), ("ar", ("المقطع التالي", "هذه القائمة"))]
)
def test_a_question_mark_lists_every_key_in_the_language_of_the_page(
    program: Program, page: Page, code: str, names: tuple[str, str]
) -> None:
    room = opened(page, program)
    room.speak(code)
    page.locator("h1").click()
    page.keyboard.press("Shift+Slash")
    panel = page.locator(".keys-panel")
    for name in names:
        expect(panel).to_contain_text(name)
    said = panel.locator("dd").all_inner_texts()
    assert not [text for text in said if text.startswith(("key-", "viewer-"))]
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    room.speak("en")


def test_every_key_of_the_table_is_in_both_languages_and_no_two_rows_want_the_same_key() -> None:
    script = f"import {{ KEYS }} from '{ROOT}/assets/web/viewer/keys.js'; console.log(JSON.stringify(KEYS))"
    found = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("no node here to read the table")
    wanted = [(code, row.get("shift", False)) for row in json.loads(found.stdout) for code in row["codes"]]
    assert len(wanted) == len(set(wanted))


def test_a_few_stops_lead_through_the_page_and_the_first_skips_to_the_question(
    program: Program, page: Page, stack: list[Path]
) -> None:
    opened(page, program)
    expect(page.locator(".skip")).to_have_count(1)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_be_focused()
    with_stack(page, program, stack)
    for row in (".bv-tools", ".bv-presets", ".bv-strip"):
        stops = page.locator(f"{row} button:not([tabindex='-1']):not([disabled]):not([hidden])")
        assert stops.count() == 1, row
    first = page.locator(".bv-strip button").first
    first.focus()
    before = page.locator("[data-corner=slice]").inner_text()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".bv-strip button").nth(1)).to_be_focused()
    assert page.locator("[data-corner=slice]").inner_text() == before, "arrows move among the small pictures"
    page.keyboard.press("Enter")
    expect(page.locator("[data-corner=slice]")).not_to_have_text(before)


def test_every_screen_has_one_heading_of_the_first_rank(program: Program, page: Page, stack: list[Path]) -> None:
    opened(page, program)
    expect(page.locator("h1:visible")).to_have_count(1)
    with_stack(page, program, stack)
    expect(page.locator("h1:visible")).to_have_count(1)


def test_the_empty_room_offers_one_act_and_all_of_the_stage_is_its_target(program: Program, page: Page) -> None:
    opened(page, program)
    expect(page.locator(".add-images, .add-here").locator("visible=true")).to_have_count(0)
    expect(page.locator("#room button.choose")).to_have_count(1)
    expect(page.locator(".bv-stage .choose")).to_be_visible()
    target = page.locator(".empty-room")
    stage, box = page.locator("#reading").bounding_box(), target.bounding_box()
    assert stage is not None
    assert box is not None
    assert stage["width"] - box["width"] < 60
    assert stage["height"] - box["height"] < 60
    with page.expect_file_chooser():
        target.click(position={"x": 30, "y": box["height"] - 30})


@pytest.mark.parametrize(("code", "size", "line"), [("en", 16, 1.65), ("ar", 17, 1.75)])
def test_answers_are_set_for_reading_and_what_accompanies_them_is_smaller(
    program: Program, page: Page, code: str, size: int, line: float
) -> None:
    opened(page, program)
    found = page.evaluate(
        """([code, words]) => {
          const answer = document.createElement("div");
          answer.className = "answer-text";
          answer.lang = code;
          answer.innerHTML = `<p dir="${code === "ar" ? "rtl" : "ltr"}">${words.repeat(12)}</p>`;
          document.querySelector(".scroller").prepend(answer);
          const style = getComputedStyle(answer.firstChild);
          const range = document.createRange();
          range.selectNodeContents(answer.firstChild);
          const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size;
          const letters = answer.textContent.normalize("NFD").replace(/\\p{M}/gu, "").length;
          const found = [parseFloat(style.fontSize), parseFloat(style.lineHeight), letters / lines];
          answer.remove();
          return found;
        }""",
        [code, WORDS[code]],
    )
    assert found[0] == size
    assert found[1] == pytest.approx(size * line, abs=0.1)
    assert 54 <= found[2] <= 72, "letters in a line"


def test_on_a_touch_screen_no_field_is_so_small_that_the_phone_enlarges_the_page(program: Program, page: Page) -> None:
    browser = page.context.browser
    assert browser is not None
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    opened(phone, program)
    small = phone.evaluate(
        """[...document.querySelectorAll("#room input, #room textarea, #room select")]
          .filter((field) => !["file", "range", "radio", "checkbox"].includes(field.type))
          .filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16).map((field) => field.outerHTML)"""
    )
    assert small == []
    chip = phone.locator("#model")
    expect(chip).to_have_attribute("data-state", "ready", timeout=4 * PATIENCE)
    expect(chip.locator(".short")).to_be_visible()
    assert chip.evaluate("(it) => it.scrollWidth <= it.clientWidth + 1"), "what the model is, is not cut"
    phone.context.close()
