"""NIfTI volumes: every way of lying in the scanner, every depth, whole and damaged."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom import inspect, open_study
from tests.dicom_files import SHARED

nibabel: Any = pytest.importorskip("nibabel")
VALUES = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(np.int16)
WAYS = [*itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))]


def saved(path: Path, values: Any, affine: Any) -> Path:
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


@pytest.mark.parametrize("kind", [".nii", ".nii.gz"])
def test_volumes_stored_in_any_of_the_48_ways_show_the_same_patient(tmp_path: Path, kind: str) -> None:
    for number, (order, signs) in enumerate(WAYS):
        affine = np.diag([0.0, 0, 0, 1])
        for axis, (patient, sign) in enumerate(zip(order, signs, strict=True)):
            affine[patient, axis] = sign * (axis + 1.0)
        path = saved(tmp_path / f"{number}{kind}", VALUES, affine)
        upright = nibabel.as_closest_canonical(nibabel.load(path))
        x, y, z = upright.header.get_zooms()
        series = open_study([path]).series[0]
        assert series.facts.slice_thickness_mm == z
        for index in (0, len(series) - 1):
            frame = series.frame(index)
            assert np.array_equal(frame.samples, np.asarray(upright.dataobj)[:, :, index].T[::-1, ::-1])
            assert frame.pixel_spacing_mm == (y, x)
            assert frame.edges == ("R", "L", "A", "P")


def test_a_later_volume_of_a_4d_file_is_a_stack_of_its_own(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii.gz", np.stack([VALUES, VALUES + 1000], axis=3), np.eye(4))
    first, second = open_study([path]).series
    assert (len(first), len(second)) == (6, 6)
    assert np.array_equal(second.frame(2).samples, first.frame(2).samples + 1000)
    assert first.volume().values.shape == (6, 5, 4)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64, np.int32])
def test_values_of_any_depth_are_kept(tmp_path: Path, kind: Any) -> None:
    series = open_study([saved(tmp_path / "a.nii", VALUES.astype(kind), np.eye(4))]).series[0]
    assert np.array_equal(series.frame(3).samples, VALUES[:, :, 3].T[::-1, ::-1])


@pytest.mark.parametrize("kind", [".nii", ".nii.gz"])
def test_a_volume_that_ends_early_is_refused(tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path / f"a{kind}", np.random.default_rng(1).integers(0, 9999, (64, 64, 9), np.int16), np.eye(4))
    path.write_bytes(path.read_bytes()[:2000])
    assert type(inspect(path).error).__name__ in ("TruncatedFile", "DamagedFile")


def test_claims_beyond_the_bounds_are_refused_by_the_header_alone(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", VALUES, np.eye(4))
    data = bytearray(path.read_bytes())
    data[40:48] = np.array([3, 32000, 32000, 5], "<i2").tobytes()
    path.write_bytes(bytes(data))
    assert type(inspect(path).error).__name__ == "TooManyPixels"


def colours(kind: list[tuple[str, str]], alpha: int = 255) -> Any:
    values = np.zeros((4, 5, 6), kind)
    for number, name in enumerate(values.dtype.names or ()):
        values[name] = alpha if name == "A" else np.arange(120).reshape(4, 5, 6) + 40 * number
    return values


RGB24 = [("R", "u1"), ("G", "u1"), ("B", "u1")]


@pytest.mark.parametrize("way", [nibabel.Nifti1Image, nibabel.Nifti2Image], ids=["NIfTI-1", "NIfTI-2"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_both_versions_show_the_same(tmp_path: Path, way: Any, packed: str) -> None:
    path = tmp_path / f"a.nii{packed}"
    nibabel.save(way(VALUES, np.diag([-2.0, 2, 3, 1])), path)
    (series,) = open_study([path]).series
    assert (series.facts.slice_thickness_mm, series.facts.pixel_spacing_mm) == (3.0, (2.0, 2.0))
    assert np.array_equal(series.frame(1).samples, VALUES[:, :, 1].T[::-1, :])


@pytest.mark.parametrize("way", [nibabel.Nifti1Image, nibabel.Nifti2Image], ids=["NIfTI-1", "NIfTI-2"])
@pytest.mark.parametrize("kind", [RGB24, [*RGB24, ("A", "u1")]], ids=["RGB24", "RGBA32"])
@pytest.mark.parametrize("alpha", [255, 0])
def test_colour_is_shown_as_colour(tmp_path: Path, way: Any, kind: Any, alpha: int) -> None:
    values = colours(kind, alpha)
    path = tmp_path / "a.nii"
    nibabel.save(way(values, np.diag([-2.0, 2, 3, 1])), path)
    (series,) = open_study([path]).series
    assert series.color
    frame = series.frame(2)
    assert frame.color
    assert frame.pixel_spacing_mm == (2.0, 2.0)
    expected = np.stack([values[name][:, :, 2].T[::-1, :] for name in "RGB"], axis=-1)
    assert np.array_equal(frame.samples, expected)


def test_what_is_transparent_stands_on_white(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(colours([*RGB24, ("A", "u1")], 128), np.eye(4)), path)
    frame = open_study([path]).series[0].frame(0)
    assert int(frame.samples[-1, -1, 0]) == 127  # half of black on white


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 0.001), ("meter", 1000), ("unknown", 1)])
def test_distances_are_told_in_millimetres_whatever_the_file_counts_in(
    tmp_path: Path, unit: str, factor: float
) -> None:
    image = nibabel.Nifti1Image(VALUES, np.diag([2 / factor, 2 / factor, 3 / factor, 1]))
    image.header.set_xyzt_units(unit)
    path = tmp_path / "a.nii"
    nibabel.save(image, path)
    (series,) = open_study([path]).series
    assert series.facts.slice_thickness_mm == pytest.approx(3)
    assert series.facts.slice_spacing_mm == pytest.approx(3)
    assert series.frame(0).pixel_spacing_mm == pytest.approx((2, 2))


def test_a_unit_that_does_not_exist_costs_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", VALUES, np.eye(4))
    data = bytearray(path.read_bytes())
    data[123] = 7
    path.write_bytes(bytes(data))
    assert inspect(path).readable


@pytest.mark.parametrize("kind", [np.complex64, np.float64, np.uint32])
def test_values_that_are_no_picture_are_not_called_damaged(tmp_path: Path, kind: Any) -> None:
    path = saved(tmp_path / "a.nii", VALUES.astype(kind), np.eye(4))
    assert type(inspect(path).error).__name__ == ("UnsupportedPixels" if kind is np.complex64 else "NoneType")


@pytest.mark.skipif(not (SHARED / "cases").exists(), reason="the shared cases are not on this machine")
@pytest.mark.parametrize("name", ["two", "rgb"])
def test_the_volumes_that_were_called_damaged_are_read(name: str) -> None:
    (series,) = open_study([SHARED / f"cases/nifti/{name}.nii"]).series
    assert len(series) == 10
    assert series.color == (name == "rgb")
    assert series.frame(5).color == (name == "rgb")
