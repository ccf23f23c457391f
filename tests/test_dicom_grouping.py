"""Awkward series: cine by trigger time, screen copies among slices, mixed sizes, several studies, enhanced 4-D."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom import Series, Window, open_study
from dicom.errors import FrameMissing
from tests.dicom_files import item, make_dataset, make_dicom, make_stack, sequence, to_bytes


def places(series: Series) -> list[float | None]:
    return [place.along for place in series.geometry.places]


def make_cine(folder: Path, jitter: float, **elements: Any) -> list[Path]:
    """Three slices with four phases each, whose trigger times differ a little from slice to slice."""
    paths = []
    for phase in range(4):
        for z in range(3):
            more = {"TriggerTime": 30.0 * phase + jitter * z, **elements}
            paths += make_stack(folder / f"{phase}{z}", [float(z)], series="1.2.9", Modality="MR", **more)
    return paths


@pytest.mark.parametrize("jitter", [0.0, 1.7])
def test_phases_of_a_cine_are_split_however_their_trigger_times_vary(tmp_path: Path, jitter: float) -> None:
    study = open_study(make_cine(tmp_path, jitter))
    assert [places(s) for s in study.series] == [[0.0, 1.0, 2.0]] * 4
    assert all(s.warnings == ("split",) for s in study.series)


def test_times_told_apart_by_nothing_but_the_instance_number_are_split_by_it(tmp_path: Path) -> None:
    numbers = [1, 2, 3, 4, 5, 6]
    study = open_study(make_stack(tmp_path, [0.0, 1.0, 2.0, 0.0, 1.0, 2.0], numbers=numbers))
    assert [places(s) for s in study.series] == [[0.0, 1.0, 2.0]] * 2


@pytest.mark.parametrize(
    "private",
    [
        (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", [0, 1000]),
        (0x0043, "GEMS_PARM_01", 0x39, "IS", [[1000000000, 8, 0, 0], [1000001000, 8, 0, 0]]),
        (0x2001, "Philips Imaging DD 001", 0x03, "FL", [0.0, 1000.0]),
    ],
    ids=["Siemens", "GE", "Philips"],
)
def test_b_values_are_found_where_the_scanners_makers_put_them(tmp_path: Path, private: Any) -> None:
    group, creator, element, kind, values = private
    paths = []
    for number, value in enumerate(values):
        for z in (0.0, 5.0):
            ds = make_dataset(np.full((8, 8), number, np.int16), Modality="MR")
            ds.SeriesInstanceUID, ds.StudyInstanceUID = "1.2.9", "1.2.3"
            ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, z]
            ds.private_block(group, creator, create=True).add_new(element, kind, value)
            path = tmp_path / f"{number}{z}"
            path.write_bytes(to_bytes(ds))
            paths.append(path)
    assert [s.facts.b_value for s in open_study(paths).series] == [0.0, 1000.0]


def test_a_screen_copy_among_slices_does_not_cost_them_their_order(tmp_path: Path) -> None:
    paths = make_stack(tmp_path / "a", [3.0, 1.0, 2.0], series="1.2.9")
    extra = make_dataset(np.zeros((8, 8), np.int16))
    extra.SeriesInstanceUID, extra.StudyInstanceUID = "1.2.9", "1.2.3"
    report = tmp_path / "report"
    report.write_bytes(to_bytes(extra))
    study = open_study([*paths, report])
    assert [places(s) for s in study.series] == [[1.0, 2.0, 3.0], [None]]
    assert all("set-apart" in s.warnings for s in study.series)


def test_pictures_of_another_size_are_set_apart(tmp_path: Path) -> None:
    paths = make_stack(tmp_path, [0.0, 1.0, 2.0], series="1.2.9")
    large = make_dataset(np.zeros((16, 16), np.int16))
    large.SeriesInstanceUID, large.StudyInstanceUID = "1.2.9", "1.2.3"
    large.ImageOrientationPatient, large.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 1.5]
    path = tmp_path / "large"
    path.write_bytes(to_bytes(large))
    study = open_study([*paths, path])
    assert [(len(s), s.facts.rows) for s in study.series] == [(3, 8), (1, 16)]
    assert study.series[0].warnings == ("mixed-sizes",)


def test_series_of_several_studies_say_which_one_they_belong_to(tmp_path: Path) -> None:
    paths = [
        make_dicom(tmp_path / str(i), StudyInstanceUID=f"1.2.{study}", SeriesInstanceUID=f"1.2.9.{i}")
        for i, study in enumerate([5, 7, 5])
    ]
    assert [s.study for s in open_study(paths).series] == [0, 1, 0]


def test_an_enhanced_file_of_two_echoes_becomes_two_stacks(tmp_path: Path) -> None:
    groups = [
        item(
            PlanePositionSequence=sequence(item(ImagePositionPatient=[0, 0, float(z)])),
            MREchoSequence=sequence(item(EffectiveEchoTime=echo)),
        )
        for z in range(3)
        for echo in (80.0, 10.0)
    ]
    shared = item(PlaneOrientationSequence=sequence(item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])))
    path = make_dicom(
        tmp_path / "a",
        np.stack([np.full((4, 4), i, np.uint16) for i in range(6)]),
        Modality="MR",
        SharedFunctionalGroupsSequence=sequence(shared),
        PerFrameFunctionalGroupsSequence=sequence(*groups),
    )
    short, long = open_study([path]).series
    assert (short.facts.echo_time_ms, long.facts.echo_time_ms) == (10.0, 80.0)
    assert [int(short.frame(i).samples[0, 0]) for i in range(3)] == [1, 3, 5]
    assert [int(long.frame(i).samples[0, 0]) for i in range(3)] == [0, 2, 4]


def test_planes_of_one_enhanced_file_state_their_own_orientation(tmp_path: Path) -> None:
    planes = [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1]]
    groups = [
        item(
            PlanePositionSequence=sequence(item(ImagePositionPatient=[float(i), 0, float(i)])),
            PlaneOrientationSequence=sequence(item(ImageOrientationPatient=planes[i % 2])),
        )
        for i in range(6)
    ]
    path = make_dicom(
        tmp_path / "a", np.zeros((6, 4, 4), np.uint16), PerFrameFunctionalGroupsSequence=sequence(*groups)
    )
    assert [(s.facts.orientation, len(s)) for s in open_study([path]).series] == [("axial", 3), ("sagittal", 3)]


def test_a_pet_with_a_slope_of_its_own_for_every_slice_makes_a_true_volume(tmp_path: Path) -> None:
    paths = []
    for z, slope in enumerate((1.0, 0.5, 0.25, 2.0)):
        ds = make_dataset(np.full((8, 8), 100, np.int16), Modality="PT", RescaleSlope=slope, RescaleIntercept=0)
        ds.SeriesInstanceUID, ds.StudyInstanceUID = "1.2.9", "1.2.3"
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, float(z)]
        ds.PixelSpacing = [1, 1]
        path = tmp_path / str(z)
        path.write_bytes(to_bytes(ds))
        paths.append(path)
    values = open_study(paths).series[0].volume().values
    assert values[:, 0, 0].tolist() == [100.0, 50.0, 25.0, 200.0]


def test_memory_of_a_volume_is_at_most_twice_the_volume(tmp_path: Path) -> None:
    paths = []
    for z in range(24):  # uneven distances: the slices are interpolated onto an even grid, a second array
        ds = make_dataset(np.full((256, 256), z, np.int16), RescaleSlope=1, RescaleIntercept=0, RescaleType="HU")
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.PixelSpacing = "1.2.9", "1.2.3", [1, 1]
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, z + 0.3 * (z % 2)]
        paths.append(tmp_path / str(z))
        paths[-1].write_bytes(to_bytes(ds))
    series = open_study(paths).series[0]
    tracemalloc.start()
    values = series.volume().values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.dtype == np.int16
    assert peak < 2.2 * values.nbytes + 10 * 256 * 256 * 4


def test_an_mr_volume_stays_in_sixteen_bits(tmp_path: Path) -> None:
    volume = open_study(make_stack(tmp_path, range(5), Modality="MR")).series[0].volume()
    assert volume.values.dtype == np.int16
    assert volume.values[:, 0, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_picture_states_the_window_it_was_made_with(tmp_path: Path) -> None:
    series = open_study([make_dicom(tmp_path / "a", window=(40, 400))]).series[0]
    assert series.facts.window == (40, 400)
    assert series.picture(0).facts.window == (40, 400)
    assert series.picture(0, window=Window(-600, 1500)).facts.window == (-600, 1500)


def test_only_slides_have_regions(tmp_path: Path) -> None:
    with pytest.raises(FrameMissing):
        open_study([make_dicom(tmp_path / "a")]).series[0].region((0, 0, 5, 5), magnification=10)
