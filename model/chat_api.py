"""OpenAI's chat completions as data: requests read, answers written; knows no web framework.

Images only as data URLs: an address would make this machine fetch what a client names.
"""

from __future__ import annotations

import base64
import binascii
import io
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.chat_extras import CONVENTION, write_boxes, write_cause, write_waiting
from model.engine import Event, Finish, Grammar, Identity, Message, Piece, Sampling, Thought, Waiting
from model.errors import (
    ContextTooLong,
    EngineClosed,
    GrammarRefused,
    ImagesNotAccepted,
    OutOfMemory,
    QueueFull,
    RemoteBusy,
    UnreadableImage,
    WrongImageCount,
)

if TYPE_CHECKING:
    from PIL import Image

LARGEST_IMAGE = 64_000_000  # pixels
MOST_PIXELS = 128_000_000  # of all images of a request together: they are all held until it is answered
_FORMATS = ("PNG", "JPEG", "WEBP")
_FINISH = {"complete": "stop", "truncated": "length", "stopped": "stop", "failed": "error"}
_USER = 256  # characters
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class BadRequest(ValueError):
    """The request's JSON cannot be answered; the message names the field."""


@dataclass(frozen=True)
class ChatRequest:
    """What a client asked for."""

    messages: tuple[Message, ...]
    sampling: Sampling
    stream: bool
    usage: bool
    """Whether a stream ends with a chunk that counts tokens."""
    user: str = ""
    """For whom the client says it asks."""


