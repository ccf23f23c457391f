"""Finding conversations again, in both scripts, as people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import Store, normalised
from tests.record_builder import answered


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("الأشعّةُ المَقطعيّة", "الاشعه المقطعيه"),
        ("مستشفى", "مستشفي"),
        ("رئة", "ريه"),
        ("مؤشّر", "موشر"),
        ("آفة", "افه"),
        ("تـــــورّم", "تورم"),
        ("کسر ایمن", "كسر ايمن"),
        ("٣٫٥ سم", "3.5 سم"),
        ("۴۲", "42"),
        ("\u2066-450 HU\u2069", "-450 hu"),
        ("ﻻ ﺗﻮﺟﺪ", "لا توجد"),
        ("T2 Straße", "t2 strasse"),
    ],
)
def test_spellings_that_mean_the_same_are_the_same(written: str, typed: str) -> None:
    assert normalised(written) == normalised(typed)


@given(st.text())
def test_normalising_twice_changes_nothing_more(written: str) -> None:
    once = normalised(written)
    assert normalised(once) == once


@pytest.mark.parametrize(
    "typed",
    [
        "كسر",  # behind the article
        "الضلع",
        "ضلع كسر",  # in any order
        "T2",  # shorter than a trigram
        "في",
        "pneumo",  # from the answer
        "PNEUMOTHORAX كسر",
        "rib cage",  # the title
        "50%",
    ],
)
def test_a_conversation_is_found_by_words_of_its_title_questions_and_answers(store: Store, typed: str) -> None:
    wanted = store.start_conversation("me", language="ar").id
    store.rename("me", wanted, "Rib cage, 50% done")
    answered(store, "me", wanted, "هل يظهر الكَسْر في الضِلع؟ T2", "No pneumothorax.")
    other = store.start_conversation("me", language="en").id
    answered(store, "me", other, "Something else entirely", "Nothing. 500")
    assert [c.id for c in store.conversations("me", search=typed)] == [wanted]


@pytest.mark.parametrize("typed", ['"', "AND", "text:*", "a*", "%", "_", "NEAR(", "'; DROP TABLE turns", "\\"])
def test_what_is_typed_is_never_taken_for_an_operator(store: Store, typed: str) -> None:
    answered(store, "me", store.start_conversation("me", language="en").id, "xyz", "xyz")
    assert store.conversations("me", search=typed) == ()


def test_an_empty_search_lists_everything(store: Store) -> None:
    store.start_conversation("me", language="en")
    assert len(store.conversations("me", search="  ")) == len(store.conversations("me", search="")) == 1


def test_what_was_superseded_or_renamed_is_no_longer_found(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    store.rename("me", conversation, "first title")
    first = answered(store, "me", conversation, "wrist", "scaphoid")
    answered(store, "me", conversation, "elbow", "olecranon", replaces=first.id)
    store.rename("me", conversation, "second title")
    found = [bool(store.conversations("me", search=w)) for w in ("wrist", "scaphoid", "elbow", "first", "second")]
    assert found == [False, False, True, False, True]


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("مسئول عن القسم", "مسؤول"),
        ("شؤون المرضى", "شئون"),
        ("−450 HU", "-450"),
        ("–450 HU", "-450"),
        ("L4‑L5", "L4-L5"),
        ("4–6 mm", "4-6"),
        ("نسبة ٤٠٪", "40%"),
        ("the “ground glass” sign", '"ground'),
        ("a haemorrhage", "hemorrhage"),
        ("a hemorrhage", "haemorrhage"),
        ("cerebral oedema and an oesophageal tumour", "edema esophageal tumor"),
        ("gray matter, ischemic", "grey ischaemic"),
        ("in the centre", "center"),
        ("يوجد كسر", "الكسر"),
        ("يوجد كسر", "والكسر"),
        ("موضع للكسر", "كسر"),
        ("موضع للكسر", "بالكسر"),
        ("يوجد الكسر", "بكسر"),
        ("علامات الالتهاب", "التهاب"),
        ("علامات التهاب", "الالتهاب"),
        ("في الدم", "دم"),
        ("وجود دم", "الدم"),
        ("اختلط بدم", "دم"),
        ("T2-weighted", "T2"),
        ("(CT)", "ct"),
    ],
)
def test_a_word_is_found_however_it_is_spelled_or_joined(store: Store, written: str, typed: str) -> None:
    wanted = store.start_conversation("me", language="ar").id
    answered(store, "me", wanted, written, ".")
    assert [c.id for c in store.conversations("me", search=typed)] == [wanted]


@pytest.mark.parametrize(
    ("written", "typed"),
    [("the doctor", "CT"), ("دماغ وعظم", "دم"), ("T21", "T2"), ("hmri", "MR"), ("كبد", "كسر"), ("13.5 cm", "3.50")],
)
def test_two_letters_are_a_word_and_not_a_part_of_one(store: Store, written: str, typed: str) -> None:
    other = store.start_conversation("me", language="ar").id
    answered(store, "me", other, written, ".")
    assert store.conversations("me", search=typed) == ()


@pytest.mark.parametrize("typed", ["CT", "تصوير مقطعي", "head", "الرأس", "رأس مقطعي"])
def test_a_conversation_is_found_by_what_the_list_shows_of_its_images(store: Store, typed: str) -> None:
    wanted = store.start_conversation("me", language="en").id
    caption = {"en": "CT · Head · 28 slices", "ar": "تصوير مقطعي محوسب · الرأس · 28 مقطعًا"}
    store.add_series("me", wanted, facts={"modality": "CT"}, descriptor={"caption": caption}, frames=28)
    answered(store, "me", store.start_conversation("me", language="en").id, "doctor", "none")
    assert [c.id for c in store.conversations("me", search=typed)] == [wanted]


def test_titles_come_before_texts_and_the_newer_before_the_older(store: Store) -> None:
    ids = []
    for title, question in (
        ("Fracture", "first?"),
        ("Other", "a fracture?"),
        ("Fracture too", "x?"),
        ("No", "fracture"),
    ):
        ids.append(store.start_conversation("me", language="en").id)
        answered(store, "me", ids[-1], question, ".")
        store.rename("me", ids[-1], title)
    found = [c.id for c in store.conversations("me", search="fracture")]
    assert found == [ids[2], ids[0], ids[3], ids[1]]


@pytest.mark.parametrize(
    ("typed", "text", "found"),
    [
        ("النزف", "نعم، يوجد نزف داخل الرأس.", ["نزف"]),
        ("hemorrhage head", "There is a haemorrhage in the head.", ["haemorrhage", "head."]),
        ("450", "Density is –450 HU.", ["–450"]),
    ],
)
def test_a_hit_is_shown_in_its_sentence(store: Store, typed: str, text: str, found: list[str]) -> None:
    wanted = store.start_conversation("me", language="ar").id
    answered(store, "me", wanted, "Is it so?", f"Another sentence. {text} And one more.")
    excerpt = store.excerpts("me", [wanted], typed)[wanted]
    assert excerpt.text == text
    assert [excerpt.text[start:end] for start, end in excerpt.found] == found


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_long_sentence_is_cut_around_its_hit_and_keeps_it(before: int, after: int) -> None:
    from storage.search import _EXCERPT, _marks, _shortened
    from storage.spelling import ways_to_find

    sentence = "word " * before + "النزف" + " word" * after
    marks = _marks(sentence, [ways_to_find("نزف")])
    excerpt = _shortened(sentence, tuple(span for span, _ in marks))
    assert [excerpt.text[a:b] for a, b in excerpt.found] == ["النزف"]
    assert len(excerpt.text) <= _EXCERPT + 4


def test_nobody_is_shown_a_sentence_of_another(store: Store) -> None:
    wanted = store.start_conversation("me", language="ar").id
    answered(store, "me", wanted, "secret", "secret")
    assert store.excerpts("you", [wanted], "secret") == {}
    assert store.excerpts("me", [wanted], "secret") != {}
