"""Whose row is which in the batch that writes; rows stay gapless, so that a step reads one block of memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from model.keyvalues import KeyValues
from model.request import Request

log = logging.getLogger(__name__)

SPARE = 512  # tokens of unused capacity that a cache may keep rather than be copied


class Batch:
    """The requests past their prompts, in the order of their rows."""

    def __init__(self, *, most: int, context: int, idle_bytes: int, fixed: bool = False) -> None:
        """most: rows. context: most tokens of a row. idle_bytes: what may stay allocated while nobody writes.
        fixed: all of it is allocated once and never moves, instead of following the need."""
        self.writing: list[Request] = []
        self.cache: KeyValues | None = None
        self._most = most
        self._context = context
        self._idle_bytes = idle_bytes
        self._fixed = fixed

    def __len__(self) -> int:
        return len(self.writing)

    def __iter__(self) -> Iterator[Request]:
        return iter(list(self.writing))

    def __contains__(self, request: Request) -> bool:
        return request in self.writing

    def tokens_with(self, joining: Sequence[Request]) -> int:
        """Most tokens that memory may be allocated for once these have joined: a block of rows as long as the longest
        may become, however short the others are, and beside it the caches of those who have not joined yet."""
        own = sum(self._longest([request]) + SPARE for request in joining)
        if self._fixed:
            return self._most * self._context + own
        longest = self._longest([*self.writing, *joining]) + SPARE
        held = self.cache.capacity if self.cache is not None else 0
        rows = self._rows(len(self.writing) + len(joining))
        return rows * KeyValues(rows, max(held, longest)).capacity + own  # it allocates nothing yet, but rounds

    def _longest(self, requests: Sequence[Request]) -> int:
        """Tokens the longest of these may come to hold."""
        return min(max(request.most_tokens for request in requests), self._context)

    def _rows(self, count: int) -> int:
        """Rows of a cache that has room for so many: doubled, so that not every reader who joins moves all."""
        rows = self.cache.rows if self.cache is not None else 1
        while rows < count:
            rows *= 2
        return min(rows, self._most)

    def join(self, request: Request) -> None:
        """Take the next row. Alone, its own cache becomes the batch: nothing is copied."""
        assert request.cache is not None
        room = min(request.read + 256, self._longest([request]))
        if self._fixed:
            self.cache = self.cache or KeyValues(self._most, self._context)
            self.cache.copy_row(len(self.writing), request.cache, 0, request.read)
        elif not self.writing and not self._idle_suits(request):
            self.cache = request.cache
            self.cache.grow(capacity=room)
        else:
            assert self.cache is not None
            self.cache.grow(rows=self._rows(len(self.writing) + 1), capacity=room)
            self.cache.copy_row(len(self.writing), request.cache, 0, request.read)
        request.cache = None
        self.writing.append(request)

    def _idle_suits(self, request: Request) -> bool:
        """Whether a lone reader takes a row of what the last ones left: not if all its rows would have to grow, nor if
        the reader's own cache is about as large."""
        assert request.cache is not None
        idle = self.cache
        return idle is not None and idle.capacity >= self._longest([request]) and idle.size > 2 * request.cache.size

    def leave(self, request: Request) -> None:
        """Give the row back; the last row moves into the gap. A conversation that will be kept takes its keys and
        values along."""
        if request not in self.writing:
            return
        assert self.cache is not None
        row, last = self.writing.index(request), len(self.writing) - 1
        if request.conversation is not None and request.cache is None:
            if not self._fixed and last == 0 and self.cache.rows == 1 and self.cache.capacity <= request.read + SPARE:
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
            self.cache.grow(capacity=max(extent, min(extent + extent // 2, self._longest(self.writing))))
        return self.cache

    def wipe(self, request: Request) -> None:
        """Zero a row whose numbers broke: they would reach others through a mask."""
        if request in self.writing and self.cache is not None:
            self.cache.wipe(self.writing.index(request))

    def clear(self) -> None:
        self.writing, self.cache = [], None
