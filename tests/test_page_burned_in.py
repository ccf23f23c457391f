"""The note about text in an image, its boxes and the masking of them, in a real browser and both languages."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from app.frames import unpack
from dicom import text_detector
from storage import Store
from tests.page import PATIENCE, Room, browser_page
from tests.serving import Program
from tests.written import ARABIC, LATIN, extent, ground, written

pytestmark = pytest.mark.skipif(not text_detector.is_there(), reason="the text detector is not installed")
NAMED = written(LATIN, ARABIC, size=20)
LEFT, TOP, RIGHT, BOTTOM = extent(ground(), NAMED)
MARKED = """() => [...document.querySelectorAll('.bv-mark-text')].map((mark) => {
    const stage = mark.closest('.bv-stage').getBoundingClientRect(), box = mark.getBoundingClientRect();
    return [box.left - stage.left, box.top - stage.top, box.right - stage.left, box.bottom - stage.top];
})"""

BLACK = """([rows, columns, x, y]) => {  // around the middle of what was written; the note's height moves the image
    const canvas = document.querySelector('.bv-canvas');
    const scale = Math.min(canvas.width / columns, canvas.height / rows);
    const left = (canvas.width - columns * scale) / 2 + x * scale, top = (canvas.height - rows * scale) / 2 + y * scale;
    const seen = canvas.getContext('2d').getImageData(Math.round(left) - 60, Math.round(top) - 8, 120, 16).data;
    return seen.every((value, at) => at % 4 === 3 || value < 40);
}"""


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


def canvas(page: Page) -> np.ndarray:
    """What is drawn of the image, (height, width) grey, in CSS pixels of the stage: marks are elements over it."""
    url = page.locator(".bv-canvas").evaluate("(canvas) => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


@pytest.mark.parametrize(
    ("code", "where", "done"),
    [
        ("en", "top left", "Looked again: no text"),
        ("ar", "أعلى اليسار", "أُعيد البحث فلم يُرَ"),
    ],
)
def test_text_in_an_image_is_marked_where_it_stands_and_masked_with_one_click(
    program: Program, page: Page, tmp_path: Path, code: str, where: str, done: str
) -> None:
    Image.fromarray(NAMED).save(tmp_path / "screenshot.png")
    room = Room(page, program.url).open()
    room.speak(code)
    room.upload(tmp_path / "screenshot.png")
    room.wait_for_image()
    note = page.locator(".burned")
    expect(note).to_contain_text(where, timeout=PATIENCE)

    drawn = canvas(page)
    assert (drawn.max(axis=2) == drawn.min(axis=2)).all(), "the amber boxes lie over the canvas, not in it"
    scale = min(drawn.shape[1] / NAMED.shape[1], drawn.shape[0] / NAMED.shape[0])
    x = (drawn.shape[1] - NAMED.shape[1] * scale) / 2
    y = (drawn.shape[0] - NAMED.shape[0] * scale) / 2
    boxes = page.evaluate(MARKED)
    for corner, wanted in zip(edges(boxes), (LEFT * scale + x, TOP * scale + y), strict=False):
        assert abs(corner - wanted) < 20 * scale
    page.locator(".bv-stage").press("+")
    page.wait_for_function(f"JSON.stringify(({MARKED})()) !== {str(boxes).replace(' ', '')!r}")
    zoomed = page.evaluate(MARKED)
    assert zoomed[0][2] - zoomed[0][0] > 1.05 * (boxes[0][2] - boxes[0][0]), "the boxes grow with the image"
    page.locator("[data-action=fit]").click()

    page.locator(".burned-corners").hover()
    expect(page.locator(".bv-mark-band")).to_have_count(4)
    page.locator(".burned-hide").hover()
    expect(page.locator(".bv-mark-band")).to_have_count(0)

    page.locator(".burned-mask").click()
    expect(note).to_contain_text(done, timeout=PATIENCE)
    expect(page.locator(".bv-mark")).to_have_count(0)
    page.wait_for_function(BLACK, arg=[*NAMED.shape, (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2])
    assert room.trouble == []

    page.reload()
    expect(page.locator("#facts")).not_to_have_text("", timeout=PATIENCE)
    expect(note).to_be_hidden()
    with Store(program.data) as store:
        (series,) = store.series_of("local", page.url.rsplit("/", 1)[1])
        assert series.descriptor["text"]["state"] == "clear"
        kept = unpack(*store.frame("local", series.id, 0)).samples
    ink = ground().astype(int) + 100 < NAMED
    assert (kept[ink] < 60).mean() > 0.98, "a stroke may reach beyond its box, no letter does"


def edges(boxes: list[list[float]]) -> tuple[float, float]:
    return min(box[0] for box in boxes), min(box[1] for box in boxes)


def test_a_note_that_was_wrong_is_hidden_with_its_boxes_and_a_clean_image_has_none(
    program: Program, page: Page, tmp_path: Path
) -> None:
    Image.fromarray(NAMED[:, ::-1]).save(tmp_path / "mirrored.png")
    Image.fromarray(ground()).save(tmp_path / "clean.png")
    room = Room(page, program.url).open()
    room.upload(tmp_path / "mirrored.png")
    expect(page.locator(".burned")).to_be_visible(timeout=PATIENCE)
    page.locator(".burned-hide").click()
    expect(page.locator(".burned")).to_be_hidden()
    expect(page.locator(".bv-mark")).to_have_count(0)
    with page.expect_response("**/text") as looked:
        room.upload(tmp_path / "clean.png")
    assert looked.value.ok
    page.wait_for_timeout(100)
    expect(page.locator(".burned")).to_be_hidden()


def test_a_series_that_could_not_be_looked_at_is_looked_at_when_it_is_opened_again(
    program: Program, page: Page, tmp_path: Path
) -> None:
    Image.fromarray(NAMED).save(tmp_path / "screenshot.png")
    room = Room(page, program.url).open()
    room.upload(tmp_path / "screenshot.png")
    room.wait_for_image()
    expect(page.locator(".burned")).to_contain_text("top left", timeout=PATIENCE)
    program.stop()
    with Store(program.data) as store:
        (series,) = store.series_of("local", page.url.rsplit("/", 1)[1])
        unlooked = {
            "state": "unlooked",
            "places": [],
            "sentence": {"en": "Not yet.", "ar": "ليس بعد."},
            "corners": False,
        }
        store.amend_series("local", series.id, {"text": unlooked})
    program.start()
    page.reload()
    expect(page.locator(".burned")).to_contain_text("top left", timeout=PATIENCE)
