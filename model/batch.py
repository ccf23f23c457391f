"""Whose row is which in the batch that writes; rows stay gapless, so that a step reads one block of memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from model.keyvalues import KeyValues
from model.request import Request

log = logging.getLogger(__name__)

_SPARE = 512  # tokens of unused capacity that a parked cache may keep rather than be copied


class Batch:
    """The requests past their prompts, in the order of their rows."""

    def __init__(self, *, most: int, idle_bytes: int, fixed: int = 0) -> None:
        """fixed: tokens per row of memory that is allocated once and never moves; 0 lets it follow the need."""
        self.writing: list[Request] = []
        self.cache: KeyValues | None = None
        self._most = most
        self._idle_bytes = idle_bytes
        self._fixed = fixed

    def __len__(self) -> int:
        return len(self.writing)

    def __iter__(self) -> Iterator[Request]:
        return iter(list(self.writing))

    def __contains__(self, request: Request) -> bool:
        return request in self.writing

    def join(self, request: Request) -> None:
        """Take the next row. Alone, its own cache becomes the batch: nothing is copied."""
        assert request.cache is not None
        room = request.read + min(request.sampling.max_new_tokens, 256)
        if self._fixed:
            self.cache = self.cache or KeyValues(self._most, self._fixed)
            self.cache.copy_row(len(self.writing), request.cache, 0, request.read)
        elif not self.writing and (self.cache is None or self.cache.size <= 2 * request.cache.size):
            self.cache = request.cache
            self.cache.grow(capacity=room)
        else:
            if self.cache is None:
                self.cache = KeyValues(1, room)
            rows = self.cache.rows
            while rows < len(self.writing) + 1:
                rows *= 2
            self.cache.grow(rows=min(rows, self._most), capacity=room)
            self.cache.copy_row(len(self.writing), request.cache, 0, request.read)
        request.cache = None
        self.writing.append(request)

    def leave(self, request: Request) -> None:
        """Give the row back; the last row moves into the gap. A conversation that will be kept takes its keys and
        values along."""
        if request not in self.writing:
            return
        assert self.cache is not None
        row, last = self.writing.index(request), len(self.writing) - 1
        if request.conversation is not None and request.cache is None:
            if not self._fixed and last == 0 and self.cache.rows == 1 and self.cache.capacity <= request.read + _SPARE:
                request.cache, self.cache = self.cache, None
            else:
                request.cache = self._copy(row, request.read)
        if row != last and self.cache is not None:
            self.cache.copy_row(row, self.cache, last, self.writing[last].read)
            self.writing[row] = self.writing[last]
        self.writing.pop()
        too_large = self.cache is not None and self.cache.size > self._idle_bytes
        if not self.writing and too_large and not self._fixed:
            self.cache = None

    def _copy(self, row: int, length: int) -> KeyValues | None:
        """The row in memory of its own; None when there is none left: the next turn reads the conversation anew."""
        assert self.cache is not None
        try:
            return self.cache.take_out(row, length)
        except (MemoryError, RuntimeError) as error:
            log.warning("a conversation's cache is not kept: %s", type(error).__name__)
            return None

    def take_out(self, request: Request) -> None:
        """Leave, with a cache of its own."""
        assert self.cache is not None
        request.cache = self.cache.take_out(self.writing.index(request), request.read)
        self.leave(request)

    def make_room(self) -> KeyValues:
        """The cache, with capacity for one more token in the longest row."""
        assert self.cache is not None
        extent = max(request.read for request in self.writing) + 1
        if extent > self.cache.capacity:
            self.cache.grow(capacity=extent + extent // 2)
        return self.cache

    def wipe(self, request: Request) -> None:
        """Zero a row whose numbers broke: they would reach others through a mask."""
        if request in self.writing and self.cache is not None:
            self.cache.wipe(self.writing.index(request))

    def clear(self) -> None:
        self.writing, self.cache = [], None
