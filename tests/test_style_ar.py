"""The Arabic of the program keeps to its own style guide, docs/style-ar.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.locale import FOLDER, Locale

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "style-ar.md").read_text(encoding="utf-8")
CONTROLS = [
    *("send", "stop", "copy", "rate", "regenerate", "show-this-view", "choose-files", "search-conversations"),
    *("add-images", "edit-question", "erase", "rating-save", "cancel", "close", "viewer-retry"),
]
IMPERATIVES = re.compile("^(قيّم|أجب|اعرض|اختر|ابحث|أعد|انسخ|أرسل|أضف|احفظ|امح)")


def rejected_terms() -> list[str]:
    """The third column of the term table, a term each; what stands in brackets explains."""
    table = GUIDE.split("## Terms")[1].split("## ")[0]
    cells = [line.split("|")[3] for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    words = [word.strip() for cell in cells[1:] for word in re.sub(r"\([^)]*\)", "", cell).split("،")]
    return [word for word in words if word]


def arabic_sentences() -> dict[str, str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((FOLDER / "ar").glob("*.ftl")))
    return dict(re.findall(r"(?m)^([a-z][\w-]*) =((?:.*\n)(?:[ }].*\n)*)", text + "\n"))


def test_the_guide_rejects_at_least_twenty_wordings() -> None:
    assert len(rejected_terms()) >= 20


@pytest.mark.parametrize("term", rejected_terms())
def test_no_sentence_uses_a_term_that_the_guide_rejects(term: str) -> None:
    whole = re.compile(rf"(?<![\u0621-\u0652]){re.escape(term)}(?![\u0621-\u0652])")
    allowed = {"modality-SC", "modality-short-SC"} if term.startswith("لقطة") else set()
    assert [key for key, said in arabic_sentences().items() if whole.search(said) and key not in allowed] == []


@pytest.mark.parametrize("key", CONTROLS)
def test_a_control_is_named_by_a_noun(key: str) -> None:
    assert not IMPERATIVES.match(Locale("ar").sentence(key))


def test_a_percentage_keeps_its_sign_beside_the_number() -> None:
    for key in ("wait-loading", "ask-loading"):
        assert re.search("\u2066[^\u2069]*40[^%]*%\u2069", Locale("ar").sentence(key, percent="40")), key


def test_numbers_in_arabic_sentences_choose_the_word_they_stand_before() -> None:
    """A number passed as text has one form for all: "4096 رمز"."""
    assert len({re.sub(r"\d+", "", Locale("ar").sentence("models-context", tokens=n)) for n in (1, 2, 3, 11)}) == 4
