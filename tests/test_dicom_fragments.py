"""Every frame of a file is shown once and in its place, whatever its header and its offset tables say."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit, RLELossless

from dicom import DicomError, open_study
from tests.dicom_files import SHARED, make_dataset, sandbox, to_bytes

GREYS = (20, 70, 120, 170, 220)


def jpeg(grey: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (64, 64), grey).save(out, "JPEG", quality=95)
    data = out.getvalue()
    return data + b"\0" * (len(data) % 2)


def rle(grey: int) -> bytes:
    run = bytes((257 - 128, grey))  # 128 times the same
    return struct.pack("<16L", 1, 64, *[0] * 14) + run * (64 * 64 // 128)


def item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(data)) + data


def write(
    path: Path,
    fragments: Sequence[bytes],
    *,
    frames: int | None,
    basic: Sequence[int] = (),
    extended: Sequence[int] = (),
    syntax: str = JPEGBaseline8Bit,
) -> Path:
    """A file whose pixel data are just these fragments under just these tables."""
    made = make_dataset(np.zeros((64, 64), np.uint8), Modality="US")
    if frames is not None:
        made.NumberOfFrames = frames
    if extended:
        made.ExtendedOffsetTable = struct.pack(f"<{len(extended)}Q", *extended)
        made.ExtendedOffsetTableLengths = struct.pack(f"<{len(extended)}Q", *[10] * len(extended))
    data = item(struct.pack(f"<{len(basic)}L", *basic)) + b"".join(map(item, fragments))
    made.PixelData = data + b"\xfe\xff\xdd\xe0\0\0\0\0"
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    path.write_bytes(to_bytes(made, syntax=syntax))
    return path


def shown(path: Path) -> tuple[list[int | str], tuple[str, ...]]:
    """The grey of every frame, or why it is refused; and the warnings."""
    (series,) = open_study([path], sandbox=sandbox()).series
    found = [type(f).__name__ if isinstance(f, DicomError) else round(float(f.samples.mean())) for f in series.frames()]
    return found, tuple(w for w in series.warnings if w != "burned-in")


def starts(fragments: Sequence[bytes], firsts: Sequence[int]) -> list[int]:
    return [sum(len(f) + 8 for f in fragments[:first]) for first in firsts]


@pytest.mark.parametrize(("make", "syntax"), [(jpeg, JPEGBaseline8Bit), (rle, RLELossless)], ids=["JPEG", "RLE"])
@pytest.mark.parametrize("frames", [None, 1, 2, 4])
def test_frames_beyond_their_stated_number_are_shown_and_said(
    tmp_path: Path, make: Callable[[int], bytes], syntax: str, frames: int | None
) -> None:
    fragments = [make(grey) for grey in GREYS]
    assert shown(write(tmp_path / "a", fragments, frames=frames, syntax=syntax)) == (list(GREYS), ("more-frames",))


@pytest.mark.parametrize("frames", [None, 1, 2, 4])
@pytest.mark.parametrize("pixels", [np.uint8, np.int16, np.float32])
def test_uncompressed_frames_beyond_their_stated_number_are_shown_and_said(
    tmp_path: Path, frames: int | None, pixels: type
) -> None:
    values = np.stack([np.full((63, 65), grey, pixels if pixels != np.float32 else np.int16) for grey in GREYS])
    made = make_dataset(values, Modality="US", NumberOfFrames=frames)
    if pixels == np.float32:
        del made.PixelData
        made.FloatPixelData, made.BitsAllocated = values.astype("<f4").tobytes(), 32
    if made.NumberOfFrames is None or frames is None:
        del made.NumberOfFrames
    else:
        made.NumberOfFrames = frames
    path = tmp_path / "a"
    path.write_bytes(to_bytes(made))
    assert shown(path) == (list(GREYS), ("more-frames",))


@pytest.mark.parametrize("odd", [0, 1, 100])
def test_bytes_that_make_no_whole_frame_are_none(tmp_path: Path, odd: int) -> None:
    made = make_dataset(np.full((3, 3), 7, np.uint8), Modality="US")
    made.PixelData = made.PixelData + bytes(odd)
    path = tmp_path / "a"
    path.write_bytes(to_bytes(made))
    assert shown(path) == ([7], ())


def test_frames_that_are_stated_and_not_there_are_refused_one_by_one(tmp_path: Path) -> None:
    found, warnings = shown(write(tmp_path / "a", [jpeg(grey) for grey in GREYS[:3]], frames=5))
    assert found == [20, 70, 120, "TruncatedFile", "TruncatedFile"]
    assert warnings == ()


WHOLE = [jpeg(grey) for grey in GREYS]
HALVES = [half for data in WHOLE for half in (data[:300], data[300:])]
LIES = {
    "all zero": [0] * 5,
    "descending": list(reversed(starts(WHOLE, range(5)))),
    "not at items": [start + 3 for start in starts(WHOLE, range(5))],
    "beyond the end": [start + 10**6 for start in starts(WHOLE, range(5))],
    "first left out": starts([*WHOLE, b""], range(1, 6)),
    "too short": starts(WHOLE, range(3)),
    "too long": [*starts(WHOLE, range(5)), 10**6],
    "of bytes without item headers": [sum(map(len, WHOLE[:i])) for i in range(5)],
}


@pytest.mark.parametrize("table", ["basic", "extended"])
@pytest.mark.parametrize("lie", LIES)
def test_an_offset_table_that_lies_costs_no_frame(tmp_path: Path, lie: str, table: str) -> None:
    path = write(tmp_path / "a", WHOLE, frames=5, **{table: LIES[lie]})  # type: ignore[arg-type]  # by name
    assert shown(path) == (list(GREYS), ())


@pytest.mark.parametrize("table", ["basic", "extended"])
@pytest.mark.parametrize(
    "offsets",
    [starts(HALVES, [0, 2, 4, 6, 8]), starts(HALVES, [0, 1, 2, 3, 4]), starts(HALVES, [0, 4, 5, 6, 8]), [0] * 5, []],
    ids=["right", "of fragments", "wrong ones", "all zero", "none"],
)
def test_frames_in_several_fragments_are_put_together_by_what_they_hold(
    tmp_path: Path, offsets: list[int], table: str
) -> None:
    path = write(tmp_path / "a", HALVES, frames=5, **{table: offsets})  # type: ignore[arg-type]  # by name
    assert shown(path) == (list(GREYS), ())


def test_a_frame_in_several_fragments_is_one(tmp_path: Path) -> None:
    assert shown(write(tmp_path / "a", HALVES[:2], frames=1)) == ([20], ())
    assert shown(write(tmp_path / "b", [WHOLE[0][i : i + 100] for i in range(0, len(WHOLE[0]), 100)], frames=None)) == (
        [20],
        (),
    )


def test_an_empty_fragment_is_a_missing_frame_and_moves_no_other(tmp_path: Path) -> None:
    found, _ = shown(write(tmp_path / "a", [*WHOLE[:2], b"", *WHOLE[3:]], frames=5))
    assert found == [20, 70, "TruncatedFile", 170, 220]


@pytest.mark.parametrize("told", [True, False], ids=["with a table", "without"])
def test_a_frame_whose_beginning_is_damaged_moves_no_other(tmp_path: Path, told: bool) -> None:
    damaged = [b"\0\0\0\0" + half[4:] if i == 4 else half for i, half in enumerate(HALVES)]
    found, _ = shown(write(tmp_path / "a", damaged, frames=5, basic=starts(HALVES, [0, 2, 4, 6, 8]) if told else ()))
    if told:
        assert [found[i] for i in (0, 1, 3, 4)] == [20, 70, 170, 220]
        assert isinstance(found[2], str)
    else:
        assert found[:1] == [20]


@pytest.mark.skipif(not (SHARED / "cases").exists(), reason="the shared cases are not on this machine")
def test_a_loop_that_says_two_frames_and_holds_five_shows_five() -> None:
    found, warnings = shown(SHARED / "cases/jpeg-frames-too-few/1.dcm")
    assert len(found) == 5
    assert all(isinstance(grey, int) for grey in found)
    assert warnings == ("more-frames",)
