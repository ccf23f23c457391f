"""One answer on its way: one thread writes how far it is, whoever asked watches. Knows no model and no record."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass

from model import Finish, Waiting

_SIGN_OF_LIFE = 1.0  # seconds after which a watcher hears the same again: a generator can be closed only between two


@dataclass(frozen=True)
class Progress:
    """Where a turn stands. `answer` is everything so far; the last one of a turn has `finish`."""

    turn: str
    answer: str = ""
    thought: str = ""
    loading: float | None = None
    """0..1 while the model itself is still loading."""
    waiting: Waiting | None = None
    finish: Finish | None = None


class Underway:
    """The newest `Progress` of one answer, for watchers who come, go and may be slow. Thread-safe."""

    def __init__(self) -> None:
        self.cancel = threading.Event()
        """Set it to stop the answer within one step."""
        self.interrupted = False
        """Whether it was the program's end that stopped it, and no reader."""
        self._news = threading.Condition()
        self._latest: Progress | None = None
        self._told = 0
        self._over = False
        self._error: Exception | None = None
        self._watchers = 0

    def tell(self, progress: Progress) -> None:
        """From now on the answer is this far."""
        with self._news:
            self._latest = progress
            self._told += 1
            self._news.notify_all()

    def end(self, error: Exception | None = None) -> bool:
        """Nothing more will be told; `error` is raised where the answer is watched. False: nobody watches it."""
        with self._news:
            self._over = True
            self._error = error
            self._news.notify_all()
            return self._watchers > 0

    def interrupt(self) -> None:
        """Stop it because the program ends."""
        self.interrupted = True
        self.cancel.set()

    def latest(self) -> Progress:
        """How far it is now; without a turn as long as none is stored."""
        with self._news:
            return self._latest or Progress("")

    def watch(self) -> Generator[Progress, None, None]:
        """What is told from now on, the newest where several came meanwhile; raises what ended the answer.

        Closing it ends nothing but the watching.
        """
        with self._news:
            self._watchers += 1
        try:
            yield from self._watched()
        finally:
            with self._news:
                self._watchers -= 1

    def _watched(self) -> Generator[Progress, None, None]:
        seen = 0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._over or self._told > seen, _SIGN_OF_LIFE)  # noqa: B023 called in here
                latest, over, unseen = self._latest, self._over, self._told > seen
                seen = self._told
            if latest is not None and (unseen or not over):
                yield latest
            if over:
                break
        if self._error is not None:
            raise self._error
