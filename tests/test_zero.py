"""A zero is a value: none is taken for "not said" on the way from a file to the record, the page and the model."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.captions import caption
from app.intake import Intake, Opened
from app.locale import Locale
from app.told import acquisition, prompt
from dicom import Facts, open_study
from dicom.facts import _RANGES
from storage import Store
from tests.dicom_files import make_dicom, sandbox
from tests.viewer_page.server import ROOT

FIELDS = {field.name: field for field in dataclasses.fields(Facts)}
TOLD = (
    "slice_thickness_mm",
    "kvp",
    "repetition_time_ms",
    "echo_time_ms",
    "b_value",
    "magnification",
    "microns_per_pixel",
)


def nothings() -> list[tuple[str, Any]]:
    """Every field of Facts with each empty value that its type allows."""
    found: list[tuple[str, Any]] = []
    for name in FIELDS:
        if name in ("rows", "columns", "frames"):
            found.append((name, 0))
        elif name in _RANGES:
            found += [(name, 0.0), (name, None)]
        elif name == "pixel_spacing_mm":
            found += [(name, (0.0, 0.0)), (name, None)]
        elif name == "window":
            found += [(name, (0.0, 0.000527)), (name, None)]
        elif FIELDS[name].default is False:
            found.append((name, False))
        elif name != "kind":
            found.append((name, ""))
    return found


def test_every_field_of_facts_is_tried() -> None:
    assert {name for name, _ in nothings()} == set(FIELDS) - {"kind"}


@pytest.mark.parametrize(("name", "value"), nothings())
def test_an_empty_value_of_any_field_comes_back_from_the_record_as_what_it_was(
    store: Store, name: str, value: Any
) -> None:
    facts = dataclasses.replace(Facts(), **{name: value})
    conversation = store.start_conversation("me", language="en")
    plain = json.loads(json.dumps(facts.to_dict()))
    kept = store.add_series("me", conversation.id, facts=plain, descriptor={"facts": plain}, frames=1)
    read = store.series("me", kept.id)
    for back in (read.facts, read.descriptor["facts"]):
        assert Facts.from_dict(back) == facts
        assert (name in back) == (value is not None and value is not False and value != "")


@pytest.mark.parametrize("name", TOLD)
def test_a_zero_is_told_to_the_model_and_a_reader(name: str) -> None:
    facts = dataclasses.replace(Facts(modality="MR"), **{name: 0.0})
    for language in ("en", "ar"):
        said = list(acquisition(facts, Locale(language)))
        assert len(said) == 1
        assert re.search(r"(?<![\d.])0(?![\d.])", said[0])
        assert said[0] in prompt("?", [(facts, None)], language)
        assert not list(acquisition(Facts(modality="MR"), Locale(language)))


@pytest.mark.parametrize("name", ["slice_thickness_mm", "magnification"])
def test_a_caption_takes_no_zero_for_absent(name: str) -> None:
    assert re.search(r"\b0\b", caption(dataclasses.replace(Facts(modality="MR"), **{name: 0.0}))["en"])


def test_the_zeros_of_a_file_reach_the_record_and_the_page(tmp_path: Path, store: Store) -> None:
    path = make_dicom(
        tmp_path / "a",
        np.zeros((8, 8), np.int16),
        Modality="MR",
        DiffusionBValue=0.0,
        EchoTime=0,
        RepetitionTime=0,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        ImagePositionPatient=[-4, -4, 0],
    )
    zeros = {"b_value": 0.0, "echo_time_ms": 0.0, "repetition_time_ms": 0.0, "slice_position_mm": 0.0}
    with open_study([path], sandbox=sandbox()) as study:
        facts = study.series[0].facts_of(0)
    assert {name: getattr(facts, name) for name in zeros} == zeros
    conversation = store.start_conversation("me", language="en")
    events = list(Intake(store, sandbox()).take("me", conversation.id, [path]))
    (opened,) = [event.descriptor for event in events if isinstance(event, Opened)]
    kept = store.series("me", opened["id"])
    assert opened["facts"].items() >= zeros.items()
    assert kept.facts.items() >= zeros.items()
    assert "b 0 s/mm²" in prompt("?", [(Facts.from_dict(kept.facts), None)], "en")


def test_no_script_takes_a_number_of_a_view_or_of_facts_for_absent_when_it_is_zero() -> None:
    numeric = "center|width|lut|index|slope|intercept|number|count|total|done|min|max|b_value"
    doubtful = re.compile(rf"\.({numeric}) \|\| (?!\w+\.)|!\w+(\.\w+)*\.({numeric})\b|if \(\w+(\.\w+)*\.({numeric})\)")
    found = {
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "assets/web").rglob("*.js")
        for line in path.read_text(encoding="utf-8").splitlines()
        if doubtful.search(line)
    }
    assert found == set()
