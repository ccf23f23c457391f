"""Any server that speaks OpenAI's chat completions (vLLM, SGLang, llama.cpp, our own) as an engine.

The way to many GPUs. Images travel as PNG data URLs. A request is tried again, with growing pauses, only while
nothing of its answer has been shown; one that is too long for the server's context is sent again without its oldest
turns. A conversation is sent as a hash, in a header that routers can keep on one machine, and to vLLM as the salt
that keeps its prefix cache private.

All answers of an engine are read on one thread's event loop: a coroutine can be cancelled, and its connection closed
with it, while it connects, waits in the server's queue or reads; a thread that waits in a socket cannot.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import json
import queue
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from model import chat_extras
from model.answer import Splitter
from model.boxes import Box, find_boxes_of_another_server
from model.circles import TextWatch
from model.engine import Cause, Event, Finish, Identity, Message, Piece, Reason, Sampling, Thought, Waiting
from model.errors import (
    CheckpointNotFound,
    ContextTooLong,
    DeadlineExceeded,
    EngineClosed,
    GrammarRefused,
    ModelError,
    RemoteBusy,
    RemoteRefused,
    RemoteUnreachable,
)
from model.prompt import picture_pointed_at
from model.remote_protocol import (
    Asked,
    DoesNotFit,
    counted,
    identity_of,
    json_or_none,
    problem_in_stream,
    problem_of,
)

if TYPE_CHECKING:
    import httpx

PAUSES = (0.5, 1.5, 4.0)  # seconds before the second, third and fourth try
_POLL = 0.05  # seconds between looks at the cancel flag while the server is silent
_CONNECT, _READ = 10.0, 300.0  # seconds


@dataclass
class _Call:
    """One answer on its way: what the reading loop and the consumer share."""

    events: queue.SimpleQueue[Event | ModelError | None] = field(default_factory=queue.SimpleQueue)
    shown: bool = False
    reason: str | None = None
    prompt_tokens: int = 0
    new_tokens: int = 0
    reused_tokens: int = 0
    left_out_turns: int = 0
    """By the server; what this client left out is `Asked`'s."""
    boxes: object = None
    """What the server says of them, unchecked."""
    cause: Cause = ""
    """Why the server says that it truncated the answer."""


