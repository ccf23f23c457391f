"""How long each frame of a loop is to be shown, as the file says (PS3.3 C.7.6.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicom import open_study
from tests.dicom_files import make_dicom

VECTOR, TIME = 0x00181065, 0x00181063


@pytest.mark.parametrize(
    ("elements", "times"),
    [
        ({"FrameTime": 40}, [40.0] * 4),
        ({"CineRate": 25}, [40.0] * 4),
        ({"FrameTime": 40, "CineRate": 10}, [40.0] * 4),
        ({"FrameTime": 40, "RecommendedDisplayFrameRate": 50}, [20.0] * 4),
        ({"FrameTimeVector": [0, 10, 200, 30]}, [10.0, 200.0, 30.0, 30.0]),
        ({"FrameTimeVector": [0, 10, 20, 30], "FrameTime": 40, "FrameIncrementPointer": TIME}, [40.0] * 4),
        ({"FrameTimeVector": [0, 5, 6, 7], "FrameTime": 40, "FrameIncrementPointer": VECTOR}, [5.0, 6.0, 7.0, 7.0]),
        ({"FrameTimeVector": [0, 10]}, [None] * 4),
        ({"FrameTime": 0}, [None] * 4),
        ({"FrameTime": -3, "CineRate": 0}, [None] * 4),
        ({}, [None] * 4),
    ],
)
def test_every_frame_of_a_loop_has_the_time_its_file_gives_it(
    tmp_path: Path, elements: dict[str, Any], times: list[float | None]
) -> None:
    path = make_dicom(tmp_path / "a", np.zeros((4, 8, 8), np.uint8), Modality="US", **elements)
    with open_study([path]) as study:
        (series,) = study.series
        assert [series.facts_of(index).frame_time_ms for index in range(4)] == times
        assert series.facts.frame_time_ms == (times[0] if len(set(times)) == 1 else None)


def test_one_picture_has_no_frame_time(tmp_path: Path) -> None:
    path = make_dicom(tmp_path / "a", np.zeros((8, 8), np.uint8), Modality="US", FrameTime=40)
    with open_study([path]) as study:
        assert study.series[0].facts.frame_time_ms is None
