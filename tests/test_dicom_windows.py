"""The window functions of PS3.3 C.11.2 against a float64 reference written from the standard's own words."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dicom import Frame, VoiLut, Window, full_range, grey_levels, render, render_files
from dicom.errors import FrameMissing, InvalidWindow
from dicom.render import automatic, between, windowed
from dicom.values import Function
from tests.dicom_files import make_dicom, sandbox

CENTERS = st.floats(-5000, 5000, allow_nan=False)
WIDTHS = st.floats(1, 10_000, allow_nan=False)
VALUES = st.lists(st.integers(-32768, 32767), min_size=1, max_size=40)


def standard(x: float, c: float, w: float, function: Function) -> float:
    """The output for y in [0, 255] as the standard's pseudo-code has it, before rounding."""
    if function == "SIGMOID":
        exponent = -4 * (x - c) / w
        return 255 / (1 + math.exp(exponent)) if exponent < 700 else 0.0
    if function == "LINEAR_EXACT":
        if x <= c - w / 2:
            return 0.0
        return 255.0 if x > c + w / 2 else ((x - c) / w + 0.5) * 255
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    return 255.0 if x > c - 0.5 + (w - 1) / 2 else ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


@settings(deadline=None, max_examples=150)
@given(VALUES, CENTERS, WIDTHS, st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
def test_every_window_function_equals_the_standards_pseudo_code(
    values: list[int], center: float, width: float, function: Function
) -> None:
    found = windowed(np.array(values), Window(center, width, function))
    wanted = [math.floor(standard(v, center, width, function) + 0.5) for v in values]
    assert np.abs(found.astype(int) - wanted).max() <= (0 if width > 1.01 or function != "LINEAR" else 1)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    CENTERS,
    WIDTHS,
    st.sampled_from([np.int16, np.uint16]),
    st.floats(-4, 4).filter(lambda s: abs(s) > 0.01),
    st.floats(-2000, 2000),
    st.booleans(),
)
def test_the_table_for_whole_frames_equals_the_formula_sample_by_sample(
    seed: int, center: float, width: float, dtype: type, slope: float, intercept: float, invert: bool
) -> None:
    info = np.iinfo(dtype)
    samples = np.random.default_rng(seed).integers(info.min, info.max, (80, 80), dtype, endpoint=True)
    frame = Frame(samples, slope=slope, intercept=intercept, invert=invert, padding=(info.min, info.min + 9000))
    window = Window(center, width)
    wanted = windowed(samples.astype(np.float64) * slope + intercept, window)
    wanted = 255 - wanted if invert else wanted
    wanted[samples <= info.min + 9000] = 0
    assert np.array_equal(grey_levels(frame, window), wanted)


def test_a_window_of_width_one_is_a_threshold() -> None:
    assert list(windowed(np.array([39, 40, 41]), Window(40.5, 1))) == [0, 0, 255]


@pytest.mark.parametrize("width", [0.0, -1.0, 0.5, math.nan, math.inf])
def test_a_width_the_standard_forbids_is_refused(width: float) -> None:
    with pytest.raises(InvalidWindow):
        Window(40, width)


def test_linear_exact_allows_widths_below_one() -> None:
    assert list(windowed(np.array([0.0, 0.25, 0.5]), Window(0.25, 0.5, "LINEAR_EXACT"))) == [0, 128, 255]


def test_not_a_number_shows_black_and_infinity_shows_the_end_it_lies_at() -> None:
    found = windowed(np.array([math.nan, -math.inf, math.inf]), Window(0, 100))
    assert list(found) == [0, 0, 255]


def test_a_voi_lut_clamps_to_its_first_and_last_entry() -> None:
    lut = VoiLut(100, np.array([10, 20, 30], np.uint8))
    frame = Frame(np.array([[0, 100, 101, 102, 500]], np.uint16), voi_luts=(lut,))
    assert list(grey_levels(frame, lut)[0]) == [10, 10, 20, 30, 30]


def test_inversion_happens_once_and_padding_is_black_after_it() -> None:
    frame = Frame(np.array([[0, 255, 999]], np.uint16), invert=True, padding=(999, 999))
    assert list(grey_levels(frame, between(0, 255))[0]) == [255, 0, 0]


def test_the_automatic_window_leaves_padding_out() -> None:
    samples = np.full((100, 100), 65535, np.uint16)
    samples[:50] = np.arange(100, 200)
    assert automatic(Frame(samples, padding=(65535, 65535))).center == pytest.approx(149.5, abs=1)


def test_the_full_range_shows_the_smallest_value_black_and_the_largest_white() -> None:
    frame = Frame(np.array([[-7, 0, 93]], np.int16), slope=2, intercept=-5)
    grey = grey_levels(frame, full_range(frame))
    assert (grey[0, 0], grey[0, 2]) == (0, 255)


def test_tall_pixels_are_made_square_by_enlarging_the_height() -> None:
    assert render(Frame(np.zeros((10, 20), np.uint16), pixel_aspect=2.0)).size == (20, 20)
    assert render(Frame(np.zeros((10, 20), np.uint16), pixel_aspect=0.5)).size == (40, 10)


def test_a_region_is_cut_from_the_displayed_picture_and_clipped_to_it() -> None:
    frame = Frame(np.arange(100, dtype=np.uint16).reshape(10, 10))
    assert render(frame, region=(2, 3, 5, 7)).size == (3, 4)
    assert render(frame, region=(-5, -5, 5, 500)).size == (5, 10)
    with pytest.raises(FrameMissing):
        render(frame, region=(20, 20, 30, 30))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    bits=st.sampled_from([(8, 8), (16, 9), (16, 12), (16, 16)]),
    signed=st.booleans(),
    center=st.integers(-1500, 1500),
    width=st.integers(2, 4000),
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    slope=st.sampled_from([1, 2, 0.5, -1]),
    intercept=st.integers(-1024, 1024),
    inverted=st.booleans(),
)
def test_whole_files_render_as_the_standard_says_value_by_value(
    seed: int,
    bits: tuple[int, int],
    signed: bool,
    center: int,
    width: int,
    function: Function,
    slope: float,
    intercept: int,
    inverted: bool,
) -> None:
    allocated, stored = bits
    low = -(1 << (stored - 1)) if signed else 0
    values = np.random.default_rng(seed).integers(low, low + (1 << stored), (9, 11))
    with tempfile.TemporaryDirectory() as name:
        path = make_dicom(
            Path(name) / "a",
            values.astype(f"{'i' if signed else 'u'}{allocated // 8}"),
            photometric="MONOCHROME1" if inverted else "MONOCHROME2",
            bits_stored=stored,
            window=(center, width),
            VOILUTFunction=function,
            RescaleSlope=slope,
            RescaleIntercept=intercept,
        )
        render_files([path], Path(name), sandbox=sandbox())
        with Image.open(Path(name) / "a.png") as image:
            found = np.asarray(image)
    for value, grey in zip(values.ravel(), found.ravel(), strict=True):
        wanted = math.floor(standard(float(value) * slope + intercept, center, width, function) + 0.5)
        assert grey == (255 - wanted if inverted else wanted)
