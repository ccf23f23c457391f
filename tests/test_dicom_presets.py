"""Which named window a CT without one of its own is shown in first."""

from __future__ import annotations

import pytest

from dicom.facts import Facts
from dicom.presets import CT, named, usual
from dicom.vocabulary import BODY_PARTS

HEADS = {"BRAIN", "HEAD"}
PARTS = sorted(set(BODY_PARTS.values()))


@pytest.mark.parametrize("part", PARTS)
def test_only_a_head_is_first_shown_in_the_narrow_window_of_a_brain(part: str) -> None:
    found = usual(Facts(kind="dicom", modality="CT", body_part=part), "HU")
    assert (found == CT["brain"]) == (part in HEADS)


def test_a_part_without_a_window_of_its_own_is_left_to_the_automatic_one() -> None:
    assert usual(Facts(kind="dicom", modality="CT", body_part="WHOLEBODY"), "HU") is None
    assert usual(Facts(kind="dicom", modality="CT"), "HU") is None


def test_an_organ_of_the_abdomen_is_shown_as_the_abdomen_is() -> None:
    assert usual(Facts(kind="dicom", modality="CT", body_part="PANCREAS"), "HU") == CT["abdomen"]


def test_all_windows_stay_on_offer_where_the_part_is_not_known() -> None:
    assert {preset.key for preset in named(Facts(kind="dicom", modality="CT"), "HU")} == set(CT)
