"""Asking an engine in tests: messages, whole answers, logits, tokens. Knows no family."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from model import Event, Finish, Message, Piece, Sampling, open_engine
from model.local import LocalEngine
from model.selftest import first_logits
from tests import checkpoints


def opened(folder: Path, quantization: str = "fp32", **options: Any) -> LocalEngine:
    engine = open_engine(str(folder), quantization=quantization, device="cpu", **options)
    assert isinstance(engine, LocalEngine)
    return engine


def logits_of(engine: LocalEngine, messages: list[Message]) -> Any:
    import torch

    with torch.inference_mode():
        return first_logits(engine, messages)


def tokens_of(engine: LocalEngine, messages: list[Message], count: int = 12) -> list[int]:
    request = engine._request(messages, Sampling(temperature=0.0, max_new_tokens=count), None, None, None)
    engine.scheduler.submit(request)
    while request.finish is None:
        request.events.get(timeout=60)
    return list(request.answer.ids)


QUESTIONS = [
    [Message("user", "What imaging modality is this?")],
    [Message("user", "ما نوع هذا الفحص؟", (checkpoints.picture(1, (120, 50)),))],
    [Message("user", "Compare them.", (checkpoints.picture(2, (40, 90)), checkpoints.picture(3)))],
]


def ask(text: str = "Is it normal?", picture: int | None = 1) -> list[Message]:
    return [Message("user", text, () if picture is None else (checkpoints.picture(picture),))]


def run(engine: LocalEngine, messages: Sequence[Message], sampling: Sampling, **options: Any) -> list[Event]:
    return list(engine.stream(messages, sampling, **options))


def only_finish(events: Sequence[Event]) -> Finish:
    assert [isinstance(event, Finish) for event in events].count(True) == 1
    last = events[-1]
    assert isinstance(last, Finish)
    return last


def text_of(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Fails when it does not become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
