"""How many pixels this process holds unfolded at once. Knows numbers; knows no picture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 64_000_000
"""Pixels in hand together: four large radiographs. A single picture may have more, and is then alone."""


class AtOnce:
    """Lets work on pictures begin while there is room for its pixels; the rest waits. Thread-safe.

    A file of some kilobytes can unfold to gigabytes: what bounds a file does not bound several of them.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until `pixels` more fit, or nothing is held. Never to be held while somebody else is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + pixels <= self._most)
            self._held += pixels
        try:
            yield
        finally:
            with self._changed:
                self._held -= pixels
                self._changed.notify_all()
