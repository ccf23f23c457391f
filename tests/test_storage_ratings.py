"""Ratings: events that stay, with what was rated frozen beside them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from storage import REASONS, ContradictoryRating, NotFinished, Store, Turn
from storage.records import Thumb
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
    shown = {"sha256": "f" * 64, "blob": turn.pictures[0].blob, "facts": {"modality": "CT"}, "view": {"frame": 0}}
    assert snapshot["pictures"] == [shown]
    assert len(snapshot["prompt_sha256"]) == 64


def test_an_answer_that_is_still_growing_is_not_rated(store: Store) -> None:
    running = begin(store, "me", store.start_conversation("me", language="en").id)
    with pytest.raises(NotFinished):
        store.rate("me", running.id, thumb="up")


@pytest.mark.parametrize(
    ("thumb", "reasons", "comment"),
    [
        (None, ["wrong-side"], ""),
        (None, [], "and yet"),
        ("up", ["wrong-side"], ""),
        ("down", ["clear"], ""),
        ("down", ["wrong-side", "clear"], ""),
        ("down", ["Wrong side"], ""),
        ("down", [""], ""),
        ("sideways", [], ""),
        ("up", [], "x" * 10_001),
    ],
)
def test_a_rating_that_contradicts_itself_is_refused(
    store: Store, turn: Turn, thumb: Thumb | None, reasons: list[str], comment: str
) -> None:
    store.rate("me", turn.id, thumb="up")
    with pytest.raises(ContradictoryRating):
        store.rate("me", turn.id, thumb=thumb, reasons=reasons, comment=comment)
    current = store.current_rating("me", turn.id)
    assert current is not None
    assert (current.thumb, current.number) == ("up", 0)


@pytest.mark.parametrize("thumb", list(REASONS))
def test_every_reason_goes_with_its_thumb(store: Store, turn: Turn, thumb: Thumb) -> None:
    event = store.rate("me", turn.id, thumb=thumb, reasons=REASONS[thumb], comment="فقط")
    assert event.reasons == REASONS[thumb]


def test_what_was_never_rated_cannot_be_taken_back_and_taking_back_twice_is_once(store: Store, turn: Turn) -> None:
    with pytest.raises(ContradictoryRating):
        store.rate("me", turn.id, thumb=None)
    store.rate("me", turn.id, thumb="down", reasons=["missed"], comment="the nodule")
    first = store.rate("me", turn.id, thumb=None)
    assert store.rate("me", turn.id, thumb=None) == first


def test_a_rating_taken_back_is_exported_as_none_and_says_when(store: Store, turn: Turn) -> None:
    store.rate("me", turn.id, thumb="down", reasons=["missed"], comment="the nodule")
    (line,) = store.export("me")
    assert (line["rating"]["thumb"], line["rating_taken_back"]) == ("down", None)
    event = store.rate("me", turn.id, thumb=None)
    (line,) = store.export("me")
    assert (line["rating"], line["rating_taken_back"]) == (None, event.created_at.isoformat())


def test_what_the_first_release_kept_of_a_rating_taken_back_is_not_exported(store: Store, turn: Turn) -> None:
    """It kept the old reasons beside no thumb."""
    store.rate("me", turn.id, thumb="down", reasons=["missed"], comment="the nodule")
    with closing(sqlite3.connect(store.folder / "basira.sqlite3")) as connection, connection:
        connection.execute(
            "INSERT INTO rating_events SELECT 'x', owner, conversation_id, turn_id, rater, 1, NULL, reasons, comment, "
            "snapshot, created_at FROM rating_events"
        )
    (line,) = store.export("me")
    assert line["rating"] is None
    assert line["rating_taken_back"]


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
