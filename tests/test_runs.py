"""What keeps its own order inside a paragraph, and how plain text says so."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bidi import direction_of, without_controls
from app.runs import LRI, LRO, PDF, PDI, RLI, isolate, isolate_pieces, isolate_plain

MIXED = st.text(
    st.sampled_from("ابتجصَّ،؛ـ٣٫ aATx-–−+×*/.,:<>=±%°µ²()[]0123456789\n\u00a0\u202e\u2066\u2069"), max_size=120
)


def kept(text: str) -> list[str]:
    return [run.text for run in isolate(text, "rtl") if run.direction == "ltr"]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("القيمة -450 وحدة", ["-450"]),
        ("القيمة −450 HU تقريبًا", ["−450 HU"]),
        ("حجم الآفة 3.5 × 2.1 cm تقريبًا", ["3.5 × 2.1 cm"]),
        ("حجمها 3 x 4 x 5 mm.", ["3 x 4 x 5 mm"]),
        ("بعد 4–6 أسابيع", ["4–6"]),
        ("إشارة T2 عالية", ["T2"]),
        ("عند L4-L5 و L5-S1", ["L4-L5", "L5-S1"]),
        ("وحدة HU", ["HU"]),
        ("نحو 34–41 HU.", ["34–41 HU"]),
        ("(0.4 mm، ضمن الطبيعي)", ["0.4 mm"]),
        ("في 2024-05-03 الساعة 10:30", ["2024-05-03", "10:30"]),
        ("درجة 37 °C و 50% و <5 mm و ±2", ["37 °C", "50%", "<5 mm", "±2"]),
        ("٣٫٥ × ٢٫١ سم و -٤٥٠", ["٣٫٥ × ٢٫١", "-٤٥٠"]),
        ("صبغة HER2+ و 18F-FDG", ["HER2+", "18F-FDG"]),
        ("جرعة 10 mg/kg كل 8 h", ["10 mg/kg", "8 h"]),
        ("تصنيف BI-RADS 4 ومجموع Gleason 3+4=7", ["BI-RADS 4", "Gleason 3+4=7"]),
    ],
)
def test_measurements_and_latin_runs_are_found_whole(text: str, runs: list[str]) -> None:
    assert kept(text) == runs


def test_a_number_belongs_to_the_arabic_before_it_unless_a_unit_follows() -> None:
    assert kept("الشريحة 14 CT") == ["14", "CT"]
    assert kept("الشريحة 14 mm") == ["14 mm"]


def test_a_hyphen_that_joins_is_no_minus_sign() -> None:
    assert kept("صورة ال-CT") == ["CT"]
    assert kept("كوفيد-19") == ["19"]


def test_full_stops_and_arabic_commas_stay_outside() -> None:
    assert kept("طبيعي في T1، T2، FLAIR.") == ["T1", "T2", "FLAIR"]


def test_plain_text_gets_isolates_only_where_there_is_arabic() -> None:
    assert isolate_plain("القيمة -450 وحدة") == f"القيمة {LRI}-450{PDI} وحدة"
    assert isolate_plain("about -450 HU") == "about -450 HU"


def test_foreign_overrides_cannot_turn_a_sign_around() -> None:
    assert isolate_plain("القيمة \u202e054-\u202c") == f"القيمة {LRI}054-{PDI}"


@given(MIXED)
def test_cutting_into_runs_loses_nothing(text: str) -> None:
    runs = isolate(text, "rtl")
    assert "".join(run.text for run in runs) == text
    assert all(run.text for run in runs)
    assert all("\n" not in run.text for run in runs if run.direction == "ltr")


@given(MIXED)
def test_plain_isolates_always_pair(text: str) -> None:
    depth = 0
    for character in isolate_plain(text):
        depth += {LRI: 1, RLI: 1, LRO: 1, PDI: -1, PDF: -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


@pytest.mark.parametrize(
    "text",
    [
        "1-" * 10_000,
        "a-" * 10_000,
        "1 x " * 5_000,
        "1 " * 10_000,
        "<" * 20_000,
        "1.1" * 7_000 + "-",
        "3+" * 10_000,
    ],
    ids=lambda text: text[:4],
)
def test_hostile_repetitions_take_no_time(text: str) -> None:
    start = time.process_time()
    isolate(text, "rtl")
    direction_of(text)
    assert time.process_time() - start < 1.0


def test_a_separating_point_joins_nothing() -> None:
    assert kept("نموذج basira-demo · 4 بت") == ["basira-demo", "4"]
    assert kept("مجهر 20× · 2220 × 2967 نقطة") == ["20×", "2220 × 2967"]
    assert kept("قياسه 3× 2× 4 سم") == ["3× 2× 4"]


@given(MIXED, st.integers(0, 60), st.integers(1, 30))
def test_marking_words_moves_nothing(text: str, start: int, length: int) -> None:
    pieces = isolate_pieces(text, [(start, start + length)])
    assert "".join(words for words, _ in pieces) == isolate_plain(text)
    marked = without_controls("".join(words for words, looked in pieces if looked))
    assert marked == without_controls(text[start : start + length])
