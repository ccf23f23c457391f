"""Sentences: every one in both languages, with the same values, and well-formed Arabic around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fluent.runtime import FluentResource
from fluent.syntax import ast

from app import notices
from app.locale import FOLDER, Locale, SentenceError, languages
from app.told import prompt
from app.view import View
from dicom import Facts, Window

MARKS_OF_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
ARABIC = re.compile("[\u0621-\u064a]")
EASTERN_DIGIT = re.compile("[\u0660-\u0669\u06f0-\u06f9]")
FILES = sorted({path.name for code in languages() for path in (FOLDER / code).glob("*.ftl")})
KEYS = sorted(Locale("en").placeholders())


def test_there_are_english_and_arabic_and_their_directions() -> None:
    assert languages() == ("en", "ar")
    assert [Locale(code).direction for code in languages()] == ["ltr", "rtl"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_the_same_sentences_in_the_same_order_in_both_languages(name: str) -> None:
    english, arabic = ([entry.id.name for entry in entries(FOLDER / code / name)] for code in ("en", "ar"))
    assert english == arabic


def entries(path: Path) -> Iterator[ast.Message | ast.Term]:
    for entry in FluentResource(path.read_text(encoding="utf-8")).body:
        if isinstance(entry, ast.Message | ast.Term):
            yield entry


def test_every_sentence_needs_the_same_values_in_both_languages() -> None:
    english, arabic = (Locale(code).placeholders() for code in ("en", "ar"))
    different = {key for key in english.keys() | arabic.keys() if english.get(key) != arabic.get(key)}
    assert different == set()


@pytest.mark.parametrize("code", ["en", "ar"])
def test_every_sentence_can_be_said(code: str) -> None:
    locale = Locale(code)
    for key, names in locale.placeholders().items():
        for value in (0, 1, 2, 3, 11, 100):
            said = locale.sentence(key, **dict.fromkeys(names, value))
            assert said.strip(), key
            assert "{" not in said, key


def test_arabic_sentences_are_arabic() -> None:
    """Names that are the same everywhere (DICOM, PyTorch) are the exception, and stand alone."""
    locale = Locale("ar")
    for key, names in locale.placeholders().items():
        said = locale.plain(key, **dict.fromkeys(names, 3))
        latin = re.findall(r"[A-Za-z]{2,}", said)
        assert ARABIC.search(said) or len(latin) <= 3, key


def test_arabic_sentences_use_the_digits_that_measurements_use() -> None:
    locale = Locale("ar")
    for key, names in locale.placeholders().items():
        assert not EASTERN_DIGIT.search(locale.plain(key, **dict.fromkeys(names, 3))), key


def test_english_sentences_hold_no_arabic_but_names() -> None:
    locale = Locale("en")
    for key, names in locale.placeholders().items():
        if not key.startswith(("language-", "brand")):
            assert not ARABIC.search(locale.plain(key, **dict.fromkeys(names, 3))), key


def test_a_key_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(SentenceError, match="no-such-key"):
        Locale("en").sentence("no-such-key")


@pytest.mark.parametrize("code", ["en", "ar"])
def test_a_value_that_is_missing_is_an_error(code: str) -> None:
    with pytest.raises(SentenceError, match="setting-unknown"):
        Locale(code).sentence("setting-unknown")


def test_values_are_isolated_in_arabic_and_left_alone_in_english_and_for_models() -> None:
    assert "\u2068BASIRA_X\u2069" in Locale("ar").sentence("setting-unknown", name="BASIRA_X")
    assert "\u2068" not in Locale("ar").plain("setting-unknown", name="BASIRA_X")
    assert "\u2068" not in Locale("en").sentence("setting-unknown", name="BASIRA_X")


@pytest.mark.parametrize("band", [key.removeprefix("age-band-") for key in KEYS if key.startswith("age-band-")])
def test_a_range_of_ages_keeps_its_order_for_people_and_carries_no_marks_for_a_model(band: str) -> None:
    said = Locale("ar").sentence(f"age-band-{band}")
    if "–" in said:
        assert re.search("\u2066\\d+–\\d+\u2069", said), "unmarked, it would be shown as 39–18"
    told = prompt("", [(Facts(age_band=band), None)], "ar")
    assert MARKS_OF_DIRECTION.sub("", said) in told
    assert not MARKS_OF_DIRECTION.search(told)


def test_nothing_a_model_is_told_carries_marks_of_direction() -> None:
    facts = Facts(
        modality="PT",
        body_part="HEAD",
        view="RLD",
        sequence="SWI",
        sex="F",
        age_band="40-64",
        slice_thickness_mm=5.0,
        kvp=120.0,
        repetition_time_ms=500.0,
        echo_time_ms=15.0,
        b_value=1000.0,
        magnification=40.0,
        microns_per_pixel=0.25,
        frames=3,
    )
    view = View("0" * 32, 1, Window(40, 80), region=(0, 0, 8, 8))
    for pictures in ([(facts, view)], [(facts, view), (facts, None)]):
        assert not MARKS_OF_DIRECTION.search(prompt("?", pictures, "ar"))


def test_a_slice_of_a_stack_and_a_slide_of_tissue_are_different_words() -> None:
    """A CT slice is a مقطع; شريحة is glass with tissue on it."""
    for count in (1, 2, 3, 11, 100):
        assert re.search("مقطع|مقاطع", said := Locale("ar").sentence("facts-slices", count=count)), said
    for key in ("view-slice", "told-slice", "told-thickness", "viewer-slice", "viewer-strip"):
        said = Locale("ar").plain(key, **dict.fromkeys(Locale("ar").placeholders()[key], 3))
        assert re.search("مقطع|مقاطع", said), said
    assert "شريحة" in Locale("ar").sentence("kind-slide")


def test_arabic_counts_have_their_six_forms() -> None:
    said = {count: Locale("ar").sentence("export-done", count=count, path="f") for count in (0, 1, 2, 3, 11, 100)}
    assert len({re.sub(r"\d+", "", sentence) for sentence in said.values()}) == 6


def test_the_browser_gets_every_sentence_that_needs_no_value() -> None:
    for code in languages():
        catalogue = Locale(code).catalogue()
        assert set(catalogue) == {key for key, names in Locale(code).placeholders().items() if not names}


def error_classes() -> list[type[Exception]]:
    import dicom
    import model
    import storage

    own = [value for value in vars(storage).values() if isinstance(value, type) and issubclass(value, Exception)]
    return [*dicom.ALL, *model.ALL_ERRORS, *own]


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_islands_has_its_sentence(kind: type[Exception]) -> None:
    assert notices.key_of(kind) != notices.UNEXPECTED


def test_an_error_nobody_foresaw_has_a_sentence_too() -> None:
    assert set(notices.notice(ZeroDivisionError("secret"))) == set(languages())
    assert "secret" not in str(notices.notice(ZeroDivisionError("secret")))
