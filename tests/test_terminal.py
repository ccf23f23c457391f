"""Arabic on terminals that neither join nor reorder letters, and answers as they grow."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.locale import Locale, SentenceError
from app.terminal import Terminal, shaped


def joined(text: str) -> str:
    """Presentation forms back to letters, to compare what is there whatever its shape."""
    return unicodedata.normalize("NFKC", text)


def test_letters_are_joined_and_the_line_is_turned_around() -> None:
    assert shaped("كسر") == "\ufeae\ufeb4\ufedb"


def test_english_is_left_alone() -> None:
    assert shaped("Nothing to do (here): 3-5 mm, -450 HU") == "Nothing to do (here): 3-5 mm, -450 HU"


@pytest.mark.parametrize("measure", ["-450 HU", "3.5 × 2.1 cm", "4–6", "L4-L5", "T2", "2026-11-22", "50%"])
def test_measurements_keep_their_order_inside_arabic(measure: str) -> None:
    assert measure in shaped(f"القيمة {measure} في الصورة")


def test_brackets_still_enclose_what_they_enclosed() -> None:
    visual = joined(shaped("نتيجة (سليمة) هنا"))
    assert "(ةميلس)" in visual


def test_lines_are_wrapped_before_they_are_turned_so_that_the_beginning_comes_first() -> None:
    lines = joined(shaped("أول " * 10 + "آخر " * 10, width=40)).split("\n")
    assert len(lines) > 1
    assert "لوأ" in lines[0]
    assert "رخآ" in lines[-1]
    assert max(map(len, lines)) <= 40


def test_an_english_line_with_an_arabic_word_stays_left_to_right() -> None:
    assert joined(shaped("The Arabic word for fracture is كسر here")) == "The Arabic word for fracture is رسك here"


def test_marks_that_only_other_terminals_understand_are_gone() -> None:
    assert not set(shaped("قيمة \u2068-3\u2069 و\u200e--json\u200e")) & set("\u2066\u2067\u2068\u2069\u200e\u200f")


@pytest.mark.parametrize("key", ["help-ask", "help-inspect", "usage-see-help", "serve-model-needs-key"])
def test_options_keep_their_dashes_in_front(key: str) -> None:
    names = Locale("ar").placeholders()[key]
    sentence = Locale("ar").sentence(key, **dict.fromkeys(names, "x"))
    visual = shaped(sentence, width=10_000)
    options = re.findall("--[a-z-]+", sentence)
    assert options
    for option in options:
        assert option in visual


MIRRORED = {"(": ")", "[": "]", "{": "}", "«": "»"}


def unbalanced(line: str) -> list[str]:
    """Brackets of a line as it is seen, left to right, that enclose nothing."""
    still_open: list[str] = []
    for character in line:
        if character in MIRRORED:
            still_open.append(character)
        elif character in MIRRORED.values() and still_open and MIRRORED[still_open[-1]] == character:
            still_open.pop()
        elif character in MIRRORED.values():
            return [*still_open, character]
    return still_open


@pytest.mark.parametrize("key", sorted(Locale("ar").placeholders()))
def test_brackets_of_every_sentence_enclose_something_on_such_terminals(key: str) -> None:
    for value in ("12", "قيمة", "/path/to.dcm"):
        names = Locale("ar").placeholders()[key]
        try:
            sentence = Locale("ar").sentence(key, **dict.fromkeys(names, value))
        except SentenceError:  # a count: its form is chosen by a number
            sentence = Locale("ar").sentence(key, **dict.fromkeys(names, 12))
        for line in shaped(sentence, width=10_000).split("\n"):
            assert unbalanced(line) == [], joined(line)


@given(st.text(alphabet="ابكسر 12.-()xyzT\n", max_size=60))
def test_shaping_loses_no_letter(text: str) -> None:
    before = sorted(text.replace(" ", "").replace("\n", "").replace(")", "("))  # brackets are mirrored
    after = sorted(joined(shaped(text, width=200)).replace(" ", "").replace("\n", "").replace(")", "("))
    assert after == before


def test_an_answer_appears_piece_by_piece_and_shaped_ones_line_by_line() -> None:
    plain, lines = io.StringIO(), io.StringIO()
    for out, shape in ((plain, False), (lines, True)):
        terminal = Terminal(out, io.StringIO(), shape=shape, width=80)
        terminal.stream("لا ")
        seen = out.getvalue()
        terminal.stream("كسر\nنعم")
        terminal.end_stream()
        assert seen == ("" if shape else "لا ")
    assert plain.getvalue() == "لا كسر\nنعم\n"
    assert lines.getvalue().count("\n") == 2
