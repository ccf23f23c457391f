"""Only the same picture sent again is a repeat, whatever its identifier says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless, generate_uid

from dicom import Study, open_study
from tests.dicom_files import SHARED, make_dataset, make_stack, sandbox, to_bytes

SERIES = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.9"}


def shape(study: Study) -> list[tuple[int, tuple[str, ...]]]:
    return [(len(series), series.warnings) for series in study.series]


def test_different_slices_with_one_identifier_are_all_shown_and_said_to_share_it(tmp_path: Path) -> None:
    study = open_study(make_stack(tmp_path, range(12), SOPInstanceUID="1.2.3.4"), sandbox=sandbox())
    assert shape(study) == [(12, ("shared-identifiers",))]
    assert [int(study.series[0].frame(i).samples[0, 0]) for i in range(12)] == list(range(12))


def test_blank_slices_with_one_identifier_differ_by_their_places(tmp_path: Path) -> None:
    for z in range(5):
        made = make_dataset(np.zeros((8, 8), np.int16), SOPInstanceUID="1.2.3.4", **SERIES)
        made.ImageOrientationPatient, made.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, z]
        (tmp_path / str(z)).write_bytes(to_bytes(made))
    assert shape(open_study(tmp_path, sandbox=sandbox())) == [(5, ("shared-identifiers",))]


@pytest.mark.parametrize("identifier", ["1.2.3.4", None], ids=["an identifier", "none"])
@pytest.mark.parametrize("frames", [1, 3], ids=["one frame", "a loop"])
def test_a_picture_sent_again_is_shown_once_whatever_else_its_header_says(
    tmp_path: Path, identifier: str | None, frames: int
) -> None:
    for name in "ab":
        pixels = np.arange(frames * 64, dtype=np.uint16).reshape(frames, 8, 8)
        made = make_dataset(pixels if frames > 1 else pixels[0], **SERIES)
        made.SOPInstanceUID = identifier or generate_uid()
        made.SeriesDescription = name
        data = to_bytes(made)
        if identifier is None:
            del made.SOPInstanceUID
            made.save_as(tmp_path / name)
        else:
            (tmp_path / name).write_bytes(data)
    assert shape(open_study(tmp_path, sandbox=sandbox())) == [(frames, ("repeated-files",))]


def test_a_copy_that_is_compressed_is_a_copy(tmp_path: Path) -> None:
    made = make_dataset(np.arange(64, dtype=np.uint16).reshape(8, 8), **SERIES)
    (tmp_path / "plain").write_bytes(to_bytes(made))
    made.compress(RLELossless, generate_instance_uid=False)
    made.save_as(tmp_path / "packed")
    assert shape(open_study(tmp_path, sandbox=sandbox())) == [(1, ("repeated-files",))]


def test_pictures_without_a_place_are_told_apart_by_their_pixels(tmp_path: Path) -> None:
    for name, value in (("a", 1), ("b", 2), ("c", 2)):
        made = make_dataset(np.full((8, 8), value, np.uint16), SOPInstanceUID="1.2.3.4", Modality="DX", **SERIES)
        (tmp_path / name).write_bytes(to_bytes(made))
    ((count, warnings),) = shape(open_study(tmp_path, sandbox=sandbox()))
    assert count == 2
    assert {"repeated-files", "shared-identifiers"} <= set(warnings)


@pytest.mark.skipif(not (SHARED / "cases").exists(), reason="the shared cases are not on this machine")
def test_a_badly_anonymised_series_keeps_its_slices() -> None:
    study = open_study(sorted((SHARED / "cases/same-sop-uid").glob("*.dcm")), sandbox=sandbox())
    assert shape(study) == [(12, ("shared-identifiers",))]
