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
