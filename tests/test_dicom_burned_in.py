"""Text in the pixels: seen where it stands, in both scripts; not seen where there is none; painted over for good."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dicom import Frame, TextBox, Window, corner_bands, look, masked, open_study, render, text_detector
from dicom.burned_in import BAND
from dicom.errors import DetectorMissing
from tests.dicom_files import CORPUS, needs_corpus, sandbox
from tests.written import ARABIC, EASTERN, LATIN, WESTERN, extent, ground, written

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = sorted(path for path in (ROOT / "assets" / "samples").iterdir() if path.suffix in (".png", ".dcm"))
pytestmark = pytest.mark.skipif(not text_detector.is_there(), reason="the text detector is not installed")


def seen(*pictures: NDArray[np.uint8]) -> tuple[tuple[TextBox, ...], ...]:
    return look([Frame(np.repeat(picture[..., None], 3, 2)) for picture in pictures], sandbox())


def covered(box: tuple[int, int, int, int], boxes: tuple[TextBox, ...]) -> float:
    left, top, right, bottom = box
    inside = [b for b in boxes if b.left < right and b.right > left and b.top < bottom and b.bottom > top]
    under = np.zeros((bottom, right), bool)
    for b in inside:
        under[b.top : b.bottom, b.left : b.right] = True
    return float(under[top:, left:].mean())


PLACES = [(size, at) for size in (14, 28) for at in ((8, 6), (200, 400 - 2 * size), (150, 180))]


@pytest.mark.parametrize("line", [LATIN, ARABIC, EASTERN, WESTERN])
def test_a_line_in_either_script_with_either_digits_is_seen_where_it_stands(line: str) -> None:
    """In a corner, at an edge, and over the body, small and large."""
    pictures = [written(line, size=size, at=at) for size, at in PLACES]
    for picture, boxes in zip(pictures, seen(*pictures), strict=True):
        assert covered(extent(ground(), picture), boxes) > 0.8
        assert sum((b.right - b.left) * (b.bottom - b.top) for b in boxes) < picture.size / 4, "the picture stays one"


def test_nothing_is_seen_where_nothing_is_written() -> None:
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (400, 1))
    assert seen(ground(), ramp, np.zeros((64, 64), np.uint8)) == ((), (), ())


def test_letters_for_the_sides_are_how_pictures_are_labelled() -> None:
    assert seen(written("R", size=30), written("L", size=30, at=(470, 8))) == ((), ())


def test_nothing_is_seen_in_the_samples() -> None:
    with open_study(SAMPLES) as study:
        assert look([series.frame(series.middle) for series in study.series], sandbox()) == ((),) * len(study.series)


@needs_corpus
def test_a_scan_that_shows_a_name_and_a_birth_date_shows_none_after_masking() -> None:
    """Its tags say nothing of it."""
    with open_study([CORPUS / "phi" / "2_ORIGINAL.dcm"]) as study:
        assert not study.series[0].facts.burned_in
        frame = study.series[0].frame(0)
    (boxes,) = look([frame], sandbox())
    assert covered((0, 2, 230, 14), boxes) > 0.8, "the name with its date"
    assert covered((4, 18, 110, 30), boxes) > 0.8, "the birth date"
    assert look([masked(frame, boxes)], sandbox()) == ((),)


def test_boxes_are_in_samples_where_pixels_are_not_square() -> None:
    tall = written(LATIN, size=26)  # as it is shown; every other row is what is stored
    frame = Frame(np.ascontiguousarray(np.repeat(tall[::2, :, None], 3, 2)), pixel_aspect=2.0)
    (boxes,) = look([frame], sandbox())
    left, top, right, bottom = extent(ground(), tall)
    assert covered((left, top // 2, right, bottom // 2), boxes) > 0.8
    assert max(box.bottom for box in boxes) < 60


def test_text_in_an_overlay_plane_is_seen_and_masked_too() -> None:
    overlay = (written(LATIN, on=np.zeros((400, 512), np.uint8)) > 100).astype(np.uint8)
    frame = Frame(ground().astype(np.int16), default_window=Window(128, 256), overlays=overlay)
    (boxes,) = look([frame], sandbox())
    assert boxes
    after = masked(frame, boxes)
    assert after.overlays is not None
    assert not after.overlays.any()
    assert frame.overlays is overlay
    assert overlay.any(), "the frame that was given is as it was"


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("slope", [1.0, -2.0])
@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float32])
@pytest.mark.parametrize("padding", [None, (7.0, 7.0), (-70000.0, -70000.0)], ids=str)
def test_what_is_painted_over_shows_black(
    *, kind: type, invert: bool, slope: float, padding: tuple[float, float] | None
) -> None:
    samples = np.arange(10, 110, dtype=kind).reshape(10, 10)
    frame = Frame(samples, slope, invert=invert, padding=padding, default_window=Window(60 * slope, 1, "LINEAR_EXACT"))
    box = TextBox(4, 5, 8, 7)
    after = masked(frame, [box])
    assert (np.asarray(render(after))[5:7, 4:8] == 0).all()
    beside = np.ones((10, 10), bool)
    beside[5:7, 4:8] = False
    assert (after.samples[beside] == samples[beside]).all()
    assert after.samples.dtype == kind


def test_a_colour_picture_is_painted_over_black() -> None:
    after = masked(Frame(np.full((8, 8, 3), 90, np.uint8)), [TextBox(0, 0, 4, 2)])
    assert (after.samples[:2, :4] == 0).all()
    assert after.samples.sum() == 90 * 3 * (64 - 8)


def test_the_corner_bands_reach_every_corner_and_leave_the_middle() -> None:
    painted = masked(Frame(np.full((100, 200, 3), 9, np.uint8)), corner_bands(100, 200)).samples[..., 0]
    assert painted[0, 0] == painted[0, -1] == painted[-1, 0] == painted[-1, -1] == 0
    assert (painted[15:85] == 9).all()
    assert (painted[:, 80:120] == 9).all()
    assert (painted == 0).sum() == 4 * 80 * 15


def test_the_page_shows_the_corner_bands_that_are_painted_over() -> None:
    """The same shares in Python and in JavaScript."""
    script = (ROOT / "assets" / "web" / "viewer" / "marks.js").read_text(encoding="utf-8")
    found = re.search(r"const BAND = \[([\d.]+), ([\d.]+)\]", script)
    assert found is not None
    assert (float(found[1]), float(found[2])) == BAND


def test_without_the_package_or_with_other_weights_the_detector_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(text_detector, "SHA256", "0" * 64)
    with pytest.raises(DetectorMissing, match="another file"):
        text_detector.detect(np.zeros((32, 32), np.uint8))
    monkeypatch.setattr(text_detector, "MEMBER", "rapidocr/models/none.onnx")
    with pytest.raises(DetectorMissing, match="cannot be read"):
        text_detector.detect(np.zeros((32, 32), np.uint8))
    monkeypatch.setattr(text_detector, "PACKAGE", "no-such-package")
    with pytest.raises(DetectorMissing, match="not installed"):
        text_detector.detect(np.zeros((32, 32), np.uint8))
    assert not text_detector.is_there()


def test_the_package_that_holds_the_detector_is_never_imported() -> None:
    look([Frame(np.zeros((64, 64, 3), np.uint8))], sandbox())
    assert not any(sandbox().call("probe", name) for name in ("rapidocr", "shapely", "pyclipper", "torch"))


def test_pictures_of_any_shape_can_be_looked_at() -> None:
    shapes = [(1, 1), (1, 4000), (3000, 2), (33, 31)]
    assert seen(*(np.zeros(shape, np.uint8) for shape in shapes)) == ((),) * len(shapes)
