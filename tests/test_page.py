"""The main job in a real browser, in each language, on a real DICOM file, through a restart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydicom.data import get_testdata_file

from tests.page import PATIENCE, Room, browser_page
from tests.serving import ROOT, Program

CT = Path(str(get_testdata_file("CT_small.dcm")))
MR = Path(str(get_testdata_file("MR_small.dcm")))
RADIOGRAPH = ROOT / "assets" / "samples" / "chest-radiograph.png"
PATIENT = "CompressedSamples"  # PatientName of both files: must never be seen again


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("program") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


@pytest.mark.parametrize(
    ("code", "direction", "kind", "body", "named", "parts"),
    [
        ("en", "ltr", "What kind of image is this?", "Which body part is shown?", "CT", "chest|abdomen|head|brain"),
        ("ar", "rtl", "ما نوع هذه الصورة؟", "أي جزء من الجسم يظهر؟", "مقطعي", "الصدر|البطن|الرأس|الدماغ"),
    ],
)
def test_a_real_ct_is_asked_answered_rated_and_found_again_after_a_restart(
    program: Program, page: Page, code: str, direction: str, kind: str, body: str, named: str, parts: str
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    expect(page.locator("html")).to_have_attribute("dir", direction)
    room.upload(CT)
    room.wait_for_image()
    expect(page.locator("#facts")).to_contain_text("CT" if code == "en" else "مقطعي")

    first = room.ask(kind)
    assert named in room.answer(first)
    assert first.locator(".question-picture img").count() == 1, "the message keeps the picture the model saw"
    second = room.ask(body)
    assert re.search(parts, room.answer(second)), "which part is the model's to get right; that it names one is not"
    assert second.locator(".question-picture img").count() == 0, "the same picture is not sent twice"

    second.locator(".rate-action").click()
    second.locator("[data-thumb=up]").click()
    second.locator("[data-reason=clear]").click()
    second.locator(".rating textarea").fill("good / جيد")
    second.locator(".rating [type=submit]").click()
    expect(second.locator(".kept")).to_be_visible()
    address = page.url

    program.stop()
    program.start()
    page.goto(program.url)
    page.wait_for_function("window.basira !== undefined")
    expect(page.locator("html")).to_have_attribute("lang", code)
    page.locator("#conversations .title", has_text=kind).first.click()
    expect(page.locator("article.turn")).to_have_count(2, timeout=PATIENCE)
    assert page.url == address
    room.wait_for_image()
    assert named in page.locator("article.turn .answer-text").first.inner_text()
    page.locator("article.turn").nth(1).locator(".rate-action").click()
    expect(page.locator("[data-thumb=up]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".rating textarea")).to_have_value("good / جيد")

    assert room.foreign_requests() == []
    assert room.trouble == []
    assert PATIENT not in page.content()
    assert PATIENT not in program.log


def test_the_answer_depends_on_the_image_and_a_new_image_adds_to_the_conversation(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.upload(CT)
    room.wait_for_image()
    assert "CT" in room.answer(room.ask("What kind of image is this?"))
    room.upload(RADIOGRAPH)
    expect(page.locator("#facts")).to_contain_text("Picture", timeout=PATIENCE)
    assert page.locator("article.turn").count() == 1, "the new image must not wipe the conversation"
    assert "radiograph" in room.answer(room.ask("What kind of image is this?"))


@pytest.mark.parametrize("question", ["ما نوع هذه الصورة؟", "What kind of image is this?"])
def test_a_real_mr_is_called_one_also_after_a_ct(program: Program, page: Page, question: str) -> None:
    room = Room(page, program.url).open()
    for file, named in ((CT, "CT"), (MR, "MR")):
        room.upload(file)
        expect(page.locator("#facts")).to_contain_text(named, timeout=PATIENCE)
        said = room.answer(room.ask(question))
        assert "CT" in said or "MR" in said
    assert "MR" in said


@pytest.mark.parametrize(("code", "rated"), [("en", "Rated"), ("ar", "قُيِّمت")])
def test_a_rating_of_an_earlier_answer_is_seen_at_once(program: Program, page: Page, code: str, rated: str) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    first = room.ask("hello" if code == "en" else "مرحبًا")
    label = first.locator(".rate-action")
    before = label.inner_text()
    second = room.ask("What kind of image is this?")
    label.click()
    first.locator("[data-thumb=up]").click()
    first.locator(".rating [type=submit]").click()
    expect(label).to_have_text(rated)
    expect(second.locator(".rate-action")).to_have_text(before)
    label.click()
    expect(first.locator("[data-thumb=up]")).to_have_attribute("aria-pressed", "true")


def test_a_question_can_be_answered_again_in_the_place_of_its_answer(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.upload(CT)
    room.wait_for_image()
    first = room.ask("Describe this image.").get_attribute("data-turn")
    page.locator("#regenerate").click()
    expect(page.locator("article.turn[data-status=complete]")).to_have_count(1, timeout=PATIENCE)
    expect(page.locator(f"article.turn[data-turn='{first}']")).to_have_count(0, timeout=PATIENCE)
    assert page.locator("article.turn").count() == 1, "answering again replaces the turn"


def test_the_last_question_can_be_edited(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    room.upload(CT)
    room.wait_for_image()
    turn = room.ask("Which body part is shown?")
    turn.get_by_role("button", name="Edit question").click()
    box = page.locator("#question textarea")
    expect(box).to_have_value("Which body part is shown?")
    box.fill("What kind of image is this?")
    box.press("Enter")
    expect(page.locator(".question-text", has_text="What kind of image is this?")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("article.turn[data-status=complete]")).to_have_count(1, timeout=PATIENCE)


def test_shift_enter_makes_a_line_and_an_empty_question_says_so(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    box = page.locator("#question textarea")
    box.fill("one")
    box.press("Shift+Enter")
    box.type("two")
    expect(box).to_have_value("one\ntwo")
    box.fill("")
    page.locator("#send").click()
    expect(page.locator("#notice")).to_contain_text("no question")
    room.speak("ar")
    expect(page.locator("#notice")).to_contain_text("سؤال")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.dcm"),
        (b"not an image at all, just words", "words.txt"),
        (CT.read_bytes()[:900], "cut.dcm"),
    ],
    ids=["empty", "rubbish", "truncated"],
)
def test_rubbish_gets_a_sentence_in_both_languages_and_the_conversation_goes_on(
    program: Program, page: Page, tmp_path: Path, content: bytes, name: str
) -> None:
    room = Room(page, program.url).open()
    page.locator("#question textarea").fill("typed before")
    file = tmp_path / name
    file.write_bytes(content)
    room.upload(file)
    expect(page.locator("#notice .notice-text")).not_to_be_empty(timeout=PATIENCE)
    english = page.locator("#notice .notice-text").inner_text()
    assert name not in english
    assert not re.search(r"Error|Traceback|Exception", english)
    room.speak("ar")
    assert re.search("[ء-ي]{3}", page.locator("#notice .notice-text").inner_text())
    expect(page.locator("#question textarea")).to_have_value("typed before")
    room.upload(CT)
    room.wait_for_image()


def test_of_several_files_the_refused_ones_are_named_on_the_page_and_nowhere_else(
    program: Program, page: Page, tmp_path: Path
) -> None:
    room = Room(page, program.url).open()
    (tmp_path / "MUSTERMANN-empty.dcm").touch()
    (tmp_path / "MUSTERMANN-words.txt").write_text("words")
    room.upload(CT, tmp_path / "MUSTERMANN-empty.dcm", tmp_path / "MUSTERMANN-words.txt")
    notices = page.locator("#notice .notice-text p")
    expect(notices).to_have_count(2, timeout=PATIENCE)
    named = ["MUSTERMANN-words.txt", "MUSTERMANN-empty.dcm"]  # the newest stands first
    assert [text.split()[0] for text in notices.all_inner_texts()] == named
    room.wait_for_image()
    assert "MUSTERMANN" not in program.log


def test_switching_the_language_changes_every_label_without_a_reload(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    page.evaluate("window.notReloaded = true")
    room.speak("ar")
    for selector, words in {
        "#new-conversation": "محادثة جديدة",
        "#send": "إرسال",
        "#masthead": "ليس للتشخيص",
        "#chat": "اسأل عن صورة طبية",
    }.items():
        expect(page.locator(selector)).to_contain_text(words)
    expect(page.locator("#question textarea")).to_have_attribute("placeholder", re.compile("[ء-ي]"))
    assert page.evaluate("window.notReloaded") is True
    shelf, talk = page.locator("#shelf").bounding_box(), page.locator("#talk").bounding_box()
    assert shelf is not None
    assert talk is not None
    assert shelf["x"] > talk["x"], "in Arabic the shelf stands on the right"
    assert page.locator(".bv-stage").get_attribute("dir") == "ltr", "the image is never mirrored"
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "ar")


@pytest.mark.parametrize("code", ["en", "ar"])
def test_a_phone_shows_image_conversation_and_question_box_without_sideways_scrolling(
    program: Program, code: str
) -> None:
    with browser_page(390, 844, has_touch=True, is_mobile=True) as phone:
        room = Room(phone, program.url).open()
        room.speak(code)
        room.upload(CT)
        room.wait_for_image()
        for selector in ("#viewer canvas", "#chat", "#question textarea", "#send"):
            box = phone.locator(selector).first.bounding_box()
            assert box is not None
            assert box["width"] > 0
            assert 0 <= box["x"] < 390
            assert box["y"] + min(box["height"], 20) <= 844, f"{selector} is out of reach"
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        phone.locator(".shelf-button").click()
        expect(phone.locator("#new-conversation")).to_be_visible()


def test_a_sample_can_be_tried_with_one_click(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    page.locator(".sample").first.click()
    room.wait_for_image()
    assert room.answer(room.ask("What kind of image is this?"))


def test_an_injected_answer_or_question_runs_nothing_and_calls_nobody(program: Program, page: Page) -> None:
    room = Room(page, program.url).open()
    turn = room.ask('<img src="https://evil.example/x.png" onerror="window.hacked=1">${window.hacked=2}')
    assert page.evaluate("window.hacked") is None
    assert "<img" in turn.locator(".question-text").inner_text()
    assert room.foreign_requests() == []
