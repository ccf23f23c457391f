"""The direction of paragraphs, and the language of a message by the same rule."""

from __future__ import annotations

from itertools import pairwise

import pytest

from app.bidi import Direction, direction_of, direction_so_far, language_of


@pytest.mark.parametrize(
    ("paragraph", "direction"),
    [
        ("لا يوجد نزف.", "rtl"),
        ("The lungs are clear.", "ltr"),
        ("API هذا يعيد النتيجة بسرعة", "rtl"),
        ("T2 عالية الإشارة في الفص الأيمن", "rtl"),
        ("كثافة CT of the head without contrast", "rtl"),
        ("The Arabic word صدر means chest", "ltr"),
        ("الصَّدْرُ", "rtl"),
        ("3.5 mm في الرأس", "rtl"),
        ("CT صدر", "rtl"),
    ],
)
def test_a_paragraph_reads_as_its_first_word_or_most_of_its_words_do(paragraph: str, direction: str) -> None:
    assert direction_of(paragraph) == direction


@pytest.mark.parametrize("paragraph", ["", "-450", "3.5 × 2.1", "…", "٤–٦"])
def test_a_paragraph_without_letters_reads_as_the_one_before(paragraph: str) -> None:
    assert direction_of(paragraph, "rtl") == "rtl"
    assert direction_of(paragraph, "ltr") == "ltr"


def test_harakat_do_not_make_two_words_of_one() -> None:
    assert direction_of("the liver الكَبِدُ الطَّبِيعِيُّ") == "ltr"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("هل توجد كتلة؟", "ar"),
        ("Is there a mass?", "en"),
        ("ما معنى T2 FLAIR هنا؟", "ar"),
        ("MRI للدماغ: هل هو طبيعي؟", "ar"),
        ("What does كتلة mean?", "en"),
        ("Describe the findings", "en"),
        ("صِف الموجودات", "ar"),
    ],
)
def test_the_language_of_a_question_is_that_of_its_words(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_question_without_words_keeps_the_language_it_is_given() -> None:
    assert language_of("?", "ar") == "ar"
    assert language_of("?") == "en"


@pytest.mark.parametrize(
    "paragraph",
    ["CT صدر", "BP 120/80 mmHg طبيعي", "T2/FLAIR عالية", "Na+ 140 mmol/L مرتفع", "3.5 cm كتلة", "CT؟", "MRI، CT"],
)
def test_abbreviations_units_and_numbers_do_not_vote_but_arabic_punctuation_does(paragraph: str) -> None:
    assert direction_of(paragraph) == "rtl"


@pytest.mark.parametrize(
    "paragraph", ["Chest صدر", "Date التاريخ 2024-05-03, time الوقت 10:30.", "CT", "IL-6", "SpO2 94%"]
)
def test_a_tie_and_words_that_do_not_tell_read_as_the_paragraph_before(paragraph: str) -> None:
    assert (direction_of(paragraph, "ltr"), direction_of(paragraph, "rtl")) == ("ltr", "rtl")
    assert (language_of(paragraph, "en"), language_of(paragraph, "ar")) == ("en", "ar")


def test_a_quoted_arabic_word_at_the_beginning_does_not_make_an_english_sentence_arabic() -> None:
    assert direction_of('"يمين" means right, as written') == "ltr"
    assert direction_of('"يمين" كلمة عربية') == "rtl"


def test_words_in_capitals_still_make_a_sentence() -> None:
    assert language_of("IS THERE A FRACTURE?", "ar") == "en"


GROWING = [
    "Chest radiograph shows كتلة في الفص العلوي الأيمن من الرئة اليمنى",
    "Amoxicillin 500 mg ثلاث مرات يوميا لمدة أسبوع كامل",
    "كثافة CT of the head without contrast and with it",
    "The lungs are clear and the heart is normal, كما ترى في الصورة أعلاه مرة أخرى وأخرى وأخرى",
    "HER2- سلبي and ER+ إيجابي were reported in full",
    '"يمين" means right and "يسار" means left',
]


@pytest.mark.parametrize("inherited", ["ltr", "rtl"])
@pytest.mark.parametrize("paragraph", GROWING)
def test_a_paragraph_that_has_a_direction_keeps_it_while_it_grows(paragraph: str, inherited: Direction) -> None:
    ways = [direction_so_far(paragraph[:end], inherited) for end in range(1, len(paragraph) + 1)]
    own = next((way for way in ways if way != inherited), inherited)
    turns = sum(1 for before, after in pairwise(ways) if before != after)
    assert turns == (own != ways[0])  # from the direction of the paragraph before to its own, once and for good


def test_a_mixed_paragraph_never_turns_while_it_grows_in_an_arabic_answer() -> None:
    for paragraph in GROWING[:3]:
        assert {direction_so_far(paragraph[:end], "rtl") for end in range(len(paragraph) + 1)} == {"rtl"}
