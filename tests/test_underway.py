"""Answers on their way without the page that asked: they go on, are stopped, and end with the program."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from app.loading import LoadingEngine
from app.turn import Question, Turns
from app.underway import Progress, Underway
from model import Engine, Finish
from storage import Store
from tests import asking
from tests.turn_room import ENDLESS, LONG, SHORT, room_with

SECRET = "MUSTERMANN^ERIKA"
until = partial(asking.until, seconds=90)


def test_a_reader_who_leaves_finds_the_whole_answer_later(store: Store, engine: Engine) -> None:
    room = room_with(store, engine, replace(LONG, max_new_tokens=150))
    asked = room.turns.ask("reader", Question(room.conversation, "Tell me", room.view()))
    left = next(progress for progress in asked if len(progress.answer) > 5)
    asked.close()
    until(lambda: len(room.progress().answer) > len(left.answer) + 5)
    until(lambda: room.turns.progress("reader", room.conversation) is None)
    turn = store.turn("reader", left.turn)
    assert turn.status in ("complete", "truncated")
    assert turn.timings["new_tokens"] > 100
    assert turn.answer.startswith(left.answer)


def test_an_answer_can_be_stopped_after_its_reader_has_left(store: Store, engine: Engine) -> None:
    room = room_with(store, engine, ENDLESS)
    asked = room.turns.ask("reader", Question(room.conversation, "Tell me", room.view()))
    turn = next(progress for progress in asked if progress.answer).turn
    asked.close()
    assert room.turns.progress("stranger", room.conversation) is None, "nobody else sees it"
    assert not room.turns.stop("stranger", room.conversation)
    assert room.turns.stop("reader", room.conversation)
    until(lambda: room.turns.progress("reader", room.conversation) is None)
    assert store.turn("reader", turn).status == "stopped"


def test_the_programs_end_interrupts_answers_and_keeps_what_was_shown(store: Store, engine: Engine) -> None:
    room = room_with(store, engine, ENDLESS)
    asked = room.turns.ask("reader", Question(room.conversation, "Tell me", room.view()))
    turn = next(progress for progress in asked if len(progress.answer) > 5).turn
    room.turns.close()
    kept = store.turn("reader", turn)
    assert kept.status == "interrupted"
    assert len(kept.answer) > 5
    assert list(asked)[-1].finish is not None, "who watches is told, too"
    late = [progress.turn for progress in room.turns.ask("reader", Question(room.conversation, "And?"))][-1]
    assert store.turn("reader", late).status == "interrupted", "a question that comes too late ends at once"


class Stuck:
    """An engine that never says anything, not even when it is told to stop."""

    def __init__(self, engine: Engine) -> None:
        self.identity = engine.identity
        self.gate = threading.Event()

    def stream(self, *_: object, **__: object) -> Iterator[Finish]:
        self.gate.wait(60)
        yield Finish("complete")

    def forget(self, conversation: str) -> None: ...

    def close(self) -> None: ...


def test_a_model_that_is_stuck_keeps_neither_the_program_nor_a_closed_page(store: Store, engine: Engine) -> None:
    stuck = Stuck(engine)
    room = room_with(store, stuck)
    asked = room.turns.ask("reader", Question(room.conversation, "Tell me", room.view()))
    turn = next(asked).turn
    began = time.monotonic()
    assert next(asked).turn == turn, "the same again, so that whoever left can be let go"
    asked.close()
    room.turns.close(0.2)
    assert time.monotonic() - began < 5
    assert store.turn("reader", turn).status == "running", "interrupted by the next start"
    stuck.gate.set()
    until(lambda: room.turns.progress("reader", room.conversation) is None)


def test_an_answer_that_fails_unseen_leaves_class_and_place_in_the_log_and_nothing_behind(
    store: Store, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()

    def opener(progress: object) -> Engine:
        gate.wait(30)
        raise ValueError(SECRET)

    room = room_with(store, engine)
    loading = LoadingEngine(opener)
    room.turns = Turns(store, loading, lambda identity: SHORT)
    loading.start()
    asked = room.turns.ask("reader", Question(room.conversation, "Tell me", room.view()))
    assert next(asked).loading is not None
    asked.close()
    assert room.progress().loading is not None, "a page that is reloaded sees that the model loads"
    gate.set()
    until(lambda: "nobody was waiting for" in caplog.text)
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text
    assert room.turns._running == {}
    assert room.turns._threads == set()


def test_a_slow_watcher_hears_the_newest_and_always_the_last() -> None:
    underway = Underway()
    underway.tell(Progress("1", "a"))
    watching = underway.watch()
    assert next(watching).answer == "a"
    for answer in ("ab", "abc"):
        underway.tell(Progress("1", answer))
    assert next(watching).answer == "abc"
    underway.tell(Progress("1", "abc", finish=Finish("complete")))
    assert underway.end(), "somebody watches"
    assert [progress.finish for progress in watching] == [Finish("complete")]
    assert list(underway.watch()) == [underway.latest()]
    assert not underway.end()
