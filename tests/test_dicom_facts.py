"""What may be said about a picture: the allow-list, its words in both languages, and nothing of a person."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicom import ALL, Facts, Inspection, inspect, open_study
from dicom import errors as errors_module
from dicom.facts import _CODES, AGE_BANDS, age_band, edge_letters, orientation
from dicom.grouping import WARNINGS
from dicom.presets import CT
from dicom.vocabulary import BODY_PARTS, MODALITIES, VIEWS, WINDOW_WORDS, code
from tests.dicom_files import CORPUS, IDENTITY, item, make_dicom, needs_corpus, sequence

LOCALES = Path(__file__).resolve().parents[1] / "locales"


def keys(language: str) -> set[str]:
    text = (LOCALES / language / "dicom.ftl").read_text(encoding="utf-8")
    return set(re.findall(r"^([A-Za-z][\w-]*) =", text, re.MULTILINE))


def kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_error_and_every_code_word_has_a_name_in_both_languages(language: str) -> None:
    wanted = {f"error-{kebab(error.__name__)}" for error in ALL}
    wanted |= {f"modality-{m}" for m in MODALITIES} | {f"body-part-{b}" for b in BODY_PARTS.values()}
    wanted |= {f"view-{v}" for v in VIEWS.values()} | {f"warning-{w}" for w in WARNINGS}
    wanted |= {f"preset-{p}" for p in {*CT, *WINDOW_WORDS.values(), "automatic", "file", "table"}}
    wanted |= {f"age-band-{a}" for a in AGE_BANDS if a}
    for field in ("laterality", "orientation", "sequence", "contrast", "sex", "stain", "kind"):
        wanted |= {f"{field}-{value}" for value in _CODES[field] if value}
    assert wanted - keys(language) == set()


def test_the_tree_at_the_top_of_the_errors_file_is_the_tree_of_classes() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors_module.__doc__ or "")

    def walk(kind: type) -> Iterator[str]:
        for child in kind.__subclasses__():
            yield child.__name__
            yield from walk(child)

    assert drawn == list(walk(errors_module.DicomError))


def test_facts_survive_a_round_trip_through_json() -> None:
    facts = Facts(modality="CT", rows=5, pixel_spacing_mm=(0.5, 0.25), burned_in=True, age_band="40-64")
    assert Facts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


@pytest.mark.parametrize(
    "hostile",
    [{"modality": "Planted^Identity"}, {"body_part": "x"}, {"sex": "19010203"}, {"kvp": 1e9}, {"name": "x"}],
)
def test_nothing_outside_the_allow_list_fits_into_facts(hostile: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Facts"):
        Facts.from_dict(hostile)


def test_every_text_field_of_facts_is_a_closed_vocabulary() -> None:
    texts = {f.name for f in dataclasses.fields(Facts) if f.type in ("str", "Kind")}
    assert texts == set(_CODES)


def test_free_text_is_searched_for_known_words_only() -> None:
    assert code("ct CHEST w/o, Mr Planted", BODY_PARTS) == "CHEST"
    assert code("C-SPINE ap", BODY_PARTS) == "CSPINE"
    assert code("Planted", BODY_PARTS) == ""


def test_ages_become_bands() -> None:
    assert [age_band(a) for a in (None, 0.5, 3, 17.9, 18, 64, 91, 400)] == [
        "", "under-1", "1-4", "12-17", "18-39", "40-64", "90-plus", "",
    ]  # fmt: skip


def test_planes_and_edges_follow_the_direction_cosines() -> None:
    assert orientation((1, 0, 0), (0, 1, 0)) == "axial"
    assert orientation((1, 0, 0), (0, 0, -1)) == "coronal"
    assert orientation((0, 1, 0), (0, 0, -1)) == "sagittal"
    assert orientation((0.7, 0.7, 0), (0, 0.6, -0.6)) == "oblique"
    assert edge_letters((1, 0, 0), (0, 0, -1)) == ("R", "L", "H", "F")


def published(path: Path) -> str:
    """Everything the package says about a file, as text."""
    found: Inspection = inspect(path)
    said = [json.dumps(found.to_dict()), repr(found)]
    with open_study([path]) as study:
        for series in study.series:
            said += [repr(series.facts), repr(series.warnings), series.id, repr(series.presets())]
            for frame in series.frames():
                if isinstance(frame, Exception):
                    said.append(str(frame))
                else:
                    said.append(repr(dataclasses.replace(frame, samples=frame.samples[:0])))
        said += [f"{type(s.error)} {s.error} {s.error.args}" for s in study.skipped]
    return "\n".join(said)


def test_planted_identities_of_a_built_file_come_out_nowhere(tmp_path: Path) -> None:
    path = make_dicom(
        tmp_path / "Planted-file-name.dcm",
        BodyPartExamined="PLANTED CHEST",
        ViewPosition="PLANTED",
        WindowCenter=[40, 50],
        WindowWidth=[400, 500],
        WindowCenterWidthExplanation=["Planted", "Planted"],
        ContrastBolusAgent="Planted",
        PatientAge="044Y",
        SeriesDescription="Planted",
        ViewCodeSequence=sequence(item(CodeMeaning="Planted")),
    )
    facts = open_study([path]).series[0].facts
    assert (facts.body_part, facts.contrast, facts.age_band) == ("CHEST", "YES", "40-64")
    said = published(path)
    assert "planted" not in said.lower()
    assert not any(value in said for value in IDENTITY.values())
    assert "044" not in said


@needs_corpus
@pytest.mark.parametrize("path", sorted((CORPUS / "phi").glob("*")), ids=lambda p: p.stem)
def test_planted_identities_of_the_corpus_come_out_nowhere(path: Path) -> None:
    ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    said = published(path)
    kinds = ("PN", "LO", "SH", "ST", "LT", "UI", "DA", "TM", "DT", "UT", "AE", "AS")
    secrets = {str(v) for e in ds.iterall() if e.VR in kinds for v in ([e.value] if e.VM <= 1 else e.value)}
    words = {w for s in secrets for w in re.split(r"[\^\s=,]+", s) if len(w) > 3 and not w.isdigit()}
    numbers = {s for s in secrets if s.isdigit() and len(s) > 5}
    technical = set(BODY_PARTS.values())
    leaked = {w for w in words | numbers if w.upper() not in technical and re.search(rf"\b{re.escape(w)}\b", said)}
    assert leaked == set()
