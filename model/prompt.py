"""Messages → token ids with images in their places; knows templates and tokenizers, runs no model.

Three things are done on purpose differently from `apply_chat_template(tokenize=True)`:
control strings inside a person's text are broken up, so that nobody can write a system message or an image token;
the model's own earlier answers are put back as the ids it produced, because tokenising its text again gives other
ids and loses the cache; the number of image tokens is checked against the images.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.engine import Message
from model.errors import ContextTooLong, ImagesNotAccepted, UnreadableImage, WrongImageCount
from model.family import Adapter, Pixels, Span

if TYPE_CHECKING:
    from PIL import Image

_TEMPLATES = Path(__file__).parent / "templates"
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"  # private-use characters that mark an answer put back as ids
_SENTENCE = 96  # tokens without which no answer is begun: one that breaks off after a few words says nothing
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_BREAK = "\u200b"  # zero-width space
_PIXEL_BYTES = 256 << 20  # 190 pictures for CLIP (1.4 MB each), 6 of the largest for Qwen (39 MB), prepared in 0.1 s
_FIXED_DATE = "01 Jan 2026"  # a date that changes would lose the cache of every conversation at midnight


@dataclass(frozen=True)
class Template:
    """A Jinja template. parts: content as a list of parts, else one string with placeholders in front.
    add_special: let the tokenizer add its beginning, unless the template already wrote it."""

    text: str
    parts: bool
    add_special: bool


@dataclass(frozen=True)
class Prompt:
    """What the model reads. left_out_turns: oldest question-answer pairs that did not fit."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    pixels: tuple[Pixels, ...]
    left_out_turns: int = 0
    inside_thought: str = ""
    """The closing tag when the template itself opens a thought."""


RawAnswer = Callable[[str], tuple[int, ...] | None]
"""The ids the model produced for an earlier answer of this conversation, None when unknown."""


