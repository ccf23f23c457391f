"""A conversation with one CT frame and somebody who asks about it, for tests of turns: real record, real frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.frames import pack
from app.loading import LoadingEngine
from app.turn import Question, Turns
from app.underway import Progress
from app.view import View
from dicom import Frame, Window
from model import Engine, Sampling
from storage import Store

LONG = Sampling(temperature=0, max_new_tokens=600, may_repeat=True)
SHORT = Sampling(temperature=0, max_new_tokens=12)
ENDLESS = Sampling(temperature=0, max_new_tokens=8000, may_repeat=True, allowed_tokens=lambda written: (200,))


@dataclass
class Room:
    store: Store
    turns: Turns
    conversation: str
    series: str
    number: int = 0
    """The frame that is looked at."""

    def view(self, width: float = 80) -> View:
        return View(self.series, self.number, Window(40, width))

    def ask(self, text: str, *, width: float | None = 80, replaces: str | None = None) -> list[Progress]:
        view = None if width is None else self.view(width)
        return list(self.turns.ask("reader", Question(self.conversation, text, view, replaces)))

    def progress(self) -> Progress:
        found = self.turns.progress("reader", self.conversation)
        assert found is not None
        return found


def frame() -> Frame:
    return Frame(np.arange(-1000, 3096, dtype=np.int16).reshape(64, 64), unit="HU", default_window=Window(40, 80))


def settled(engine: Engine) -> LoadingEngine:
    loading = LoadingEngine(lambda progress: engine)
    loading.start()
    loading.ready(10)
    return loading


def room_with(store: Store, engine: Engine, sampling: Sampling = SHORT) -> Room:
    conversation = store.start_conversation("reader", language="en").id
    series = store.add_series("reader", conversation, facts={"kind": "dicom"}, descriptor={}, frames=1).id
    meta, samples = pack(frame())
    store.add_frame("reader", series, 0, meta=meta, samples=samples)
    return Room(store, Turns(store, settled(engine), lambda identity: sampling), conversation, series)
