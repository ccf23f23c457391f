"""Ratings: events that stay, with what was rated frozen beside them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from storage import NotFinished, Store, Turn
from tests.record_builder import answered, begin, picture


@pytest.fixture
def turn(store: Store) -> Turn:
    conversation = store.start_conversation("me", language="en").id
    return answered(store, "me", conversation, "Which side?", "Left.", pictures=[picture()])


def test_the_newest_event_is_the_current_rating(store: Store, turn: Turn) -> None:
    assert store.current_rating("me", turn.id) is None
    store.rate("me", turn.id, thumb="up")
    store.rate("me", turn.id, thumb="down", reasons=["wrong-side", "wrong-side"], comment="يمين")
    current = store.current_rating("me", turn.id)
    assert current is not None
    assert (current.thumb, current.reasons, current.comment, current.number) == (
        "down",
        ("wrong-side",),
        "يمين",
        1,
    )
    store.rate("me", turn.id, thumb=None)
    withdrawn = store.current_rating("me", turn.id)
    assert withdrawn is not None
    assert withdrawn.thumb is None


def test_a_rating_freezes_what_was_rated(store: Store, turn: Turn) -> None:
    snapshot = store.rate("me", turn.id, thumb="up").snapshot
    assert (snapshot["question"], snapshot["answer"]) == ("Which side?", "Left.")
    assert snapshot["model"]["revision"] == "abc"
    assert snapshot["settings"] == {"temperature": 0.1}
    assert snapshot["pictures"] == [{"sha256": "f" * 64, "blob": turn.pictures[0].blob, "view": {"frame": 0}}]
    assert len(snapshot["prompt_sha256"]) == 64


def test_an_answer_that_is_still_growing_is_not_rated(store: Store) -> None:
    running = begin(store, "me", store.start_conversation("me", language="en").id)
    with pytest.raises(NotFinished):
        store.rate("me", running.id, thumb="up")


@pytest.mark.parametrize("reason", ["Wrong side", "", "x" * 65, "-a"])
def test_reasons_are_codes(store: Store, turn: Turn, reason: str) -> None:
    with pytest.raises(ValueError, match="codes"):
        store.rate("me", turn.id, thumb="down", reasons=[reason])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rating_events SET thumb = 'down'",
        "DELETE FROM rating_events",
        "INSERT OR REPLACE INTO rating_events SELECT id, owner, conversation_id, turn_id, rater, number, "
        "'down', reasons, comment, snapshot, created_at FROM rating_events",
    ],
)
def test_no_statement_changes_or_removes_a_rating(store: Store, turn: Turn, statement: str) -> None:
    store.rate("me", turn.id, thumb="up")
    with closing(sqlite3.connect(store.folder / "basira.sqlite3")) as connection:
        connection.execute("PRAGMA recursive_triggers=ON")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    current = store.current_rating("me", turn.id)
    assert current is not None
    assert current.thumb == "up"
