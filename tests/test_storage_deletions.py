"""A deleted conversation: out of sight at once, whole again when the deletion is taken back, gone for good if not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage import NewFrame, NotFound, Store
from tests.record_builder import answered, begin, picture
from tests.test_storage_lifetimes import traces

SECRET = "confidential"


def filled(store: Store) -> tuple[str, str, str, str]:
    """(conversation, series, turn, picture), each with the secret in it."""
    conversation = store.start_conversation("me", language="en").id
    series = store.add_series("me", conversation, facts={"modality": SECRET}, descriptor={}, frames=2).id
    store.add_frame("me", series, 0, meta={}, samples=f"{SECRET} samples".encode())
    shown = picture(f"{SECRET} picture".encode(), series_id=series)
    turn = answered(store, "me", conversation, f"{SECRET} question", "answer", pictures=[shown])
    store.rate("me", turn.id, thumb="up", comment=SECRET)
    return conversation, series, turn.id, turn.pictures[0].id


def doors(store: Store, conversation: str, series: str, turn: str, picture: str) -> dict[str, Callable[[], Any]]:
    return {
        "conversation": lambda: store.conversation("me", conversation),
        "rename": lambda: store.rename("me", conversation, "a name"),
        "turns": lambda: store.turns("me", conversation),
        "turn": lambda: store.turn("me", turn),
        "begin_turn": lambda: begin(store, "me", conversation),
        "rate": lambda: store.rate("me", turn, thumb="up"),
        "current_rating": lambda: store.current_rating("me", turn),
        "current_ratings": lambda: store.current_ratings("me", conversation),
        "picture": lambda: store.picture("me", picture),
        "series": lambda: store.series("me", series),
        "series_of": lambda: store.series_of("me", conversation),
        "frame": lambda: store.frame("me", series, 0),
        "add_series": lambda: store.add_series("me", conversation, facts={}, descriptor={}, frames=1),
        "discard_conversation": lambda: store.discard_conversation("me", conversation),
        "delete_conversation": lambda: store.delete_conversation("me", conversation),
    }


def seen(store: Store, conversation: str) -> list[bool]:
    """Whether it shows in any list."""
    return [
        bool(store.conversations("me")),
        bool(store.conversations("me", search=SECRET)),
        bool(store.first_series("me", [conversation])),
        bool(store.excerpts("me", [], SECRET)),
        bool(list(store.export("me"))),
        bool(list(store.export(None))),
        bool(store.health().conversations or store.health().turns),
    ]


def test_a_deleted_conversation_is_behind_no_door_and_in_no_list(store: Store) -> None:
    things = filled(store)
    store.discard_conversation("me", things[0])
    for name, door in doors(store, *things).items():
        with pytest.raises(NotFound):
            pytest.fail(f"{name} gave {door()!r}")
    assert not any(seen(store, things[0]))
    assert store.verify().sound


def test_a_deletion_taken_back_has_lost_nothing_not_even_what_was_still_arriving(store: Store) -> None:
    things = conversation, series, *_ = filled(store)
    before = list(store.export("me"))
    running = begin(store, "me", conversation, "asked last")
    store.discard_conversation("me", conversation)
    store.add_frames("me", series, [NewFrame(1, {}, b"late samples")])
    store.complete_series("me", series)
    store.append_answer("me", running.id, "some")
    store.finish_turn("me", running.id, answer="some words", status="stopped", timings={})
    store.restore_conversation("me", conversation)
    assert next(store.export("me")) == before[0]
    assert (store.turn("me", running.id).status, store.turn("me", running.id).answer) == ("stopped", "some words")
    assert (store.series("me", series).stored_frames, store.series("me", series).complete) == (2, True)
    assert store.frame("me", series, 1)[1] == b"late samples"
    assert [c.id for c in store.conversations("me", search=SECRET)] == [conversation]
    assert store.current_ratings("me", conversation)[things[2]].comment == SECRET
    store.erase_discarded(datetime.now(UTC) + timedelta(days=1))
    assert store.conversation("me", conversation)


def test_a_deletion_not_taken_back_in_time_leaves_nothing_in_any_file(store: Store) -> None:
    conversation, *_ = filled(store)
    store.discard_conversation("me", conversation)
    assert store.erase_discarded(datetime.now(UTC) - timedelta(seconds=60)) is True
    store.restore_conversation("me", conversation)  # it was not yet time
    store.discard_conversation("me", conversation)
    assert store.erase_discarded(datetime.now(UTC)) is True
    assert traces(store.folder, SECRET) == set()
    with pytest.raises(NotFound):
        store.restore_conversation("me", conversation)


def test_closing_the_record_erases_what_was_deleted(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.discard_conversation("me", filled(store)[0])
    assert traces(tmp_path, SECRET) == set()


def test_the_next_start_erases_what_a_killed_program_had_deleted_and_what_a_living_one_has_stays(
    tmp_path: Path,
) -> None:
    killed = Store(tmp_path)
    gone, *_ = filled(killed)
    killed.discard_conversation("me", gone)
    with Store(tmp_path):  # another program, while the first one lives
        pass
    killed.restore_conversation("me", gone)
    killed.discard_conversation("me", gone)
    killed._run.end()  # all that is left of a killed program is what is on the disk
    killed._database.close()
    with Store(tmp_path):
        assert traces(tmp_path, SECRET) == set()
