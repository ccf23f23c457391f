"""Pixels as files really store them: frames in fragments, packed bits, retired colour, palettes, overlays."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRBigEndian, JPEGLSLossless

from dicom import grey_levels, inspect, render_files
from dicom.colour import palette, segmented
from dicom.layout import Layout
from dicom.openjpeg import decode_reduced
from dicom.pixels import masked
from tests.dicom_files import item, make_dataset, make_dicom, ramp, read_frame, sandbox, sequence, to_bytes

COLOURS = ("Red", "Green", "Blue")
RGB = np.clip(np.cumsum(np.random.default_rng(3).integers(-20, 21, (32, 48, 3)), axis=1) + 128, 0, 255).astype(np.uint8)


def written(path: Path, ds: Dataset, **how: Any) -> Path:
    path.write_bytes(to_bytes(ds, **how))
    return path


def relabelled(path: Path, ds: Dataset, syntax: str, like: str) -> Path:
    """Written under `like`, which pydicom knows, then renamed in the bytes to `syntax`, which it may not."""
    data = to_bytes(ds, syntax=like)
    assert data.count(like.encode()) == 1
    path.write_bytes(data.replace(like.encode(), syntax.encode().ljust(len(like), b"\0"), 1))
    return path


def test_uncompressed_frames_in_fragments_are_read(tmp_path: Path) -> None:
    ds = make_dataset(np.stack([ramp(), ramp()[:, ::-1]]), bits_stored=12)
    ds.PixelData = encapsulate([ramp().tobytes(), ramp()[:, ::-1].tobytes()])
    path = written(tmp_path / "a", ds, syntax="1.2.840.10008.1.2.1.98")
    assert np.array_equal(read_frame(path, 1).samples, ramp()[:, ::-1])


def test_frames_deflated_one_by_one_are_read_and_cannot_grow(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(ramp().tobytes() + bytes(64 << 20)) + packer.flush()
    ds = make_dataset(ramp(), bits_stored=12)
    ds.PixelData = encapsulate([data])
    path = relabelled(tmp_path / "a", ds, "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.4.50")
    assert np.array_equal(read_frame(path).samples, ramp())


def test_an_extended_offset_table_finds_the_frames(tmp_path: Path) -> None:
    streams = [imagecodecs.jpegls_encode(ramp() // k) for k in (1, 2, 3)]
    ds = make_dataset(np.stack([ramp()] * 3), bits_stored=12)
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(streams)
    path = written(tmp_path / "a", ds, syntax=JPEGLSLossless)
    for index in (2, 0, 1):
        assert np.array_equal(read_frame(path, index).samples, ramp() // (index + 1))


@pytest.mark.parametrize("order", ["<", ">"])
def test_single_bits_come_in_the_order_of_their_words_and_across_frames(tmp_path: Path, order: str) -> None:
    bits = (np.random.default_rng(1).random((3, 5, 7)) > 0.5).astype(np.uint8)
    ds = make_dataset(bits)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    packed = np.packbits(np.resize(bits.ravel(), 112), bitorder="little")
    ds.PixelData = packed.view("<u2").astype(f"{order}u2").tobytes()
    ds["PixelData"].VR = "OW"
    path = written(tmp_path / "a", ds, **({"syntax": ExplicitVRBigEndian} if order == ">" else {}))
    for index in range(3):
        assert np.array_equal(read_frame(path, index).samples, bits[index])


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([8, 16, 32]), st.data(), st.booleans(), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=9)
)
def test_any_bits_stored_and_high_bit_give_the_value_of_the_standard(
    allocated: int, data: Any, signed: bool, raw: Sequence[int]
) -> None:
    stored = data.draw(st.integers(1, allocated))
    high = data.draw(st.integers(stored - 1, allocated - 1))
    words = np.array([[r & ((1 << allocated) - 1) for r in raw]], f"u{allocated // 8}")
    layout = Layout(1, len(raw), 1, 1, allocated, stored, high, signed, False, "MONOCHROME2")
    wanted = [(int(w) >> (high + 1 - stored)) & ((1 << stored) - 1) for w in words[0]]
    if signed:
        wanted = [w - (1 << stored) if w >> (stored - 1) else w for w in wanted]
    assert masked(words, layout)[0].tolist() == wanted


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
def test_half_resolution_colour_is_spread_over_its_pairs(tmp_path: Path, photometric: str) -> None:
    packed = np.empty((4, 3, 4), np.uint8)
    packed[:] = (81, 100, 90, 240)
    ds = make_dataset(np.zeros((4, 6, 3), np.uint8), photometric=photometric)
    ds.PixelData = packed.tobytes()
    samples = read_frame(written(tmp_path / "a", ds)).samples
    wanted = {"YBR_FULL_422": [[238, 14, 14], [255, 33, 33]], "YBR_PARTIAL_422": [[255, 0, 0], [255, 22, 22]]}
    assert np.abs(samples[2, 2:4].astype(int) - wanted[photometric]).max() <= 1


def four(planes: NDArray[np.uint8], photometric: str) -> Dataset:
    ds = make_dataset(planes[:, :, :3].copy(), photometric=photometric)
    ds.SamplesPerPixel, ds.PixelData = 4, np.ascontiguousarray(planes).tobytes()
    return ds


def test_colour_retired_from_the_standard_is_still_shown_right(tmp_path: Path) -> None:
    none = np.zeros((*RGB.shape[:2], 1), np.uint8)
    cmyk = written(tmp_path / "a", four(np.dstack([255 - RGB, none]), "CMYK"))
    argb = written(tmp_path / "b", four(np.dstack([none, RGB]), "ARGB"))
    hsv = np.asarray(Image.fromarray(RGB).convert("HSV"))
    assert np.array_equal(read_frame(cmyk).samples, RGB)
    assert np.array_equal(read_frame(argb).samples, RGB)
    found = read_frame(make_dicom(tmp_path / "c", hsv, photometric="HSV")).samples
    assert np.abs(found.astype(int) - RGB).max() <= 8


def test_deep_colour_keeps_its_high_bits(tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a", RGB.astype(np.uint16) << 4, photometric="RGB", bits_stored=12)
    assert np.array_equal(read_frame(path).samples, RGB)


def palette_of(bits: int, *, first: int = 0, **data: bytes | list[int]) -> Dataset:
    ds = make_dataset(np.arange(256, dtype=np.uint8).reshape(16, 16), photometric="PALETTE COLOR")
    for colour in COLOURS:
        setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [256, first, bits])
        for prefix, table in data.items():
            name = f"{'Segmented' if prefix == 'segments' else ''}{colour}PaletteColorLookupTableData"
            ds.add_new(name, "US" if isinstance(table, list) else "OW", table)
    return ds


@pytest.mark.parametrize(
    ("bits", "segments"),
    [(8, bytes([0, 1, 0, 1, 255, 255])), (16, np.array([0, 1, 0, 1, 255, 65535], "<u2").tobytes())],
)
def test_segmented_palettes_of_bytes_and_of_words_are_expanded(tmp_path: Path, bits: int, segments: bytes) -> None:
    frame = read_frame(written(tmp_path / "a", palette_of(bits, segments=segments)))
    assert np.array_equal(frame.samples[:, :, 0].ravel(), np.arange(256))


def test_indirect_segments_of_bytes_repeat_earlier_ones_and_end() -> None:
    data = np.array([0, 2, 5, 9, 2, 1, 0, 0, 0, 0], np.uint8)
    assert list(segmented(data, 4)) == [5, 9, 5, 9]
    endless = np.array([0, 1, 7, 2, 65535, 0, 0], np.uint16)
    assert len(segmented(np.concatenate([endless] * 50), 300)) <= 300


def test_palettes_written_as_numbers_or_from_another_first_value_are_looked_up(tmp_path: Path) -> None:
    numbers = written(tmp_path / "a", palette_of(16, plain=[v * 257 for v in range(256)]))
    assert np.array_equal(read_frame(numbers).samples[:, :, 2].ravel(), np.arange(256))
    shifted = palette_of(16, first=100, plain=(np.arange(256) * 257).astype("<u2").tobytes())
    assert palette(np.array([[0, 100, 255]]), shifted)[0, :, 0].tolist() == [0, 0, 155]


def test_overlays_in_bits_below_the_value_are_found(tmp_path: Path) -> None:
    marked = ramp() << 4
    marked[10, 20] |= 1
    ds = make_dataset(marked, bits_stored=12, HighBit=15)
    for element, value in ((0x10, 64), (0x11, 256), (0x100, 16), (0x102, 0)):
        ds.add_new((0x6000, element), "US", value)
    frame = read_frame(written(tmp_path / "a", ds))
    assert frame.overlays is not None
    assert np.argwhere(frame.overlays).tolist() == [[10, 20]]
    assert np.array_equal(frame.samples, ramp())


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", "", True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
    ],
)
def test_the_presentation_shape_has_the_last_word_on_polarity(
    tmp_path: Path, photometric: str, shape: str, inverted: bool
) -> None:
    more = {"PresentationLUTShape": shape} if shape else {}
    assert read_frame(make_dicom(tmp_path / "a", photometric=photometric, **more)).invert is inverted


def test_all_tables_of_a_radiograph_are_offered_in_file_order(tmp_path: Path) -> None:
    tables = [
        item(LUTDescriptor=[4096, 0, 12], LUTData=(np.arange(4096) // k).astype("<u2").tobytes(), LUTExplanation=name)
        for k, name in ((1, "NORMAL"), (2, "HARDER"))
    ]
    frame = read_frame(make_dicom(tmp_path / "a", bits_stored=12, VOILUTSequence=sequence(*tables)))
    assert [lut.explanation for lut in frame.voi_luts] == ["normal", "harder"]
    assert [int(grey_levels(frame, lut).max()) for lut in frame.voi_luts] == [255, 127]


def test_one_window_that_is_no_number_does_not_cost_the_others(tmp_path: Path) -> None:
    data = to_bytes(make_dataset(WindowCenter=[40, 50], WindowWidth=[400, 500]))
    data = data.replace(b"400.0\\", b"none.\\")
    path = tmp_path / "a"
    path.write_bytes(data)
    assert [w.width for w in read_frame(path).windows] == [500]


@pytest.mark.parametrize("bits", [32, 64])
def test_float_pixels_are_shown_over_their_range(tmp_path: Path, bits: int) -> None:
    ds = make_dataset(ramp())
    del ds.PixelData
    name = {32: "FloatPixelData", 64: "DoubleFloatPixelData"}[bits]
    setattr(ds, name, (ramp() / 4095).astype(f"<f{bits // 8}").tobytes())
    ds.BitsAllocated = bits
    path = written(tmp_path / "a", ds)
    render_files([path], tmp_path, window="minmax", sandbox=sandbox())
    with Image.open(tmp_path / "a.png") as image:
        wanted = np.floor(ramp() / 4095 * 255 + 0.5)
        assert np.abs(np.asarray(image, int) - wanted).max() <= 1


def test_thirty_two_bit_integers_keep_their_window(tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a", ramp().astype(np.uint32) * 100_000, window=(2e8, 1e8))
    render_files([path], tmp_path, sandbox=sandbox())
    with Image.open(tmp_path / "a.png") as image:
        wanted = np.clip((ramp() * 1e5 - 2e8) / 1e8 + 0.5, 0, 1) * 255
        assert np.abs(np.asarray(image, int) - wanted).max() <= 1


def test_an_empty_folder_is_refused_with_a_reason(tmp_path: Path) -> None:
    assert type(inspect(tmp_path).error).__name__ == "UnknownFile"
    assert len(inspect(tmp_path).skipped) == 1


def swapped_profile() -> bytes:
    """An sRGB profile whose red and green primaries are exchanged, under another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132]), 12)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "none".encode("utf-16-be"))


