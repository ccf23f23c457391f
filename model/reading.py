"""Reading one prompt, a piece at a time: what is reused, which images are encoded, where a chunk may end.

Knows one request at a time; who is next is the scheduler's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.batch import SPARE
from model.decoder import Decoder
from model.keyvalues import KeyValues
from model.parking import Embeddings, Parking, reusable
from model.request import Request

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Budget:
    """Bounds of the engine.

    readers: answered at the same time. waiting: in the queue. context: tokens of one sequence.
    active_tokens: tokens that are given memory at once, empty places in the rows of short sequences included (one
    sequence always may run).
    chunk: prompt tokens read in one beat while more readers read prompts than write; shared_chunk: otherwise.
    """

    readers: int = 8
    waiting: int = 64
    context: int = 8192
    active_tokens: int = 1 << 40
    chunk: int = 512
    shared_chunk: int = 128
    parked_bytes: int = 1 << 30
    parked_host_bytes: int = 4 << 30
    embedding_bytes: int = 256 << 20
    idle_batch_bytes: int = 256 << 20
    recorded: bool = False
    """Steps are recorded once and replayed (CUDA graphs), in memory of fixed addresses: rows x context tokens."""


_SMALLEST = 32  # tokens of a chunk, however little memory there is


class Reading:
    """Brings requests to the end of their prompts."""

    def __init__(self, decoder: Decoder, budget: Budget, parking: Parking, embeddings: Embeddings) -> None:
        self.decoder = decoder
        self.budget = budget
        self.parking = parking
        self.embeddings = embeddings
        self.most = budget.chunk
        """Largest chunk for now: less than the budget's after memory ran out."""

    def smaller(self) -> None:
        """Memory ran out: read in smaller chunks until nobody is left."""
        self.most = max(_SMALLEST, self.most // 2)

    def as_before(self) -> None:
        self.most = self.budget.chunk

    def begin(self, request: Request) -> None:
        """Positions, and a cache: what the conversation left behind, as far as it is the same, or a new one."""
        prompt = request.prompt
        request.ids = list(prompt.ids)
        request.read = request.reused = 0  # an attempt before this one may have run out of memory half-way
        request.positions = self.decoder.adapter.positions(self.decoder.model, prompt.ids, prompt.spans, prompt.pixels)
        parked = self.parking.take(request.conversation) if request.conversation is not None else None
        if parked is not None:
            request.read = request.reused = reusable(parked, prompt.ids, prompt.spans)
        room = len(prompt.ids) + min(request.sampling.max_new_tokens, 256)
        request.cache = parked.cache if parked is not None else KeyValues(1, room)
        if request.cache.capacity > room + SPARE:  # of a longer branch; in a batch every row would be as long
            request.cache = request.cache.take_out(0, request.read)
        request.cache.grow(capacity=room)  # once, instead of at every chunk

    def advance(self, request: Request, *, alone: bool, large: bool) -> torch.Tensor | None:
        """Encode one image, or read one chunk, a large one or not; logits once the whole prompt is read.

        alone: nobody else is served, so that an image and a chunk may be had in one beat.
        """
        assert request.cache is not None
        assert request.positions is not None
        start, end = request.read, self._chunk_end(request, large=large)
        waiting = [
            index
            for index, span in enumerate(request.prompt.spans)
            if span.end > start and span.start < end and index not in request.features
        ]
        if waiting:
            self._encode(request, waiting[0])
            if len(waiting) > 1 or not alone:
                return None
        shown = [index for index, span in enumerate(request.prompt.spans) if span.end > start and span.start < end]
        logits = self.decoder.read(
            request.ids,
            start,
            end,
            positions=request.positions,
            spans=[request.prompt.spans[index] for index in shown],
            features=[request.features[index] for index in shown],
            cache=request.cache,
        )
        request.read = end
        return logits if end == len(request.ids) else None

    def _chunk_end(self, request: Request, *, large: bool) -> int:
        size = min(self.most, self.budget.chunk if large else self.budget.shared_chunk)
        end = min(len(request.ids), request.read + size)
        if self.decoder.adapter.bidirectional_images:
            for span in request.prompt.spans:
                if span.start < end < span.end:
                    end = span.end
        return end

    def _encode(self, request: Request, index: int) -> None:
        span = request.prompt.spans[index]
        features = self.embeddings.get(span.sha256)
        if features is None:
            features = self.decoder.adapter.encode(self.decoder.model, request.prompt.pixels[index])
            self.embeddings.put(span.sha256, features)
        request.features[index] = features
