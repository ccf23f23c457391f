"""Rating on the page: half of one is kept, one taken back is called so, and the answer stays in sight meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydicom.data import get_testdata_file

from storage import Store
from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

CT = Path(str(get_testdata_file("CT_small.dcm")))
TAKE_BACK = {"en": "Take the rating back", "ar": "سحب التقييم"}
TAKEN_BACK = {"en": "Your rating is taken back.", "ar": "سُحب تقييمك."}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("rating") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def exported(program: Program, turn: str) -> dict[str, object]:
    with Store(program.data) as store:
        (line,) = [line for line in store.export("local") if line["turn"] == turn]
    return json.loads(json.dumps(line))


@pytest.mark.parametrize("code", ["en", "ar"])
def test_a_half_written_rating_outlives_its_form_and_a_reload_and_is_called_taken_back_when_it_is(
    program: Program, page: Page, code: str
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    turn = room.ask("hello" if code == "en" else "مرحبًا")
    form, action = turn.locator(".rating"), turn.locator(".rate-action")
    action.click()
    form.locator("[data-thumb=down]").click()
    form.locator("[data-reason=unclear]").click()
    form.locator("textarea").fill("half a thought / نصف فكرة")
    action.click()
    expect(form).to_have_count(0)
    action.click()
    expect(form.locator("textarea")).to_have_value("half a thought / نصف فكرة")
    page.reload()
    room.finished(turn)
    action.click()
    expect(form.locator("[data-thumb=down]")).to_have_attribute("aria-pressed", "true")
    expect(form.locator("[data-reason=unclear]")).to_have_attribute("aria-pressed", "true")
    expect(form.locator("textarea")).to_have_value("half a thought / نصف فكرة")
    form.locator("[type=submit]").click()
    expect(turn.locator(".kept")).to_be_visible()
    turn_id = turn.get_attribute("data-turn") or ""
    rating = exported(program, turn_id)["rating"]
    assert isinstance(rating, dict)
    assert (rating["thumb"], rating["reasons"]) == ("down", ["unclear"])

    action.click()
    form.locator("[data-thumb=down]").click()
    expect(form.locator("[type=submit]")).to_have_text(TAKE_BACK[code])
    form.locator("[type=submit]").click()
    expect(turn.locator(".kept")).to_have_text(TAKEN_BACK[code])
    assert exported(program, turn_id)["rating"] is None
    assert exported(program, turn_id)["rating_taken_back"]
    action.click()
    expect(form.locator("textarea")).to_have_value("")
    expect(form.locator("[aria-pressed=true]")).to_have_count(0)


@pytest.mark.parametrize("code", ["en", "ar"])
def test_on_a_phone_the_answer_stays_in_sight_while_it_is_rated(program: Program, page: Page, code: str) -> None:
    assert page.context.browser is not None
    with page.context.browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    ) as context:
        phone = context.new_page()
        phone.set_default_timeout(PATIENCE)
        room = Room(phone, program.url).open()
        room.speak(code)
        room.upload(CT)
        room.wait_for_image()
        room.ask("hello" if code == "en" else "مرحبًا")
        turn = room.ask("What kind of image is this?" if code == "en" else "ما نوع هذه الصورة؟")
        turn.locator(".rate-action").tap()
        turn.locator("[data-thumb=down]").tap()
        turn.locator(".rating textarea").fill("a word\nand another")
        answer = turn.locator(".answer-text")
        expect(answer).to_be_in_viewport(ratio=1)
        on_top = """it => {
          const { left, top, width, height } = it.getBoundingClientRect();
          return it.contains(document.elementFromPoint(left + width / 2, top + height / 2));
        }"""
        assert answer.evaluate(on_top), "nothing may lie over it"
        expect(phone.locator("#viewer canvas")).to_be_in_viewport()
        expect(turn.locator(".rating [type=submit]")).to_be_in_viewport(ratio=1)
        turn.locator(".rating [type=submit]").tap()
        expect(turn.locator(".kept")).to_be_visible()
        expect(phone.locator("#question textarea")).to_be_visible()
