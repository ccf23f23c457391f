"""Keys and values of sequences, in memory that is allocated ahead; knows no tokens, no requests.

The decoder sees a `KeyValues` as its cache. Where the next tokens are written is said before each step
(`write_rows`, `write_row`), and nothing moves on by itself: a step that failed half-way is simply run again.
Rows of a batch have their own lengths, so that readers join and leave at any step; what lies beyond a row's length
is masked, never read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

GRAIN = 64
"""Capacity grows in multiples of this, so that a longer answer does not reallocate at each token."""


class KeyValues:
    """Per layer keys and values of (rows, heads, capacity, width)."""

    is_compileable = False
    is_sliding = (False,)

    def __init__(self, rows: int, capacity: int) -> None:
        self.rows = rows
        self.capacity = _round(capacity)
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.version = 0
        """Changes when the memory does: what was recorded with old addresses is worthless then."""
        self._row: int | None = None
        self._start = 0
        self._end = 0
        self._index: tuple[torch.Tensor, torch.Tensor] | None = None
        self._extent = 0
        self._count = rows

    # --- saying where the next step writes ---

    def write_row(self, row: int, start: int, end: int, extent: int | None = None) -> None:
        """The next step writes tokens start…end of one row and reads 0…extent, by default 0…end."""
        self._row, self._start, self._end, self._index = row, start, end, None
        self._extent = end if extent is None else extent

    def write_rows(self, count: int, lengths: torch.Tensor, extent: int) -> None:
        """The next step writes one token to each of the first `count` rows, at its length, and reads 0…extent."""
        import torch

        self._row, self._count, self._extent = None, count, extent
        self._start = extent - 1
        self._index = (torch.arange(count, device=lengths.device), lengths)

    # --- what the decoder calls ---

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the step's keys and values; return views of all that it may read."""
        if layer >= len(self.keys):
            self._allocate(keys, values)
        held_keys, held_values = self.keys[layer], self.values[layer]
        if self._row is not None:
            row, start, end, extent = self._row, self._start, self._end, self._extent
            held_keys[row, :, start:end] = keys[0]
            held_values[row, :, start:end] = values[0]
            return held_keys[row : row + 1, :, :extent], held_values[row : row + 1, :, :extent]
        assert self._index is not None
        rows, places = self._index
        held_keys[rows, :, places] = keys[:, :, 0]
        held_values[rows, :, places] = values[:, :, 0]
        return held_keys[: self._count, :, : self._extent], held_values[: self._count, :, : self._extent]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._start

    def get_query_offset(self, layer_idx: int = 0) -> int:
        return self._start

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        return self._extent, 0

    def get_max_length(self, layer_idx: int = 0) -> int:
        return -1

    # --- memory ---

    def _allocate(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.version += 1
        heads, width, value_width = keys.shape[1], keys.shape[3], values.shape[3]
        new_keys = keys.new_zeros(self.rows, heads, self.capacity, width)
        new_values = values.new_zeros(self.rows, heads, self.capacity, value_width)
        self.keys.append(new_keys)  # both or none: memory may run out between the two
        self.values.append(new_values)

    @property
    def size(self) -> int:
        """Bytes allocated."""
        return sum(part.numel() * part.element_size() for part in (*self.keys, *self.values))

    def grow(self, *, rows: int | None = None, capacity: int | None = None) -> None:
        """At least so many rows and so much capacity, contents kept. Memory may run out half-way: what has grown
        by then serves as before, and the rest grows when it is asked for again."""
        rows = max(self.rows, rows or 0)
        capacity = max(self.capacity, _round(capacity or 0))
        if (rows, capacity) == (self.rows, self.capacity):
            return
        self.version += 1
        for parts in (self.keys, self.values):
            for index, old in enumerate(parts):
                if old.shape[0] >= rows and old.shape[2] >= capacity:
                    continue
                new = old.new_zeros(rows, old.shape[1], capacity, old.shape[3])
                new[: self.rows, :, : self.capacity] = old[: self.rows, :, : self.capacity]
                parts[index] = new
        self.rows, self.capacity = rows, capacity

    def copy_row(self, row: int, source: KeyValues, source_row: int, length: int) -> None:
        """Take the first `length` tokens of another's row (or of a row of its own)."""
        while len(self.keys) < len(source.keys):
            layer = len(self.keys)
            self._allocate(source.keys[layer], source.values[layer])
        for layer in range(len(source.keys)):
            self.keys[layer][row, :, :length] = source.keys[layer][source_row, :, :length]
            self.values[layer][row, :, :length] = source.values[layer][source_row, :, :length]

    def take_out(self, row: int, length: int) -> KeyValues:
        """One row alone, in memory of its own that is just large enough."""
        single = KeyValues(1, length)
        single.copy_row(0, self, row, length)
        return single

    def wipe(self, row: int) -> None:
        """Zero a row: values that are not finite would leak through a mask (0 times NaN)."""
        for part in (*self.keys, *self.values):
            part[row].zero_()

    def move(self, device: str) -> None:
        """Move everything, for instance to CPU memory when the device is full."""
        self.version += 1
        self.keys = [part.to(device) for part in self.keys]
        self.values = [part.to(device) for part in self.values]


def _round(capacity: int) -> int:
    return max(GRAIN, -(-capacity // GRAIN) * GRAIN)
