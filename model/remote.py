"""Any server that speaks OpenAI's chat completions (vLLM, SGLang, llama.cpp, our own) as an engine.

The way to many GPUs. Images travel as PNG data URLs. A request is tried again, with growing pauses, only while
nothing of its answer has been shown. A conversation is sent as a hash, in a header that routers can keep on one
machine, and to vLLM as the salt that keeps its prefix cache private.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import queue
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model.answer import Splitter
from model.engine import Event, Finish, Identity, Message, Piece, Reason, Sampling, Thought
from model.errors import (
    CheckpointNotFound,
    DeadlineExceeded,
    EngineClosed,
    GrammarRefused,
    ModelError,
    RemoteBusy,
    RemoteError,
    RemoteRefused,
    RemoteUnreachable,
)

if TYPE_CHECKING:
    import httpx
    from PIL import Image

PAUSES = (0.5, 1.5, 4.0)  # seconds before the second, third and fourth try
_POLL = 0.05  # seconds between looks at the cancel flag while the server is silent
_CONNECT, _READ = 10.0, 300.0  # seconds
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass
class _Call:
    """One answer on its way: what the reading thread and the consumer share."""

    events: queue.SimpleQueue[Event | ModelError | None] = field(default_factory=queue.SimpleQueue)
    gone: threading.Event = field(default_factory=threading.Event)
    reason: str | None = None
    prompt_tokens: int = 0
    new_tokens: int = 0
    reused_tokens: int = 0


class RemoteEngine:
    """See `model.engine.Engine`."""

    def __init__(self, base: str, name: str, identity: Identity, *, api_key: str | None, salted: bool) -> None:
        self._base = base
        self._name = name
        self._identity = identity
        self._key = api_key
        self._salted = salted
        self._secret = secrets.token_bytes(16)
        self._closed = threading.Event()
        self._client = _client(api_key)

    @classmethod
    def connect(cls, address: str, *, api_key: str | None = None) -> RemoteEngine:
        """address: "http://host:port/v1#model-name"; without a name, the first model the server lists.

        Raises RemoteUnreachable, RemoteRefused, RemoteBusy, and CheckpointNotFound for a name that is not among
        those the server lists. A server that lists none (or cannot) is believed to have the named one.
        """
        base, _, name = address.partition("#")
        base = base.rstrip("/")
        try:
            listed = _models(base, api_key)
        except RemoteBusy:
            if not name:
                raise
            listed = []  # transformers serve fails to list when its cache folder is missing, and answers all the same
        names = [str(entry.get("id")) for entry in listed]
        if not names and not name:
            raise CheckpointNotFound("the server lists no model; name one after #")
        if name and names and name not in names:
            raise CheckpointNotFound(f"the server lists {', '.join(names[:5])}, not {name}")
        entry = listed[names.index(name) if name else 0] if names else {"id": name}
        salted = entry.get("owned_by") == "vllm"
        return cls(base, str(entry["id"]), _identity(base, entry), api_key=api_key, salted=salted)

    @property
    def identity(self) -> Identity:
        return self._identity

    def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling | None = None,
        *,
        conversation: str | None = None,
        cancel: threading.Event | None = None,
        reader: str | None = None,
    ) -> Iterator[Event]:
        """Answer the last message; the same events as the engine in this process."""
        sampling = sampling or Sampling()
        started = time.monotonic()
        if self._closed.is_set():
            yield Finish("failed", error=EngineClosed("the engine was closed"))
            return
        if sampling.allowed_tokens is not None or (sampling.grammar and sampling.grammar.kind != "json"):
            yield Finish("failed", error=GrammarRefused("over HTTP an answer can be bound to a JSON schema only"))
            return
        call = _Call()
        split = Splitter(stop=sampling.stop)
        body, headers = self._body(messages, sampling, conversation)
        threading.Thread(target=self._fetch, args=(call, body, headers), name="remote answer", daemon=True).start()
        first: float | None = None
        error: ModelError | None = None
        stopped = False
        try:
            while (event := self._next(call, cancel, sampling, started)) is not None:
                if isinstance(event, ModelError):
                    error = event
                    break
                if isinstance(event, Finish):
                    stopped = True
                    break
                first = first or time.monotonic()
                yield from split.feed(event.text) if isinstance(event, Piece) else [event]
            if error is None:
                yield from split.finish()
        finally:
            call.gone.set()
        reason, error = _ending(call, error, stopped=stopped or split.stopped)
        yield Finish(
            reason,
            prompt_tokens=call.prompt_tokens,
            new_tokens=call.new_tokens,
            seconds_to_first_token=None if first is None else first - started,
            seconds=time.monotonic() - started,
            error=error,
            reused_tokens=call.reused_tokens,
            seed=sampling.seed if sampling.temperature > 0 else None,
        )

    def forget(self, conversation: str) -> None:
        """Nothing is kept here; the server's cache is its own, keyed by a hash that this process forgets."""

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    # --- the consumer's side ---

    def _next(
        self, call: _Call, cancel: threading.Event | None, sampling: Sampling, started: float
    ) -> Piece | Thought | Finish | ModelError | None:
        """The next event; a Finish when the answer is to stop here; None at its end."""
        while True:
            if self._closed.is_set() or (cancel is not None and cancel.is_set()):
                return Finish("stopped")
            limit = sampling.deadline_seconds
            if limit is not None and time.monotonic() - started > limit:
                return DeadlineExceeded(f"{limit} s are over")
            try:
                event = call.events.get(timeout=_POLL)
            except queue.Empty:
                continue
            assert event is None or isinstance(event, (Piece, Thought, ModelError))
            return event

    def _body(
        self, messages: Sequence[Message], sampling: Sampling, conversation: str | None
    ) -> tuple[dict[str, Any], dict[str, str]]:
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [_message(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.grammar is not None:
            schema = {"name": "answer", "strict": True, "schema": json.loads(sampling.grammar.text)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        headers = {}
        if conversation is not None:
            session = hashlib.sha256(self._secret + conversation.encode()).hexdigest()[:32]
            headers["X-Session-ID"] = session
            if self._salted:
                body["cache_salt"] = session
        return body, headers

    # --- the reading thread ---

    def _fetch(self, call: _Call, body: dict[str, Any], headers: dict[str, str]) -> None:
        try:
            for pause in (*PAUSES, None):
                try:
                    self._read(call, body, headers)
                    break
                except (RemoteBusy, RemoteUnreachable) as error:
                    if pause is None or error.args[-1] == "after the first words" or call.gone.wait(pause):
                        raise
        except RemoteError as error:
            call.events.put(error)
        except Exception as error:  # anything else must still end the stream
            problem = RemoteUnreachable(f"the answer could not be read: {type(error).__name__}")
            problem.__cause__ = error
            call.events.put(problem)
        else:
            call.events.put(None)

    def _read(self, call: _Call, body: dict[str, Any], headers: dict[str, str]) -> None:
        import httpx

        shown = False
        try:
            with self._client.stream("POST", self._base + "/chat/completions", json=body, headers=headers) as reply:
                if reply.status_code >= 400:
                    reply.read()
                    raise _refusal(reply)
                for line in reply.iter_lines():
                    if call.gone.is_set():
                        return
                    if line.startswith("data:"):
                        shown = self._take(call, line[5:].strip()) or shown
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise RemoteUnreachable(name, "after the first words" if shown else "before an answer") from error
        if call.reason is None:
            raise RemoteUnreachable("the stream ended early", "after the first words" if shown else "before an answer")

    def _take(self, call: _Call, data: str) -> bool:
        """One server-sent event; whether it held text."""
        if data == "[DONE]":
            call.reason = call.reason or "stop"
            return False
        chunk = json.loads(data)
        if "error" in chunk and not chunk.get("choices"):
            raise RemoteRefused("the server reported an error in the stream")
        usage = chunk.get("usage") or {}
        call.prompt_tokens = int(usage.get("prompt_tokens") or call.prompt_tokens)
        call.new_tokens = int(usage.get("completion_tokens") or call.new_tokens)
        details = usage.get("prompt_tokens_details") or {}
        call.reused_tokens = int(details.get("cached_tokens") or call.reused_tokens)
        shown = False
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if thought:
                call.events.put(Thought(str(thought)))
            if delta.get("content"):
                call.events.put(Piece(str(delta["content"])))
            shown = shown or bool(thought or delta.get("content"))
            call.reason = choice.get("finish_reason") or call.reason
        return shown


def _ending(call: _Call, error: ModelError | None, *, stopped: bool) -> tuple[Reason, ModelError | None]:
    if error is not None:
        return "failed", error
    if stopped and call.reason is None:
        return "stopped", None
    return ("truncated" if call.reason == "length" else "complete"), None


def _client(api_key: str | None) -> httpx.Client:
    import httpx

    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    # the environment's proxies are for the web; the model's server is the operator's own
    return httpx.Client(headers=headers, timeout=httpx.Timeout(_READ, connect=_CONNECT), trust_env=False)


def _models(base: str, api_key: str | None) -> list[dict[str, Any]]:
    import httpx

    problem: RemoteError | None = None
    with _client(api_key) as client:
        for pause in (0.0, *PAUSES[:2]):
            threading.Event().wait(pause)
            try:
                reply = client.get(base + "/models")
            except httpx.HTTPError as error:
                problem = RemoteUnreachable(f"{type(error).__name__}: {base}")
                problem.__cause__ = error
                continue
            if reply.status_code < 400:
                try:
                    return list(reply.json()["data"])
                except (ValueError, KeyError, TypeError) as error:
                    raise RemoteRefused(f"{base} does not speak OpenAI's protocol") from error
            problem = _refusal(reply)
            if isinstance(problem, RemoteRefused):
                raise problem
    assert problem is not None
    raise problem


def _refusal(reply: httpx.Response) -> RemoteError:
    """The class for a status; the body is not quoted: servers put the prompt into it."""
    if reply.status_code in _AGAIN:
        return RemoteBusy(f"HTTP {reply.status_code}")
    return RemoteRefused(f"HTTP {reply.status_code}")


def _identity(base: str, entry: dict[str, Any]) -> Identity:
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
    )


def _shown_name(name: str) -> str:
    """A server that was given a folder lists its path: the folder's name is enough, and tells less."""
    return name.rstrip("/").rsplit("/", 1)[-1] if name.startswith("/") else name


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
