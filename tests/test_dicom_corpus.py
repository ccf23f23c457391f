"""Every file of the shared corpus: the reference renderings, and a second decoder's values."""

from __future__ import annotations

import pytest

from tests.conformance import Verdict, corpus_files, judge
from tests.dicom_files import SHARED, needs_corpus, sandbox

pytestmark = [needs_corpus, pytest.mark.timeout(900)]  # two minutes on free cores, in the fixture all share

SAY_ONE = {"pydicom_shipped/badVR.dcm"}
"""Files whose header says one frame ("1A") where the pixels are fifteen: other decoders stop after the first."""


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
    assert [(v.file, v.difference) for v in verdicts if v.outcome == "differs" and not v.reason] == []


def test_files_of_several_frames_are_compared_to_their_last_frame(verdicts: list[Verdict]) -> None:
    several = [v for v in verdicts if v.frames > 1 and v.outcome == "agrees" and v.file not in SAY_ONE]
    assert len(several) >= 30
    assert [v.file for v in several if v.frames - 1 not in {i for c in v.compared for i in c.frames}] == []


def test_every_file_and_frame_another_tool_opens_is_opened_or_refused_on_purpose(verdicts: list[Verdict]) -> None:
    assert [v.file for v in verdicts if v.worse and not v.reason] == []
