"""Turns and conversations for tests of the record, with as little said as a test needs."""

from __future__ import annotations

from typing import Any

from storage import NewPicture, Store, Turn

MODEL = {"name": "demo", "revision": "abc", "quantization": "nf4"}


def begin(store: Store, owner: str, conversation: str, question: str = "What is this?", **more: Any) -> Turn:
    given: dict[str, Any] = {
        "language": "en",
        "model": MODEL,
        "settings": {"temperature": 0.1},
        "model_input": {"messages": [question]},
    }
    return store.begin_turn(owner, conversation, question=question, **(given | more))


def answered(store: Store, owner: str, conversation: str, question: str, answer: str, **more: Any) -> Turn:
    turn = begin(store, owner, conversation, question, **more)
    return store.finish_turn(owner, turn.id, answer=answer, status="complete", timings={"seconds": 1.5})


def picture(content: bytes = b"\x89PNG picture", **more: Any) -> NewPicture:
    given: dict[str, Any] = {"sha256": "f" * 64, "facts": {"modality": "CT"}, "view": {"frame": 0}}
    return NewPicture(png=content, **(given | more))
