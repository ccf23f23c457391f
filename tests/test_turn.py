"""One chat turn against the real engine (a tiny random Llava), the real record and real frames."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.engines import told
from app.frames import pack
from app.loading import LoadingEngine
from app.locale import Locale
from app.settings import Settings
from app.turn import EmptyQuestion, Question, QuestionTooLong, StillAnswering, Turns
from app.view import picture_of
from app.web.transcript import conversation_shown
from dicom import Facts, fingerprint
from model import Engine, Message, ModelError, open_engine
from model.local import LocalEngine
from storage import NotFound, Store
from tests.asking import until
from tests.checkpoints import make_text
from tests.turn_room import ENDLESS, LONG, SHORT, frame, room_with, settled


def test_a_turn_is_stored_before_its_first_token(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    asked = room.turns.ask("reader", Question(room.conversation, "What is this?", room.view()))
    first = next(asked)
    assert store.turn("reader", first.turn).status == "running"
    list(asked)
    assert store.turn("reader", first.turn).status in ("complete", "truncated")


def test_a_finished_turn_keeps_answer_model_settings_timings_and_the_very_pixels(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    last = room.ask("ما هذا؟")[-1]
    turn = store.turn("reader", last.turn)
    assert turn.answer == last.answer
    assert turn.language == "ar"
    assert turn.model["revision"] == engine.identity.revision
    assert turn.settings["max_new_tokens"] == SHORT.max_new_tokens
    assert turn.timings["new_tokens"] > 0
    seen = picture_of(frame(), room.view())
    assert turn.pictures[0].sha256 == fingerprint(seen)
    assert turn.model_input["messages"][-1]["images"] == [fingerprint(seen)]
    assert store.verify().sound


def test_the_same_picture_is_sent_once_and_a_new_view_adds_one(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    counts = []
    for width in (80, 80, 400):
        turn = store.turn("reader", room.ask("And this?", width=width)[-1].turn)
        counts.append(len(turn.pictures))
    assert counts == [1, 0, 1]
    images = [message["images"] for message in turn.model_input["messages"] if message["role"] == "user"]
    assert [len(each) for each in images] == [1, 0, 1], "earlier pictures stay in the conversation"


def test_a_model_without_eyes_goes_on_with_a_conversation_that_has_pictures_and_the_turn_says_so(
    store: Store, engine: Engine, tmp_path: Path
) -> None:
    room = room_with(store, engine)
    room.ask("What is this?")
    blind = open_engine(str(make_text(tmp_path / "text")), quantization="fp32", check=False)
    room.turns = Turns(store, settled(blind), lambda identity: SHORT, told=lambda identity: True)
    last = room.ask("In other words?", width=400)[-1]
    blind.close()
    assert last.finish is not None
    assert last.finish.error is None
    turn = store.turn("reader", last.turn)
    messages = turn.model_input["messages"]
    assert [message["images"] for message in messages] == [[], [], []]
    assert messages[0]["text"] == "What is this?"
    shown = conversation_shown(store, "reader", room.conversation, answering=False)["turns"]
    assert [turn["left_out"] for turn in shown] == [None, Locale("en").both("pictures-left-out")]


def test_stopping_keeps_what_was_shown(store: Store, engine: Engine) -> None:
    room = room_with(store, engine, LONG)
    shown, stopped = "", False
    for progress in room.turns.ask("reader", Question(room.conversation, "Tell me", room.view())):
        shown = progress.answer
        if len(shown) > 10 and not stopped:  # what is told afterwards may come when the answer has ended
            stopped = room.turns.stop("reader", room.conversation)
    assert stopped
    turn = store.turns("reader", room.conversation)[-1]
    assert turn.status == "stopped"
    assert turn.answer == shown
    assert room.turns.progress("reader", room.conversation) is None


@pytest.mark.parametrize("answering", [False, True], ids=["answered", "while it is answered"])
def test_an_erased_conversation_is_kept_neither_in_the_record_nor_by_the_engine(
    store: Store, engine: Engine, answering: bool
) -> None:
    assert isinstance(engine, LocalEngine)
    room = room_with(store, engine, LONG if answering else SHORT)
    asked = room.turns.ask("reader", Question(room.conversation, "What is this?", room.view()))
    before = len(engine.scheduler.parking)
    next(progress for progress in asked if len(progress.answer) > 5)
    if not answering:
        assert list(asked)
        assert len(engine.scheduler.parking) == before + 1
    room.turns.discard("reader", room.conversation)
    with contextlib.suppress(NotFound):  # where the record was asked before the answer had stopped
        list(asked)
    with pytest.raises(NotFound):
        store.conversation("reader", room.conversation)
    list(engine.stream([Message("user", "Anything?")], SHORT))  # the engine has taken another step
    assert len(engine.scheduler.parking) == before
    key = hashlib.sha256(f"reader\n{room.conversation}".encode()).hexdigest()
    assert engine._answers.of(key) == {}


def test_who_has_many_conversations_waits_for_who_has_one(
    store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(engine, LocalEngine)
    one = LocalEngine(engine._parts, replace(engine.scheduler.budget, readers=1))
    served: list[str] = []
    monkeypatch.setattr(one.scheduler, "_on_end", lambda request: served.append(request.reader))
    turns = Turns(store, settled(one), lambda identity: SHORT)
    stop = threading.Event()
    asked = [threading.Thread(target=lambda: list(one.stream([Message("user", "Hold on")], ENDLESS, cancel=stop)))]
    for owner in ("many", "many", "many", "one"):
        question = Question(store.start_conversation(owner, language="en").id, "Tell me")
        asked.append(threading.Thread(target=lambda o=owner, q=question: list(turns.ask(o, q))))
    for number, thread in enumerate(asked):
        thread.start()
        while one.scheduler._active + len(one.scheduler._queue) <= number:  # each is in line before the next one
            time.sleep(0.01)
    stop.set()
    for thread in asked:
        thread.join(60)
    assert served[1:] == ["many", "one", "many", "many"]
    one.close()


def test_answering_again_replaces_the_turn_and_gives_the_model_the_same_input(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    first = store.turn("reader", room.ask("What is this?")[-1].turn)
    again = store.turn("reader", room.ask("What is this?", replaces=first.id)[-1].turn)
    assert [turn.id for turn in store.turns("reader", room.conversation)] == [again.id]
    assert again.model_input == first.model_input
    assert again.answer == first.answer


@pytest.mark.parametrize(("text", "error"), [("  \n ", EmptyQuestion), ("x" * 20_001, QuestionTooLong)])
def test_a_question_that_is_none_stores_nothing(
    store: Store, engine: Engine, text: str, error: type[Exception]
) -> None:
    room = room_with(store, engine)
    with pytest.raises(error):
        room.ask(text)
    assert store.turns("reader", room.conversation) == ()


def test_a_second_question_waits_until_the_first_is_answered(store: Store, engine: Engine) -> None:
    room = room_with(store, engine, LONG)
    first = room.turns.ask("reader", Question(room.conversation, "Tell me", room.view()))
    next(first)
    with pytest.raises(StillAnswering):
        room.ask("And?")
    first.close()
    with pytest.raises(StillAnswering):
        room.ask("And now, from another page?")
    assert room.turns.stop("reader", room.conversation)
    until(lambda: room.turns.progress("reader", room.conversation) is None)
    assert room.ask("And now?", width=None)[-1].finish is not None


def test_nobody_can_ask_about_another_readers_series_or_conversation(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    own = store.start_conversation("stranger", language="en").id
    with pytest.raises(NotFound):
        list(room.turns.ask("stranger", Question(own, "Show me", room.view())))
    with pytest.raises(NotFound):
        list(room.turns.ask("stranger", Question(room.conversation, "Show me")))
    assert not room.turns.stop("stranger", room.conversation)


def test_questions_asked_while_the_model_loads_are_answered_once_it_is_there(store: Store, engine: Engine) -> None:
    gate = threading.Event()

    def opener(progress: object) -> Engine:
        gate.wait(30)
        return engine

    room = room_with(store, engine)
    loading = LoadingEngine(opener)
    room.turns = Turns(store, loading, lambda identity: SHORT)
    loading.start()
    asked = room.turns.ask("reader", Question(room.conversation, "What is this?", room.view()))
    assert next(asked).loading is not None
    gate.set()
    assert list(asked)[-1].finish is not None


def test_a_model_that_cannot_be_loaded_says_why_to_everyone_who_asks(store: Store, tmp_path: Path) -> None:
    loading = LoadingEngine(lambda progress: open_engine(str(tmp_path / "nothing")))
    loading.start()
    conversation = store.start_conversation("reader", language="en").id
    with pytest.raises(ModelError):
        list(Turns(store, loading, lambda identity: SHORT).ask("reader", Question(conversation, "Hello")))
    assert loading.state().state == "failed"


def test_a_model_that_is_told_reads_a_pictures_facts_once_and_in_the_questions_language(
    store: Store, engine: Engine
) -> None:
    room = room_with(store, engine)
    room.turns = Turns(store, settled(engine), lambda identity: SHORT, told=lambda identity: True)
    store_facts = Facts(modality="CT", body_part="HEAD", orientation="axial", frames=3, sex="F", age_band="40-64")
    room.series = store.add_series("reader", room.conversation, facts=store_facts.to_dict(), descriptor={}, frames=3).id
    meta, samples = pack(frame())
    store.add_frame("reader", room.series, 0, meta=meta, samples=samples)
    room.ask("Is there a bleed?")
    turn = store.turn("reader", room.ask("وأين؟", width=400)[-1].turn)
    asked = [message["text"] for message in turn.model_input["messages"] if message["role"] == "user"]
    assert asked[0] == (
        "About this image: CT, Head, axial, female, 40–64 years, slice 1 of 3, window width 80, level 40.\n"
        "Is there a bleed?"
    )
    assert asked[1].startswith("عن هذه الصورة: ")
    assert asked[1].endswith("وأين؟")
    assert turn.question == "وأين؟", "the record keeps what was typed apart from what was told"
    again = store.turn("reader", room.ask("Sure?", width=400)[-1].turn)
    assert again.model_input["messages"][-1]["text"] == "Sure?", "no new picture, nothing to tell"


def test_the_demonstration_model_and_an_operators_choice_keep_facts_from_the_model(engine: Engine) -> None:
    assert told(Settings(), engine.identity)
    assert not told(Settings(facts="silent"), engine.identity)
    assert not told(Settings(), replace(engine.identity, demonstration=True))


def test_an_answer_is_kept_whole_when_the_record_is_busy_at_its_end(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    asked = room.turns.ask("reader", Question(room.conversation, "Hold on", room.view()))
    turn = next(asked).turn
    locked, release = threading.Event(), threading.Event()

    def lock() -> None:
        connection = sqlite3.connect(store.folder / "basira.sqlite3", isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        locked.set()
        release.wait(30)
        connection.execute("ROLLBACK")
        connection.close()

    holder = threading.Thread(target=lock)
    holder.start()
    locked.wait(10)
    threading.Timer(7, release.set).start()  # longer than one attempt waits
    last = list(asked)[-1]
    holder.join()
    kept = store.turn("reader", turn)
    assert kept.status in ("complete", "truncated")
    assert kept.answer == last.answer