class RemoteEngine:
    """See `model.engine.Engine`."""

    def __init__(self, base: str, name: str, identity: Identity, *, api_key: str | None, kind: str = "") -> None:
        """kind: who wrote the server, as its list of models says: "vllm", "basira" for our own."""
        self._base = base
        self._name = name
        self._identity = identity
        self._kind = kind
        self._secret = secrets.token_bytes(16)
        self._closed = threading.Event()
        self._closing = threading.Lock()  # nobody begins on a loop that ends
        self._client = _async_client(api_key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="remote answers", daemon=True)
        self._thread.start()

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
        kind = str(entry.get("owned_by"))
        return cls(base, str(entry["id"]), identity_of(base, entry), api_key=api_key, kind=kind)

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
        if sampling.allowed_tokens is not None or (sampling.grammar and sampling.grammar.kind != "json"):
            yield Finish("failed", error=GrammarRefused("over HTTP an answer can be bound to a JSON schema only"))
            return
        call, watch = _Call(), TextWatch()
        split = Splitter(stop=sampling.stop)
        asked, headers = self._asked(messages, sampling, conversation, reader)
        work = self._begin(call, asked, headers)
        if work is None:
            yield Finish("failed", error=EngineClosed("the engine was closed"))
            return
        first: float | None = None
        error: ModelError | None = None
        stopped = circling = False
        try:
            while (event := self._next(call, cancel, sampling, started)) is not None:
                if isinstance(event, ModelError):
                    error = event
                    break
                if isinstance(event, Finish):
                    stopped = True
                    break
                if not isinstance(event, Waiting):
                    first = first or time.monotonic()
                yield from split.feed(event.text) if isinstance(event, Piece) else [event]
                if not isinstance(event, Waiting) and not sampling.may_repeat and watch.runs_in_circle(event.text):
                    circling = True
                    break
            if error is None:
                yield from split.finish()
        finally:
            work.cancel()  # also closes the connection, which is how the server learns that nobody listens
        reason, error = ("truncated", None) if circling else _ending(call, error, stopped=stopped or split.stopped)
        yield Finish(
            reason,
            prompt_tokens=call.prompt_tokens,
            new_tokens=call.new_tokens,
            seconds_to_first_token=None if first is None else first - started,
            seconds=time.monotonic() - started,
            error=error,
            reused_tokens=call.reused_tokens,
            left_out_turns=asked.left_out_turns + call.left_out_turns,
            seed=sampling.seed if sampling.temperature > 0 else None,
            cause="repeating" if circling else call.cause,
            boxes=self._boxes(messages, call, split.text),
        )

    def forget(self, conversation: str) -> None:
        """Nothing is kept here; the server's cache is its own, keyed by a hash that this process forgets."""

    def close(self) -> None:
        with self._closing:
            if self._closed.is_set():
                return
            self._closed.set()
        asyncio.run_coroutine_threadsafe(self._leave(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- the consumer's side ---

    def _next(
        self, call: _Call, cancel: threading.Event | None, sampling: Sampling, started: float
    ) -> Waiting | Piece | Thought | Finish | ModelError | None:
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
            assert event is None or isinstance(event, (Waiting, Piece, Thought, ModelError))
            return event

    def _boxes(self, messages: Sequence[Message], call: _Call, text: str) -> tuple[Box, ...]:
        """See `Finish.boxes`: as our own endpoint found them; in another's answer, as its model is known to write
        them."""
        picture = picture_pointed_at(messages)
        if picture is None:
            return ()
        told = chat_extras.read_boxes(call.boxes, picture.size)
        if told is None and self._kind != "basira":
            return find_boxes_of_another_server(text, self._identity.boxes, size=picture.size)
        return told or ()

    def _asked(
        self, messages: Sequence[Message], sampling: Sampling, conversation: str | None, reader: str | None
    ) -> tuple[Asked, dict[str, str]]:
        body: dict[str, Any] = {
            "model": self._name,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if sampling.seed is not None:
            body["seed"] = sampling.seed
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.grammar is not None:
            schema = {"name": "answer", "strict": True, "schema": json.loads(sampling.grammar.text)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        headers = {"Content-Type": "application/json"}
        if conversation is not None:
            headers["X-Session-ID"] = self._hidden(conversation)
            if self._kind == "vllm":
                body["cache_salt"] = self._hidden(conversation)
        asker = reader or conversation
        if asker is not None and self._kind == "basira":  # so that everybody behind this process gets their turn there
            body["user"] = self._hidden(asker)
        return Asked(messages, sampling.max_new_tokens, body), headers

    def _hidden(self, name: str) -> str:
        return hashlib.sha256(self._secret + name.encode()).hexdigest()[:32]

    def _begin(self, call: _Call, asked: Asked, headers: dict[str, str]) -> concurrent.futures.Future[None] | None:
        """The work on the loop; None when the engine was closed."""
        with self._closing:
            if self._closed.is_set():
                return None
            return asyncio.run_coroutine_threadsafe(self._fetch(call, asked, headers), self._loop)

    # --- the reading loop ---

    async def _leave(self) -> None:
        working = asyncio.all_tasks() - {asyncio.current_task()}
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        await self._client.aclose()
        await self._loop.shutdown_default_executor()

    async def _fetch(self, call: _Call, asked: Asked, headers: dict[str, str]) -> None:
        """The whole answer, however many requests it takes; ends with None or an error in `call.events`."""
        pauses = iter(PAUSES)
        try:
            while True:
                try:
                    await self._read(call, asked, headers)
                    break
                except DoesNotFit as refusal:
                    context = refusal.context or self._identity.context_tokens
                    if call.shown or not asked.shorten(context):
                        raise ContextTooLong(f"the server's context of {context} tokens is too short") from refusal
                except (RemoteBusy, RemoteUnreachable):
                    pause = next(pauses, None)
                    if pause is None or call.shown:
                        raise
                    await asyncio.sleep(pause)
        except ModelError as error:
            call.events.put(error)
        except Exception as error:  # anything else must still end the stream
            problem = RemoteUnreachable(f"the answer could not be read: {type(error).__name__}")
            problem.__cause__ = error
            call.events.put(problem)
        else:
            call.events.put(None)

    async def _read(self, call: _Call, asked: Asked, headers: dict[str, str]) -> None:
        """One request and what comes back. Raises what `problem_of` finds, and RemoteUnreachable."""
        import httpx

        body = await asyncio.to_thread(asked.body)  # pictures take a while to write
        url = self._base + "/chat/completions"
        try:
            async with self._client.stream("POST", url, content=body, headers=headers) as reply:
                if reply.status_code >= 400:
                    raise problem_of(reply.status_code, json_or_none(await reply.aread()))
                held = b""
                async for part in reply.aiter_bytes():
                    *lines, held = (held + part).split(
                        b"\n"
                    )  # httpx's lines also end at U+2028, which answers may hold
                    for line in lines:
                        if line.startswith(b"data:"):
                            self._take(call, line[5:].strip())
        except httpx.HTTPError as error:
            raise RemoteUnreachable(type(error).__name__) from error
        if call.reason is None:
            raise RemoteUnreachable("the stream ended early")

    def _take(self, call: _Call, data: bytes) -> None:
        """One server-sent event. Raises the error it reports."""
        if data == b"[DONE]":
            call.reason = call.reason or "stop"
            return
        chunk = json.loads(data)
        problem = problem_in_stream(chunk)
        if problem is not None:
            raise problem
        waiting = chat_extras.read_waiting(chunk)
        if waiting is not None and not call.shown:
            call.events.put(waiting)
        call.boxes = chunk.get(chat_extras.BOXES, call.boxes)
        call.cause = chat_extras.read_cause(chunk.get(chat_extras.CAUSE)) or call.cause
        usage = chunk.get("usage")
        call.prompt_tokens = counted(usage, "prompt_tokens", call.prompt_tokens)
        call.new_tokens = counted(usage, "completion_tokens", call.new_tokens)
        call.left_out_turns = counted(usage, "left_out_turns", call.left_out_turns)
        details = usage.get("prompt_tokens_details") if isinstance(usage, dict) else None
        call.reused_tokens = counted(details, "cached_tokens", call.reused_tokens)
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            thought = delta.get("reasoning_content") or delta.get("reasoning")
            if thought:
                call.events.put(Thought(str(thought)))
            if delta.get("content"):
                call.events.put(Piece(str(delta["content"])))
            call.shown = call.shown or bool(thought or delta.get("content"))
            call.reason = choice.get("finish_reason") or call.reason


def _ending(call: _Call, error: ModelError | None, *, stopped: bool) -> tuple[Reason, ModelError | None]:
    if error is not None:
        return "failed", error
    if stopped and call.reason is None:
        return "stopped", None
    return ("truncated" if call.reason == "length" else "complete"), None


def _async_client(api_key: str | None) -> httpx.AsyncClient:
    import httpx

    return httpx.AsyncClient(**_connection(api_key))


def _connection(api_key: str | None) -> dict[str, Any]:
    import httpx

    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    # the environment's proxies are for the web; the model's server is the operator's own
    return {"headers": headers, "timeout": httpx.Timeout(_READ, connect=_CONNECT), "trust_env": False}


def _models(base: str, api_key: str | None) -> list[dict[str, Any]]:
    import httpx

    problem: ModelError | DoesNotFit | None = None
    with httpx.Client(**_connection(api_key)) as client:
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
            problem = problem_of(reply.status_code, json_or_none(reply.content))
            if not isinstance(problem, RemoteBusy):
                raise problem
    assert problem is not None
    raise problem
