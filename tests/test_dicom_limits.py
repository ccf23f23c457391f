"""The bounds on reading files that an operator can set: each setting reaches its bound and no other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.settings import Settings, read_settings
from dicom import inspect
from tests.dicom_files import make_dicom

BOUNDS: dict[str, tuple[str, dict[str, Any]]] = {
    "BASIRA_UPLOAD_MB": ("3", {"upload_bytes": 3 << 20}),
    "BASIRA_FILE_MB": ("3", {"file_bytes": 3 << 20}),
    "BASIRA_FILES": ("50000", {"files": 50_000, "zip_members": 50_000}),
    "BASIRA_FRAMES": ("7", {"frames": 7}),
    "BASIRA_FRAME_MEGAPIXELS": ("2.5", {"frame_pixels": 2_500_000}),
    "BASIRA_FILE_MEGAPIXELS": ("2.5", {"file_pixels": 2_500_000}),
    "BASIRA_RASTER_MEGAPIXELS": ("2.5", {"raster_pixels": 2_500_000}),
    "BASIRA_NESTING": ("9", {"nesting": 9}),
    "BASIRA_ELEMENTS": ("5000", {"elements": 5000}),
    "BASIRA_INFLATED_MB": ("3", {"inflated_bytes": 3 << 20}),
    "BASIRA_ZIP_RATIO": ("2.5", {"zip_ratio": 2.5}),
    "BASIRA_WORKERS": ("3", {"workers": 3}),
    "BASIRA_WORKER_MB": ("512", {"worker_memory_bytes": 512 << 20}),
    "BASIRA_WORKER_SECONDS": ("2.5", {"seconds_per_step": 2.5}),
    "BASIRA_SCAN_SECONDS": ("2.5", {"seconds_per_scan": 2.5}),
    "BASIRA_FRAME_SECONDS": ("2.5", {"seconds_per_frame": 2.5}),
    "BASIRA_MEGAPIXELS_PER_SECOND": ("2.5", {"pixels_per_second": 2_500_000}),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_setting_changes_its_bounds_and_no_other(name: str) -> None:
    text, changed = BOUNDS[name]
    assert asdict(read_settings({name: text}).limits()) == asdict(Settings().limits()) | changed


def test_a_picture_and_a_file_larger_than_their_settings_are_refused(tmp_path: Path) -> None:
    limits = read_settings({"BASIRA_RASTER_MEGAPIXELS": "0.01", "BASIRA_FILE_MEGAPIXELS": "0.01"}).limits()
    picture, frames = tmp_path / "a", make_dicom(tmp_path / "b", np.zeros((3, 64, 64), np.uint16))
    Image.new("L", (128, 128)).save(picture, "PNG")
    for path in (picture, frames):
        assert inspect(path).readable
        assert type(inspect(path, limits=limits).error).__name__ == "TooManyPixels"
