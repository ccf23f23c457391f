"""Files on their way: the first picture long before the last byte, and what a reader may do meanwhile."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from tests.dicom_files import make_ct, make_dataset, to_bytes
from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program

SLICES = 9
ON_SCREEN = "document.querySelector('.bv-corners:not([hidden])') !== null"
CANVAS = "document.querySelector('.bv-canvas').toDataURL()"
REST = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("arrival") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_ct(tmp_path_factory.mktemp("stack"), SLICES, side=64)


def held(page: Page) -> list[Route]:
    """The page's uploads, kept waiting until a test lets them go on."""
    waiting: list[Route] = []
    page.route("**/api/upload?*", lambda route: waiting.append(route))
    return waiting


def rows(program: Program, table: str) -> int:
    with sqlite3.connect(program.data / "basira.sqlite3") as record:
        return int(record.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_the_first_slice_is_on_the_screen_while_all_files_still_wait_and_stays_there_when_they_come(
    program: Program, page: Page, stack: list[Path]
) -> None:
    room = Room(page, program.url).open()
    waiting = held(page)
    room.upload(*stack)
    page.wait_for_function(ON_SCREEN)
    expect(page.locator(".reading-progress")).to_contain_text("Cancel")
    expect(page.locator(".place-seen")).to_contain_text("the image is being read")
    before = page.evaluate(f"{REST}.then(() => {CANVAS})")
    waiting[0].continue_()
    expect(page.locator("[data-corner=slice]")).to_have_text(f"{SLICES // 2 + 1} / {SLICES}", timeout=PATIENCE)
    expect(page.locator(".reading-progress")).to_be_hidden(timeout=PATIENCE)
    assert page.evaluate(f"{REST}.then(() => {CANVAS})") == before, "nothing on the image moved"
    assert room.trouble == []


def test_a_question_about_a_picture_that_is_not_in_the_record_yet_is_held_and_its_words_stay(
    program: Program, page: Page, stack: list[Path]
) -> None:
    room = Room(page, program.url).open()
    waiting = held(page)
    room.upload(*stack)
    page.wait_for_function(ON_SCREEN)
    box = page.locator("#question textarea")
    box.fill("What is this?")
    box.press("Enter")
    expect(page.locator("#notice")).to_contain_text("still on its way")
    expect(box).to_have_value("What is this?")
    expect(page.locator("article.turn")).to_have_count(0)
    waiting[0].continue_()
    expect(page.locator("[data-corner=slice]")).not_to_have_text("", timeout=PATIENCE)
    turn = room.begin("What is this?")
    expect(turn.locator(".question-picture")).to_contain_text(f"slice {SLICES // 2 + 1}")


def test_a_window_chosen_before_the_rest_has_come_stays_chosen(program: Program, page: Page, stack: list[Path]) -> None:
    room = Room(page, program.url).open()
    waiting = held(page)
    room.upload(*stack)
    page.wait_for_function(ON_SCREEN)
    window = page.locator("[data-corner=window]")
    opened_with = window.inner_text()
    page.locator("[data-preset=bone]").click()
    expect(window).not_to_have_text(opened_with)  # drawn with the next frame of the browser
    chosen = window.inner_text()
    waiting[0].continue_()
    expect(page.locator("[data-corner=slice]")).not_to_have_text("", timeout=PATIENCE)
    assert window.inner_text() == chosen


@pytest.mark.parametrize("moment", ["sending", "reading"])
def test_cancelling_leaves_nothing_on_the_page_nor_in_the_record(
    program: Program, page: Page, stack: list[Path], moment: str
) -> None:
    room = Room(page, program.url).open()
    before = rows(program, "series"), rows(program, "frames")
    if moment == "sending":
        held(page)
        room.upload(*stack)
        page.wait_for_function(ON_SCREEN)
    else:
        room.upload(*make_ct(program.data.parent / "many", 150))  # enough to be still being read
        expect(page.locator("[data-corner=slice]")).not_to_have_text("", timeout=PATIENCE)
    page.locator(".cancel-reading").click()
    expect(page.locator("#notice")).to_contain_text("Cancelled", timeout=PATIENCE)
    expect(page.locator(".bv-empty")).to_be_visible()
    expect(page.locator(".place-seen img")).to_be_hidden()
    assert (rows(program, "series"), rows(program, "frames")) == before
    assert not list((program.data / "temporary").glob("*/upload-*")), "the files are gone as well"
    page.unroute_all(behavior="ignoreErrors")
    room.upload(*stack)
    expect(page.locator("[data-corner=slice]")).to_have_text(f"{SLICES // 2 + 1} / {SLICES}", timeout=PATIENCE)


def test_what_is_kept_is_the_same_with_and_without_a_first_look(
    program: Program, page: Page, stack: list[Path]
) -> None:
    room = Room(page, program.url).open()
    room.upload(*stack)
    expect(page.locator("[data-corner=slice]")).not_to_have_text("", timeout=PATIENCE)
    expect(page.locator(".reading-progress")).to_be_hidden(timeout=PATIENCE)
    page.locator("#new-conversation").click()
    expect(page.locator(".bv-empty")).to_be_visible()
    page.route("**/api/preview", lambda route: route.abort())
    room.upload(*stack)
    expect(page.locator("[data-corner=slice]")).not_to_have_text("", timeout=PATIENCE)
    expect(page.locator(".reading-progress")).to_be_hidden(timeout=PATIENCE)
    with sqlite3.connect(program.data / "basira.sqlite3") as record:
        found = record.execute("SELECT id, descriptor, facts FROM series ORDER BY created_at DESC LIMIT 2").fetchall()
        frames = [
            record.execute(
                "SELECT number, meta, blob FROM frames WHERE series_id = ? ORDER BY number", one[:1]
            ).fetchall()
            for one in found
        ]
    kept = [(json.loads(descriptor), facts) for _, descriptor, facts in found]
    for descriptor, _ in kept:
        descriptor.pop("text", None)  # whether text was looked for by now, which is done when there is time
    assert kept[0] == kept[1]
    assert frames[0] == frames[1]
    assert len(frames[0]) == SLICES


def test_a_file_that_is_no_picture_is_told_as_before_and_leaves_no_first_look(
    program: Program, page: Page, tmp_path: Path
) -> None:
    room = Room(page, program.url).open()
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("no picture")
    room.upload(*sorted(tmp_path.iterdir()))
    expect(page.locator("#notice")).to_contain_text("a.txt", timeout=PATIENCE)
    expect(page.locator(".bv-empty")).to_be_visible()


def test_a_large_jpeg_2000_shows_a_reduced_picture_first_and_the_model_gets_the_whole(
    program: Program, page: Page, tmp_path: Path
) -> None:
    rows_, columns = 2400, 2002
    steps = np.add.outer(np.arange(rows_) // 8, np.arange(columns) // 8).astype(np.uint16) * 7
    noise = np.random.default_rng(14).integers(0, 40, steps.shape).astype(np.uint16)
    dataset = make_dataset(steps + noise, Modality="DX", window=(2000, 4000), PixelSpacing=[0.1, 0.1])
    dataset.PixelData = encapsulate([imagecodecs.jpeg2k_encode(steps + noise, codecformat="j2k", reversible=True)])
    dataset["PixelData"].VR = "OB"
    path = tmp_path / "large.dcm"
    path.write_bytes(to_bytes(dataset, syntax=JPEG2000Lossless))
    assert path.stat().st_size > 1 << 20
    room = Room(page, program.url).open()
    waiting = held(page)
    with page.expect_response("**/api/preview") as answered:
        room.upload(path)
    header = json.loads(answered.value.headers["x-basira-frame"])
    assert header["whole"] == [rows_, columns]
    assert (header["rows"], header["columns"]) == (1200, 1001)
    page.wait_for_function(ON_SCREEN)
    scale = page.locator(".bv-scale").bounding_box()
    box = page.locator(".bv-canvas").bounding_box()
    waiting[0].continue_()
    room.wait_for_image()
    expect(page.locator(".place-seen")).to_contain_text("this view", timeout=PATIENCE)
    page.wait_for_function("document.querySelector('.basira-viewer:not(.bv-loading)') !== null")
    assert page.locator(".bv-scale").bounding_box() == scale
    assert page.locator(".bv-canvas").bounding_box() == box
    turn = room.ask("What kind of image is this?")
    turn.locator(".thumbnail img").wait_for()
    size = page.evaluate(
        "src => createImageBitmap(src).then(({ width, height }) => [height, width])",
        page.locator("article.turn .thumbnail img").element_handle(),
    )
    assert size == [rows_, columns]