def test_the_colour_profile_of_a_photograph_is_applied(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    path = make_dicom(tmp_path / "a", red, photometric="RGB", Modality="XC", ICCProfile=swapped_profile())
    assert np.abs(read_frame(path).samples[0, 0].astype(int) - (0, 255, 0)).max() <= 3
    broken = make_dicom(tmp_path / "b", red, photometric="RGB", Modality="XC", ICCProfile=b"x" * 400)
    assert np.array_equal(read_frame(broken).samples, red)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_reduced_frame_is_the_picture_at_that_size(tmp_path: Path, kind: Any, steps: int) -> None:
    wave = np.sin(np.linspace(0, 6, 501))[:, None] * np.cos(np.linspace(0, 5, 333)) * 100
    values = (wave + (0 if kind == np.int16 else 110)).round().astype(kind)
    ds = make_dataset(values)
    ds.PixelData = encapsulate([imagecodecs.jpeg2k_encode(values, reversible=True, codecformat="j2k")])
    path = written(tmp_path / "a", ds, syntax="1.2.840.10008.1.2.4.90")
    frame = sandbox().call("frame", str(path), "dicom", 0, 501 >> steps, False)
    assert frame.samples.shape == (-(-501 >> steps), -(-333 >> steps))
    assert np.abs(frame.samples.astype(float) - values[:: 1 << steps, :: 1 << steps]).max() <= 6


def test_openjpeg_refuses_what_is_no_codestream() -> None:
    whole = imagecodecs.jpeg2k_encode(ramp(), reversible=True, codecformat="j2k")
    assert decode_reduced(whole, 1).shape == (32, 128)
    for broken in (b"", whole[:4], whole[:200], whole[: len(whole) // 2]):
        with pytest.raises(ValueError, match="OpenJPEG"):
            decode_reduced(broken, 1)
