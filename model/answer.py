"""Tokens of one answer → text as it may be shown: whole characters, no control tokens, thoughts apart.

`DecodeStream` holds a token back until its bytes make whole characters; a stop string or a tag that may be
beginning is held back until it is decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from model.engine import Piece, Thought


@dataclass(frozen=True)
class Tags:
    """Pairs that enclose reasoning, and tags that are dropped where they stand (an answer's envelope)."""

    thinking: tuple[tuple[str, str], ...] = (("<think>", "</think>"), ("<thinking>", "</thinking>"))
    dropped: tuple[str, ...] = ("<answer>", "</answer>")


@dataclass
class Answer:
    """Feed tokens, get events. `text` is the answer so far, exactly as it was shown."""

    tokenizer: Any
    stop: tuple[str, ...] = ()
    tags: Tags = field(default_factory=Tags)
    ids: list[int] = field(default_factory=list)
    text: str = ""
    thought: str = ""
    stopped: bool = False
    """A stop string was reached."""
    inside: str = ""
    """The prompt already opened a thought that ends with this tag."""

    def __post_init__(self) -> None:
        from tokenizers.decoders import DecodeStream

        self._stream = DecodeStream(skip_special_tokens=False)
        self._backend = self.tokenizer.backend_tokenizer
        self._hidden = hidden_ids(self.tokenizer, self.tags)
        self._held = ""
        self._closing = self.inside
        self._watched = tuple(
            {*self.stop, *self.tags.dropped, *(tag for pair in self.tags.thinking for tag in pair)}
        )
        self._entropies: list[float] = []

    def feed(self, token: int, entropy: float | None = None) -> list[Piece | Thought]:
        """One more token; the events that became certain."""
        self.ids.append(token)
        if entropy is not None:
            self._entropies.append(entropy)
        if token in self._hidden:
            return []
        text = self._stream.step(self._backend, token)
        if not text:
            return []
        self._held += text
        return self._release(final=False)

    def finish(self) -> list[Piece | Thought]:
        """What was held back, without half a character at the end."""
        return self._release(final=True)

    # --- inside -----------------------------------------------------------------------------------------------

    def _release(self, *, final: bool) -> list[Piece | Thought]:
        events: list[Piece | Thought] = []
        while self._held and not self.stopped:
            found = self._first_tag()
            if found is None:
                cut = len(self._held) if final else len(self._held) - self._maybe_beginning()
                self._emit(self._held[:cut], events)
                self._held = self._held[cut:]
                break
            place, tag = found
            self._emit(self._held[:place], events)
            self._held = self._held[place + len(tag) :]
            self._pass(tag)
        return events

    def _first_tag(self) -> tuple[int, str] | None:
        places = [(self._held.find(tag), tag) for tag in self._active()]
        found = [(place, -len(tag), tag) for place, tag in places if place >= 0]
        if not found:
            return None
        place, _, tag = min(found)
        return place, tag

    def _active(self) -> tuple[str, ...]:
        return (self._closing,) if self._closing else self._watched

    def _pass(self, tag: str) -> None:
        if self._closing:
            self._closing = ""
        elif tag in self.stop:
            self.stopped = True
            self._held = ""
        else:
            for opening, closing in self.tags.thinking:
                if tag == opening:
                    self._closing = closing

    def _maybe_beginning(self) -> int:
        """Length of the longest end of the held text that a watched tag could begin with."""
        longest = max((len(tag) for tag in self._active()), default=0)
        for length in range(min(longest - 1, len(self._held)), 0, -1):
            if any(tag.startswith(self._held[-length:]) for tag in self._active()):
                return length
        return 0

    def _emit(self, text: str, events: list[Piece | Thought]) -> None:
        if self._closing:
            if text:
                self.thought += text
                events.append(Thought(text))
            return
        if not self.text:
            text = text.lstrip()
        if text:
            self.text += text
            entropy = sum(self._entropies) / len(self._entropies) if self._entropies else None
            self._entropies.clear()
            events.append(Piece(text, entropy))


def hidden_ids(tokenizer: Any, tags: Tags) -> frozenset[int]:
    """Ids of control tokens, which are never shown; tags that are tokens of their own stay visible to `Answer`."""
    seen = {tag for pair in tags.thinking for tag in pair} | set(tags.dropped)
    found = set(tokenizer.all_special_ids)
    found |= {int(i) for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset(i for i in found if str(tokenizer.convert_ids_to_tokens(i)) not in seen)


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many ids two sequences begin with in common."""
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))
