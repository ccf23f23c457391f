"""How often a screen asks the record: as often for much as for little."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.web.transcript import conversation_shown, shelf_shown
from storage import Store
from tests.record_builder import answered, picture


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that SQLAlchemy sends meanwhile but BEGIN, whichever database it is for."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement != "BEGIN":
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def fill(store: Store, conversations: int, turns: int) -> str:
    """That many conversations with as many turns each, all of them rated; the last one's id."""
    for _ in range(conversations):
        conversation = store.start_conversation("me", language="en").id
        series = store.add_series("me", conversation, facts={"kind": "dicom"}, descriptor={}, frames=1).id
        store.add_frame("me", series, 0, meta={}, samples=b"samples")
        for number in range(turns):
            shown = picture(series_id=series, view={"series": series, "frame": 0})
            asked = {"messages": [{"role": "user", "text": f"Question {number}?"}]}
            more: dict[str, Any] = {"pictures": [shown], "model_input": asked}
            turn = answered(store, "me", conversation, f"Question {number}?", "An answer.", **more)
            store.rate("me", turn.id, thumb="up")
    return conversation


SCREENS: dict[str, tuple[int, Callable[[Store, str], object]]] = {
    "open": (9, lambda store, last: conversation_shown(store, "me", last, answering=False)),
    "shelf": (3, lambda store, last: shelf_shown(store, "me", limit=200)),
    "search": (3, lambda store, last: shelf_shown(store, "me", search="question answer", limit=200)),
    "health": (5, lambda store, last: store.health()),
}


@pytest.mark.parametrize("screen", list(SCREENS))
def test_a_screen_asks_the_record_as_often_for_much_as_for_little(store: Store, screen: str) -> None:
    most, show = SCREENS[screen]
    counts = []
    for size in (2, 12):
        last = fill(store, size, size)
        with statements() as sent:
            show(store, last)
        counts.append(len(sent))
    assert counts[0] == counts[1], sent
    assert counts[0] <= most, sent


def test_an_export_asks_the_record_as_often_for_a_long_conversation_as_for_a_short_one(store: Store) -> None:
    counts = []
    for turns in (2, 12):
        fill(store, 1, turns)
        with statements() as sent:
            assert list(store.export("me"))
        counts.append(len(sent) / len(store.conversations("me")))
    assert counts[1] <= counts[0], sent
    assert counts[0] <= 6, sent
