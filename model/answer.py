"""Tokens of one answer → text as it may be shown: whole characters, no control tokens, thoughts apart.

`DecodeStream` holds a token back until its bytes make whole characters; a stop string or a tag that may be
beginning is held back until it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from model import circles
from model.boxes import MARKS
from model.engine import Piece, Thought


@dataclass(frozen=True)
class Tags:
    """Pairs that enclose reasoning, and tags that are dropped where they stand (an answer's envelope)."""

    thinking: tuple[tuple[str, str], ...] = (("<think>", "</think>"), ("<thinking>", "</thinking>"))
    dropped: tuple[str, ...] = ("<answer>", "</answer>")


class Splitter:
    """Text as it arrives → answer and thoughts; holds back what may be the beginning of a tag or a stop string."""

    def __init__(self, *, stop: tuple[str, ...] = (), tags: Tags | None = None, inside: str = "") -> None:
        """inside: the text begins within a thought that ends with this tag."""
        self.tags = tags or Tags()
        self.stop = stop
        self.text = ""
        self.thought = ""
        self.stopped = False
        self._held = ""
        self._closing = inside
        thinking = (tag for pair in self.tags.thinking for tag in pair)
        self._watched = tuple({*stop, *self.tags.dropped, *thinking})

    def feed(self, text: str) -> list[Piece | Thought]:
        """More text; the events that became certain."""
        self._held += text
        return self._release(self._maybe_beginning)

    def finish(self) -> list[Piece | Thought]:
        """What was held back."""
        return self._release(lambda: 0)

    def _release(self, held_back: Callable[[], int]) -> list[Piece | Thought]:
        events: list[Piece | Thought] = []
        while self._held and not self.stopped:
            found = self._first_tag()
            if found is None:
                cut = len(self._held) - held_back()
                self._emit(self._held[:cut], events)
                self._held = self._held[cut:]
                break
            place, tag = found
            self._emit(self._held[:place], events)
            self._held = self._held[place + len(tag) :]
            self._pass(tag)
        return events

    def _first_tag(self) -> tuple[int, str] | None:
        places = [(self._held.find(tag), -len(tag), tag) for tag in self._active()]
        found = [entry for entry in places if entry[0] >= 0]
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
            self._closing = dict(self.tags.thinking).get(tag, "")

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
            events.append(Piece(text))


class Answer:
    """Feed tokens, get events."""

    def __init__(
        self, tokenizer: Any, *, stop: tuple[str, ...] = (), tags: Tags | None = None, inside: str = ""
    ) -> None:
        from tokenizers.decoders import DecodeStream

        self.ids: list[int] = []
        self.split = Splitter(stop=stop, tags=tags, inside=inside)
        self._inside = inside
        self._backend = tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=False)
        self._marks = mark_ids(tokenizer)
        self._hidden = hidden_ids(tokenizer, self.split.tags) | self._marks
        self._entropies: list[float] = []

    @property
    def text(self) -> str:
        """The answer so far, exactly as it was shown."""
        return self.split.text

    def marked(self) -> str:
        """The answer with the tokens that mark boxes, which readers never see; for `model.boxes.find_boxes`."""
        kept = [token for token in self.ids if token not in self._hidden or token in self._marks]
        split = Splitter(stop=self.split.stop, tags=self.split.tags, inside=self._inside)
        split.feed(self._backend.decode(kept, skip_special_tokens=False))
        split.finish()
        return split.text

    @property
    def thought(self) -> str:
        return self.split.thought

    @property
    def stopped(self) -> bool:
        """A stop string was reached."""
        return self.split.stopped

    @property
    def repeating(self) -> bool:
        """It runs in a circle, in what is shown or in its thoughts."""
        return circles.in_ids(self.ids, lambda ids: str(self._backend.decode(ids, skip_special_tokens=False)))

    def feed(self, token: int, entropy: float | None = None) -> list[Piece | Thought]:
        """One more token; the events that became certain."""
        self.ids.append(token)
        if entropy is not None:
            self._entropies.append(entropy)
        text = None if token in self._hidden else self._stream.step(self._backend, token)
        return self._with_entropy(self.split.feed(text)) if text else []

    def finish(self) -> list[Piece | Thought]:
        """What was held back, without half a character at the end."""
        return self._with_entropy(self.split.finish())

    def _with_entropy(self, events: list[Piece | Thought]) -> list[Piece | Thought]:
        """The mean entropy of the tokens since the last piece goes with the next one."""
        if not self._entropies:
            return events
        made: list[Piece | Thought] = []
        for event in events:
            if isinstance(event, Piece) and self._entropies:
                event = Piece(event.text, sum(self._entropies) / len(self._entropies))
                self._entropies.clear()
            made.append(event)
        return made


def hidden_ids(tokenizer: Any, tags: Tags) -> frozenset[int]:
    """Ids of control tokens, which are never shown; tags that are tokens of their own stay visible to `Answer`."""
    seen = {tag for pair in tags.thinking for tag in pair} | set(tags.dropped)
    found = set(tokenizer.all_special_ids)
    found |= {int(i) for i, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset(i for i in found if str(tokenizer.convert_ids_to_tokens(i)) not in seen)


def mark_ids(tokenizer: Any) -> frozenset[int]:
    """Ids of the tokens that mark boxes, whether or not the tokenizer calls them special."""
    vocabulary = tokenizer.get_added_vocab()
    return frozenset(int(vocabulary[mark]) for mark in MARKS if mark in vocabulary)


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many ids two sequences begin with in common."""
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return index
    return min(len(left), len(right))
