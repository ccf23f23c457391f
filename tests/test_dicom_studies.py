"""Files, folders, ZIP and DICOMDIR to ordered series, and series to volumes."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from dicom import DicomError, Limits, Series, open_study, volume
from dicom.errors import (
    DirectoryFile,
    EncryptedFile,
    InflatesTooMuch,
    NoVolume,
    PackedFile,
    TextFile,
    TooManyFiles,
)
from tests.dicom_files import (
    CORPUS,
    item,
    make_dataset,
    make_dicom,
    make_stack,
    needs_corpus,
    ramp,
    sequence,
    to_bytes,
    zipped,
)


def ranks(series: Series) -> list[int]:
    """The sample each frame was filled with: its rank by position."""
    return [int(series.frame(i).samples[0, 0]) for i in range(len(series))]


def test_slices_are_sorted_by_position_and_not_by_number_or_name(tmp_path: Path) -> None:
    positions = [7.0, 1.0, 4.0, 10.0]
    study = open_study(make_stack(tmp_path, positions, numbers=[3, 9, 1, 2]))
    assert [ranks(s) for s in study.series] == [[0, 1, 2, 3]]
    assert study.series[0].facts.slice_spacing_mm == 3.0
    assert study.series[0].warnings == ()


def test_positions_are_projected_on_the_normal_of_oblique_slices(tmp_path: Path) -> None:
    tilted = [1, 0, 0, 0, 0.8, -0.6]
    study = open_study(make_stack(tmp_path, [0, 5, 10], orientation=tilted))
    assert study.series[0].facts.slice_spacing_mm == pytest.approx(4.0)
    assert ranks(study.series[0]) == [0, 1, 2]


def test_a_missing_slice_is_reported_as_a_gap(tmp_path: Path) -> None:
    study = open_study(make_stack(tmp_path, [0, 1, 2, 4, 5]))
    assert study.series[0].warnings == ("gaps",)


def test_slices_at_one_place_that_nothing_tells_apart_are_reported(tmp_path: Path) -> None:
    study = open_study(make_stack(tmp_path, [0, 1, 1, 2]))
    assert study.series[0].warnings == ("duplicate-positions",)


def test_the_same_file_twice_is_shown_once(tmp_path: Path) -> None:
    path = make_stack(tmp_path, [0, 1])[0]
    study = open_study([*sorted(tmp_path.iterdir()), path])
    assert len(study.series[0]) == 2
    assert study.series[0].warnings == ("repeated-files",)


def test_planes_of_a_mixed_series_are_set_apart(tmp_path: Path) -> None:
    paths = make_stack(tmp_path / "a", [0, 1, 2], series="1.2.9")
    paths += make_stack(tmp_path / "b", [0, 1], series="1.2.9", orientation=[0, 1, 0, 0, 0, -1])
    study = open_study(paths)
    assert sorted(len(s) for s in study.series) == [2, 3]
    assert all("mixed-orientations" in s.warnings for s in study.series)
    assert {s.facts.orientation for s in study.series} == {"axial", "sagittal"}


def test_localizers_are_set_apart_from_their_series(tmp_path: Path) -> None:
    paths = make_stack(tmp_path / "a", [0, 1, 2], series="1.2.9")
    paths += make_stack(tmp_path / "b", [9], series="1.2.9", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    study = open_study(paths)
    assert [s.facts.localizer for s in study.series] == [False, True]
    assert [s.warnings for s in study.series] == [(), ("localizer",)]


def test_echoes_and_b_values_of_a_4d_series_are_split(tmp_path: Path) -> None:
    paths = make_stack(tmp_path / "a", [0, 1, 2], series="1.2.9", Modality="MR", EchoTime=10)
    paths += make_stack(tmp_path / "b", [0, 1, 2], series="1.2.9", Modality="MR", EchoTime=80)
    study = open_study(paths)
    assert [(len(s), s.facts.echo_time_ms) for s in study.series] == [(3, 10.0), (3, 80.0)]
    assert study.series[0].warnings == ("split",)


def test_one_unreadable_file_does_not_hide_the_others(tmp_path: Path) -> None:
    paths = make_stack(tmp_path / "a", [0, 1])
    bad = tmp_path / "notes"
    bad.write_text("not an image")
    study = open_study([paths[0], bad, paths[1]])
    assert len(study.series[0]) == 2
    assert [(s.name_index, type(s.error), s.member) for s in study.skipped] == [(1, TextFile, None)]


def test_progress_counts_every_file(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    open_study(make_stack(tmp_path, range(40)), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 40) for i in range(1, 41)]


def test_a_folder_is_read_through_and_its_litter_left_out(tmp_path: Path) -> None:
    make_stack(tmp_path / "deep" / "er", [0, 1, 2])
    (tmp_path / "deep" / ".DS_Store").write_bytes(b"litter")
    study = open_study([tmp_path])
    assert len(study.series[0]) == 3
    assert study.skipped == ()


def test_a_zip_is_unpacked_privately_and_removed_on_close(tmp_path: Path) -> None:
    files = {f"../../up/{i}.dcm": p.read_bytes() for i, p in enumerate(make_stack(tmp_path / "a", [0, 1, 2]))}
    archive = tmp_path / "study.bin"
    archive.write_bytes(zipped(files))
    with open_study([archive]) as study:
        assert ranks(study.series[0]) == [0, 1, 2]
        inside = next(iter(study.series[0]._files.values()))
        assert oct(inside.parent.parent.stat().st_mode)[-3:] == "700"
    assert not inside.exists()


def test_a_zip_bomb_an_encrypted_zip_and_a_zip_in_a_zip_are_refused(tmp_path: Path) -> None:
    bomb, locked, nested = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    bomb.write_bytes(zipped({"x": bytes(64 << 20)}))
    plain = bytearray(zipped({"x": b"secret"}))
    plain[6] |= 1
    plain[plain.rindex(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(bytes(plain))
    nested.write_bytes(zipped({"inner": zipped({"x": b"y"})}))
    kinds = [type(s.error) for s in open_study([bomb, locked, nested]).skipped]
    assert kinds == [InflatesTooMuch, EncryptedFile, PackedFile]


def test_a_directory_alone_asks_for_its_files(tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "DICOMDIR", SOPClassUID="1.2.840.10008.1.3.10")
    study = open_study([path])
    assert [type(s.error) for s in study.skipped] == [DirectoryFile]


@needs_corpus
def test_a_dicomdir_tree_is_followed_below_its_own_folder() -> None:
    study = open_study([CORPUS / "dicomdir" / "pydicom_dicomdirtests" / "DICOMDIR"])
    assert sum(len(s) for s in study.series) == 31
    assert not study.skipped


@pytest.mark.parametrize("name", ["X\0Y", "..", "A/B", "L" * 16 + "\\" + "M" * 4000, "/etc/passwd"])
def test_a_directory_that_names_impossible_files_is_a_directory_without_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / "DICOMDIR"
    ds = make_dataset(ramp(8, 8), DirectoryRecordSequence=sequence(item(ReferencedFileID="PLACE")))
    data = to_bytes(ds)
    at = data.index(b"CS\x06\x00PLACE ")
    packed = name.encode() + b" " * (len(name) % 2)
    data = data[:at] + b"UN\0\0" + struct.pack("<L", len(packed)) + packed + data[at + 10 :]
    head = data.index(b"SQ\0\0", at - 40)  # the sequence and its item have grown by as much
    grown = len(packed) - 6 + 4
    for place in (head + 4, head + 12):
        length = struct.unpack_from("<L", data, place)[0]
        data = data[:place] + struct.pack("<L", length + grown) + data[place + 4 :]
    path.write_bytes(data)
    assert [type(s.error) for s in open_study([path]).skipped] == [DirectoryFile]


def test_more_files_than_allowed_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(TooManyFiles):
        open_study(make_stack(tmp_path, range(5)), limits=Limits(files=4, workers=1))


def test_files_of_one_series_come_in_any_order_of_arguments(tmp_path: Path) -> None:
    paths = make_stack(tmp_path, range(9))
    assert ranks(open_study(paths[::-1]).series[0]) == list(range(9))


def test_frames_stream_in_order_and_a_bad_one_comes_as_its_error(tmp_path: Path) -> None:
    paths = make_stack(tmp_path, range(6))
    study = open_study(paths)
    os.truncate(paths[3], paths[3].stat().st_size - 10)
    found = list(study.series[0].frames())
    assert [isinstance(f, DicomError) for f in found] == [False, False, False, True, False, False]


def test_series_ids_are_random_and_say_nothing(tmp_path: Path) -> None:
    paths = make_stack(tmp_path, [0, 1])
    first, second = open_study(paths).series[0].id, open_study(paths).series[0].id
    assert first != second
    assert len(first) == 32


def stack_of_a_ball(folder: Path, *, tilt: float = 0.0, step: float = 2.0) -> list[Path]:
    """A ball of radius 16 mm at (20, 24, 30) mm in 1 mm pixels, slices `step` mm apart, patient axes."""
    folder.mkdir()
    y, x = np.mgrid[0:48, 0:40]
    paths = []
    for i in range(int(60 / step)):
        z = i * step
        shifted = y + z * tilt
        inside = (x - 20) ** 2 + (shifted - 24) ** 2 + (z - 30) ** 2 < 256
        ds = make_dataset(
            np.where(inside, 100, -1000).astype(np.int16), window=(40, 400), RescaleIntercept=0, RescaleSlope=1
        )
        ds.SeriesInstanceUID, ds.StudyInstanceUID = "1.2.9", "1.2.3"
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.ImagePositionPatient = [0, z * tilt, z]
        ds.PixelSpacing = [1, 1]
        path = folder / f"{i}"
        path.write_bytes(to_bytes(ds))
        paths.append(path)
    return paths


@pytest.mark.parametrize("tilt", [0.0, 0.25])
def test_three_planes_of_a_ball_are_discs_at_true_spacing(tmp_path: Path, tilt: float) -> None:
    found = volume(open_study(stack_of_a_ball(tmp_path / "a", tilt=tilt)).series[0])
    assert found.spacing_mm == (2.0, 1.0, 1.0)
    for plane, index in (("axial", 15), ("coronal", 24), ("sagittal", 20)):
        frame = found.plane(plane, index)
        inside = frame.samples > -400
        height = np.ptp(np.argwhere(inside)[:, 0]) * frame.pixel_aspect
        width = np.ptp(np.argwhere(inside)[:, 1])
        assert height == pytest.approx(31, abs=3)
        assert width == pytest.approx(31, abs=3)


def test_reformats_hang_with_the_head_on_top_and_the_patients_right_on_the_left(tmp_path: Path) -> None:
    found = volume(open_study(stack_of_a_ball(tmp_path / "a")).series[0])
    assert found.plane("coronal", 3).edges == ("R", "L", "H", "F")
    assert found.plane("sagittal", 3).edges == ("A", "P", "H", "F")


@pytest.mark.parametrize("descending", [False, True])
def test_reformats_show_the_highest_slice_in_their_first_row(tmp_path: Path, descending: bool) -> None:
    orientation = (1, 0, 0, 0, -1, 0) if descending else (1, 0, 0, 0, 1, 0)  # a normal towards the feet or the head
    found = open_study(make_stack(tmp_path, range(6), orientation=orientation)).series[0].volume()
    for plane in ("coronal", "sagittal"):
        assert found.plane(plane, 2).samples[:, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert found.plane("axial", 0).samples[0, 0] == 0


def test_slices_that_do_not_make_a_volume_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoVolume):
        volume(open_study(make_stack(tmp_path / "a", [0, 1])).series[0])
    with pytest.raises(NoVolume):
        volume(open_study(make_stack(tmp_path / "b", [0, 1, 2, 40])).series[0])
    with pytest.raises(NoVolume):
        volume(open_study([make_dicom(tmp_path / "c", ramp())]).series[0])


@needs_corpus
def test_a_head_ct_with_gantry_tilt_and_changing_distances_makes_a_volume() -> None:
    series = open_study([CORPUS / "series_ct_head_ge"]).series[0]
    assert series.facts.body_part == "HEAD"
    assert "variable-spacing" in series.warnings
    found = volume(series)
    assert found.values.shape[1:] == (512, 512)
