"""Where things stand on the page: what must stay in sight or in reach on a phone, on a tablet, in a full row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pydicom.data import get_testdata_file

from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))
ADD = {"en": "Add images", "ar": "إضافة صور"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("places") / "data")
    running.start()
    with browser_page() as first:  # the tests below are about places, not about how long a model takes to load
        Room(first, running.url).open()
        expect(first.locator("#model")).to_have_attribute("data-state", "ready", timeout=4 * PATIENCE)
    yield running
    running.stop()


@pytest.fixture
def phone() -> Iterator[Page]:
    with browser_page(390, 844, has_touch=True, is_mobile=True) as opened:
        yield opened


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


AT_END = "(it => it.scrollHeight - it.scrollTop - it.clientHeight < 2)(document.querySelector('.scroller'))"


def inside(part: Locator, whole: Locator) -> bool:
    """Whether `part` can be seen as a whole within `whole`."""
    one, all_ = part.bounding_box(), whole.bounding_box()
    assert one is not None
    assert all_ is not None
    beside = one["x"] >= all_["x"] - 1 and one["x"] + one["width"] <= all_["x"] + all_["width"] + 1
    below = one["y"] >= all_["y"] - 1 and one["y"] + one["height"] <= all_["y"] + all_["height"] + 1
    return beside and below


@pytest.mark.parametrize("code", ["en", "ar"])
def test_on_a_phone_an_image_can_be_added_after_a_question_without_one(
    program: Program, phone: Page, code: str
) -> None:
    room = Room(phone, program.url).open()
    room.speak(code)
    room.ask("hello" if code == "en" else "مرحبًا")
    add = phone.locator("#composer").get_by_role("button", name=ADD[code])
    expect(add).to_be_in_viewport(ratio=1)
    with phone.expect_file_chooser() as chooser:
        add.click()
    chooser.value.set_files(CT)
    room.wait_for_image()
    expect(phone.locator("#viewer canvas")).to_be_in_viewport()
    expect(add).to_be_in_viewport(ratio=1)
    expect(phone.locator("article.turn")).to_have_count(1)


def test_on_a_phone_the_reading_of_the_first_file_shows_its_progress(program: Program, phone: Page) -> None:
    room = Room(phone, program.url).open()

    def slowly(route: Route) -> None:
        phone.wait_for_timeout(2_000)
        route.continue_()

    phone.route("**/api/upload", slowly)
    room.upload(CT)
    progress = phone.locator(".reading-progress")
    expect(progress).to_be_visible()
    expect(progress).to_be_in_viewport(ratio=1)
    on_top = (
        "it => it.contains(document.elementFromPoint(...(({x, y}) => [x + 20, y + 12])(it.getBoundingClientRect())))"
    )
    assert progress.evaluate(on_top), "nothing may lie over it"
    room.wait_for_image()
    expect(progress).to_be_hidden(timeout=PATIENCE)


def test_a_refused_file_is_told_in_its_own_conversation_only(program: Program, page: Page, tmp_path: Path) -> None:
    room = Room(page, program.url).open()
    room.ask("hello")
    (tmp_path / "words.txt").write_text("words")
    room.upload(tmp_path / "words.txt")
    notice = page.locator("#notice .notice")
    expect(notice).to_be_visible(timeout=PATIENCE)
    page.locator("#new-conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    expect(notice).to_be_hidden()
    page.go_back()
    expect(page.locator("article.turn")).to_have_count(1, timeout=PATIENCE)
    expect(notice).to_be_visible()


def test_a_form_opened_in_the_conversation_is_not_scrolled_away(program: Program, page: Page) -> None:
    """The conversation stays at its end while it grows, but not under the hands of who works in it."""
    room = Room(page, program.url).open()
    room.upload(CT)
    room.wait_for_image()
    for _ in range(4):
        room.ask("What kind of image is this?")
    page.wait_for_function(AT_END)
    earlier = page.locator("article.turn").nth(2)
    action = earlier.locator(".rate-action")
    expect(action).to_be_in_viewport()
    place = earlier.bounding_box()["y"]
    action.click()
    form = earlier.locator("[data-thumb=up]")
    expect(form).to_be_visible()
    page.wait_for_timeout(300)  # for what would scroll: it comes a frame or two later
    expect(form).to_be_in_viewport()
    assert earlier.bounding_box()["y"] == pytest.approx(place, abs=2), "the turn stays where the reader pressed"


@pytest.mark.parametrize("code", ["en", "ar"])
def test_many_refused_files_take_two_lines_and_the_conversation_stays_at_its_end(
    program: Program, phone: Page, tmp_path: Path, code: str
) -> None:
    room = Room(phone, program.url).open()
    room.speak(code)
    room.upload(CT)
    room.wait_for_image()
    for _ in range(2):
        room.ask("What kind of image is this?")
    scroller = phone.locator(".scroller")
    phone.wait_for_function(AT_END, timeout=3000)  # what stands under an answer comes a moment after its last word
    for name, content in {"empty.dcm": b"", "words.txt": b"words", "cut.dcm": CT.read_bytes()[:900]}.items():
        (tmp_path / name).write_bytes(content)
    room.upload(*tmp_path.iterdir())
    words = phone.locator("#notice .notice-text")
    expect(words.locator("p")).to_have_count(3, timeout=PATIENCE)
    assert words.evaluate("it => it.clientHeight / parseFloat(getComputedStyle(it).lineHeight)") <= 2.1
    assert scroller.evaluate("it => it.clientHeight") > 90, "some of the conversation is still there"
    phone.wait_for_function(AT_END)
    more = phone.locator("#notice .more")
    more.click()
    expect(more).to_have_attribute("aria-expanded", "true")
    words.locator("p").last.scroll_into_view_if_needed()
    assert inside(words.locator("p").last, words)


@pytest.mark.parametrize("code", ["en", "ar"])
def test_a_new_conversation_shows_the_welcome_from_its_beginning(program: Program, code: str) -> None:
    with browser_page(390, 620) as page:  # a phone: the samples stand in the conversation, longer than its place
        room = Room(page, program.url).open()
        room.speak(code)
        assert page.locator(".scroller").evaluate("it => it.scrollHeight > it.clientHeight + 20")
        room.ask("hello")
        page.locator(".shelf-button").click()
        page.locator("#new-conversation").click()
        expect(page.locator(".welcome h2").first).to_be_in_viewport(ratio=1)
        assert page.locator(".scroller").evaluate("it => it.scrollTop") == 0


@pytest.mark.parametrize("side", ["up", "down"])
def test_after_a_thumb_saving_is_in_sight(program: Program, page: Page, side: str) -> None:
    room = Room(page, program.url).open()
    for _ in range(4):
        turn = room.ask("hello")
    turn.locator(".rate-action").click()
    turn.locator(f"[data-thumb={side}]").click()
    save = turn.locator(".rating [type=submit]")
    expect(save).to_be_in_viewport(ratio=1)
    assert inside(save, page.locator(".scroller"))


@pytest.mark.parametrize("width", [920, 1024])
def test_on_a_tablet_the_shelf_leaves_its_room_to_the_image(program: Program, width: int) -> None:
    with browser_page(width, 900) as page:
        room = Room(page, program.url).open()
        room.upload(CT)
        room.wait_for_image()
        stage = page.locator(".bv-stage").bounding_box()
        assert stage is not None
        assert stage["width"] > 440
        expect(page.locator("#new-conversation")).to_be_hidden()
        page.locator(".shelf-button").click()
        expect(page.locator("#new-conversation")).to_be_in_viewport(ratio=1)
        page.locator(".shelf-backdrop").click(position={"x": width - 20, "y": 300})
        expect(page.locator("#new-conversation")).to_be_hidden()


@pytest.mark.parametrize(
    ("width", "height", "finger"),
    [(844, 390, True), (932, 430, True), (667, 375, True), (720, 450, False)],
    ids=["phone-on-its-side", "large-phone-on-its-side", "small-phone-on-its-side", "200-percent"],
)
def test_on_a_low_screen_image_and_question_box_are_both_in_sight(
    program: Program, width: int, height: int, *, finger: bool
) -> None:
    with browser_page(width, height, has_touch=finger, is_mobile=finger) as page:
        room = Room(page, program.url).open()
        room.upload(CT)
        room.wait_for_image()
        for code in ("en", "ar"):
            room.speak(code)
            for place, least in (("#viewer .bv-stage", 150), (".scroller", 90), ("#question", 60), ("#send", 30)):
                expect(page.locator(place)).to_be_in_viewport(ratio=1)
                box = page.locator(place).bounding_box()
                assert box is not None
                assert box["height"] >= least, f"{place} is too low to be of use"


def test_on_a_tiny_screen_the_page_scrolls_between_image_and_question_box(program: Program) -> None:
    with browser_page(360, 225) as page:  # 1440 x 900 at 400 %
        room = Room(page, program.url).open()
        page.locator("#send").scroll_into_view_if_needed()
        expect(page.locator("#send")).to_be_in_viewport(ratio=1)
        room.upload(CT)
        room.wait_for_image()
        for code in ("en", "ar"):
            room.speak(code)
            for place in ("#viewer .bv-stage", "#question", "#send"):
                page.locator(place).scroll_into_view_if_needed()
                expect(page.locator(place)).to_be_in_viewport(ratio=1)
            stage = page.locator("#viewer .bv-stage").bounding_box()
            assert stage is not None
            assert stage["height"] > 120
            assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("code", ["en", "ar"])
def test_a_row_of_presets_shows_the_pressed_one_and_at_which_end_it_goes_on(
    program: Program, page: Page, code: str
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    room.upload(CT)
    room.wait_for_image()
    row = page.locator(".bv-presets")
    pressed = row.locator("[aria-pressed=true]")
    expect(pressed).to_have_attribute("data-preset", "automatic")
    assert row.evaluate("it => it.scrollWidth > it.clientWidth"), (
        "the row must overflow for this test to mean something"
    )
    faded = "it => ['left', 'right'].filter((side) => parseFloat(it.style.getPropertyValue(`--fade-${side}`)) > 0)"
    first, last = ("left", "right") if code == "en" else ("right", "left")
    assert inside(pressed, row)
    assert row.evaluate(faded) == [first]
    page.locator(".bv-stage").focus()
    page.keyboard.press("1")
    expect(pressed).to_have_attribute("data-index", "0")
    assert inside(pressed, row)
    assert row.evaluate(faded) == [last]
    assert re.search(r"transparent|rgba\(0, 0, 0, 0\)", row.evaluate("it => getComputedStyle(it).maskImage"))


@pytest.mark.parametrize("code", ["en", "ar"])
def test_the_whole_conversation_is_printed_over_pages_black_on_white_without_controls(
    program: Program, page: Page, code: str
) -> None:
    room = Room(page, program.url).open()  # in the dark theme of a fresh profile, or the light one: paper knows none
    room.speak(code)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    room.upload(CT)
    room.wait_for_image()
    room.ask("hello" if code == "en" else "مرحبًا")
    page.evaluate(
        """() => { // a long conversation without a long wait
          const log = document.querySelector(".log");
          for (let k = 0; k < 7; k++) log.append(log.firstElementChild.cloneNode(true));
        }"""
    )
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))
    assert len(pages) >= 2
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollHeight >= document.querySelector('.log').scrollHeight")
    for part in (".question-text", ".question-picture img", ".answer-text", ".model-line"):
        expect(page.locator(part).last).to_be_visible()
    expect(page.locator("#header")).to_contain_text("Not for diagnosis" if code == "en" else "ليس للتشخيص")
    expect(page.locator("#header .limit")).to_be_visible()
    for part in ("#composer", "#shelf", "#reading", "#language", "#room button:not(.thumbnail)"):
        assert page.locator(part).filter(visible=True).count() == 0
    colours = "it => [getComputedStyle(it).color, getComputedStyle(document.body).backgroundColor]"
    assert page.locator(".answer-text").first.evaluate(colours) == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
