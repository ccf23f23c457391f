"""The loop in three beats, schedule → run → postprocess, on one persistent thread; knows no text, no screen.

Each beat reads at most one chunk of one prompt (so that a long prompt does not freeze the others) and then
writes one token for every reader who is past the prompt. Readers join and leave at any beat. Lengths are the only
truth about a cache: a beat that raised is simply run again, or its request alone is ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from model.batch import Batch
from model.decoder import Decoder
from model.engine import Cause, Reason
from model.errors import (
    DeadlineExceeded,
    EngineClosed,
    GenerationFailed,
    ModelError,
    NumbersBroke,
    OutOfMemory,
    QueueFull,
)
from model.parking import Embeddings, Parking, whole
from model.reading import Budget, Reading
from model.request import FairQueue, Request
from model.surviving import survive, translate

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)
T = TypeVar("T")


class Scheduler:
    """Owns the decoder and its thread."""

    def __init__(
        self,
        decoder: Decoder,
        budget: Budget,
        *,
        end_tokens: frozenset[int],
        on_end: Callable[[Request], None] | None = None,
        on_forget: Callable[[str], None] | None = None,
    ) -> None:
        """on_end, on_forget: called on the inference thread, so that what the one keeps the other finds."""
        self.decoder = decoder
        self.budget = budget
        self._end_tokens = end_tokens
        self._on_end = on_end
        self._on_forget = on_forget
        self.parking = Parking(
            device=str(decoder.device), device_bytes=budget.parked_bytes, host_bytes=budget.parked_host_bytes
        )
        self.embeddings = Embeddings(budget.embedding_bytes)
        self.reading = Reading(decoder, budget, self.parking, self.embeddings)
        self._most = budget.readers if decoder.adapter.batched else 1
        if budget.recorded:  # all rows are allocated at once, and one context more is for whoever reads a prompt
            self._most = max(1, min(self._most, budget.active_tokens // budget.context - 1))
        self._changed = threading.Condition()
        self._queue = FairQueue(budget.waiting)
        self._closed = False
        self._forget: list[str] = []
        self._reading: list[Request] = []
        self._batch = Batch(
            most=self._most,
            context=budget.context,
            idle_bytes=budget.idle_batch_bytes,
            fixed=budget.recorded,
        )
        self._seconds_each: float | None = None
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    # --- from other threads ---

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
        """Drop what is kept for a conversation (it was deleted); an answer on its way leaves nothing either."""
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
        return len(self._reading) + len(self._batch)

    # --- the loop ---

    def _run(self) -> None:
        import torch

        error: ModelError = EngineClosed("the engine was closed")
        try:
            with torch.inference_mode():
                while self._wait_for_work():
                    problem = self._beat()
                    if problem is not None:
                        self._start_over(problem)
        except BaseException as problem:
            log.exception("the inference thread ended")
            error = GenerationFailed(f"the inference thread ended: {type(problem).__name__}")
            error.__cause__ = problem
        finally:
            self._end_everybody(error)

    def _beat(self) -> Exception | None:
        """What went wrong outside of any one request's work; None when nothing did."""
        try:
            self._schedule()
            self._read_chunk()
            self._write_step()
        except Exception as problem:  # a thread that ends here would leave everybody without answers
            return problem
        return None

    def _start_over(self, problem: Exception) -> None:
        """Nobody can say whose fault it was: end everybody who is being served, and go on with those who wait."""
        error = translate(problem)
        for request in (*self._reading, *self._batch):
            request.cache = None
            request.end("failed", error)
        self._reading = []
        self._batch.clear()
        self._give_up_what_can_be_had_again()

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not (self._closed or self._active or len(self._queue) or self._forget):
                self.reading.as_before()
                self._changed.wait()
            for conversation in self._forget:
                self._drop_all_of(conversation)
            self._forget.clear()
            return not self._closed

    def _drop_all_of(self, conversation: str) -> None:
        for request in (*self._reading, *self._batch, *self._queue):
            if request.conversation == conversation:
                request.conversation = None  # nothing is kept of what belongs to none
        self.parking.forget(conversation)
        self.embeddings.clear()  # whose images they are nobody knows; to encode an image again takes a moment
        if self._on_forget is not None:
            self._on_forget(conversation)

    def _end_everybody(self, error: ModelError) -> None:
        with self._changed:
            self._closed = True
            reason: Reason = "stopped" if isinstance(error, EngineClosed) else "failed"
            for request in (*self._reading, *self._batch, *self._queue):
                request.end(reason, error)
            self._reading = []
            self._batch.clear()
            while self._queue.take() is not None:
                pass
        self.parking.clear_device()
        self.embeddings.clear()

    # --- schedule ---

    def _schedule(self) -> None:
        now = time.monotonic()
        for request in (*self._reading, *self._batch):
            self._end_if_unwanted(request, now)
        with self._changed:
            for request in list(self._queue):
                if request.wants_stop() or request.expired(now):
                    self._queue.remove(request)
                    self._end_unwanted(request)
            while self._active < self._most and self._next_fits():
                admitted = self._queue.take()
                assert admitted is not None
                admitted.admitted = now
                self._reading.append(admitted)
            self._queue.announce(self._seconds_each)

    def _next_fits(self) -> bool:
        following = next(iter(self._queue), None)
        if following is None or not self._active:
            return following is not None
        return self._batch.tokens_with([*self._reading, following]) <= self.budget.active_tokens

    def _end_if_unwanted(self, request: Request, now: float) -> None:
        if request.wants_stop() or request.expired(now):
            self._leave(request)
            self._end_unwanted(request)

    def _end_unwanted(self, request: Request) -> None:
        if request.wants_stop():
            self._ended(request, "stopped")
        else:
            self._ended(request, "failed", DeadlineExceeded(f"{request.sampling.deadline_seconds} s are over"))

    # --- run: a chunk of one prompt ---

    def _read_chunk(self) -> None:
        for request in list(self._reading):
            if request.cache is None:
                self._work_for(request, lambda r=request: self.reading.begin(r))  # type: ignore[misc]  # bound default
        if not self._reading:
            return
        alone = self._active == 1
        few_write = len(self._batch) < len(self._reading)  # more are kept from their first token than from their next
        request = self._next_to_read(self.budget.chunk if few_write else self.budget.shared_chunk)
        logits = self._work_for(request, lambda: self.reading.advance(request, alone=alone, large=few_write))
        if logits is not None:
            self._reading.remove(request)
            self._first(request, logits)

    def _next_to_read(self, size: int) -> Request:
        """Whoever has least left, so that a short question does not wait behind a long one; being passed over for
        `size` tokens counts, so that a long one is not put off for ever."""
        chosen = min(self._reading, key=lambda request: request.left - request.passed_over)
        for request in self._reading:
            request.passed_over += size if request is not chosen else 0
        return chosen

    def _work_for(self, request: Request, work: Callable[[], T]) -> T | None:
        """One piece of one request's work; an error ends that request."""
        try:
            return self._survive(work)
        except ModelError as error:
            self._drop(request, error)
            return None

    # --- run: one token for everybody ---

    def _write_step(self) -> None:
        if not len(self._batch):
            return
        writers = list(self._batch)
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
        return self.decoder.step(
            [request.ids[-1] for request in writers],
            [request.read for request in writers],
            [request.delta for request in writers],
            self._batch.make_room(),
        )

    def _find_culprit(self, writers: Sequence[Request], error: ModelError) -> None:
        """A step for all raised: whoever can go on alone, goes on; the others end."""
        if len(writers) == 1:
            self._drop(writers[0], error)
            return
        for request in writers:
            self._batch.take_out(request)
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

    # --- postprocess ---

    def _first(self, request: Request, logits: torch.Tensor) -> None:
        """Logits came from this request alone: its first token, and then it joins the writers."""
        request.read = len(request.ids)
        logits = self._of_words(logits)
        best, places = logits.max(dim=-1)
        if self._take_token(request, logits[0], float(best[0]), int(places[0])):
            self._work_for(request, lambda: self._batch.join(request))

    def _of_words(self, logits: torch.Tensor) -> torch.Tensor:
        """Nobody may write the token that stands for a picture: read again, it would be one that is not there."""
        image = self.reading.decoder.adapter.image_token_id
        if 0 <= image < logits.shape[-1]:
            logits[..., image] = float("-inf")
        return logits

    def _postprocess(self, writers: Sequence[Request], logits: torch.Tensor) -> None:
        logits = self._of_words(logits)
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
                token, entropy = request.sampler.choose(logits, request.answer.ids, request.prompt.ids)
            except Exception as problem:  # a caller's constraint may raise anything; it ends that caller alone
                self._drop(request, translate(problem))
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
        elif not request.sampling.may_repeat and request.answer.repeating:
            self._done(request, "truncated", "repeating")
        return request.finish is None

    def _leave(self, request: Request) -> None:
        if request in self._reading:
            self._reading.remove(request)
        self._batch.leave(request)

    def _survive(self, work: Callable[[], T]) -> T:
        return survive(work, make_room=self._give_up_what_can_be_had_again)

    def _give_up_what_can_be_had_again(self) -> None:
        self.parking.clear_device()
        self.embeddings.clear()
        self.reading.smaller()

    def _done(self, request: Request, reason: Reason, cause: Cause = "") -> None:
        self._leave(request)
        self._ended(request, reason, cause=cause)

    def _drop(self, request: Request, error: ModelError) -> None:
        """End as failed; nothing of its cache is kept."""
        self._batch.wipe(request)
        self._leave(request)
        self._ended(request, "failed", error)

    def _ended(self, request: Request, reason: Reason, error: ModelError | None = None, *, cause: Cause = "") -> None:
        if reason != "failed" and request.cache is not None and request.conversation is not None and request.read:
            read = request.ids[: request.read]
            self.parking.park(request.conversation, whole(read, request.prompt.spans, request.cache))
        request.cache = None
        request.features.clear()
        if request.admitted is not None and reason != "failed":
            took = time.monotonic() - request.admitted
            before = self._seconds_each
            share = took / self._most
            self._seconds_each = share if before is None else 0.8 * before + 0.2 * share
        if reason != "failed":
            request.show_held_back()
        if self._on_end is not None:
            self._on_end(request)
        request.end(reason, error, cause)
