"""The engine inside this process: a checkpoint, a composer of prompts and the one inference thread."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.answer import Answer, Tags
from model.boxes import Box, find_boxes
from model.decoder import Decoder
from model.engine import Event, Finish, Identity, Message, Sampling
from model.errors import ModelError
from model.family import Adapter
from model.grammar import Grammars
from model.prompt import Composer, picture_pointed_at
from model.reading import Budget
from model.request import Request
from model.sampler import Sampler
from model.scheduler import Scheduler

_CONVERSATIONS_REMEMBERED = 512  # ids of earlier answers; a few kilobytes each


@dataclass(frozen=True)
class Parts:
    """What a loaded checkpoint consists of."""

    model: Any
    adapter: Adapter
    composer: Composer
    identity: Identity
    end_tokens: frozenset[int]
    tags: Tags


class LocalEngine:
    """See `model.engine.Engine`. Many threads may stream at once."""

    def __init__(self, parts: Parts, budget: Budget) -> None:
        self._parts = parts
        self._answers = _Answers()
        self._grammars = Grammars(parts.adapter.tokenizer, parts.end_tokens)
        self.decoder = Decoder(parts.model, parts.adapter, recorded=budget.recorded)
        self.scheduler = Scheduler(
            self.decoder,
            budget,
            end_tokens=parts.end_tokens,
            on_end=self._remember,
            on_forget=self._answers.forget,
        )
        self._closed = False

    @property
    def identity(self) -> Identity:
        return self._parts.identity

    @property
    def composer(self) -> Composer:
        return self._parts.composer

    def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling | None = None,
        *,
        conversation: str | None = None,
        cancel: threading.Event | None = None,
        reader: str | None = None,
    ) -> Iterator[Event]:
        """Answer the last message. reader: who asks, for turns in the queue; by default the conversation."""
        sampling = sampling or Sampling()
        try:
            request = self._request(messages, sampling, conversation, cancel, reader)
        except ModelError as error:
            yield Finish("failed", error=error)
            return
        self.scheduler.submit(request)
        try:
            while True:
                event = request.events.get()
                if isinstance(event, Finish):
                    yield replace(event, boxes=self._boxes(messages, request))
                    return
                yield event
        finally:
            request.abandoned.set()

    def forget(self, conversation: str) -> None:
        """Drop everything kept for a conversation, at the next step; an answer on its way leaves nothing either."""
        self.composer.forget_pictures()
        self.scheduler.forget(conversation)

    def close(self) -> None:
        self.scheduler.close()

    # --- inside ---

    def _request(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        conversation: str | None,
        cancel: threading.Event | None,
        reader: str | None,
    ) -> Request:
        started = time.monotonic()
        known = self._answers.of(conversation)
        prompt = self.composer.compose(messages, reserve=sampling.max_new_tokens, raw_answer=known.get)
        answer = Answer(
            self.composer.adapter.tokenizer,
            stop=sampling.stop,
            tags=self._parts.tags,
            inside=prompt.inside_thought,
        )
        return Request(
            prompt,
            sampling,
            answer,
            Sampler(sampling, self._grammars.constraint(sampling.grammar) if sampling.grammar else None),
            conversation=conversation,
            reader=reader or conversation or f"one of {id(answer)}",
            cancel=cancel,
            started=started,
        )

    def _boxes(self, messages: Sequence[Message], request: Request) -> tuple[Box, ...]:
        """See `Finish.boxes`. Found here and not where tokens are taken, so that no reader's step waits for it."""
        read, picture = request.prompt.pixels, picture_pointed_at(messages)
        if not self.identity.boxes or not read or picture is None:
            return ()
        text = request.answer.marked()
        return find_boxes(text, self.identity.boxes, size=picture.size, sent_size=read[-1].sent_size)

    def _remember(self, request: Request) -> None:
        """Keep the ids of an answer whose text alone would not give them back."""
        answer = request.answer
        if request.conversation is None or not answer.text or answer.thought or answer.stopped:
            return
        if self._parts.adapter.image_token_id in answer.ids:
            return
        self._answers.add(request.conversation, answer.text, tuple(answer.ids))


class _Answers:
    """Ids of earlier answers by conversation and text; the conversations used last are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, dict[str, tuple[int, ...]]] = OrderedDict()

    def of(self, conversation: str | None) -> dict[str, tuple[int, ...]]:
        with self._lock:
            return dict(self._found.get(conversation, {})) if conversation is not None else {}

    def add(self, conversation: str, text: str, ids: tuple[int, ...]) -> None:
        with self._lock:
            self._found.setdefault(conversation, {})[text] = ids
            self._found.move_to_end(conversation)
            while len(self._found) > _CONVERSATIONS_REMEMBERED:
                self._found.popitem(last=False)

    def forget(self, conversation: str) -> None:
        with self._lock:
            self._found.pop(conversation, None)
