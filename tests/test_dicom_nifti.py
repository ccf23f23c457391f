"""NIfTI volumes: every way of lying in the scanner, every depth, whole and damaged."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom import inspect, open_study

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
