"""What is kept: conversations, turns, pictures, frames, and whose they are."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import StatementError

from storage import (
    AlreadyFinished,
    AlreadyStored,
    Damaged,
    FolderUnusable,
    NewFrame,
    NotFound,
    Store,
)
from tests.record_builder import answered, begin, picture


def test_a_turn_is_there_before_its_first_token_and_keeps_how_it_ended(store: Store) -> None:
    conversation = store.start_conversation("me", language="ar")
    turn = begin(store, "me", conversation.id, "ما هذه الصورة؟", pictures=[picture()])
    assert store.turn("me", turn.id).status == "running"

    store.append_answer("me", turn.id, "صورة")
    assert store.turn("me", turn.id).answer == "صورة"
    store.finish_turn("me", turn.id, answer="صورة مقطعية", status="stopped", timings={"seconds": 2.0})

    kept = store.turns("me", conversation.id)[0]
    assert (kept.answer, kept.status, kept.timings) == ("صورة مقطعية", "stopped", {"seconds": 2.0})
    assert kept.model["name"] == "demo"
    assert kept.created_at.utcoffset() is not None
    record, png = store.picture("me", kept.pictures[0].id)
    assert (record.facts, png) == ({"modality": "CT"}, b"\x89PNG picture")


def test_a_finished_turn_is_not_changed_again(store: Store) -> None:
    conversation = store.start_conversation("me", language="en")
    turn = answered(store, "me", conversation.id, "q", "a")
    with pytest.raises(AlreadyFinished):
        store.append_answer("me", turn.id, "other")
    with pytest.raises(AlreadyFinished):
        store.finish_turn("me", turn.id, answer="other", status="complete", timings={})


def test_the_first_question_names_the_conversation_unless_somebody_did(store: Store) -> None:
    first = store.start_conversation("me", language="en")
    begin(store, "me", first.id, "Is there  a fracture\nof the left wrist? " + "Please look closely. " * 9)
    title = store.conversation("me", first.id).title
    assert title.startswith("Is there a fracture of the left wrist?")
    assert title.endswith("…")
    assert len(title) <= 80

    second = store.start_conversation("me", language="en")
    store.rename("me", second.id, "  My  case ")
    begin(store, "me", second.id, "What is this?")
    assert store.conversation("me", second.id).title == "My case"


def test_a_conversation_whose_naming_question_was_edited_away_is_named_by_the_new_one(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    first = answered(store, "me", conversation, "Waht is this?", "a")
    again = answered(store, "me", conversation, "What is this?", "b", replaces=first.id)
    assert store.conversation("me", conversation).title == "What is this?"
    assert store.conversations("me", search="waht") == ()

    later = answered(store, "me", conversation, "What is this?", "c")
    answered(store, "me", conversation, "And that?", "d", replaces=later.id)
    assert store.conversation("me", conversation).title == "What is this?", "its first question still stands"

    store.rename("me", conversation, "My case")
    answered(store, "me", conversation, "Another first one", "e", replaces=again.id)
    assert store.conversation("me", conversation).title == "My case", "a person's name for it stays"


def test_a_list_of_conversations_gets_the_first_series_of_each_of_its_owner(store: Store) -> None:
    two, none, other = (store.start_conversation(owner, language="en").id for owner in ("me", "me", "you"))
    for modality in ("CT", "MR"):
        store.add_series("me", two, facts={"modality": modality}, descriptor={}, frames=1)
    store.add_series("you", other, facts={"modality": "US"}, descriptor={}, frames=1)
    first = store.first_series("me", [two, none, other])
    assert {conversation: series.facts for conversation, series in first.items()} == {two: {"modality": "CT"}}


def test_the_size_of_the_record_counts_the_log_and_the_blobs(store: Store) -> None:
    before = store.health().bytes
    conversation = store.start_conversation("me", language="en").id
    series = store.add_series("me", conversation, facts={}, descriptor={}, frames=1)
    store.add_frame("me", series.id, 0, meta={}, samples=bytes(3_000_000))
    assert store.health().bytes - before >= 3_000_000
    for number in range(50):
        answered(store, "me", conversation, f"q{number}", "a" * 20_000)
    assert store.health().bytes - before >= 4_000_000, "what is still in the write-ahead log counts"


def test_conversations_come_newest_first_and_in_pages(store: Store) -> None:
    started = [store.start_conversation("me", language="en").id for _ in range(3)]
    answered(store, "me", started[0], "q", "a")
    assert [c.id for c in store.conversations("me")] == [started[0], started[2], started[1]]
    assert [c.id for c in store.conversations("me", limit=1, offset=1)] == [started[2]]
    assert store.conversation("me", started[0]).turns == 1


def test_regenerating_supersedes_the_turn_and_all_after_it_and_erases_none(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    turns = [answered(store, "me", conversation, f"q{n}", f"a{n}") for n in range(3)]
    again = answered(store, "me", conversation, "q1 edited", "new", replaces=turns[1].id)

    assert [t.question for t in store.turns("me", conversation)] == ["q0", "q1 edited"]
    everything = store.turns("me", conversation, include_superseded=True)
    assert [t.superseded_by for t in everything] == [None, again.id, again.id, None]
    with pytest.raises(NotFound):
        begin(store, "me", conversation, replaces=turns[1].id)


def test_a_turn_cannot_replace_one_of_another_conversation(store: Store) -> None:
    here, there = (store.start_conversation("me", language="en").id for _ in range(2))
    turn = answered(store, "me", there, "q", "a")
    with pytest.raises(NotFound):
        begin(store, "me", here, replaces=turn.id)
    assert store.turns("me", here) == ()


def test_frames_come_back_byte_for_byte_and_are_written_once(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    series = store.add_series("me", conversation, facts={"modality": "CT"}, descriptor={"a": 1}, frames=3)
    store.add_frame("me", series.id, 0, meta={"rows": 2}, samples=b"\x00\x01\x02\x03")
    assert store.series("me", series.id).stored_frames == 1
    store.add_frames("me", series.id, [NewFrame(n, {}, bytes([n])) for n in (1, 2)])
    done = store.complete_series("me", series.id, descriptor={"a": 2})

    assert store.frame("me", series.id, 0) == ({"rows": 2}, b"\x00\x01\x02\x03")
    assert (done.complete, done.stored_frames, done.descriptor) == (True, 3, {"a": 2})
    assert store.series_of("me", conversation) == (done,)
    with pytest.raises(AlreadyStored):
        store.add_frame("me", series.id, 0, meta={}, samples=b"other")
    with pytest.raises(NotFound):
        store.add_frame("me", series.id, 3, meta={}, samples=b"outside")
    assert store.verify().orphaned == ()


def test_what_belongs_to_another_is_as_missing_as_what_does_not_exist(store: Store) -> None:
    conversation = store.start_conversation("owner", language="en").id
    series = store.add_series("owner", conversation, facts={}, descriptor={}, frames=1).id
    store.add_frame("owner", series, 0, meta={}, samples=b"samples")
    turn = answered(store, "owner", conversation, "secret", "answer", pictures=[picture()])

    def attempts(owner: str, c: str, s: str, t: str, p: str) -> list[Any]:
        own = store.start_conversation(owner, language="en").id
        return [
            lambda: store.conversation(owner, c),
            lambda: store.rename(owner, c, "mine now"),
            lambda: store.delete_conversation(owner, c),
            lambda: store.discard_conversation(owner, c),
            lambda: store.restore_conversation(owner, c),
            lambda: store.current_ratings(owner, c),
            lambda: store.turns(owner, c),
            lambda: store.turn(owner, t),
            lambda: begin(store, owner, c),
            lambda: begin(store, owner, own, replaces=t),
            lambda: begin(store, owner, own, pictures=[picture(series_id=s)]),
            lambda: store.append_answer(owner, t, "x"),
            lambda: store.finish_turn(owner, t, answer="x", status="complete", timings={}),
            lambda: store.rate(owner, t, thumb="up"),
            lambda: store.current_rating(owner, t),
            lambda: store.picture(owner, p),
            lambda: store.series(owner, s),
            lambda: store.series_of(owner, c),
            lambda: store.frame(owner, s, 0),
            lambda: store.add_series(owner, c, facts={}, descriptor={}, frames=1),
            lambda: store.add_frame(owner, s, 0, meta={}, samples=b""),
            lambda: store.complete_series(owner, s),
        ]

    def refusals(calls: list[Any]) -> list[str]:
        said = []
        for call in calls:
            with pytest.raises(NotFound) as refusal:
                call()
            said.append(str(refusal.value))
        return said

    foreign = refusals(attempts("thief", conversation, series, turn.id, turn.pictures[0].id))
    missing = refusals(attempts("thief", "0" * 32, "1" * 32, "2" * 32, "3" * 32))
    assert foreign == missing
    assert store.conversations("thief", search="secret") == ()
    assert [t["owner"] for t in store.export("thief")] == []
    assert store.turn("owner", turn.id).answer == "answer"
    assert store.verify().orphaned == ()


def test_many_threads_write_at_once_and_nothing_is_lost(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    failures: list[Exception] = []

    def work(name: int) -> None:
        try:
            for n in range(5):
                answered(store, "me", conversation, f"q {name}.{n}", "a", pictures=[picture()])
        except Exception as error:  # reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = store.turns("me", conversation)
    assert failures == []
    assert [t.number for t in turns] == list(range(40))
    assert {t.question for t in turns} == {f"q {name}.{n}" for name in range(8) for n in range(5)}


def test_verification_finds_what_was_altered_removed_or_left_over(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    pictures = [picture(b"one", sha256="1" * 64), picture(b"two", sha256="2" * 64)]
    turn = answered(store, "me", conversation, "q", "a", pictures=pictures)
    fingerprint = {b"one": "1" * 64, b"two": "2" * 64}
    assert store.verify(lambda png: fingerprint[png]).sound

    first, second = (store.folder / "blobs" / p.blob[:2] / p.blob for p in turn.pictures)
    first.write_bytes(b"not one")
    second.unlink()
    found = store.verify(lambda png: fingerprint.get(png, ""))
    assert (found.altered, found.missing) == ((first.name,), (second.name,))
    assert set(found.pictures_altered) == {p.id for p in turn.pictures}
    with pytest.raises(Damaged):
        store.picture("me", turn.pictures[1].id)


def test_only_the_owner_of_the_files_can_read_them(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    answered(store, "me", conversation, "q", "a", pictures=[picture()])
    folders = [store.folder, *(path for path in store.folder.rglob("*") if path.is_dir())]
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert len(files) >= 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_folder_that_cannot_be_made_is_refused_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderUnusable):
        Store(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_is_refused_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "basira.sqlite3").write_bytes(b"this is not a database" * 100)
    with pytest.raises(Damaged):
        Store(tmp_path)


def test_errors_do_not_repeat_what_people_wrote(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    with pytest.raises(StatementError, match="JSON") as refusal:
        begin(store, "me", conversation, "very private question", settings={"temperature": float("nan")})
    assert "private" not in str(refusal.value)


def test_an_export_has_everything_of_every_turn(store: Store) -> None:
    conversation = store.start_conversation("me", language="en").id
    first = answered(store, "me", conversation, "q", "a", pictures=[picture()])
    second = answered(store, "me", conversation, "q again", "b", replaces=first.id)
    store.rate("me", second.id, thumb="down", reasons=["wrong-side"], comment="left, not right")
    begin(store, "someone", store.start_conversation("someone", language="en").id)

    lines = list(store.export("me"))
    assert [line["turn"] for line in lines] == [first.id, second.id]
    assert lines[0]["superseded_by"] == second.id
    assert lines[0]["pictures"][0]["sha256"] == "f" * 64
    assert lines[1]["rating"]["reasons"] == ["wrong-side"]
    assert lines[1]["rating"]["snapshot"]["answer"] == "b"
    assert len(list(store.export(None))) == 3
