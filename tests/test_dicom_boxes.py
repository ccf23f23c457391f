"""Codestreams in the boxes of JP2 and JPEG XL files: the one a decoder would take is the one whose size is checked."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from dicom import inspect, open_study
from tests.dicom_files import make_dataset, ramp, sandbox, to_bytes

SMALL, LARGE = ramp(64, 64), np.zeros((640, 640), np.uint16)


def box(kind: bytes, content: bytes, *, wide: bool = False, open_end: bool = False) -> bytes:
    if wide:
        return struct.pack(">L4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">L4s", 0 if open_end else len(content) + 8, kind) + content


def j2k(pixels: NDArray[Any]) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels, codecformat="J2K", reversible=True)


def jxl(pixels: NDArray[Any]) -> bytes:
    """A bare codestream, whatever boxes the encoder put around it."""
    data = imagecodecs.jpegxl_encode(pixels, lossless=True)
    return data[data.index(b"jxlc") + 4 :] if data[4:8] == b"JXL " else data


def jp2(*boxes: bytes) -> bytes:
    header = box(b"ihdr", struct.pack(">LLHBBBB", 64, 64, 1, 15, 7, 0, 0)) + box(b"colr", b"\1\0\0\0\0\0\x11")
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", header)
    return start + b"".join(boxes)


def jxl_file(*boxes: bytes) -> bytes:
    return box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(boxes)


def in_dicom(path: Path, frame: bytes) -> Path:
    """A file whose header announces the small picture, and JPEG 2000, which decides nothing."""
    ds = make_dataset(SMALL)
    ds.PixelData = encapsulate([frame])
    path.write_bytes(to_bytes(ds, syntax=JPEG2000Lossless))
    return path


def halves(data: bytes) -> bytes:
    """A JPEG XL codestream in two numbered parts, the last one marked."""
    middle = len(data) // 2
    return box(b"jxlp", b"\0\0\0\0" + data[:middle]) + box(b"jxlp", b"\x80\0\0\1" + data[middle:])


SOUND = {
    "no box": j2k(SMALL),
    "JP2": jp2(box(b"jp2c", j2k(SMALL))),
    "a length of eight bytes": jp2(box(b"jp2c", j2k(SMALL), wide=True)),
    "a box without end": jp2(box(b"jp2c", j2k(SMALL), open_end=True)),
    "another codestream in a JP2 note": jp2(box(b"uuid", bytes(16) + j2k(LARGE)), box(b"jp2c", j2k(SMALL))),
    "no box, XL": jxl(SMALL),
    "XL": jxl_file(box(b"jxll", b"\n"), box(b"jxlc", jxl(SMALL))),
    "XL in parts": jxl_file(halves(jxl(SMALL))),
    "another codestream in an XL note": jxl_file(box(b"xml ", jxl(LARGE)), box(b"jxlc", jxl(SMALL))),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_codestream_is_read_out_of_its_boxes(tmp_path: Path, name: str) -> None:
    with open_study([in_dicom(tmp_path / "a", SOUND[name])], sandbox=sandbox()) as study:
        assert np.array_equal(study.series[0].frame(0).samples, SMALL)


DECOYS = {
    "JP2": jp2(box(b"uuid", bytes(16) + j2k(SMALL)), box(b"jp2c", j2k(LARGE))),
    "wide": jp2(box(b"uuid", bytes(16) + j2k(SMALL), wide=True), box(b"jp2c", j2k(LARGE), wide=True)),
    "XL": jxl_file(box(b"xml ", jxl(SMALL)), box(b"jxlc", jxl(LARGE))),
    "XL in parts": jxl_file(box(b"Exif", bytes(4) + jxl(SMALL)), halves(jxl(LARGE))),
}


@pytest.mark.parametrize("name", DECOYS)
def test_a_small_codestream_before_the_large_one_does_not_take_the_size_check_in(tmp_path: Path, name: str) -> None:
    error = inspect(in_dicom(tmp_path / "a", DECOYS[name])).error
    assert type(error).__name__ == "DamagedFile"
    assert "size differs" in str(error)


UNCLEAR = {
    "none": jp2(),
    "two": jp2(box(b"jp2c", j2k(SMALL)), box(b"jp2c", j2k(LARGE))),
    "boxes in the box": jp2(box(b"jp2c", jp2(box(b"jp2c", j2k(SMALL))))),
    "a length that is none": jp2(b"\0\0\0\x05jp2c" + j2k(SMALL)),
    "none, XL": jxl_file(),
    "two, XL": jxl_file(box(b"jxlc", jxl(SMALL)), box(b"jxlc", jxl(LARGE))),
    "whole and in parts": jxl_file(box(b"jxlc", jxl(SMALL)), halves(jxl(LARGE))),
    "boxes in the box, XL": jxl_file(box(b"jxlc", jxl_file(box(b"jxlc", jxl(SMALL))))),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_boxes_that_do_not_hold_exactly_one_codestream_never_reach_a_decoder(tmp_path: Path, name: str) -> None:
    error = inspect(in_dicom(tmp_path / "a", UNCLEAR[name])).error
    assert type(error).__name__ == "DamagedFile"
    assert "box" in str(error)
