"""Deleted conversations: each can be taken back for a while, and is then erased for good. Knows no screen."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from app.turn import Turns
from storage import StorageError, Store

log = logging.getLogger(__name__)
UNDO_SECONDS = 20.0
"""How long a deletion can be taken back: long enough to be read out and reached by keyboard."""


class Discarded:
    """Deletes, takes back, and erases in time. What is left when the program ends, the record erases. Thread-safe."""

    def __init__(self, store: Store, turns: Turns, seconds: float = UNDO_SECONDS) -> None:
        self._store = store
        self._turns = turns
        self._window = timedelta(seconds=seconds)
        self._timers: set[threading.Timer] = set()
        self._lock = threading.Lock()

    def delete(self, owner: str, conversation: str) -> float:
        """Stop its answer and hide it; the seconds in which it can be taken back. Raises storage.StorageError."""
        self._turns.discard(owner, conversation)
        seconds = self._window.total_seconds()
        timer = threading.Timer(seconds, self._erase)
        timer.daemon = True
        with self._lock:
            self._timers = {timer, *(earlier for earlier in self._timers if earlier.is_alive())}
        timer.start()
        return seconds

    def restore(self, owner: str, conversation: str) -> None:
        """Take the deletion back. Raises storage.NotFound when it came too late."""
        self._store.restore_conversation(owner, conversation)

    def close(self) -> None:
        """Wait for no deletion any more: closing the record erases what is left."""
        with self._lock:
            timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()

    def _erase(self) -> None:
        try:
            self._store.erase_discarded(datetime.now(UTC) - self._window)
        except StorageError as error:  # at the next deletion, at the end or at the next start
            log.warning("a deleted conversation could not be erased yet: %s", type(error).__name__)
