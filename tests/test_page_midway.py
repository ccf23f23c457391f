"""What happens on the page while an answer or an upload is still on its way. The model is a tiny random Llava whose
answers are nonsense and long, so that there is a midway."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.data import get_testdata_file
from safetensors.torch import load_file, save_file

from tests.checkpoints import make_llava
from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))


def never_ending(checkpoint: Path) -> Path:
    """Make every special token, the end among them, as good as impossible."""
    specials = [token["id"] for token in json.loads((checkpoint / "tokenizer.json").read_bytes())["added_tokens"]]
    path = checkpoint / "model.safetensors"
    weights = load_file(path)
    (head,) = (name for name in weights if name.endswith("lm_head.weight"))
    weights[head][specials] = 0
    save_file(weights, path, metadata={"format": "pt"})
    return checkpoint


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("midway")
    model = never_ending(make_llava(folder / "model", text={"num_hidden_layers": 24}))
    # Warm, so that it does not run in a circle: such an answer is ended early.
    environment = {"BASIRA_MODEL": str(model), "BASIRA_QUANTIZATION": "fp32", "BASIRA_MAX_NEW_TOKENS": "900"}
    running = Program(
        folder / "data", {**environment, "BASIRA_SEED": "3", "BASIRA_TEMPERATURE": "0.3", "OMP_NUM_THREADS": "1"}
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def growing(turn: Locator) -> str:
    """The answer once some of it is there."""
    expect(turn.locator(".answer-text")).not_to_be_empty(timeout=PATIENCE)
    return turn.locator(".answer-text").inner_text()


def test_stop_acts_within_half_a_second_and_keeps_what_was_shown(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    turn = room.begin("Tell me everything")
    growing(turn)
    pressed = time.monotonic()
    page.locator("#stop").click()
    expect(turn).to_have_attribute("data-status", "stopped", timeout=5_000)
    assert time.monotonic() - pressed < 2.5, "half a second, and two for a browser on shared cores"
    shown = room.answer(turn)
    assert shown
    page.reload()
    expect(page.locator("article.turn .answer-text")).to_have_text(shown, timeout=PATIENCE)
    expect(page.locator("#send")).to_be_visible()
    page.locator("#regenerate").click()
    growing(page.locator("article.turn[data-status=running]"))
    page.locator("#stop").click()
    expect(page.locator("article.turn[data-status=stopped]")).to_have_count(1, timeout=PATIENCE)
    assert page.locator("article.turn").count() == 1, "answering again replaces the stopped turn"


# A second press of the pointer as soon as Stop stands where Send was: sooner than any hand, on however busy a machine.
PRESS_AGAIN = """() => new MutationObserver((_, watching) => {
  if (document.documentElement.dataset.answering !== "yes") return;
  watching.disconnect();
  const click = () => new MouseEvent("click", { bubbles: true, detail: 1 });
  const press = () => document.querySelector("#stop").dispatchEvent(click());
  press();
  setTimeout(press, 150);
  window.pressedAgain = true;
}).observe(document.documentElement, { attributes: true })"""


def test_a_double_click_on_send_does_not_stop_the_answer(program: Program, page: Page) -> None:
    Room(page, program.url).open()
    for nth in range(2):  # in a new conversation, which has to be made first, and in one that is there
        page.evaluate(PRESS_AGAIN)
        page.locator("#question textarea").fill("Sent by a double click")
        page.locator("#send").dblclick()
        turn = page.locator("article.turn").nth(nth)
        growing(turn)
        assert page.evaluate("window.pressedAgain")
        expect(turn).to_have_attribute("data-status", "running")
        expect(page.locator("#notice .notice")).to_be_hidden()
        page.wait_for_timeout(700)
        page.locator("#stop").click()
        expect(turn).to_have_attribute("data-status", "stopped", timeout=5_000)
    expect(page.locator("article.turn")).to_have_count(2)


def test_a_key_stops_at_once_also_after_a_click_on_send(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    growing(room.begin("First, so that the conversation is there"))
    page.locator("#stop").click()
    expect(page.locator("article.turn")).to_have_attribute("data-status", "stopped", timeout=PATIENCE)
    page.evaluate(PRESS_AGAIN.replace("detail: 1", "detail: 0"))  # as a key presses a button
    page.locator("#question textarea").fill("Sent by a click")
    page.locator("#send").click()
    expect(page.locator("article.turn").nth(1)).to_have_attribute("data-status", "stopped", timeout=PATIENCE)


@pytest.mark.parametrize(("code", "question"), [("en", "Describe this image."), ("ar", "صف هذه الصورة.")])
def test_an_answer_about_a_real_ct_grows_and_what_was_shown_when_it_was_stopped_is_stored(
    program: Program, page: Page, code: str, question: str
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    room.upload(CT)
    room.wait_for_image()
    turn = room.begin(question)
    early = growing(turn)
    assert early
    longer_than(page, early)
    assert turn.get_attribute("data-status") == "running", "it must grow before it is complete"
    page.locator("#stop").click()
    expect(turn).to_have_attribute("data-status", "stopped", timeout=PATIENCE)
    shown = room.answer(turn)
    assert len(shown) > len(early)
    conversation = page.url.rsplit("/", 1)[1]
    with contextlib.closing(sqlite3.connect(program.data / "basira.sqlite3")) as record:
        kept = record.execute("SELECT status, answer FROM turns WHERE conversation_id = ?", [conversation]).fetchall()
    assert [status for status, _ in kept] == ["stopped"]
    assert kept[0][1].strip()
    page.reload()
    expect(turn).to_have_attribute("data-status", "stopped", timeout=PATIENCE)
    assert room.answer(turn) == shown


def test_another_conversation_can_be_opened_while_one_is_being_answered(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    first = room.begin("The first conversation")
    growing(first)
    page.locator("#new-conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    page.wait_for_timeout(800)  # ten beats of the other answer
    expect(page.locator("article.turn")).to_have_count(0)
    assert not page.url.endswith("/c/")
    second = room.begin("The second conversation")
    expect(second.locator(".question-text")).to_have_text("The second conversation")
    page.go_back()
    page.go_back()
    expect(page.locator(".question-text")).to_have_text("The first conversation", timeout=PATIENCE)
    room.finished(page.locator("article.turn"))


def test_erasing_the_conversation_being_answered_leaves_an_empty_room_and_no_error(
    program: Program, page: Page
) -> None:
    room = Room(page, program.url).open()
    growing(room.begin("To be erased"))
    page.locator(".shelf-item", has_text="To be erased").locator(".erase").click(force=True)
    expect(page.locator("article.turn")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator("#conversations .title", has_text="To be erased")).to_have_count(0)
    page.wait_for_timeout(500)
    expect(page.locator("#notice .notice")).to_be_hidden()
    expect(page.locator("#question textarea")).to_have_value("")
    expect(page.locator("#send")).to_be_visible()


def test_two_uploads_in_a_row_go_to_one_conversation(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.upload(CT)
    room.upload(MR)
    expect(page.locator("#viewer .bv-thumb")).to_have_count(2, timeout=PATIENCE)
    room.ask("Both?")
    assert len(set(re.findall("/c/([0-9a-f-]+)", " ".join(room.requests)))) <= 1
    address = page.url
    page.reload()
    expect(page.locator("#viewer .bv-thumb")).to_have_count(2, timeout=PATIENCE)
    assert page.url == address


def test_a_pasted_and_a_dropped_file_are_read_like_a_chosen_one(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    give = """([bytes, kind]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], "x"));
      const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector("#question textarea").dispatchEvent(event);
    }"""
    page.evaluate(give, [list(CT.read_bytes()), "paste"])
    room.wait_for_image()
    page.evaluate(give, [list(MR.read_bytes()), "drop"])
    expect(page.locator("#facts")).to_contain_text("MR", timeout=PATIENCE)


def test_a_question_typed_but_not_sent_outlives_a_reload(program: Program, page: Page) -> None:
    Room(page, program.url).open()
    page.locator("#question textarea").fill("half a ques")
    page.reload()
    expect(page.locator("#question textarea")).to_have_value("half a ques", timeout=PATIENCE)


def test_what_is_typed_during_an_answer_stays_when_it_ends(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    turn = room.begin("First")
    growing(turn)
    page.locator("#question textarea").fill("the next one")
    page.locator("#stop").click()
    room.finished(turn)
    expect(page.locator("#question textarea")).to_have_value("the next one")


def test_a_question_sent_during_an_answer_is_refused_with_a_sentence_and_stays_in_the_box(
    program: Program, page: Page
) -> None:
    room = Room(page, program.url).open()
    turn = room.begin("First of two")
    growing(turn)
    box = page.locator("#question textarea")
    box.fill("too early")
    box.press("Enter")
    expect(page.locator("#notice .notice-text")).to_contain_text("still being written")
    page.wait_for_timeout(500)  # several beats of the running answer
    expect(box).to_have_value("too early")
    page.locator("#stop").click()
    room.finished(turn)
    expect(box).to_have_value("too early")
    second = page.locator("article.turn").nth(1)
    box.press("Enter")
    growing(second)
    expect(page.locator("#notice .notice")).to_be_hidden()
    page.locator("#stop").click()
    room.finished(second)
    expect(page.locator("article.turn")).to_have_count(2)


def test_the_shelf_can_be_clicked_while_an_answer_grows(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    growing(room.begin("Something earlier"))
    page.locator("#stop").click()
    room.finished(page.locator("article.turn"))
    page.locator("#new-conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    growing(room.begin("Something now"))
    page.locator("#conversations .title", has_text="Something earlier").first.click(delay=200)
    expect(page.locator(".question-text")).to_have_text("Something earlier")


def test_a_second_tab_follows_an_answer_and_can_stop_it(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    growing(room.begin("Seen from two tabs"))
    other = Room(page.context.new_page(), program.url)
    other.open(page.url.removeprefix(program.url))
    before = growing(other.page.locator("article.turn"))
    expect(other.page.locator(".answer-text")).not_to_have_text(before, timeout=PATIENCE)
    other.page.locator("#stop").click()
    expect(other.page.locator("#send")).to_be_visible(timeout=PATIENCE)
    expect(other.page.locator("article.turn")).to_have_attribute("data-status", "stopped")


def longer_than(page: Page, text: str) -> None:
    """Until the answer on the page has grown well beyond `text`."""
    longer = "([before]) => document.querySelector('article.turn .answer-text')?.innerText.length > before"
    page.wait_for_function(longer, arg=[len(text) + 10], timeout=PATIENCE)


@pytest.mark.parametrize("code", ["en", "ar"])
def test_a_reload_during_an_answer_stops_nothing_and_the_page_goes_on_showing_it(
    program: Program, page: Page, code: str
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    room.begin("Reloaded meanwhile")
    before = growing(page.locator("article.turn"))
    page.locator("#question textarea").fill("the next one")
    page.reload()
    turn = page.locator("article.turn")
    longer_than(page, before)
    expect(turn).to_have_attribute("data-status", "running")
    expect(page.locator("#question textarea")).to_have_value("the next one")
    longer_than(page, room.answer(turn))  # again and again, not only once
    page.locator("#stop").click()
    expect(turn).to_have_attribute("data-status", "stopped", timeout=PATIENCE)
    shown = room.answer(turn)
    page.reload()
    expect(turn).to_have_attribute("data-status", "stopped", timeout=PATIENCE)
    assert room.answer(turn) == shown


def test_an_answer_whose_tab_was_closed_is_written_to_its_end(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    growing(room.begin("Closed meanwhile"))
    address = page.url.removeprefix(program.url)
    context = page.context
    page.close()
    other = Room(context.new_page(), program.url).open(address)
    turn = other.page.locator("article.turn")
    other.finished(turn)  # by itself: nothing is clicked and nothing is loaded again
    expect(turn).to_have_attribute("data-status", "truncated")  # as many words as it may write
    expect(other.page.locator("#send")).to_be_visible()


@pytest.mark.parametrize(
    ("code", "gone", "cut"),
    [("en", "not answering", "connection was lost"), ("ar", "لا تستجيب بصيرة", "انقطع الاتصال")],
)
def test_a_program_killed_during_an_answer_is_missed_within_three_seconds_and_nothing_typed_is_lost(
    program: Program, page: Page, code: str, gone: str, cut: str
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    turn = room.begin("Will be missed")
    growing(turn)
    page.locator("#question textarea").fill("typed meanwhile")
    program.stop(hard=True)
    killed = time.monotonic()
    try:
        expect(page.locator("#notice")).to_contain_text(gone, timeout=PATIENCE)
        assert time.monotonic() - killed < 3.5, "three seconds, and a half for shared cores"
        expect(page.locator("#send")).to_be_visible()
        expect(turn.locator(".ended")).to_contain_text(cut)
        assert room.answer(turn)
        page.locator("#notice .icon-button").click()
        box = page.locator("#question textarea")
        box.press("Enter")
        expect(page.locator("#notice")).to_contain_text(gone, timeout=3_000)
        expect(box).to_have_value("typed meanwhile")
    finally:
        program.start()
    expect(turn).to_have_attribute("data-status", "interrupted", timeout=PATIENCE)  # it comes back by itself
    expect(page.locator("#notice .notice")).to_be_hidden()
    expect(page.locator("#question textarea")).to_have_value("typed meanwhile")


def test_a_draft_outlives_the_editing_of_an_earlier_question_and_suggestions(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.upload(CT)
    room.wait_for_image()
    turn = room.begin("To be edited")
    growing(turn)
    page.locator("#stop").click()
    room.finished(turn)
    box = page.locator("#question textarea")
    box.fill("half written")
    turn.get_by_role("button", name="Edit question").click()
    expect(box).to_have_value("To be edited")
    page.get_by_role("button", name="Stop editing").click()
    expect(box).to_have_value("half written")
    suggestion = page.locator(".suggestion").first
    suggestion.click()
    expect(box).to_have_value(f"half written\n{suggestion.inner_text()}")


def test_a_killed_program_leaves_an_interrupted_turn_and_the_page_says_it_is_gone(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    turn = room.begin("Will be cut")
    growing(turn)
    page.wait_for_timeout(1500)  # one copy of the answer reaches the record every second
    address = page.url
    program.stop(hard=True)
    page.locator("#question textarea").fill("typed meanwhile")
    expect(page.locator("#notice")).to_contain_text("not answering", timeout=PATIENCE)
    page.goto("about:blank")  # a page still open would load itself anew when the program is back, in the midst of these
    program.start()
    page.goto(program.url)
    page.goto(address)
    cut = page.locator("article.turn")
    expect(cut).to_have_attribute("data-status", "interrupted", timeout=PATIENCE)
    assert room.answer(cut)
    expect(cut.locator(".ended")).to_contain_text("Interrupted")
    expect(page.locator("#question textarea")).to_have_value("typed meanwhile")
    room.begin("And again")