def read_request(body: Any, *, most_new_tokens: int) -> ChatRequest:
    """Raises BadRequest."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        raise BadRequest("messages must be a list that is not empty")
    room = _Room(MOST_PIXELS)
    messages = tuple(_message(entry, room) for entry in body["messages"])
    if messages[-1].role != "user":
        raise BadRequest("the last message must be the user's")
    asked = body.get("max_completion_tokens") or body.get("max_tokens") or most_new_tokens
    stop = body.get("stop") or ()
    try:
        sampling = Sampling(
            temperature=_number(body.get("temperature"), 0.1),
            top_p=_number(body.get("top_p"), 1.0),
            top_k=int(body.get("top_k") or 0),
            max_new_tokens=min(int(asked), most_new_tokens),
            seed=None if body.get("seed") is None else int(body["seed"]),
            stop=(stop,) if isinstance(stop, str) else tuple(str(one) for one in stop),
            repetition_penalty=float(body.get("repetition_penalty") or 1.0),
            grammar=_grammar(body.get("response_format")),
        )
    except (TypeError, ValueError) as error:
        raise BadRequest(f"sampling settings: {error}") from error
    if body.get("n") not in (None, 1):
        raise BadRequest("n must be 1")
    options = body.get("stream_options") or {}
    user = str(body.get("user") or "")[:_USER]
    return ChatRequest(messages, sampling, bool(body.get("stream")), bool(options.get("include_usage")), user)


def _grammar(asked: Any) -> Grammar | None:
    """`response_format`: text, json_object, or json_schema."""
    kind = asked.get("type") if isinstance(asked, dict) else asked
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return Grammar.json()
    schema = (asked.get("json_schema") or {}).get("schema") if kind == "json_schema" else None
    if not isinstance(schema, dict):
        raise BadRequest("response_format must be text, json_object, or json_schema with its schema")
    return Grammar.json(schema)


def _number(value: Any, otherwise: float) -> float:
    return otherwise if value is None else float(value)


class _Room:
    """What is left of the pixels that one request may hold."""

    def __init__(self, pixels: int) -> None:
        self._left = pixels

    def take(self, pixels: int) -> None:
        """Raises BadRequest, before anything is decoded."""
        self._left -= pixels
        if self._left < 0:
            raise BadRequest(f"the images of a request may have {MOST_PIXELS} pixels together")


def _message(entry: Any, room: _Room) -> Message:
    if not isinstance(entry, dict) or entry.get("role") not in _ROLES:
        raise BadRequest("role must be system, user or assistant")
    role: Any = _ROLES[entry["role"]]
    content = entry.get("content")
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list):
        raise BadRequest("content must be a string or a list of parts")
    texts: list[str] = []
    images: list[Image.Image] = []
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            texts.append(str(part.get("text", "")))
        elif kind == "image_url":
            address = part.get("image_url")
            images.append(read_image(address.get("url") if isinstance(address, dict) else address, room))
        else:
            raise BadRequest("a part must be text or image_url")
    return Message(role, "\n".join(texts), tuple(images))


def read_image(url: Any, room: _Room | None = None) -> Image.Image:
    """A picture from a data URL, decoded and bounded, also by what `room` there is. Raises BadRequest."""
    from PIL import Image as Pillow

    if not isinstance(url, str) or not url.startswith("data:image/") or ";base64," not in url[:64]:
        raise BadRequest("image_url must be a data URL (data:image/png;base64,…)")
    try:
        data = base64.b64decode(url.partition(",")[2], validate=True)
        image = Pillow.open(io.BytesIO(data), formats=_FORMATS)
        if image.width * image.height > LARGEST_IMAGE:
            raise BadRequest(f"an image may have {LARGEST_IMAGE} pixels")
        if room is not None:
            room.take(image.width * image.height)
        image.load()
    except (binascii.Error, OSError, SyntaxError, Pillow.DecompressionBombError) as error:
        raise BadRequest("an image cannot be decoded: PNG, JPEG or WebP") from error
    return image


def model_list(identity: Identity) -> dict[str, Any]:
    """What GET /v1/models says; the extra fields let our own client show the same identity."""
    entry = {
        "id": identity.name,
        "object": "model",
        "created": 0,
        "owned_by": "basira",
        "max_model_len": identity.context_tokens,
        "revision": identity.revision,
        "family": identity.family,
        "quantization": identity.quantization,
        "demonstration": identity.demonstration,
        "accepts_images": identity.accepts_images,
        "languages": list(identity.languages),
        CONVENTION: identity.boxes,
    }
    return {"object": "list", "data": [entry]}


class Chunks:
    """The objects of one streamed answer, event by event."""

    def __init__(self, identity: Identity, *, usage: bool) -> None:
        self._usage = usage
        self._base = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": identity.name,
        }

    def opening(self) -> dict[str, Any]:
        """Comes first."""
        return self._base | {"choices": [_choice({"role": "assistant", "content": ""})]}

    def of(self, event: Event) -> list[dict[str, Any]]:
        """What says an event; a failure becomes an object with `error`, after which nothing comes."""
        if isinstance(event, Piece):
            return [self._base | {"choices": [_choice({"content": event.text})]}]
        if isinstance(event, Thought):
            return [self._base | {"choices": [_choice({"reasoning_content": event.text})]}]
        if isinstance(event, Waiting):  # with a choice: many clients take the first one without looking
            return [self._base | {"choices": [_choice({})]} | write_waiting(event)]
        if event.error is not None:
            return [error_body(event.error)]
        last = self._base | {"choices": [_choice({}, _FINISH[event.reason])]} | _ours(event)
        return [last, self._base | {"choices": [], "usage": _usage(event)}] if self._usage else [last]


def completion(events: Sequence[Event], identity: Identity) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of an answer given at once."""
    finish = events[-1]
    assert isinstance(finish, Finish)
    if finish.error is not None:
        return status_of(finish.error), error_body(finish.error)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(event.text for event in events if isinstance(event, Piece)),
    }
    thought = "".join(event.text for event in events if isinstance(event, Thought))
    if thought:
        message["reasoning_content"] = thought
    return 200, {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": identity.name,
        "choices": [{"index": 0, "message": message, "finish_reason": _FINISH[finish.reason]}],
        "usage": _usage(finish),
        **_ours(finish),
    }


_THEIR_FAULT = (
    BadRequest,
    ContextTooLong,
    GrammarRefused,
    ImagesNotAccepted,
    UnreadableImage,
    WrongImageCount,
)


def error_body(error: Exception) -> dict[str, Any]:
    """OpenAI's form of an error; only the class and our own technical message."""
    code = "context_length_exceeded" if isinstance(error, ContextTooLong) else None  # the one that clients look for
    return {"error": {"message": str(error), "type": type(error).__name__, "param": None, "code": code}}


def status_of(error: Exception) -> int:
    """HTTP status of an error before anything was streamed."""
    if isinstance(error, QueueFull):
        return 429
    if isinstance(error, (EngineClosed, OutOfMemory, RemoteBusy)):
        return 503  # the same request may succeed later
    return 400 if isinstance(error, _THEIR_FAULT) else 500


def _ours(finish: Finish) -> dict[str, Any]:
    return write_boxes(finish.boxes) | write_cause(finish.cause)


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _usage(finish: Finish) -> dict[str, Any]:
    return {
        "prompt_tokens": finish.prompt_tokens,
        "completion_tokens": finish.new_tokens,
        "total_tokens": finish.prompt_tokens + finish.new_tokens,
        "prompt_tokens_details": {"cached_tokens": finish.reused_tokens},
        "left_out_turns": finish.left_out_turns,  # ours: whole oldest turns that the context did not hold
    }
