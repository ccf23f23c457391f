"""What is said to, and heard from, a server that speaks OpenAI's chat completions; knows no connection."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from model import registry
from model.chat_extras import read_convention
from model.engine import Identity, Message
from model.errors import ALL, ModelError, RemoteBusy, RemoteError, RemoteRefused, RequestError
from model.prompt import first_turn_that_fits, keep, split_turns

if TYPE_CHECKING:
    from PIL import Image

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_TOO_MUCH = frozenset({400, 413, 422})
_OURS: Mapping[str, type[ModelError]] = {
    kind.__name__: kind for kind in ALL if issubclass(kind, (RequestError, RemoteError))
} | {"QueueFull": RemoteBusy, "EngineClosed": RemoteBusy}  # another server's queue: come back later
"""What our own endpoint writes as an error's type → the class that says the same here."""

_CONTEXT = r"context[ _](?:length|size|window|limit)|maximum model length"  # vLLM, SGLang, llama.cpp, Mistral
_TOO_LONG = re.compile(_CONTEXT, re.IGNORECASE)
_HOLDS = re.compile(rf"(?:{_CONTEXT})(?: is only| is| of|:)? ?\(?(\d+)", re.IGNORECASE)

_COUNTLESS = 1 << 31  # tokens; no conversation has so many
_SHORTEST = 16  # tokens; a shorter answer says nothing
_BYTES_PER_TOKEN, _TOKENS_PER_IMAGE, _TOKENS_PER_MESSAGE = 4, 600, 8  # guesses, corrected by what is refused


class DoesNotFit(Exception):
    """The server's context is too short for the request; `context` is what it holds in tokens, 0 when not said."""

    def __init__(self, context: int) -> None:
        super().__init__(context)
        self.context = context


class Asked:
    """One request, of which less is sent when the server's context is too short.

    Only the server can count its tokens, so nothing is left out before it has refused. What is left out depends on
    the conversation alone, and in large steps: its beginning stays the same for many turns, and so cached there.
    """

    def __init__(self, messages: Sequence[Message], max_tokens: int, settings: Mapping[str, Any]) -> None:
        """settings: the other fields of the body."""
        self._messages = messages
        self._settings = settings
        self._system, self._turns = split_turns(messages)
        self._lengths = [sum(_about(message) for message in turn) for turn in self._turns]
        self._room = 0  # tokens the turns were last cut to; 0 before that
        self.max_tokens = max_tokens
        self.left_out_turns = 0

    def body(self) -> bytes:
        messages = self._messages
        if self.left_out_turns:
            messages = keep(self._system, self._turns, self.left_out_turns)
        said = [_message(message) for message in messages]
        return json.dumps({**self._settings, "messages": said, "max_tokens": self.max_tokens}).encode()

    def shorten(self, context: int) -> bool:
        """Send less the next time, to a server that holds `context` tokens; False when nothing can be left out.

        As in this process: at most a quarter of the context is kept for the answer, then the oldest turns go, and
        a last question that fills the context gets a short answer rather than none.
        """
        if self.max_tokens > context // 4 > 0:
            self.max_tokens = context // 4
            return True
        last = len(self._turns) - 1
        while self.left_out_turns < last:
            self._room = self._room // 2 if self._room else context
            first = first_turn_that_fits(self._lengths, self._room)
            if first > self.left_out_turns:
                self.left_out_turns = first
                return True
        if self.max_tokens > _SHORTEST:
            self.max_tokens = max(_SHORTEST, self.max_tokens // 4)
            return True
        return False


def problem_of(status: int, body: Any) -> ModelError | DoesNotFit:
    """What an error says. The message is read but never quoted: servers put the prompt into it.

    status: HTTP's. body: the JSON that came with it, anything when it was none.
    """
    body = body if isinstance(body, dict) else {}
    said = body.get("error", body)  # older vLLM has the fields at the top
    said = said if isinstance(said, dict) else {"message": said}
    kind, message = str(said.get("type")), str(said.get("message"))
    if kind in _OURS:
        return _OURS[kind](f"the server reported {kind}")
    if status in _TOO_MUCH and (said.get("code") == "context_length_exceeded" or _TOO_LONG.search(message + kind)):
        holds = _HOLDS.search(message)
        return DoesNotFit(int(holds[1]) if holds else 0)
    return RemoteBusy(f"HTTP {status}") if status in _AGAIN else RemoteRefused(f"HTTP {status}")


def problem_in_stream(chunk: Mapping[str, Any]) -> ModelError | DoesNotFit | None:
    """The error that an object of a stream reports, None when it is part of an answer. HTTP's status was 200 by
    then: what the error gives as its code counts, and without one the server is taken to have failed."""
    if chunk.get("choices") or ("error" not in chunk and chunk.get("object") != "error"):
        return None
    said = chunk.get("error", chunk)
    code = str(said.get("code")) if isinstance(said, dict) else ""
    return problem_of(int(code) if code.isdecimal() else 500, chunk)


def counted(usage: Any, name: str, otherwise: int) -> int:
    """What a server counted; whatever else it may have written there is no reason to lose the answer."""
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if type(value) is int and 0 < value < _COUNTLESS else otherwise


def json_or_none(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _about(message: Message) -> int:
    """Tokens of a message, guessed."""
    text = len(message.text.encode()) // _BYTES_PER_TOKEN
    return text + len(message.images) * _TOKENS_PER_IMAGE + _TOKENS_PER_MESSAGE


def _message(message: Message) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(image)}} for image in message.images
    ]
    parts.append({"type": "text", "text": message.text})
    return {"role": message.role, "content": parts}


def data_url(image: Image.Image) -> str:
    """The exact pixels as a PNG in a URL."""
    held = io.BytesIO()
    image.save(held, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")


def identity_of(base: str, entry: Mapping[str, Any]) -> Identity:
    """The model of one entry of a server's list. base: the server's address."""
    return Identity(
        name=_shown_name(str(entry["id"])),
        revision=str(entry.get("revision") or entry.get("root") or ""),
        family=str(entry.get("family") or "remote"),
        quantization=str(entry.get("quantization") or "remote"),
        device=base.split("//")[-1].split("/")[0],
        demonstration=bool(entry.get("demonstration", False)),
        accepts_images=bool(entry.get("accepts_images", True)),
        context_tokens=int(entry.get("max_model_len") or 8192),
        languages=tuple(entry.get("languages") or ()),
        boxes=_convention(entry),
    )


def _convention(entry: Mapping[str, Any]) -> str:
    """How the model writes boxes: what our own endpoint says, else what the registry says of one of its names. vLLM
    gives as `root` what it loaded, whatever name it is served under."""
    if entry.get("owned_by") == "basira":
        return read_convention(entry)
    known = registry.find(str(entry["id"])) or registry.find(str(entry.get("root")))
    return known.boxes if known else ""


def _shown_name(name: str) -> str:
    """A server that was given a folder lists its path: the folder's name is enough, and tells less."""
    return name.rstrip("/").rsplit("/", 1)[-1] if name.startswith("/") else name
