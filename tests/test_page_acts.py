"""What a reader does while the page is still busy with what was asked before: on a line that takes a second for every
word to the server, each act arrives where the reader was, in whichever order the server hears of it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from pydicom.data import get_testdata_file

from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program
from tests.slow_line import SlowLine

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))
OLD, OTHER, NEW = "Asked in the old one", "Asked in the other one", "Asked while going"
SLOW = 1.0  # seconds

GIVE = """([bytes, kind]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "x"));
  const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("acts") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def line(program: Program) -> Iterator[SlowLine]:
    with SlowLine(program.port) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(program: Program) -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


@pytest.fixture(scope="module")
def asked(program: Program, line: SlowLine, browser: Page) -> dict[str, str]:
    """Two conversations about an image each, by their question."""
    room = Room(browser, line.url)
    found = {}
    for file, question in ((CT, OTHER), (MR, OLD)):
        room.open("/")
        room.upload(file)
        room.wait_for_image()
        room.ask(question)
        found[question] = browser.url.rsplit("/", 1)[1]
        browser.goto("about:blank")
    return found


@pytest.fixture
def room(line: SlowLine, browser: Page, asked: dict[str, str]) -> Iterator[Room]:
    """The old conversation on the page; from here on the line is slow."""
    opened = Room(browser, line.url).open(f"/#/c/{asked[OLD]}")
    opened.wait_for_image()
    expect(browser.locator("article.turn")).to_have_count(1)
    line.delay = SLOW
    yield opened
    line.delay = 0.0
    browser.goto("about:blank")


def go(room: Room, where: str) -> None:
    if where == NEW:
        room.page.locator("#new-conversation").click()
    else:
        room.page.locator("#conversations .title", has_text=OTHER).first.click()


def kept(program: Program, query: str, conversation: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(program.data / "basira.sqlite3")) as record:
        return [row[0] for row in record.execute(query, [conversation])]


def questions(program: Program, conversation: str) -> list[str]:
    return kept(program, "SELECT question FROM turns WHERE conversation_id = ? ORDER BY number", conversation)


def series(program: Program, conversation: str) -> list[str]:
    return kept(program, "SELECT id FROM series WHERE conversation_id = ?", conversation)


def here(room: Room) -> str:
    return room.page.url.rsplit("/", 1)[1]


def give(kind: str) -> Callable[[Room], None]:
    def act(room: Room) -> None:
        if kind == "choose":
            room.upload(CT)
        elif kind == "sample":
            room.page.locator(".sample").first.click()
        else:
            room.page.evaluate(GIVE, [list(CT.read_bytes()), kind])

    return act


GIVEN = [(NEW, kind) for kind in ("choose", "paste", "drop", "sample")]
GIVEN += [(OTHER, kind) for kind in ("choose", "paste", "drop")]


@pytest.mark.parametrize(("where", "kind"), GIVEN, ids=str)
def test_images_that_come_while_another_conversation_is_asked_for_go_into_that_one(
    program: Program, room: Room, asked: dict[str, str], where: str, kind: str
) -> None:
    before = {question: series(program, asked[question]) for question in (OLD, OTHER)}
    go(room, where)
    give(kind)(room)
    room.wait_for_image()
    if where == OTHER:
        thumbs = len(before[OTHER]) + 1
        expect(room.page.locator("#viewer .bv-thumb")).to_have_count(thumbs, timeout=PATIENCE)
    assert series(program, asked[OLD]) == before[OLD]
    assert here(room) != asked[OLD]
    assert set(series(program, here(room))) - set(before[OTHER]), "it is where the reader is"
    assert (here(room) == asked[OTHER]) == (where == OTHER)


@pytest.mark.parametrize("where", [NEW, OTHER])
def test_a_question_sent_while_another_conversation_is_asked_for_is_asked_there_about_what_is_there(
    program: Program, room: Room, asked: dict[str, str], where: str
) -> None:
    before = questions(program, asked[OTHER])
    go(room, where)
    box = room.page.locator("#question textarea")
    box.fill(f"{NEW}, into {where}")
    box.press("Enter")
    turn = room.page.locator("article.turn", has_text=NEW)
    expect(turn).to_be_visible(timeout=PATIENCE)
    room.finished(turn)
    assert questions(program, asked[OLD]) == [OLD]
    assert questions(program, here(room))[-1] == f"{NEW}, into {where}"
    assert (here(room) == asked[OTHER]) == (where == OTHER)
    assert turn.locator(".question-picture").count() == 0, "nothing of the old conversation's image"
    assert questions(program, asked[OTHER])[: len(before)] == before


@pytest.mark.parametrize("where", [NEW, OTHER])
def test_nothing_of_the_conversation_just_left_can_be_rated_edited_stopped_or_answered_again(
    room: Room, where: str
) -> None:
    go(room, where)
    for gone in ("article.turn", ".rate-action", "#viewer .bv-thumb"):
        assert room.page.locator(gone).count() == 0, gone
    for hidden in ("#regenerate", "#stop"):
        assert not room.page.locator(hidden).is_visible(), hidden


def test_what_is_typed_while_going_stays_where_it_was_typed(room: Room, line: SlowLine) -> None:
    box = room.page.locator("#question textarea")
    box.fill("for the old one")
    go(room, OTHER)
    expect(box).to_have_value("")
    box.fill("for the other one")
    room.page.wait_for_timeout(2_500)  # until all that was asked for has come
    expect(box).to_have_value("for the other one")
    line.delay = 0.0
    room.page.go_back()
    expect(box).to_have_value("for the old one")
    box.fill("")
    room.page.go_forward()
    expect(box).to_have_value("for the other one")
    box.fill("")