def find_template(adapter: Adapter) -> Template:
    """The checkpoint's own chat template, else the literal prompt its kind was trained with."""
    own = _own_template(adapter.checkpoint.folder) or getattr(adapter.tokenizer, "chat_template", None)
    if isinstance(own, dict):
        own = own.get("default")
    if own:
        return Template(str(own), parts=adapter.accepts_images, add_special=adapter.accepts_images)
    vocabulary = adapter.tokenizer.get_added_vocab()
    kind = adapter.checkpoint.config.get("model_type")
    if "<|start_header_id|>" in vocabulary:
        name = "bimedix2"
    elif "<|assistant|>" in vocabulary or "huatuo" in adapter.checkpoint.name.lower():
        name = "huatuo"
    elif "<|im_start|>" in vocabulary:
        name = "chatml"
    elif not adapter.accepts_images:
        name = "plain"
    elif kind == "llava_mistral" or adapter.checkpoint.text_config.get("model_type") == "mistral":
        name = "mistral_inst"
    else:
        name = "vicuna"
    text = (_TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    return Template(text, parts=adapter.accepts_images, add_special=False)


def _own_template(folder: Path) -> str | None:
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for name in ("chat_template.json", "processor_config.json"):
        if (folder / name).is_file():
            found = json.loads((folder / name).read_text(encoding="utf-8")).get("chat_template")
            if isinstance(found, str):
                return found
    return None


def hash_image(image: Image.Image) -> str:
    """sha256 over mode, size and pixels. Raises UnreadableImage when the pixels cannot be decoded."""
    try:
        data = image.tobytes()
    except (OSError, ValueError, SyntaxError) as error:
        raise UnreadableImage(f"pixels cannot be read: {type(error).__name__}") from error
    digest = hashlib.sha256(f"{image.mode}:{image.size[0]}x{image.size[1]}:".encode())
    digest.update(data)
    return digest.hexdigest()


class Composer:
    """Builds prompts for one checkpoint; safe to call from many threads."""

    def __init__(
        self, adapter: Adapter, template: Template, *, context: int, thinking: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.adapter = adapter
        self.context = context
        self._thinking = tuple(thinking)
        self._template = template
        self._lock = threading.Lock()  # fast tokenizers may not be used by two threads at once
        self._controls = self._control_strings()
        self._pixels = PixelCache(adapter)

    def compose(self, messages: Sequence[Message], *, reserve: int, raw_answer: RawAnswer) -> Prompt:
        """The prompt of a conversation, oldest turns left out when it does not fit.

        reserve: tokens wanted for the answer; at most a quarter of the context is kept free for it. A question that by
        itself leaves less is answered shortly, down to a sentence's room.
        Raises ImagesNotAccepted, WrongImageCount, UnreadableImage, ContextTooLong.
        """
        if not self.adapter.accepts_images and any(message.images for message in messages):
            raise ImagesNotAccepted("this checkpoint reads text only")
        budget = self.context - min(reserve, self.context // 4)
        prepared = _Prepared(self._pixels)
        system, turns = split_turns(messages)
        first = 0
        while True:
            kept = keep(system, turns, first)
            prompt = self._render(kept, prepared, raw_answer)
            if len(prompt.ids) <= budget:
                return replace(prompt, left_out_turns=first)
            if first >= len(turns) - 1:
                if len(prompt.ids) + min(reserve, self.context // 8, _SENTENCE) <= self.context:
                    return replace(prompt, left_out_turns=first)
                raise ContextTooLong(f"{len(prompt.ids)} tokens, the context holds {self.context}")
            first = first + 1 if first else max(1, self._first_turn(system, turns, budget, prepared))

    def _first_turn(
        self, system: Sequence[Message], turns: Sequence[Sequence[Message]], budget: int, prepared: _Prepared
    ) -> int:
        lengths = [self._estimate(turn, prepared) for turn in turns]
        return first_turn_that_fits(lengths, budget - self._estimate(system, prepared))

    def pixels_of(self, image: Image.Image) -> Pixels:
        """A picture as the tower takes it."""
        return self._pixels.of(image, hash_image(image))

    def forget_pictures(self) -> None:
        """Drop all prepared pictures: whose they are nobody knows, and they are soon prepared again."""
        self._pixels.clear()

    # --- inside ---

    def _estimate(self, messages: Sequence[Message], prepared: _Prepared) -> int:
        total = 0
        for message in messages:
            with self._lock:
                total += len(self.adapter.tokenizer.encode(message.text, add_special_tokens=False)) + 8
            total += sum(prepared.of(image)[1].tokens + 4 for image in message.images)
        return total

    def _render(self, messages: Sequence[Message], prepared: _Prepared, raw_answer: RawAnswer) -> Prompt:
        images = [image for message in messages for image in message.images]
        found = [prepared.of(image) for image in images]
        raw: list[tuple[int, ...]] = []
        cleaned = []
        for message in messages:
            ids = raw_answer(message.text) if message.role == "assistant" else None
            if ids is None:
                cleaned.append(replace(message, text=self.clean(message.text)))
            else:
                cleaned.append(replace(message, text=f"{_OPEN}{len(raw)}{_CLOSE}"))
                raw.append(ids)
        with self._lock:
            text = self._apply(cleaned, len(images))
            inside = [closing for opening, closing in self._thinking if text.rstrip().endswith(opening)]
            text = self._expand(text, [pixels.tokens for _, pixels in found])
            made = self._tokenize(text, raw)
        spans = self._spans(made, found)
        return Prompt(tuple(made), spans, tuple(pixels for _, pixels in found), 0, inside[0] if inside else "")

    def clean(self, text: str) -> str:
        """Break up every control string of this checkpoint that a person typed."""
        text = text.replace(_OPEN, "").replace(_CLOSE, "")
        for control in self._controls:
            if control in text:
                text = text.replace(control, control[0] + _BREAK + control[1:])
        return text

    def _control_strings(self) -> tuple[str, ...]:
        tokenizer = self.adapter.tokenizer
        found = {str(token) for token in tokenizer.all_special_tokens}
        found |= {str(t.content) for t in tokenizer.added_tokens_decoder.values() if t.special}
        found |= {self.adapter.placeholder, self.adapter.image_token}
        return tuple(sorted((c for c in found if len(c) > 1), key=len, reverse=True))

    def _apply(self, messages: Sequence[Message], images: int) -> str:
        """Render; a template that cannot take parts, or loses images, gets strings; one without a system role
        gets the system message in front of the first question."""
        attempts = [(self._template.parts, list(messages)), (False, list(messages))]
        merged = merge_system(messages)
        attempts += [(self._template.parts, merged), (False, merged)]
        problem: Exception | None = None
        for parts, tried in attempts:
            try:
                text = self._render_text(tried, parts)
            except Exception as error:  # a template may raise anything: jinja2 errors, TypeError, its own
                problem = error
                continue
            if not self.adapter.accepts_images or text.count(self.adapter.placeholder) == images:
                return text
        raise WrongImageCount("the chat template does not keep one placeholder per image") from problem

    def _render_text(self, messages: Sequence[Message], parts: bool) -> str:
        made: list[dict[str, Any]] = []
        for message in messages:
            content: Any = message.text
            if parts:
                content = [{"type": "image"} for _ in message.images]
                content.append({"type": "text", "text": message.text})
            elif message.images:
                content = f"{self.adapter.placeholder}\n" * len(message.images) + message.text
            made.append({"role": message.role, "content": content})
        rendered = self.adapter.tokenizer.apply_chat_template(
            made,
            chat_template=self._template.text,
            tokenize=False,
            add_generation_prompt=True,
            date_string=_FIXED_DATE,
        )
        return str(rendered)

    def _expand(self, text: str, counts: Sequence[int]) -> str:
        if not counts:
            return text
        pieces = text.split(self.adapter.placeholder)
        made = [pieces[0]]
        for count, piece in zip(counts, pieces[1:], strict=True):
            made += [self.adapter.expand(count), piece]
        return "".join(made)

    def _tokenize(self, text: str, raw: Sequence[tuple[int, ...]]) -> list[int]:
        tokenizer = self.adapter.tokenizer
        bos = tokenizer.bos_token
        literal = self._template.parts and bos is not None and text.startswith(bos)
        ids: list[int] = []
        pieces = _MARK.split(text)  # text, number, text, number, …, text
        for index, piece in enumerate(pieces):
            if index % 2:
                ids += raw[int(piece)]
            elif piece:
                special = index == 0 and self._template.add_special and not literal
                ids += tokenizer.encode(piece, add_special_tokens=special)
        return ids

    def _spans(self, ids: Sequence[int], found: Sequence[tuple[str, Pixels]]) -> tuple[Span, ...]:
        token = self.adapter.image_token_id
        places = [index for index, value in enumerate(ids) if value == token] if token >= 0 else []
        if len(places) != sum(pixels.tokens for _, pixels in found):
            raise WrongImageCount(f"{len(places)} image tokens for {len(found)} image(s)")
        spans, taken = [], 0
        for sha256, pixels in found:
            start, end = places[taken], places[taken + pixels.tokens - 1] + 1
            if end - start != pixels.tokens:
                raise WrongImageCount("the tokens of an image are not contiguous")
            spans.append(Span(start, pixels.tokens, sha256))
            taken += pixels.tokens
        return tuple(spans)


class PixelCache:
    """Preprocessed pictures by hash, the latest used kept up to a size in bytes: a conversation shows its images every
    turn."""

    def __init__(self, adapter: Adapter, *, limit: int = _PIXEL_BYTES) -> None:
        self._adapter, self.limit = adapter, limit
        self._found: OrderedDict[str, Pixels] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def of(self, image: Image.Image, sha256: str) -> Pixels:
        with self._lock:
            if sha256 in self._found:
                self._found.move_to_end(sha256)
                return self._found[sha256]
        try:
            pixels = self._adapter.prepare(image)
        except (OSError, ValueError, SyntaxError) as error:
            raise UnreadableImage(f"the picture cannot be prepared: {type(error).__name__}") from error
        with self._lock:
            if sha256 not in self._found:  # nor prepared by another thread meanwhile
                self._found[sha256] = pixels
                self._held += pixels.size
            while self._held > self.limit:
                self._held -= self._found.popitem(last=False)[1].size
        return pixels

    def clear(self) -> None:
        with self._lock:
            self._found.clear()
            self._held = 0

    @property
    def held_bytes(self) -> int:
        return self._held


class _Prepared:
    """Images of one request, each hashed once."""

    def __init__(self, pixels: PixelCache) -> None:
        self._pixels = pixels
        self._found: dict[int, tuple[str, Pixels]] = {}

    def of(self, image: Image.Image) -> tuple[str, Pixels]:
        known = self._found.get(id(image))
        if known is None:
            sha256 = hash_image(image)
            known = self._found[id(image)] = (sha256, self._pixels.of(image, sha256))
        return known


def split_turns(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """The leading system messages, and turns: a question with everything up to the next question."""
    system = [message for message in messages if message.role == "system"]
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or (message.role == "assistant" and not turns):
            turns.append([message])
        elif message.role == "assistant":
            turns[-1].append(message)
    return system, turns


def first_turn_that_fits(lengths: Sequence[int], budget: int) -> int:
    """How many oldest turns to leave out. When a turn overflows, turns go until half of the budget is free, so
    that the beginning stays the same, and its cache useful, for many turns; it depends on the history alone."""
    first, held = 0, 0
    for index, length in enumerate(lengths):
        held += length
        if held > budget:
            while first < index and held > budget // 2:
                held -= lengths[first]
                first += 1
    return first


def keep(system: Sequence[Message], turns: Sequence[Sequence[Message]], first: int) -> list[Message]:
    """The messages from a turn on. The newest images stay even when their turn goes: they move to the first
    question that is kept."""
    kept = [message for turn in turns[first:] for message in turn]
    if first and kept and not any(message.images for message in kept):
        dropped = [message.images for turn in turns[:first] for message in turn if message.images]
        if dropped:
            kept[0] = replace(kept[0], images=dropped[-1])
    return [*system, *kept]


def picture_pointed_at(messages: Sequence[Message]) -> Image.Image | None:
    """The picture that boxes of the answer refer to, the one that came last; None when it came with others, because no
    convention says which of them is meant."""
    images = next((message.images for message in reversed(messages) if message.images), ())
    return images[0] if len(images) == 1 else None


def merge_system(messages: Sequence[Message]) -> list[Message]:
    """The same conversation with its system messages in front of the first question."""
    system, turns = split_turns(messages)
    rest = [message for turn in turns for message in turn]
    if not system or not rest:
        return list(messages)
    text = "\n\n".join([*(message.text for message in system), rest[0].text])
    return [replace(rest[0], text=text), *rest[1:]]
