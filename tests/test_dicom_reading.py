"""Built DICOM files of every awkward kind, read through the sandbox."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from dicom import grey_levels, inspect, open_study
from dicom.errors import DamagedFile, DicomError, TooManyFrames, TruncatedFile
from tests.dicom_files import item, make_dataset, make_dicom, ramp, read_frame, sandbox, sequence, to_bytes


def written(path: Path, ds: Any, **how: Any) -> Path:
    path.write_bytes(to_bytes(ds, **how))
    return path


def words(values: Iterable[int]) -> bytes:
    return np.fromiter(values, "<u2").tobytes()


def test_values_are_rescaled_and_the_files_window_is_the_default(tmp_path: Path) -> None:
    path = make_dicom(
        tmp_path / "a", ramp(), window=(40, 400), RescaleSlope=2, RescaleIntercept=-1024, RescaleType="HU"
    )
    frame = read_frame(path)
    assert (frame.slope, frame.intercept, frame.unit) == (2, -1024, "HU")
    assert (frame.default_window.center, frame.default_window.width) == (40, 400)


def test_a_dose_is_scaled_to_gray(tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a", ramp(), Modality="RTDOSE", DoseUnits="GY", DoseGridScaling="0.002")
    frame = read_frame(path)
    assert (frame.slope, frame.intercept, frame.unit) == (0.002, 0, "Gy")


def test_all_windows_of_the_file_are_offered_with_generic_explanations_only(tmp_path: Path) -> None:
    path = make_dicom(
        tmp_path / "a",
        WindowCenter=[40, -600, 400],
        WindowWidth=[400, 1500, 1800],
        WindowCenterWidthExplanation=["Mediastinum", "LUNG", "Dr Planted"],
    )
    assert [w.explanation for w in read_frame(path).windows] == ["mediastinum", "lung", ""]


def test_monochrome1_and_an_inverse_presentation_lut_invert_once(tmp_path: Path) -> None:
    path = make_dicom(
        tmp_path / "a",
        ramp(),
        photometric="MONOCHROME1",
        window=(2048, 4096),
        PresentationLUTShape="INVERSE",
        Modality="DX",
    )
    frame = read_frame(path)
    grey = grey_levels(frame, frame.default_window)
    assert grey[0, 0] == 255
    assert grey[0, -1] == 0


def test_a_window_width_of_zero_is_dropped_and_one_below_one_becomes_exact(tmp_path: Path) -> None:
    assert read_frame(make_dicom(tmp_path / "a", window=(40, 0))).windows == ()
    assert read_frame(make_dicom(tmp_path / "b", window=(0.5, 0.5))).windows[0].function == "LINEAR_EXACT"


def test_bits_above_and_below_the_stored_value_are_dropped(tmp_path: Path) -> None:
    clean = ramp()
    left = make_dicom(tmp_path / "a", clean << 4, bits_stored=12, HighBit=15)
    dirty = make_dicom(tmp_path / "b", clean | 0xA000, bits_stored=12)
    assert np.array_equal(read_frame(left).samples, clean)
    assert np.array_equal(read_frame(dirty).samples, clean)


def test_signed_values_narrower_than_their_words_are_extended(tmp_path: Path) -> None:
    values = np.arange(-2048, 2048, 16, dtype=np.int16).reshape(16, 16)
    stored = (values & 0x0FFF).astype(np.int16)
    frame = read_frame(make_dicom(tmp_path / "a", stored, bits_stored=12))
    assert np.array_equal(frame.samples, values)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_uncompressed_syntax_gives_the_same_samples(tmp_path: Path, syntax: str) -> None:
    ds = make_dataset(ramp())
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = ramp().astype(">u2").tobytes()
    assert np.array_equal(read_frame(written(tmp_path / "a", ds, syntax=syntax)).samples, ramp())


def test_a_file_without_preamble_is_recognised_by_content(tmp_path: Path) -> None:
    path = written(tmp_path / "holiday.txt", make_dataset(ramp()), preamble=False)
    assert np.array_equal(read_frame(path).samples, ramp())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_lossless_compression_gives_back_every_frame_exactly(tmp_path: Path, syntax: str) -> None:
    frames = np.stack([ramp(), ramp()[:, ::-1], ramp() // 2])
    ds = make_dataset(frames, bits_stored=12)
    to_bytes(ds)
    ds.compress(syntax, generate_instance_uid=False)
    path = written(tmp_path / "a", ds, syntax=syntax)
    for index, wanted in enumerate(frames):
        assert np.array_equal(read_frame(path, index).samples, wanted)


def test_frames_are_found_without_an_offset_table_and_across_fragments(tmp_path: Path) -> None:
    frames = np.stack([ramp(), ramp()[:, ::-1]])
    ds = make_dataset(frames, bits_stored=12)
    to_bytes(ds)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    streams = list(generate_frames(ds.PixelData, number_of_frames=2))
    ds.PixelData = encapsulate(streams, fragments_per_frame=3, has_bot=False)
    path = written(tmp_path / "a", ds, syntax=JPEG2000Lossless)
    assert np.array_equal(read_frame(path, 1).samples, frames[1])


def test_a_modality_lut_replaces_the_rescale(tmp_path: Path) -> None:
    lut = item(LUTDescriptor=[4096, 0, 16], LUTData=words(4095 - i for i in range(4096)), ModalityLUTType="US")
    frame = read_frame(make_dicom(tmp_path / "a", ramp(), bits_stored=12, ModalityLUTSequence=sequence(lut)))
    assert np.array_equal(frame.samples, 4095 - ramp())


def test_a_voi_lut_is_scaled_by_its_bits_and_not_by_its_values(tmp_path: Path) -> None:
    lut = item(LUTDescriptor=[4096, 0, 12], LUTData=words(i // 2 for i in range(4096)), LUTExplanation="Dr Planted")
    frame = read_frame(make_dicom(tmp_path / "a", ramp(), bits_stored=12, VOILUTSequence=sequence(lut)))
    (table,) = frame.voi_luts
    assert int(grey_levels(frame, table).max()) == 127
    assert table.explanation == ""


def test_enhanced_frames_take_window_and_rescale_from_their_own_groups(tmp_path: Path) -> None:
    def group(center: float, slope: float, z: float) -> Any:
        return item(
            FrameVOILUTSequence=sequence(item(WindowCenter=center, WindowWidth=100)),
            PixelValueTransformationSequence=sequence(item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="HU")),
            PlanePositionSequence=sequence(item(ImagePositionPatient=[0, 0, z])),
        )

    shared = item(
        PlaneOrientationSequence=sequence(item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
        PixelMeasuresSequence=sequence(item(PixelSpacing=[0.5, 0.5], SliceThickness=3)),
    )
    path = make_dicom(
        tmp_path / "a",
        np.stack([ramp(), ramp()]),
        SharedFunctionalGroupsSequence=sequence(shared),
        PerFrameFunctionalGroupsSequence=sequence(group(10, 1, 0), group(20, 2, -3)),
    )
    frame = read_frame(path, 1)
    assert (frame.slope, frame.default_window.center, frame.pixel_spacing_mm) == (2, 20, (0.5, 0.5))
    assert frame.edges == ("R", "L", "A", "P")


def test_palette_colours_are_looked_up_in_8_and_16_bits(tmp_path: Path) -> None:
    index = np.arange(16, dtype=np.uint8).reshape(4, 4)
    deep = np.arange(16, dtype=np.uint16) * 0x1111
    path = make_dicom(
        tmp_path / "a",
        index,
        photometric="PALETTE COLOR",
        **{f"{c}PaletteColorLookupTableDescriptor": [16, 0, 16] for c in ("Red", "Green", "Blue")},
        **{f"{c}PaletteColorLookupTableData": deep.tobytes() for c in ("Red", "Green", "Blue")},
    )
    assert np.array_equal(read_frame(path).samples[:, :, 1], index * 0x11)


def test_segmented_palettes_are_expanded() -> None:
    from dicom.colour import segmented

    words = np.array([0, 2, 5, 9, 1, 4, 17, 2, 1, 0, 0], np.uint16)
    assert list(segmented(words, 8)) == [5, 9, 11, 13, 15, 17, 5, 9]


def test_planar_colour_and_ybr_come_out_as_rgb(tmp_path: Path) -> None:
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[..., 0], rgb[..., 2] = 200, 40
    planar = np.ascontiguousarray(rgb.transpose(2, 0, 1))
    ds = make_dataset(rgb, photometric="RGB", PlanarConfiguration=1)
    ds.PixelData = planar.tobytes()
    assert np.array_equal(read_frame(written(tmp_path / "a", ds)).samples, rgb)
    ybr = np.full((4, 6, 3), (81, 90, 240), np.uint8)
    red = read_frame(make_dicom(tmp_path / "b", ybr, photometric="YBR_FULL")).samples[0, 0]
    assert list(red) == [238, 14, 14]


def test_overlay_planes_are_a_layer_apart(tmp_path: Path) -> None:
    plane = np.zeros((64, 256), np.uint8)
    plane[3, 5] = plane[60, 250] = 1
    ds = make_dataset(ramp())
    ds.add_new(0x60000010, "US", 64)
    ds.add_new(0x60000011, "US", 256)
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60003000, "OW", np.packbits(plane.ravel(), bitorder="little").tobytes())
    frame = read_frame(written(tmp_path / "a", ds))
    assert frame.overlays is not None
    assert np.array_equal(frame.overlays, plane)
    assert np.array_equal(frame.samples, ramp())


def test_overlays_in_unused_bits_of_the_pixels_are_found(tmp_path: Path) -> None:
    marked = ramp().copy()
    marked[10, 20] |= 1 << 15
    ds = make_dataset(marked, bits_stored=12)
    ds.add_new(0x60000010, "US", 64)
    ds.add_new(0x60000011, "US", 256)
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 15)
    frame = read_frame(written(tmp_path / "a", ds))
    assert frame.overlays is not None
    assert np.argwhere(frame.overlays).tolist() == [[10, 20]]


def test_ultrasound_is_black_outside_its_regions_unless_kept(tmp_path: Path) -> None:
    region = item(RegionLocationMinX0=10, RegionLocationMinY0=20, RegionLocationMaxX1=99, RegionLocationMaxY1=49)
    path = make_dicom(
        tmp_path / "a", np.full((64, 128), 200, np.uint8), Modality="US", SequenceOfUltrasoundRegions=sequence(region)
    )
    seen = grey_levels(read_frame(path), read_frame(path).default_window) > 0
    assert seen.sum() == 90 * 30
    assert read_frame(path, keep_burned_in=True).samples.min() == 200


def test_a_number_with_letters_after_it_still_counts(tmp_path: Path) -> None:
    data = to_bytes(make_dataset(ramp(), window=(40, 400)))
    damaged = data.replace(b"40\x20" if b"40 " in data else b"40", b"4O", 1)
    path = tmp_path / "a"
    path.write_bytes(damaged)
    assert inspect(path).readable


def test_pixels_that_end_early_are_refused_as_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(to_bytes(make_dataset(ramp()))[:-100])
    with pytest.raises(TruncatedFile):
        read_frame(path)


def test_a_codestream_larger_than_its_header_says_is_refused_before_decoding(tmp_path: Path) -> None:
    ds = make_dataset(ramp(), bits_stored=12)
    to_bytes(ds)
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    at = ds.PixelData.find(b"\xff\x4f\xff\x51")
    ds.PixelData = ds.PixelData[: at + 8] + struct.pack(">LL", 60000, 60000) + ds.PixelData[at + 16 :]
    with pytest.raises(DamagedFile):
        read_frame(written(tmp_path / "a", ds, syntax=JPEG2000Lossless))


def test_a_claim_of_two_billion_frames_is_refused_by_its_bound(tmp_path: Path) -> None:
    with pytest.raises(TooManyFrames):
        read_frame(make_dicom(tmp_path / "a", NumberOfFrames=2**31 - 1))


def test_a_deflated_data_set_cannot_grow_without_end(tmp_path: Path) -> None:
    head = to_bytes(make_dataset(ramp()), syntax=DeflatedExplicitVRLittleEndian)
    start = head.index(b"DICM") + 4
    meta = struct.unpack("<L", head[start + 8 : start + 12])[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(96)) + packer.flush()
    path = tmp_path / "a"
    path.write_bytes(head[: start + 12 + meta] + bomb)
    error = inspect(path).error
    assert type(error).__name__ == "InflatesTooMuch"


@pytest.mark.parametrize("start", [b"MZ\x90\x00", b"<html>", b"PK\x03\x04", b"%PDF-1.7", b"\x7fELF"])
def test_a_preamble_that_starts_another_file_is_refused(tmp_path: Path, start: bytes) -> None:
    data = to_bytes(make_dataset(ramp()))
    path = tmp_path / "a"
    path.write_bytes(start.ljust(128, b"\0") + data[128:])
    assert type(inspect(path).error).__name__ == "DisguisedFile"


@pytest.mark.parametrize(
    ("uid", "modality", "name"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "SR", "StructuredReport"),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "Segmentation"),
        ("1.2.840.10008.5.1.4.1.1.66", "REG", "Annotations"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR", "PresentationState"),
        ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", "Waveform"),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "EncapsulatedDocument"),
        ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", "RadiotherapyObject"),
        ("1.2.840.10008.5.1.4.1.1.481.5", "RTPLAN", "RadiotherapyObject"),
    ],
)
def test_objects_without_a_picture_are_named(tmp_path: Path, uid: str, modality: str, name: str) -> None:
    path = make_dicom(tmp_path / "a", SOPClassUID=uid, Modality=modality)
    assert type(inspect(path).error).__name__ == name


def test_video_is_named_as_video(tmp_path: Path) -> None:
    ds = make_dataset(ramp())
    ds.PixelData = encapsulate([b"\x00\x00\x01\xb3" + bytes(60)])
    path = written(tmp_path / "a", ds, syntax="1.2.840.10008.1.2.4.102")
    assert type(inspect(path).error).__name__ == "VideoObject"


def test_any_cut_of_a_file_gives_a_picture_or_a_known_error(tmp_path: Path) -> None:
    data = to_bytes(make_dataset(ramp(8, 8)))
    path = tmp_path / "a"
    for length in range(0, len(data), 23):
        path.write_bytes(data[:length])
        error = inspect(path).error
        assert error is None or isinstance(error, DicomError)


def test_flipped_bytes_in_the_header_never_crash(tmp_path: Path) -> None:
    data = to_bytes(make_dataset(ramp(8, 8)))
    chance = np.random.default_rng(7)
    path = tmp_path / "a"
    for _ in range(150):
        damaged = bytearray(data)
        for at in chance.integers(132, len(data), 4):
            damaged[at] = chance.integers(256)
        path.write_bytes(bytes(damaged))
        error = inspect(path).error
        assert type(error).__name__ not in ("DecoderCrashed", "TookTooLong")


@pytest.mark.parametrize(
    ("encode", "syntax", "options", "allowed"),
    [
        ("htj2k_encode", "1.2.840.10008.1.2.4.201", {"reversible": True}, 0),
        ("jpegxl_encode", "1.2.840.10008.1.2.4.110", {"lossless": True}, 0),
        ("jpegxl_encode", "1.2.840.10008.1.2.4.110", {"lossless": True, "usecontainer": False}, 0),
        ("jpeg8_encode", "1.2.840.10008.1.2.4.57", {"lossless": True, "bitspersample": 12}, 0),
        ("jpeg8_encode", "1.2.840.10008.1.2.4.51", {"level": 98, "bitspersample": 12}, 16),
        ("jpegls_encode", "1.2.840.10008.1.2.4.80", {}, 0),
        ("jpeg2k_encode", "1.2.840.10008.1.2.4.90", {"reversible": True, "codecformat": "jp2"}, 0),
    ],
)
def test_codecs_are_recognised_by_their_bytes(
    tmp_path: Path, encode: str, syntax: str, options: dict[str, Any], allowed: int
) -> None:
    data = getattr(imagecodecs, encode)(ramp(), **options)
    for stated in (syntax, "1.2.840.10008.1.2.4.70"):  # the second is wrong for most: content decides
        ds = make_dataset(ramp(), bits_stored=12)
        ds.PixelData = encapsulate([data])
        path = written(tmp_path / stated[-3:], ds, syntax=stated.replace(".110", ".201"))
        path.write_bytes(path.read_bytes().replace(b"4.201", stated[-5:].encode(), 1))  # pydicom knows no JPEG XL
        frame = read_frame(path)
        assert np.abs(frame.samples.astype(int) - ramp()).max() <= allowed


@pytest.mark.parametrize(("photometric", "colors"), [("RGB", "RGB"), ("YBR_FULL_422", "YCBCR"), ("YBR_FULL", "YCBCR")])
def test_jpeg_colour_is_converted_exactly_once(tmp_path: Path, photometric: str, colors: str) -> None:
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = 220, 60
    data = imagecodecs.jpeg8_encode(rgb, level=95, colorspace="RGB", outcolorspace=colors)
    ds = make_dataset(rgb, photometric=photometric)
    ds.PixelData = encapsulate([data])
    frame = read_frame(written(tmp_path / "a", ds, syntax="1.2.840.10008.1.2.4.50"))
    assert np.abs(frame.samples.astype(int) - rgb).max() <= 3


def test_a_jpeg_2000_frame_may_come_reduced_but_not_below_what_was_asked(tmp_path: Path) -> None:
    smooth = np.tile(np.linspace(0, 4000, 1024).astype(np.uint16), (768, 1))
    ds = make_dataset(smooth, bits_stored=12)
    ds.PixelData = encapsulate([imagecodecs.jpeg2k_encode(smooth, reversible=True, codecformat="j2k")])
    path = written(tmp_path / "a", ds, syntax=JPEG2000Lossless)
    reduced = sandbox().call("frame", str(path), "dicom", 0, 300, False)
    assert reduced.samples.shape == (384, 512)
    assert abs(float(reduced.samples.mean()) - float(smooth.mean())) < 4
    assert sandbox().call("frame", str(path), "dicom", 0, 0, False).samples.shape == (768, 1024)


def test_thousands_of_frames_with_their_own_groups_are_scanned_in_time(tmp_path: Path) -> None:
    count = 4000
    groups = [item(PlanePositionSequence=sequence(item(ImagePositionPatient=[0, 0, float(-i)]))) for i in range(count)]
    path = make_dicom(
        tmp_path / "a",
        np.zeros((count, 2, 2), np.uint8),
        SharedFunctionalGroupsSequence=sequence(
            item(PlaneOrientationSequence=sequence(item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])))
        ),
        PerFrameFunctionalGroupsSequence=sequence(*groups),
    )
    series = open_study([path]).series[0]
    assert len(series) == count
    assert series.facts_of(0).slice_position_mm == 1 - count
