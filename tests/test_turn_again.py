"""What the model is shown when an answer is asked for again, or an earlier view is gone back to."""

from __future__ import annotations

import gradio as gr
import pytest

from app.frames import pack
from app.turn import Turns
from app.view import picture_of
from app.web.events import ReadingRoom
from app.web.transcript import conversation_shown
from dicom import Facts, fingerprint
from model import Engine
from storage import Store, Turn
from tests.turn_room import SHORT, Room, frame, room_with, settled


def images(turn: Turn) -> list[list[str]]:
    """Of each question the model read, the fingerprints of its pictures."""
    return [message["images"] for message in turn.model_input["messages"] if message["role"] == "user"]


def seen(room: Room, width: float) -> str:
    return fingerprint(picture_of(frame(), room.view(width)))


def answered_again(room: Room) -> Turn:
    """The page's button: the handler behind it, with the reader its request names."""
    handlers = ReadingRoom(room.store, room.turns)
    list(handlers.regenerate(room.conversation, None, gr.Request(username="reader")))
    return room.store.turns("reader", room.conversation)[-1]


def test_answering_again_shows_the_model_the_picture_the_question_was_asked_about(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    first = store.turn("reader", room.ask("What is this?", width=400)[-1].turn)
    again = answered_again(room)
    assert again.id != first.id
    assert images(again) == images(first) == [[seen(room, 400)]]
    assert [(p.sha256, p.view, p.facts) for p in again.pictures] == [
        (p.sha256, p.view, p.facts) for p in first.pictures
    ]


def test_answering_again_about_a_picture_of_an_earlier_turn_shows_it_where_it_stood(
    store: Store, engine: Engine
) -> None:
    room = room_with(store, engine)
    room.ask("What is this?", width=400)
    second = store.turn("reader", room.ask("Are you sure?", width=400)[-1].turn)
    again = answered_again(room)
    assert images(again) == images(second) == [[seen(room, 400)], []]


def test_answering_words_again_adds_no_picture(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    room.ask("Hello", width=None)
    assert images(answered_again(room)) == [[]]


def test_going_back_to_an_earlier_view_shows_it_again_as_the_newest_picture(store: Store, engine: Engine) -> None:
    """What "this" means is the newest picture: the model must not take a view gone back to for the one before it."""
    room = room_with(store, engine)
    turns = [store.turn("reader", room.ask("And this?", width=width)[-1].turn) for width in (80, 400, 80, 80)]
    one, other = seen(room, 80), seen(room, 400)
    assert images(turns[2]) == [[one], [other], [one]]
    assert images(turns[3]) == [[one], [other], [one], []]
    assert [len(turn.pictures) for turn in turns] == [1, 1, 1, 0]


def test_a_picture_of_a_turn_that_has_no_answer_is_shown_again(store: Store, engine: Engine) -> None:
    room = room_with(store, engine)
    asked = store.begin_turn(
        "reader", room.conversation, question="?", language="en", model={}, settings={}, model_input={},
    )  # fmt: skip
    store.finish_turn("reader", asked.id, answer="", status="failed", timings={})
    turn = store.turn("reader", room.ask("What is this?")[-1].turn)
    assert images(turn) == [[seen(room, 80)]]


def _two_sides(store: Store, engine: Engine) -> Room:
    """A series of a left and a right breast, asked by a model that is told facts."""
    room = room_with(store, engine)
    room.turns = Turns(store, settled(engine), lambda identity: SHORT, told=lambda identity: True)
    common = Facts(modality="MG", body_part="BREAST", frames=2)
    room.series = store.add_series(
        "reader", room.conversation, facts=common.to_dict(), descriptor={"counted": "image"}, frames=2
    ).id
    for number, (side, width) in enumerate((("L", 80.0), ("R", 400.0))):
        own = Facts(modality="MG", body_part="BREAST", laterality=side, frames=2, window=(40.0, width))
        meta, samples = pack(frame(), own)
        store.add_frame("reader", room.series, number, meta=meta, samples=samples)
    return room


@pytest.mark.parametrize(("number", "side", "other"), [(0, "Left", "Right"), (1, "Right", "Left")])
def test_the_model_record_caption_rating_and_export_say_the_side_of_the_picture_shown(
    store: Store, engine: Engine, number: int, side: str, other: str
) -> None:
    room = _two_sides(store, engine)
    room.number = number
    turn = store.turn("reader", room.ask("Is there a mass?", width=300)[-1].turn)
    told = turn.model_input["messages"][-1]["text"]
    assert side in told
    assert other not in told
    (picture,) = turn.pictures
    assert picture.facts["laterality"] == side[0]
    assert picture.facts["window"] == [40.0, 300.0], "the window it was seen with"
    shown = conversation_shown(store, "reader", room.conversation, answering=False)["turns"][-1]
    assert shown["pictures"][0]["words"]["en"] == f"this view · {side} · W 300 L 40 · image {number + 1}"
    rated = store.rate("reader", turn.id, thumb="up")
    assert rated.snapshot["pictures"][0]["facts"] == picture.facts
    assert next(store.export("reader"))["pictures"][0]["facts"] == picture.facts
