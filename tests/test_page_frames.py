"""Series of several images on the page itself: words, windows and scales follow the image, in both languages."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dicom import Window, render
from tests.asking import until
from tests.dicom_files import item, make_dicom, ramp, read_frame, sequence
from tests.page import Room, browser_page
from tests.serving import Program
from tests.test_facts_of_frames import mammograms

ONE = {"SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.2"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("frames") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    with browser_page() as opened:
        yield opened


def go(page: Page, number: int) -> None:
    page.locator(".bv-slider").fill(str(number + 1))
    expect(page.locator("[data-corner=slice]")).to_contain_text(f"{number + 1} / ")


@pytest.mark.parametrize(
    ("code", "sides", "views", "question"),
    [
        ("en", ("Left", "Right"), ("Craniocaudal", "Mediolateral oblique"), "What kind of image is this?"),
        ("ar", ("الجهة اليسرى", "الجهة اليمنى"), ("رأسي ذيلي", "مائل إنسي وحشي"), "ما نوع هذه الصورة؟"),
    ],
)
def test_side_and_view_change_with_the_mammogram_everywhere_on_the_page(
    program: Program,
    page: Page,
    tmp_path: Path,
    code: str,
    sides: tuple[str, str],
    views: tuple[str, str],
    question: str,
) -> None:
    room = Room(page, program.url).open()
    room.speak(code)
    room.upload(*mammograms(tmp_path / "in"))
    room.wait_for_image()
    facts, corner, seen = page.locator("#facts"), page.locator("[data-corner=slice]"), page.locator(".seen-words")
    for number in (0, 1, 2, 3, 1):
        go(page, number)
        side, other, view = sides[number % 2], sides[1 - number % 2], views[number // 2]
        for place in (facts, corner, seen):
            expect(place).to_contain_text(side)
            expect(place).to_contain_text(view)
            expect(place).not_to_contain_text(other)
    turn = room.ask(question)
    expect(turn.locator(".question-picture")).to_contain_text(f"{sides[1]} · {views[0]}")
    page.reload()
    expect(corner).to_contain_text(sides[1])  # the view of the last question is brought back
    expect(facts).to_contain_text(sides[1])
    assert room.trouble == []


def test_a_second_radiograph_opens_with_its_own_window_and_the_model_is_shown_what_the_canvas_shows(
    program: Program, page: Page, tmp_path: Path
) -> None:
    wide, narrow = Window(2000, 4000), Window(200, 400)
    paths = [
        make_dicom(
            tmp_path / str(number), ramp(48, 96) // number, InstanceNumber=number, Modality="DX", ViewPosition=view,
            window=(window.center, window.width), bits_stored=12, ImagerPixelSpacing=[0.2, 0.2], **ONE,
        )
        for number, view, window in ((1, "PA", wide), (2, "LL", narrow))
    ]  # fmt: skip
    room = Room(page, program.url).open()
    room.speak("en")
    room.upload(*paths)
    room.wait_for_image()
    for number, window in ((0, wide), (1, narrow), (0, wide), (1, narrow)):
        go(page, number)
        expect(page.locator("[data-corner=window]")).to_contain_text(f"W {window.width:g}")
        own = np.asarray(render(read_frame(paths[number])))
        until(lambda own=own: np.array_equal(canvas(page), own))  # type: ignore[misc]  # told once the view has rested
    expect(page.locator("[data-corner=scale]")).to_contain_text("at the detector")
    turn = room.ask("What kind of image is this?")
    source = turn.locator(".question-picture img").get_attribute("src")
    png = page.evaluate(
        "async (src) => btoa(String.fromCharCode(...new Uint8Array(await (await fetch(src)).arrayBuffer())))", source
    )
    np.testing.assert_array_equal(greys(png), canvas(page))


def canvas(page: Page) -> np.ndarray[Any, Any]:
    """(rows, columns) greys of the picture beside the question: those painted, as the image itself is as small."""
    return greys(str(page.locator(".place-seen img").get_attribute("src")).partition(",")[2])


def greys(png: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L"))


def test_two_ultrasound_depths_have_their_own_scale_and_a_loop_is_told_its_pace(
    program: Program, page: Page, tmp_path: Path
) -> None:
    def depth(delta: float) -> Any:
        return sequence(
            item(
                RegionSpatialFormat=1, RegionDataType=1, RegionLocationMinX0=0, RegionLocationMinY0=0,
                RegionLocationMaxX1=199, RegionLocationMaxY1=149, PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3,
                PhysicalDeltaX=delta, PhysicalDeltaY=delta,
            )
        )  # fmt: skip

    paths = [
        make_dicom(
            tmp_path / str(number), np.full((150, 200), 90, np.uint8), InstanceNumber=number, Modality="US",
            SequenceOfUltrasoundRegions=depth(delta), **ONE,
        )
        for number, delta in ((1, 0.01), (2, 0.03))
    ]  # fmt: skip
    room = Room(page, program.url).open()
    room.speak("en")
    room.upload(*paths)
    room.wait_for_image()
    lengths = []
    for number, millimetres in ((0, "0.1"), (1, "0.3")):
        go(page, number)
        expect(page.locator("#facts")).to_contain_text(f"{millimetres} mm/px")
        box = page.locator(".bv-scale").bounding_box()
        assert box is not None
        amount, unit = page.locator(".bv-length").inner_text().split()
        lengths.append(float(amount) * {"cm": 10, "mm": 1}[unit] / box["width"])
    assert lengths[1] / lengths[0] == pytest.approx(3, rel=0.05)
