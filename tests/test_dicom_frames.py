"""What belongs to one frame of many: cut tiles, overlays, positions in a dose grid; and what may show names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from dicom import open_study
from dicom.errors import DamagedFile, WithheldImage
from tests.dicom_files import CORPUS, make_dataset, make_dicom, needs_corpus, read_frame, to_bytes

JPEG, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"
SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


def slide(path: Path, tiles: list[bytes], syntax: str, *, photometric: str = "RGB", **elements: Any) -> Path:
    """Tiles of 32 x 32, each given as a codestream."""
    color = photometric != "MONOCHROME2"
    shape = (len(tiles), 32, 32, 3) if color else (len(tiles), 32, 32)
    facts: dict[str, Any] = {"Modality": "SM", "ImageType": ["DERIVED", "PRIMARY", "VOLUME", "NONE"]}
    facts |= {"SOPClassUID": SLIDE, "NumberOfFrames": len(tiles)} | elements
    ds = make_dataset(np.zeros(shape, np.uint8), photometric=photometric, **facts)
    ds.PixelData = encapsulate(tiles)
    path.write_bytes(to_bytes(ds, syntax=syntax))
    return path


def tissue(rows: int, columns: int, *samples: int) -> NDArray[np.uint8]:
    return np.random.default_rng(rows).integers(0, 200, (rows, columns, *samples)).astype(np.uint8)


WHOLE = {"TotalPixelMatrixColumns": 52, "TotalPixelMatrixRows": 32}


def test_a_tile_cut_off_at_the_edge_of_its_slide_is_filled_up_with_white(tmp_path: Path) -> None:
    whole, cut = tissue(32, 32, 3), tissue(32, 20, 3)
    tiles = [imagecodecs.jpegls_encode(t) for t in (whole, cut)]
    path = slide(tmp_path / "a", tiles, JPEG_LS, **WHOLE)
    assert np.array_equal(read_frame(path, 0).samples, whole)
    found = read_frame(path, 1).samples
    assert np.array_equal(found[:, :20], cut)
    assert (found.shape, int(found[:, 20:].min())) == ((32, 32, 3), 255)


def test_a_cut_tile_is_white_where_colour_is_still_to_be_converted(tmp_path: Path) -> None:
    stored = np.full((32, 20, 3), 128, np.uint8)  # grey, in YBR_FULL
    path = slide(tmp_path / "a", [imagecodecs.jpegls_encode(stored)], JPEG_LS, photometric="YBR_FULL", **WHOLE)
    found = read_frame(path).samples
    assert (int(found[:, 20:].min()), int(found[:, :20].max())) == (255, 128)


def test_a_cut_grey_tile_is_filled_up_with_black(tmp_path: Path) -> None:
    cut = tissue(10, 32) + 1
    path = slide(tmp_path / "a", [imagecodecs.jpegls_encode(cut)], JPEG_LS, photometric="MONOCHROME2", **WHOLE)
    found = read_frame(path).samples
    assert np.array_equal(found[:10], cut)
    assert int(found[10:].max()) == 0


@pytest.mark.parametrize(("rows", "columns", "elements"), [(32, 20, {}), (32, 40, WHOLE), (40, 20, WHOLE)])
def test_other_codestreams_of_another_size_are_still_refused(
    tmp_path: Path, rows: int, columns: int, elements: dict[str, Any]
) -> None:
    path = slide(tmp_path / "a", [imagecodecs.jpeg8_encode(tissue(rows, columns, 3))], JPEG, **elements)
    with pytest.raises(DamagedFile):
        read_frame(path)


@needs_corpus
def test_every_tile_of_a_slide_with_cut_tiles_is_shown() -> None:
    found = [read_frame(CORPUS / "sm" / "multiframe.dcm", i).samples for i in range(140)]
    assert {f.shape for f in found} == {(240, 240, 3)}
    assert int(found[139][121:].min()) == int(found[139][:, 55:].min()) == 255
    assert int(found[139][:121, :55].max()) < 255 or int(found[139][:121, :55].min()) < 250


def with_overlay(*, frames: int | None = None, origin: int | None = None) -> Dataset:
    """Three frames with an overlay of one plane, a square of 16 pixels."""
    plane = np.zeros((16, 16), np.uint8)
    plane[4:8, 4:8] = 1
    ds = make_dataset(np.zeros((3, 16, 16), np.uint8))
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x60000011, "US", 16)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", np.packbits(plane, bitorder="little").tobytes())
    if frames is not None:
        ds.add_new(0x60000015, "IS", str(frames))
    if origin is not None:
        ds.add_new(0x60000051, "US", origin)
    return ds


@pytest.mark.parametrize(
    ("frames", "origin", "drawn"),
    [(1, 2, [0, 16, 0]), (None, 3, [0, 0, 16]), (None, None, [16, 16, 16]), (1, None, [16, 16, 16])],
)
def test_an_overlay_of_one_frame_lies_on_the_frame_it_names_else_on_all(
    tmp_path: Path, frames: int | None, origin: int | None, drawn: list[int]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(to_bytes(with_overlay(frames=frames, origin=origin)))
    masks = [read_frame(path, i).overlays for i in range(3)]
    assert [0 if mask is None else int(mask.sum()) for mask in masks] == drawn


DOSE = {"Modality": "RTDOSE", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2", "PixelSpacing": [2, 2]}


def dose(path: Path, offsets: list[float], orientation: list[float]) -> list[float | None]:
    """Positions of the frames of a dose grid along their normal, in the order they are shown."""
    values = np.zeros((len(offsets), 8, 8), np.uint16)
    elements = {"GridFrameOffsetVector": offsets, "ImageOrientationPatient": orientation}
    make_dicom(path, values, **DOSE, **elements, ImagePositionPatient=[10, 20, -100])
    series = open_study([path]).series[0]
    return [series.facts_of(i).slice_position_mm for i in range(len(series))]


@pytest.mark.parametrize(
    ("offsets", "orientation", "along"),
    [
        ([0, 3, 6], [1, 0, 0, 0, 1, 0], [-100, -97, -94]),
        ([0, -3, -6], [1, 0, 0, 0, 1, 0], [-106, -103, -100]),
        ([-100, -95, -90], [1, 0, 0, 0, 1, 0], [-100, -95, -90]),  # z coordinates, as the first is not zero
        ([0, 3, 6], [0, 1, 0, 0, 0, -1], [-10, -7, -4]),  # along the normal of a sagittal plane, which is -x
    ],
)
def test_frames_of_a_dose_grid_lie_where_their_offsets_say(
    tmp_path: Path, offsets: list[float], orientation: list[float], along: list[float]
) -> None:
    assert dose(tmp_path / "a", offsets, orientation) == along


def test_a_dose_grid_is_a_volume_at_its_true_spacing(tmp_path: Path) -> None:
    dose(tmp_path / "a", [0, 2.5, 5.0, 7.5], [1, 0, 0, 0, 1, 0])
    assert open_study([tmp_path / "a"]).series[0].volume().spacing_mm == (2.5, 2.0, 2.0)


@needs_corpus
def test_the_dose_of_the_corpus_has_its_planes_5_mm_apart() -> None:
    series = open_study([CORPUS / "pydicom_shipped" / "rtdose.dcm"]).series[0]
    assert (len(series), series.facts.slice_spacing_mm, series.warnings) == (15, 5.0, ())
    assert series.volume().spacing_mm == (5.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("suffix", "modality", "burned"),
    [
        ("77.1.5.1", "OP", False),
        ("77.1.4", "GM", False),
        ("30", "MR", False),
        ("66", "MR", False),
        ("7", "", True),
        ("7.1", "", True),
        ("6.1", "", True),
        ("3.1", "", True),
        ("12.1", "", True),
    ],
)
def test_only_kinds_that_usually_carry_text_are_said_to_carry_it(
    tmp_path: Path, suffix: str, modality: str, *, burned: bool
) -> None:
    path = make_dicom(
        tmp_path / "a", np.zeros((8, 8), np.uint8), SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{suffix}", Modality=modality
    )
    assert open_study([path]).series[0].facts.burned_in is burned


@pytest.mark.parametrize(("label", "shown"), [("YES", 0), ("NO", 1)])
def test_a_slide_picture_with_its_label_in_it_is_withheld(tmp_path: Path, label: str, shown: int) -> None:
    tile = imagecodecs.jpeg8_encode(tissue(32, 32, 3))
    study = open_study([slide(tmp_path / "a", [tile], JPEG, SpecimenLabelInImage=label)])
    assert len(study.series) == shown
    assert [type(s.error) for s in study.skipped] == [WithheldImage] * (1 - shown)
