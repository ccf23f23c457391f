"""Steps recorded once per shape and replayed: on a fast GPU, launching a step's kernels costs more than running them.

A step is made of fixed shapes (rows rounded up to a power of two, extent to a multiple of 256), static inputs and a
cache whose memory does not move. On CUDA it is captured as a graph, and a graph is used only if its first replay
gives what the step gave without it; elsewhere the same code runs without capture, which is how it is tested. A shape
that cannot be captured goes on without.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from model.keyvalues import KeyValues

if TYPE_CHECKING:
    import torch

    from model.decoder import Decoder

log = logging.getLogger(__name__)

_AGREE = 0.02  # of the largest logit: more than a recorded step may differ from the same step computed
GRAIN = 256  # tokens; the extent of a recorded step is a multiple of this


class Recorder:
    """Recorded steps by shape, for one cache at a time."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._steps: dict[tuple[int, int], _Step] = {}
        self._pool: Any = None
        self._of: tuple[int, int] = (0, 0)

    def step(
        self, tokens: Sequence[int], lengths: Sequence[int], deltas: Sequence[int], cache: KeyValues
    ) -> torch.Tensor:
        """See `Decoder.step`. Rows beyond the readers' are computed on unused rows of the cache and left out."""
        count = len(tokens)
        rows = min(cache.rows, 1 << (count - 1).bit_length())
        extent = min(cache.capacity, -(-(max(lengths) + 1) // GRAIN) * GRAIN)
        if self._of != (id(cache), cache.version):
            self._steps.clear()
            self._of = (id(cache), cache.version)
        step = self._steps.get((rows, extent))
        if step is None:
            if self._pool is None and self._decoder.device.type == "cuda":
                self._pool = _new_pool()
            step = self._steps[rows, extent] = _Step(self._decoder, cache, rows, extent, self._pool)
        return step(tokens, lengths, deltas)[:count]


def _new_pool() -> Any:
    """Memory that all graphs share: only one runs at a time, and each keeps its logits."""
    import torch

    cuda: Any = torch.cuda  # untyped
    return cuda.graph_pool_handle()


class _Step:
    def __init__(self, decoder: Decoder, cache: KeyValues, rows: int, extent: int, pool: Any) -> None:
        import torch

        self._decoder, self._cache, self._rows, self._extent = decoder, cache, rows, extent
        # tokens, lengths and deltas in one buffer: one copy to the device per step
        self._inputs = torch.zeros(3, rows, dtype=torch.long, device=decoder.device)
        self._pool = pool
        self._graph: Any = None
        self._logits: torch.Tensor | None = None
        self._fresh = decoder.device.type == "cuda"

    def __call__(self, tokens: Sequence[int], lengths: Sequence[int], deltas: Sequence[int]) -> torch.Tensor:
        import torch

        spare = [0] * (self._rows - len(tokens))
        given = [[*tokens, *spare], [*lengths, *spare], [*deltas, *spare]]
        self._inputs.copy_(torch.tensor(given))
        if self._fresh:
            self._fresh = False
            self._record()
        if self._graph is None:
            return self._compute()
        self._graph.replay()
        assert self._logits is not None
        return self._logits

    def _compute(self) -> torch.Tensor:
        tokens, held, deltas = self._inputs
        decoder = self._decoder
        self._cache.write_rows(self._rows, held, self._extent)
        return decoder.adapter.run(
            decoder.model,
            embeddings=decoder.adapter.embed(decoder.model, tokens.unsqueeze(1)),
            positions=(held + deltas)[None, :, None].expand(decoder.adapter.axes, -1, -1),
            mask=decoder.row_mask(held, self._extent),
            cache=self._cache,
        )

    def _record(self) -> None:
        """Warm up, capture, compare; running a step again writes the same keys to the same places."""
        import torch

        cuda: Any = torch.cuda  # untyped
        try:
            stream = cuda.Stream()
            stream.wait_stream(cuda.current_stream())
            with cuda.stream(stream):
                self._compute()
                expected = self._compute()
            cuda.current_stream().wait_stream(stream)
            graph = cuda.CUDAGraph()
            # thread_local: other threads may use the device meanwhile, for instance to ask how much memory is free
            with cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                self._logits = self._compute()
            graph.replay()
            if not bool((self._logits - expected).abs().max() <= _AGREE * expected.abs().max()):
                raise RuntimeError("a recorded step computes something else")
            self._graph = graph
        except RuntimeError as error:
            log.warning("a step of %d rows cannot be recorded: %s", self._rows, type(error).__name__)
            self._graph = self._logits = None
