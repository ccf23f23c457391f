"""The engine while it loads: progress for the page, a wait for the first question. Knows no checkpoint."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.failures import trace
from model import Engine, Identity, ModelError

log = logging.getLogger(__name__)
Opener = Callable[[Callable[[float], None]], Engine]


@dataclass(frozen=True)
class EngineState:
    """`progress` in 0..1 while loading; `identity` once ready; `error` once failed."""

    state: Literal["loading", "ready", "failed"]
    progress: float = 0.0
    identity: Identity | None = None
    error: Exception | None = None


class LoadingEngine:
    """One engine, opened on a thread of its own so that the page can be used meanwhile."""

    def __init__(self, opener: Opener) -> None:
        """`opener` is called once, on the thread, with a function that takes progress in 0..1."""
        self._opener = opener
        self._settled = threading.Event()
        self._engine: Engine | None = None
        self._error: Exception | None = None
        self._progress = 0.0
        self._thread = threading.Thread(target=self._load, name="engine-loader", daemon=True)

    def start(self) -> None:
        """Begin loading; returns at once."""
        self._thread.start()

    def _load(self) -> None:
        try:
            self._engine = self._opener(self._note)
        except ModelError as error:
            log.error("the model could not be loaded: %s", type(error).__name__)
            self._error = error
        except Exception as error:  # whatever a checkpoint makes a library raise must reach the page as a sentence
            log.error("the model could not be loaded: %s", trace(error))
            self._error = error
        finally:
            self._settled.set()

    def _note(self, progress: float) -> None:
        self._progress = min(1.0, max(0.0, progress))

    def state(self) -> EngineState:
        """Where loading stands, for the page; never blocks."""
        if self._engine is not None:
            return EngineState("ready", 1.0, self._engine.identity)
        if self._error is not None:
            return EngineState("failed", error=self._error)
        return EngineState("loading", self._progress)

    def ready(self, seconds: float = 0.0) -> Engine | None:
        """The engine, waiting up to `seconds`; None while it loads. Raises what loading raised."""
        self._settled.wait(seconds)
        if self._error is not None:
            raise self._error
        return self._engine

    def close(self) -> None:
        """Wait for a load in progress and close the engine."""
        if self._thread.is_alive():
            self._thread.join(timeout=1)
        if self._engine is not None:
            self._engine.close()
