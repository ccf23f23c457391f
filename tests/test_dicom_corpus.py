"""Every file of the shared corpus: the reference renderings, a second decoder's values, and no crash or hang."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dicom import DicomError, inspect
from tests.conformance import Verdict, corpus_files, judge
from tests.dicom_files import CORPUS, SHARED, needs_corpus, sandbox

pytestmark = needs_corpus
HOSTILE = ("malformed", "synthetic", "raster_edge")


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return [judge(entry, sandbox()) for entry in corpus_files(SHARED)]


def test_every_lossless_reference_rendering_is_met_within_one_grey_level(verdicts: list[Verdict]) -> None:
    far = [v.file for v in verdicts if v.reference and not v.lossy and not (v.difference or 0) <= 1]
    assert far == []
    assert sum(v.reference for v in verdicts) >= 140


def test_every_lossy_reference_rendering_is_met_within_three_grey_levels(verdicts: list[Verdict]) -> None:
    assert [v.file for v in verdicts if v.reference and v.lossy and not (v.difference or 0) <= 3] == []


def test_values_agree_with_a_second_decoder_wherever_there_is_no_rendering(verdicts: list[Verdict]) -> None:
    assert [(v.file, v.difference) for v in verdicts if v.outcome == "differs"] == []


def test_every_file_another_tool_opens_is_opened_or_refused_on_purpose(verdicts: list[Verdict]) -> None:
    assert [v.file for v in verdicts if v.worse and not v.reason] == []


@pytest.mark.parametrize("folder", HOSTILE)
def test_hostile_files_give_a_picture_or_a_known_error_soon(folder: str) -> None:
    for path in sorted((CORPUS / folder).iterdir()):
        start = time.monotonic()
        found = inspect(path)
        assert time.monotonic() - start < 10, path.name
        assert found.readable or isinstance(found.error, DicomError)
        assert type(found.error).__name__ not in ("DecoderCrashed", "TookTooLong", "TookTooMuchMemory"), path.name


def test_hostile_files_leave_the_workers_small() -> None:
    for folder in HOSTILE:
        for path in (CORPUS / folder).iterdir():
            inspect(path)
    for pid in sandbox().pids():
        status = Path(f"/proc/{pid}/status")
        if not status.exists():
            pytest.skip("this system has no /proc")
        resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        assert int(resident.split()[1]) < 700 * 1024
