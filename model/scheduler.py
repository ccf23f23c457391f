"""The loop in three beats, schedule → run → postprocess, on one persistent thread; knows no text, no screen.

Each beat reads at most one chunk of one prompt (so that a long prompt does not freeze the others) and then writes
one token for every reader who is past the prompt. Readers join and leave at any beat. Lengths are the only truth
about a cache: a beat that raised is simply run again, or its request alone is ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from model.decoder import Decoder
from model.engine import Reason
from model.errors import (
    DeadlineExceeded,
    EngineClosed,
    GenerationFailed,
    ModelError,
    NumbersBroke,
    OutOfMemory,
    QueueFull,
)
from model.keyvalues import KeyValues
from model.parking import Embeddings, Parked, Parking, reusable
from model.request import FairQueue, Request

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Budget:
    """Bounds of the engine.

    readers: answered at the same time. waiting: in the queue. context: tokens of one sequence.
    active_tokens: tokens of all sequences together that are given memory at once (one always may run).
    chunk: prompt tokens read in one beat when nobody else waits for tokens; shared_chunk: when somebody does.
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


class Scheduler:
    """Owns the decoder and its thread."""

    def __init__(
        self,
        decoder: Decoder,
        budget: Budget,
        *,
        end_tokens: frozenset[int],
        on_end: Callable[[Request], None] | None = None,
    ) -> None:
        self.decoder = decoder
        self.budget = budget
        self._end_tokens = end_tokens
        self._on_end = on_end
        self.parking = Parking(
            device=str(decoder.device), device_bytes=budget.parked_bytes, host_bytes=budget.parked_host_bytes
        )
        self.embeddings = Embeddings(budget.embedding_bytes)
        self._most = budget.readers if decoder.adapter.batched else 1
        self._changed = threading.Condition()
        self._queue = FairQueue(budget.waiting)
        self._closed = False
        self._forget: list[str] = []
        self._reading: list[Request] = []
        self._writing: list[Request] = []
        self._batch: KeyValues | None = None
        self._seconds_each: float | None = None
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    # --- from other threads -----------------------------------------------------------------------------------

    def submit(self, request: Request) -> None:
        """Put in line; a refused request is ended at once."""
        with self._changed:
            if self._closed:
                request.end("failed", EngineClosed("the engine was closed"))
            elif self._queue.full:
                request.end("failed", QueueFull(f"{len(self._queue)} requests are waiting"))
            else:
                self._queue.put(request)
                if len(self._queue) + self._active > self._most:
                    self._queue.announce(self._seconds_each)
                self._changed.notify()

    def forget(self, conversation: str) -> None:
        """Drop what is parked for a conversation (it was deleted)."""
        with self._changed:
            self._forget.append(conversation)
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    @property
    def _active(self) -> int:
        return len(self._reading) + len(self._writing)

    # --- the loop ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        import torch

        error: ModelError = EngineClosed("the engine was closed")
        try:
            with torch.inference_mode():
                while self._wait_for_work():
                    self._schedule()
                    self._read_chunk()
                    self._write_step()
        except BaseException as problem:
            log.exception("the inference thread ended")
            error = GenerationFailed(f"the inference thread ended: {type(problem).__name__}")
            error.__cause__ = problem
        finally:
            self._end_everybody(error)

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not (self._closed or self._active or len(self._queue) or self._forget):
                self._changed.wait()
            for conversation in self._forget:
                self.parking.forget(conversation)
            self._forget.clear()
            return not self._closed

    def _end_everybody(self, error: ModelError) -> None:
        with self._changed:
            self._closed = True
            reason: Reason = "stopped" if isinstance(error, EngineClosed) else "failed"
            for request in (*self._reading, *self._writing, *self._queue):
                request.end(reason, error)
            self._reading, self._writing, self._batch = [], [], None
            while self._queue.take() is not None:
                pass
        self.parking.clear_device()
        self.embeddings.clear()

    # --- schedule ---------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        now = time.monotonic()
        for request in (*self._reading, *self._writing):
            self._end_if_unwanted(request, now)
        with self._changed:
            for request in list(self._queue):
                if request.wants_stop() or request.expired(now):
                    self._queue.remove(request)
                    self._end_unwanted(request)
            while self._active < self._most and self._next_fits() and (request := self._queue.take()) is not None:
                request.admitted = now
                self._reading.append(request)
            self._queue.announce(self._seconds_each)

    def _next_fits(self) -> bool:
        following = next(iter(self._queue), None)
        if following is None or not self._active:
            return following is not None
        held = sum(request.most_tokens for request in (*self._reading, *self._writing))
        return held + following.most_tokens <= self.budget.active_tokens

    def _end_if_unwanted(self, request: Request, now: float) -> None:
        if request.wants_stop() or request.expired(now):
            self._leave(request)
            self._end_unwanted(request)

    def _end_unwanted(self, request: Request) -> None:
        if request.wants_stop():
            self._ended(request, "stopped")
        else:
            self._ended(request, "failed", DeadlineExceeded(f"{request.sampling.deadline_seconds} s are over"))

    # --- run: a chunk of one prompt ---------------------------------------------------------------------------

    def _read_chunk(self) -> None:
        if not self._reading:
            return
        request = self._reading.pop(0)
        self._reading.append(request)  # those who read take turns
        try:
            logits = self._survive(lambda: self._advance(request))
        except ModelError as error:
            self._drop(request, error)
            return
        if logits is not None:
            self._reading.remove(request)
            self._first(request, logits)

    def _advance(self, request: Request) -> torch.Tensor | None:
        """Begin, or encode one image, or read one chunk; logits once the whole prompt is read."""
        if request.cache is None:
            self._begin(request)
        assert request.cache is not None
        assert request.positions is not None
        start, end = request.read, self._chunk_end(request)
        waiting = [
            index
            for index, span in enumerate(request.prompt.spans)
            if span.end > start and span.start < end and index not in request.features
        ]
        if waiting:
            self._encode(request, waiting[0])
            if len(waiting) > 1 or self._writing:
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

    def _begin(self, request: Request) -> None:
        prompt = request.prompt
        request.ids = list(prompt.ids)
        request.positions = self.decoder.adapter.positions(self.decoder.model, prompt.ids, prompt.spans, prompt.pixels)
        parked = self.parking.take(request.conversation) if request.conversation is not None else None
        if parked is not None:
            request.read = request.reused = reusable(parked, prompt.ids, prompt.spans)
        room = len(prompt.ids) + min(request.sampling.max_new_tokens, 256)
        request.cache = parked.cache if parked is not None else KeyValues(1, room)
        request.cache.grow(capacity=room)  # once, instead of at every chunk

    def _chunk_end(self, request: Request) -> int:
        size = self.budget.shared_chunk if self._writing or len(self._reading) > 1 else self.budget.chunk
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

    # --- run: one token for everybody -------------------------------------------------------------------------

    def _write_step(self) -> None:
        if not self._writing:
            return
        writers = list(self._writing)
        try:
            logits = self._survive(lambda: self._step(writers))
        except OutOfMemory as error:
            self._drop(max(writers, key=lambda request: len(request.ids)), error)
            return
        except ModelError as error:
            self._find_culprit(writers, error)
            return
        self._postprocess(writers, logits)

    def _step(self, writers: Sequence[Request]) -> torch.Tensor:
        assert self._batch is not None
        lengths = [request.read for request in writers]
        extent = max(lengths) + 1
        if extent > self._batch.capacity:
            self._batch.grow(capacity=extent + extent // 2)
        return self.decoder.step(
            [request.ids[-1] for request in writers],
            lengths,
            [request.delta for request in writers],
            self._batch,
        )

    def _find_culprit(self, writers: Sequence[Request], error: ModelError) -> None:
        """A step for all raised: whoever can go on alone, goes on; the others end."""
        if len(writers) == 1:
            self._drop(writers[0], error)
            return
        assert self._batch is not None
        for request in writers:
            row = self._writing.index(request)
            request.cache = self._batch.take_out(row, request.read)
            self._leave(request)
            try:
                logits = self._survive(lambda r=request: self._read_one(r))  # type: ignore[misc]  # bound default
            except ModelError as own:
                self._ended(request, "failed", own)
            else:
                self._first(request, logits)

    def _read_one(self, request: Request) -> torch.Tensor:
        assert request.cache is not None
        assert request.positions is not None
        return self.decoder.read(
            request.ids,
            request.read,
            request.read + 1,
            positions=request.positions,
            spans=(),
            features=(),
            cache=request.cache,
        )

    # --- postprocess ------------------------------------------------------------------------------------------

    def _first(self, request: Request, logits: torch.Tensor) -> None:
        """Logits came from this request alone: its first token, and then it joins the writers."""
        request.read = len(request.ids)
        best, places = logits.max(dim=-1)
        if self._take_token(request, logits[0], float(best[0]), int(places[0])):
            self._join(request)

    def _postprocess(self, writers: Sequence[Request], logits: torch.Tensor) -> None:
        best, places = logits.max(dim=-1)
        values, tokens = best.tolist(), places.tolist()
        for request in writers:  # all of them first: a row that leaves moves another, whose length must be true
            request.read = len(request.ids)
        for index, request in enumerate(writers):
            self._take_token(request, logits[index], values[index], tokens[index])

    def _take_token(self, request: Request, logits: torch.Tensor, best: float, place: int) -> bool:
        """Choose and show the next token; whether the request goes on."""
        if not -3e38 < best < 3e38:
            self._drop(request, NumbersBroke("logits are not finite"))
            return False
        token: int | None = place
        entropy = None
        if not request.sampler.plain:
            try:
                token, entropy = request.sampler.choose(logits, request.answer.ids)
            except Exception as problem:  # a caller's constraint may raise anything; it ends that caller alone
                log.exception("choosing a token failed")
                self._drop(request, _translate(problem))
                return False
        if request.first_token is None:
            request.first_token = time.monotonic()
        if token is None or token in self._end_tokens:
            self._done(request, "complete")
            return False
        for event in request.answer.feed(token, entropy):
            request.events.put(event)
        request.ids.append(token)
        if request.answer.stopped:
            self._done(request, "complete")
        elif request.new_tokens >= request.sampling.max_new_tokens or len(request.ids) >= self.budget.context:
            self._done(request, "truncated")
        return request.finish is None

    def _done(self, request: Request, reason: Reason) -> None:
        self._leave(request)
        self._ended(request, reason)

    def _drop(self, request: Request, error: ModelError) -> None:
        """End as failed; nothing of its cache is kept."""
        if request in self._writing and self._batch is not None:
            self._batch.wipe(self._writing.index(request))
        self._leave(request)
        self._ended(request, "failed", error)

    def _ended(self, request: Request, reason: Reason, error: ModelError | None = None) -> None:
        if reason != "failed" and request.cache is not None and request.conversation is not None and request.read:
            spans = tuple(span for span in request.prompt.spans if span.end <= request.read)
            self.parking.park(request.conversation, Parked(tuple(request.ids[: request.read]), spans, request.cache))
        request.cache = None
        request.features.clear()
        if request.admitted is not None and reason != "failed":
            took = time.monotonic() - request.admitted
            before = self._seconds_each
            share = took / self._most
            self._seconds_each = share if before is None else 0.8 * before + 0.2 * share
        if self._on_end is not None:
            self._on_end(request)
        request.end(reason, error)

    # --- rows of the batch ------------------------------------------------------------------------------------

    def _join(self, request: Request) -> None:
        """Take the next row. Alone, its own cache becomes the batch: nothing is copied."""
        assert request.cache is not None
        room = request.read + min(request.sampling.max_new_tokens, 256)
        if not self._writing and (self._batch is None or self._batch.size <= 2 * request.cache.size):
            self._batch = request.cache
            self._batch.grow(capacity=room)
        else:
            if self._batch is None:
                self._batch = KeyValues(1, room)
            rows = self._batch.rows
            while rows < len(self._writing) + 1:
                rows *= 2
            self._batch.grow(rows=min(rows, self._most), capacity=room)
            self._batch.copy_row(len(self._writing), request.cache, 0, request.read)
        request.cache = None
        self._writing.append(request)

    def _leave(self, request: Request) -> None:
        """Give the row back; the last row moves into the gap. A kept conversation takes its keys and values along."""
        if request in self._reading:
            self._reading.remove(request)
            return
        if request not in self._writing:
            return
        assert self._batch is not None
        row, last = self._writing.index(request), len(self._writing) - 1
        if request.conversation is not None and request.cache is None:
            if last == 0 and self._batch.rows == 1 and self._batch.capacity <= request.read + 512:
                request.cache, self._batch = self._batch, None
            else:
                request.cache = self._batch.take_out(row, request.read)
        if row != last and self._batch is not None:
            self._batch.copy_row(row, self._batch, last, self._writing[last].read)
            self._writing[row] = self._writing[last]
        self._writing.pop()
        if not self._writing and self._batch is not None and self._batch.size > self.budget.idle_batch_bytes:
            self._batch = None

    # --- surviving --------------------------------------------------------------------------------------------

    def _survive(self, work: Callable[[], T]) -> T:
        """Run; when memory ran out, evict everything that can be had again and run once more."""
        problem = _attempt(work)
        if not isinstance(problem, Exception):
            return problem[0]
        if isinstance(problem, OutOfMemory):  # handled outside the except frame, which holds the failed tensors
            log.warning("memory ran out: parked caches and image embeddings are given up")
            self.parking.clear_device()
            self.embeddings.clear()
            _empty_device_cache()
            again = _attempt(work)
            if not isinstance(again, Exception):
                return again[0]
            problem = again
        raise problem


def _attempt(work: Callable[[], T]) -> tuple[T] | ModelError:
    try:
        return (work(),)
    except Exception as problem:  # whatever the model raises ends one request, not the thread
        translated = _translate(problem)
        if not isinstance(translated, OutOfMemory):
            log.exception("a step of the model failed")
    return translated


def _translate(problem: Exception) -> ModelError:
    """Any exception as one of ours; the trace is kept only where it holds no tensors worth gigabytes."""
    import torch

    if isinstance(problem, ModelError):
        return problem
    text = str(problem)
    if isinstance(problem, (torch.OutOfMemoryError, MemoryError)) or "not enough memory" in text:
        return OutOfMemory("memory ran out in a step of the model")
    error = GenerationFailed(f"{type(problem).__name__} in a step of the model")
    error.__cause__ = problem.with_traceback(None)
    return error


def _empty_device_cache() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
