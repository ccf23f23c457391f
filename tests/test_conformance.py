"""The conformance program itself: it looks at every frame, and says so when another tool opens what we refuse."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate

from tests.conformance import Entry, Verdict, judge, table
from tests.dicom_files import make_dataset, sandbox, to_bytes

JPEG_LS = "1.2.840.10008.1.2.4.80"


def judged(path: Path, sides: list[int]) -> tuple[Verdict, str]:
    """The verdict over a file of JPEG-LS frames 16 pixels high and of these widths, 16 announced; and the table."""
    frames = [np.random.default_rng(side).integers(0, 256, (16, side)).astype(np.uint8) for side in sides]
    ds = make_dataset(np.zeros((len(sides), 16, 16), np.uint8))
    ds.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(frame)) for frame in frames])
    path.write_bytes(to_bytes(ds, syntax=JPEG_LS))
    entry = Entry(path, path.parent, {"file": path.name})
    verdict = judge(entry, sandbox())
    return verdict, table([verdict], [entry], "0")


def test_first_second_middle_and_last_frame_are_compared(tmp_path: Path) -> None:
    verdict, text = judged(tmp_path / "a", [16] * 7)
    assert (verdict.outcome, verdict.worse) == ("agrees", False)
    assert [c.frames for c in verdict.compared] == [(0, 1, 3, 6)]
    assert "frames 1, 2, 4, 7 of 7" in text


def test_the_second_decoder_is_named_with_what_was_found_and_allowed(tmp_path: Path) -> None:
    verdict, text = judged(tmp_path / "a", [16, 16])
    (compared,) = verdict.compared
    assert compared.against in ("dcmdjpls", "imagecodecs")
    assert f"| {compared.against}, frames 1, 2 of 2 | 0 (0) |" in text


@pytest.mark.parametrize("at", [2, 4, 6])
def test_a_frame_we_refuse_and_another_tool_opens_is_listed_as_worse(tmp_path: Path, at: int) -> None:
    verdict, text = judged(tmp_path / "a", [12 if i == at else 16 for i in range(7)])
    assert (verdict.failing, verdict.worse, verdict.error) == ((at,), True, "DamagedFile")
    assert f"| a, frame {at + 1} of 7 | {verdict.opened_by} | DamagedFile | a gap |" in text
