"""Padding stays black and out of the automatic window: after a modality LUT, and in float pixel data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom import Frame, Window, grey_levels
from tests.dicom_files import item, make_dataset, make_dicom, read_frame, sequence, to_bytes

PADDED = np.s_[:20]
"""The rows outside the picture."""


def doubling_table() -> Dataset:
    """A modality LUT of 4096 entries, each twice its index (PS3.3 C.11.1)."""
    table = item(LUTDescriptor=[4096, 0, 16], ModalityLUTType="US")
    table.add_new(0x00283006, "OW", (np.arange(4096) * 2).astype("<u2").tobytes())
    return table


def through_table(path: Path, padding: int, **elements: Any) -> Frame:
    values = np.tile(np.arange(64, dtype=np.uint16) * 10, (64, 1))
    values[PADDED] = padding
    return read_frame(
        make_dicom(path, values, ModalityLUTSequence=sequence(doubling_table()), PixelPaddingValue=65535, **elements)
    )


def test_padding_stays_black_behind_a_modality_table(tmp_path: Path) -> None:
    frame = through_table(tmp_path / "a", 65535)
    grey = grey_levels(frame, frame.default_window)
    assert grey[PADDED].max() == 0
    assert grey[20:].max() == 255
    assert frame.default_window.center + frame.default_window.width / 2 <= 1260


def test_a_pixel_mapped_to_the_same_as_padding_is_still_picture(tmp_path: Path) -> None:
    values = np.tile(np.array([4095, 65535], np.uint16), (8, 8))  # beyond the table's end both become its last entry
    path = make_dicom(tmp_path / "a", values, ModalityLUTSequence=sequence(doubling_table()), PixelPaddingValue=65535)
    assert grey_levels(read_frame(path), Window(4000, 100))[0, :2].tolist() == [255, 0]


def test_a_modality_table_without_padded_pixels_keeps_whole_numbers(tmp_path: Path) -> None:
    frame = through_table(tmp_path / "a", 7)
    assert (frame.samples.dtype, frame.padding) == (np.uint16, None)
    assert int(frame.samples[0, 0]) == 14


def float_file(path: Path, values: NDArray[Any], **elements: Any) -> Path:
    ds = make_dataset(np.zeros(values.shape, np.uint16))
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, keyword)
    ds.BitsAllocated = values.dtype.itemsize * 8
    setattr(ds, "FloatPixelData" if values.dtype.itemsize == 4 else "DoubleFloatPixelData", values.tobytes())
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    path.write_bytes(to_bytes(ds))
    return path


@pytest.mark.parametrize(
    ("dtype", "kind", "outside"),
    [("<f4", "Float", -9999.1), ("<f8", "DoubleFloat", -9999.1), ("<f8", "DoubleFloat", -1.7e308)],
)
def test_padding_of_float_pixels_is_black_and_outside_the_automatic_window(
    tmp_path: Path, dtype: str, kind: str, outside: float
) -> None:
    values = np.random.default_rng(0).normal(100, 10, (64, 64)).astype(dtype)
    values[PADDED] = outside
    frame = read_frame(float_file(tmp_path / "a", values, **{f"{kind}PixelPaddingValue": outside}))
    assert grey_levels(frame, Window(-9000, 1e5))[PADDED].max() == 0
    assert 80 < frame.default_window.center < 120
    assert frame.default_window.width < 100


@pytest.mark.parametrize(("dtype", "kind"), [("<f4", "Float"), ("<f8", "DoubleFloat")])
def test_the_range_limit_of_float_padding_is_heeded(tmp_path: Path, dtype: str, kind: str) -> None:
    values = np.tile(np.array([-300.0, -200.0, -100.0, 50.0], dtype), (8, 2))
    limits = {f"{kind}PixelPaddingValue": -300.0, f"{kind}PixelPaddingRangeLimit": -200.0}
    frame = read_frame(float_file(tmp_path / "a", values, **limits))
    assert frame.padding == (-300.0, -200.0)
    assert grey_levels(frame, Window(-500, 10))[0, :4].tolist() == [0, 0, 255, 255]
