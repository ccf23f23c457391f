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
