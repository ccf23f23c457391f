"""What every engine takes and gives: messages in, a stream of events out; knows no screen, no patient, no record.

An engine's stream is zero or more `Waiting`, `Thought` and `Piece` events and then exactly one `Finish`.
Nothing raises out of a stream that has started: a failure is a `Finish` that carries its error.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from model.boxes import Box
from model.errors import ModelError

if TYPE_CHECKING:
    from PIL import Image

Role = Literal["system", "user", "assistant"]
Reason = Literal["complete", "truncated", "stopped", "failed"]
Cause = Literal["", "repeating"]
Quantization = Literal["nf4", "int8", "bf16", "fp32"]
QUANTIZATIONS: tuple[Quantization, ...] = ("nf4", "int8", "bf16", "fp32")


@dataclass(frozen=True)
class Message:
    """One message of a conversation; its images come before its text, as the checkpoints were trained."""

    role: Role
    text: str
    images: tuple[Image.Image, ...] = ()


@dataclass(frozen=True)
class Grammar:
    """What an answer must look like. json: text is a JSON schema; regex: text is a regular expression that the whole
    answer matches."""

    kind: Literal["json", "regex"]
    text: str

    @classmethod
    def json(cls, schema: Mapping[str, Any] | None = None) -> Grammar:
        """Any JSON object, or one of this schema."""
        return cls("json", json.dumps(dict(schema or {"type": "object"})))

    @classmethod
    def choice(cls, *answers: str) -> Grammar:
        """One of these."""
        return cls("regex", "|".join(f"({re.escape(answer)})" for answer in answers))


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and when to stop.

    temperature: 0 is greedy; above it, logits are divided by it. top_p: (0, 1]; 1 keeps everything.
    top_k: 0 keeps everything. max_new_tokens: at least 1. seed: None draws one, which `Finish.seed` reports.
    repetition_penalty: of tokens in prompt or answer; 1 changes nothing. stop: strings that end the answer and are
    not shown. deadline_seconds: wall-clock limit from the call, waiting included. entropy: fill `Piece.entropy`.
    grammar: what the answer must look like; its tokens are chosen among those that keep it so.
    may_repeat: do not end an answer that runs in a circle (`model.circles`); for measurements.
    allowed_tokens: a constraint of the caller's own, called with the ids generated so far; returns the ids that may
    come next (empty: the end).
    """

    temperature: float = 0.1
    top_p: float = 1.0
    max_new_tokens: int = 1024
    seed: int | None = None
    top_k: int = 0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()
    deadline_seconds: float | None = None
    entropy: bool = False
    grammar: Grammar | None = None
    may_repeat: bool = False
    allowed_tokens: Callable[[Sequence[int]], Sequence[int]] | None = None

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError("temperature must be 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError("top_p must be in (0, 1]")
        if self.max_new_tokens < 1 or self.top_k < 0 or self.repetition_penalty <= 0:
            raise ValueError("max_new_tokens >= 1, top_k >= 0, repetition_penalty > 0")


@dataclass(frozen=True)
class Waiting:
    """Still in the queue: position 1 is next; seconds is an estimate from recent requests, None without any."""

    position: int
    seconds: float | None = None


@dataclass(frozen=True)
class Thought:
    """Reasoning that the checkpoint wrote between its thinking tags; not part of the answer."""

    text: str


@dataclass(frozen=True)
class Piece:
    """The next characters of the answer, never half a character; entropy in nats, the mean over its tokens."""

    text: str
    entropy: float | None = None


@dataclass(frozen=True)
class Finish:
    """How a stream ended: exactly one, always last. Seconds are wall-clock since the call."""

    reason: Reason
    prompt_tokens: int = 0
    new_tokens: int = 0
    seconds_to_first_token: float | None = None
    seconds: float = 0.0
    error: ModelError | None = None
    reused_tokens: int = 0
    """Prompt tokens whose keys and values were still there from an earlier turn."""
    left_out_turns: int = 0
    """Whole oldest turns (a question and its answer) that did not fit the context and were not read."""
    waited_seconds: float = 0.0
    seed: int | None = None
    """The seed that was used, None for greedy answers."""
    cause: Cause = ""
    """Why it was truncated: "repeating" when the answer ran in a circle, else its longest length was reached."""
    boxes: tuple[Box, ...] = ()
    """What the answer points at, in pixels of the last picture the model read; none when the message that brought it
    brought several, because no convention says which of them is meant."""


Event = Waiting | Thought | Piece | Finish


@dataclass(frozen=True)
class Identity:
    """Which model answers: kept with every stored turn."""

    name: str
    revision: str
    """sha256 over names and contents of the weight files, or what a remote server reports."""
    family: str
    quantization: str
    device: str
    demonstration: bool
    accepts_images: bool
    context_tokens: int
    languages: tuple[str, ...] = ()
    licence: str = ""
    batched: bool = True
    """False: requests run one after another."""
    boxes: str = ""
    """Box convention, see `model.boxes`; empty when the checkpoint writes none."""
    recommended: tuple[tuple[str, float], ...] = ()
    """Sampling settings its authors recommend, as (name of a `Sampling` field, value)."""
    parameters: int = 0
    weight_bytes: int = 0
    """Memory the loaded weights take."""


@runtime_checkable
class Engine(Protocol):
    """Anything that answers; safe to call from many threads."""

    @property
    def identity(self) -> Identity: ...

    def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling | None = None,
        *,
        conversation: str | None = None,
        cancel: threading.Event | None = None,
        reader: str | None = None,
    ) -> Iterator[Event]:
        """Answer the last message. `conversation`: a secret identifier under which keys and values may be kept
        for the next turn. `cancel`: set it to stop within one step; closing the iterator does the same.
        `reader`: who asks; readers take turns in the queue, whatever the number of their questions."""
        ...

    def forget(self, conversation: str) -> None:
        """Drop everything kept for a conversation: it was deleted."""
        ...

    def close(self) -> None:
        """Stop the work, free the memory; running streams end as stopped."""
        ...
