"""One step of the model: a chunk of one prompt, or one token for every reader; knows no queue.

Masks follow from lengths alone. Position and mask are given to the model explicitly, see `model.family`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from model.attention import prefer_products
from model.family import Adapter, Features, Positions, Span
from model.keyvalues import GRAIN, KeyValues
from model.packed_layers import shorten
from model.recorded import Recorder

if TYPE_CHECKING:
    import torch


class Decoder:
    """Runs one adapter's model. Not safe for two threads: one inference thread owns it."""

    def __init__(self, model: Any, adapter: Adapter, *, recorded: bool = False) -> None:
        """recorded: steps are recorded per shape and replayed, see `model.recorded`."""
        self.model = model
        self.adapter = adapter
        self.device = model.get_input_embeddings().weight.device
        shorten(model)
        # lengths that differ at every step would have the processor's products prepared anew each time
        self._grain = GRAIN if prefer_products(model) else 1
        self._recorder = Recorder(self) if recorded else None
        # Gemma 2 caps its scores, which only transformers' own attention does; that one adds masks
        self._adds_masks = adapter.config.get_text_config()._attn_implementation == "eager"

    def read(
        self,
        ids: Sequence[int],
        start: int,
        end: int,
        *,
        positions: Positions,
        spans: Sequence[Span],
        features: Sequence[Features],
        cache: KeyValues,
    ) -> torch.Tensor:
        """Read tokens start…end of one sequence into row 0 of its cache; logits after the last, (1, vocabulary).

        spans: the images that begin before `end`; features: theirs, in the same order.
        """
        import torch

        chunk = torch.tensor([list(ids[start:end])], device=self.device)
        embeddings = self.adapter.embed(self.model, chunk)
        deep = self._place(embeddings, start, end, spans, features)
        cache.grow(capacity=end)
        extent = end if self._sees_everything(start, end) else self._extent(end)
        cache.write_row(0, start, end, extent)
        return self.adapter.run(
            self.model,
            embeddings=embeddings,
            positions=positions.at(start, end).unsqueeze(1).to(self.device),
            mask=self._chunk_mask(start, end, extent, spans),
            cache=cache,
            deep=deep,
        )

    def step(
        self, tokens: Sequence[int], lengths: Sequence[int], deltas: Sequence[int], cache: KeyValues
    ) -> torch.Tensor:
        """Read one more token in each of the first rows; logits after it, (rows, vocabulary).

        lengths: tokens each row already holds. deltas: what to add to a length to get its rotary position.
        """
        import torch

        if self._recorder is not None:
            return self._recorder.step(tokens, lengths, deltas, cache)
        count, extent = len(tokens), self._extent(max(lengths) + 1)
        held = torch.tensor(list(lengths), device=self.device)
        embeddings = self.adapter.embed(self.model, torch.tensor([[t] for t in tokens], device=self.device))
        places = (held + torch.tensor(list(deltas), device=self.device)).unsqueeze(1)
        cache.write_rows(count, held, extent)
        return self.adapter.run(
            self.model,
            embeddings=embeddings,
            positions=places.unsqueeze(0).expand(self.adapter.axes, -1, -1),
            mask=self._step_mask(held, lengths, extent),
            cache=cache,
        )

    # --- images ---

    def _place(
        self,
        embeddings: torch.Tensor,
        start: int,
        end: int,
        spans: Sequence[Span],
        features: Sequence[Features],
    ) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Write the rows of images into the chunk's embeddings; what goes to the first layers besides."""
        import torch

        where = torch.zeros(1, end - start, dtype=torch.bool, device=self.device)
        deep: list[torch.Tensor] = []
        for span, found in zip(spans, features, strict=True):
            low, high = max(span.start, start), min(span.end, end)
            if low >= high:
                continue
            part = slice(low - span.start, high - span.start)
            embeddings[0, low - start : high - start] = found.rows[part].to(self.device, embeddings.dtype)
            where[0, low - start : high - start] = True
            if found.deep:
                deep.append(torch.stack([rows[part] for rows in found.deep]).to(self.device))
        return (where, torch.cat(deep, dim=1)) if deep else None

    # --- masks ---

    def _extent(self, length: int) -> int:
        """How many places of a cache are read when the longest row holds so many tokens."""
        return -(-length // self._grain) * self._grain

    def _sees_everything(self, start: int, end: int) -> bool:
        """Whether a chunk needs no mask but the model's own causal one, which is the fastest."""
        plain = self.adapter.window is None and not self.adapter.mixed_layers
        return plain and (start == 0 or end - start == 1)

    def _chunk_mask(self, start: int, end: int, extent: int, spans: Sequence[Span]) -> Any:
        import torch

        blocks = [s for s in spans if s.end > start] if self.adapter.bidirectional_images else []
        if self._sees_everything(start, end):
            return None
        queries = torch.arange(start, end, device=self.device).unsqueeze(1)
        keys = torch.arange(extent, device=self.device).unsqueeze(0)
        full = keys <= queries
        for span in blocks:
            inside = (keys >= span.start) & (keys < span.end) & (queries >= span.start) & (queries < span.end)
            full = full | inside
        return self._by_kind(full[None, None], self._near(queries, keys))

    def _step_mask(self, held: torch.Tensor, lengths: Sequence[int], extent: int) -> Any:
        """None where everything may be seen; not on a processor, where that is slow (docs/engine-log.md)."""
        equal = all(length == extent - 1 for length in lengths)
        if equal and self.device.type != "cpu" and self.adapter.window is None and not self.adapter.mixed_layers:
            return None
        return self.row_mask(held, extent)

    def row_mask(self, held: torch.Tensor, extent: int) -> Any:
        """What the next token of each row may look at: everything before it, and itself."""
        import torch

        keys = torch.arange(extent, device=self.device).unsqueeze(0)
        queries = held.unsqueeze(1)
        near = self._near(queries, keys)
        return self._by_kind((keys <= queries)[:, None, None, :], None if near is None else near[:, None, None, :])

    def _near(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor | None:
        return None if self.adapter.window is None else keys > queries - self.adapter.window

    def _by_kind(self, full: torch.Tensor, near: torch.Tensor | None) -> Any:
        sliding = full if near is None else full & near
        if self._adds_masks:
            full, sliding = self._added(full), self._added(sliding)
        if self.adapter.mixed_layers:
            return {"full_attention": full, "sliding_attention": sliding}
        return sliding

    def _added(self, allowed: torch.Tensor) -> torch.Tensor:
        """What is added to scores: 0 where one may look, the lowest number elsewhere."""
        import torch

        dtype = self.model.get_input_embeddings().weight.dtype
        lowest = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=self.device)
        return torch.where(allowed, torch.zeros_like(lowest), lowest)