def test_what_was_begun_in_a_new_conversation_stays_in_it_when_the_reader_leaves_for_a_newer_one(
    program: Program, room: Room
) -> None:
    page = room.page
    go(room, NEW)
    box = page.locator("#question textarea")
    box.fill("Sent, and left at once")
    box.press("Enter")
    page.wait_for_timeout(200)
    go(room, NEW)
    expect(box).to_have_value("")
    box.fill("typed in the newest")
    room.upload(CT)
    room.wait_for_image()
    expect(page.locator("#conversations .title", has_text="Sent, and left at once")).to_be_visible(timeout=PATIENCE)
    expect(box).to_have_value("typed in the newest")
    expect(page.locator("article.turn")).to_have_count(0)
    assert questions(program, here(room)) == []
    assert len(series(program, here(room))) == 1
    page.locator("#conversations .title", has_text="Sent, and left at once").click()
    expect(page.locator(".question-text")).to_have_text("Sent, and left at once", timeout=PATIENCE)
    expect(box).to_have_value("")


def test_going_on_twice_ends_where_the_reader_went_last(room: Room, asked: dict[str, str]) -> None:
    go(room, OTHER)
    go(room, NEW)
    go(room, OTHER)
    room.page.go_back()
    room.page.wait_for_timeout(3_000)
    expect(room.page.locator(".welcome")).to_be_visible()
    expect(room.page.locator("article.turn")).to_have_count(0)
    assert "#" not in room.page.url


def test_a_draft_outlives_leaving_in_the_midst_of_editing(room: Room, line: SlowLine) -> None:
    page = room.page
    line.delay = 0.0
    box = page.locator("#question textarea")
    box.fill("half written")
    page.get_by_role("button", name="Edit question").click()
    box.fill("better words")
    go(room, OTHER)
    expect(box).to_have_value("")
    page.go_back()
    expect(box).to_have_value("better words")
    page.get_by_role("button", name="Stop editing").click()
    expect(box).to_have_value("half written")
    box.fill("")


def test_a_stale_tab_replaces_nothing_its_reader_has_not_seen(room: Room, line: SlowLine) -> None:
    line.delay = 0.0
    page = room.page
    go(room, NEW)
    room.ask("Asked in two tabs")
    other = Room(page.context.new_page(), line.url).open(f"/#/c/{here(room)}")
    expect(other.page.locator("article.turn")).to_have_count(1)
    room.ask("Asked behind its back")
    other.page.locator("#regenerate").click()
    expect(other.page.locator("#notice .notice-text")).to_contain_text("has been added", timeout=PATIENCE)
    expect(other.page.locator(".question-text")).to_have_text(["Asked in two tabs", "Asked behind its back"])
    other.page.close()
    page.reload()
    expect(page.locator(".question-text")).to_have_text(["Asked in two tabs", "Asked behind its back"])


def test_a_stale_tab_keeps_the_edited_question_it_could_not_send(room: Room, line: SlowLine) -> None:
    line.delay = 0.0
    page = room.page
    go(room, NEW)
    room.ask("Edited in one tab")
    other = Room(page.context.new_page(), line.url).open(f"/#/c/{here(room)}")
    other.page.get_by_role("button", name="Edit question").click()
    room.ask("Added in the other")
    box = other.page.locator("#question textarea")
    box.fill("Edited indeed")
    box.press("Enter")
    expect(other.page.locator("#notice .notice-text")).to_contain_text("has been added", timeout=PATIENCE)
    expect(box).to_have_value("Edited indeed")
    expect(other.page.locator(".question-text")).to_have_text(["Edited in one tab", "Added in the other"])
    other.page.close()


@pytest.mark.parametrize("delay", [0.0, 0.05], ids=["at-once", "slowly"])
def test_acts_before_the_page_is_ready_are_not_lost(
    program: Program, browser: Page, asked: dict[str, str], delay: float
) -> None:
    assert browser.context.browser is not None
    with SlowLine(program.port) as line, browser.context.browser.new_context(locale="en-GB") as fresh:
        page = fresh.new_page()
        page.set_default_timeout(PATIENCE)
        line.delay = delay
        room = Room(page, line.url)
        held: list[Route] = []
        page.route("**/page.js*", lambda route: held.append(route))
        page.goto(f"{line.url}/#/c/{asked[OLD]}", wait_until="commit")
        page.locator("#language input[value=ar]").check(force=True)
        assert page.evaluate("window.basira === undefined"), "else this shows nothing"
        page.locator("#new-conversation").click()
        page.evaluate(GIVE, [list(CT.read_bytes()), "drop"])
        for route in held:
            route.continue_()
        room.wait_for_image()
        expect(page.locator("html")).to_have_attribute("lang", "ar")
        expect(page.locator("#language input[value=ar]")).to_be_checked()
        expect(page.locator("#new-conversation")).to_have_text("محادثة جديدة", timeout=PATIENCE)
        expect(page.locator("#question textarea")).to_have_attribute(
            "placeholder", "اسأل عن هذه الصورة بالعربية أو الإنجليزية"
        )
        expect(page.locator("article.turn")).to_have_count(0)
        assert asked[OLD] not in page.url
        assert room.trouble == []


def test_of_two_quick_clicks_on_a_language_the_second_counts_everywhere(room: Room) -> None:
    page = room.page
    page.locator("#language input[value=ar]").check(force=True)
    page.locator("#language input[value=en]").check(force=True)
    page.wait_for_timeout(3_000)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#language input[value=en]")).to_be_checked()
    expect(page.locator("#new-conversation")).to_have_text("New conversation")
    expect(page.locator("#question textarea")).to_have_attribute(
        "placeholder", "Ask about this image, in English or Arabic"
    )
