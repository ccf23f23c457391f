"""`python -m app serve-model`: the engine as an OpenAI-compatible endpoint. Knows HTTP; the protocol is the model's.

    GET  /healthz                 200 once it can be used
    GET  /v1/models               the one model
    POST /v1/chat/completions     with images as data URLs, streamed or at once

With a key, every /v1 request needs `Authorization: Bearer …`. Clients take turns in the queue: an address, and within
it whomever the field `user` names. A client that leaves ends its answer, wherever it stands. Nothing of a request is
logged or kept, except keys and values of conversations that name themselves with `X-Session-ID`, in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from model import Engine, Event, Finish
from model.chat_api import BadRequest, Chunks, completion, error_body, model_list, read_request, status_of
from model.errors import GenerationFailed

LARGEST_BODY = 96 * 1024 * 1024  # bytes; images travel as base64 text


def create_model_app(engine: Engine, *, api_key: str | None = None, most_new_tokens: int = 4096) -> FastAPI:
    """The ASGI application around an open engine; closing the engine is the caller's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    secret = secrets.token_bytes(16)
    decoding = asyncio.Semaphore(1)  # one request's images at a time are unfolded
    watching: set[asyncio.Task[None]] = set()  # a task that nothing refers to may be collected

    def allowed(request: Request) -> bool:
        given = request.headers.get("authorization", "")
        return api_key is None or hmac.compare_digest(given.encode(), f"Bearer {api_key}".encode())

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models")
    def models(request: Request) -> Response:
        if not allowed(request):
            return _refuse(401, PermissionError("a valid key is needed"))
        return JSONResponse(model_list(engine.identity))

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        if not allowed(request):
            return _refuse(401, PermissionError("a valid key is needed"))
        try:
            body = json.loads(await _body(request))
            async with decoding:
                asked = await run_in_threadpool(read_request, body, most_new_tokens=most_new_tokens)
        except BadRequest as error:
            return _refuse(status_of(error), error)
        except ValueError:
            return _refuse(400, BadRequest("the body is not JSON"))
        session = request.headers.get("x-session-id")
        conversation = hashlib.sha256(secret + session.encode()).hexdigest() if session else None
        reader = f"{request.client.host if request.client else ''} {asked.user}"
        cancel = threading.Event()
        watch = asyncio.create_task(_watch(request, cancel))
        watching.add(watch)
        watch.add_done_callback(watching.discard)
        stream = engine.stream(asked.messages, asked.sampling, conversation=conversation, cancel=cancel, reader=reader)
        events = _bridge(stream, cancel)
        first = await anext(events)  # what is refused at once gets its own status, also when a stream was asked for
        if not asked.stream or (isinstance(first, Finish) and first.error is not None):
            found = [first, *[event async for event in events]]
            status, answer = completion(found, engine.identity)
            return JSONResponse(answer, status)

        async def lines() -> AsyncIterator[str]:
            chunks = Chunks(engine.identity, usage=asked.usage)
            try:
                yield _line(chunks.opening())
                for chunk in chunks.of(first):
                    yield _line(chunk)
                async for event in events:
                    for chunk in chunks.of(event):
                        yield _line(chunk)
                yield "data: [DONE]\n\n"
            finally:
                cancel.set()  # the client went away, or everything was said

        return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return app


async def _watch(request: Request, cancel: threading.Event) -> None:
    """Set `cancel` when the client has gone, which the server also says after everything was sent."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    cancel.set()


async def _bridge(stream: Iterator[Event], cancel: threading.Event) -> AsyncIterator[Event]:
    """The events of an engine's blocking iterator, ending with its Finish; who leaves early cancels it.

    Each answer has a thread of its own. They are few, since the engine's queue is bounded; but enough to hold every
    one of the threads that a web framework shares among all its requests, were they taken from there.
    """
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[Event] = asyncio.Queue()

    def put(event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: the server ended before the answer
            loop.call_soon_threadsafe(held.put_nowait, event)

    def pump() -> None:
        try:
            for event in stream:
                put(event)
        except Exception as error:  # an engine's bug must not leave its reader waiting for ever
            problem = GenerationFailed(f"{type(error).__name__} in the engine")
            problem.__cause__ = error
            put(Finish("failed", error=problem))

    threading.Thread(target=pump, name="served answer", daemon=True).start()
    try:
        while True:
            event = await held.get()
            yield event
            if isinstance(event, Finish):
                return
    finally:
        cancel.set()


def _line(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def _refuse(status: int, error: Exception) -> Response:
    return JSONResponse(error_body(error), status)


async def _body(request: Request) -> bytes:
    """The whole body, at most LARGEST_BODY bytes whatever its header says. Raises BadRequest."""
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > LARGEST_BODY:
            raise BadRequest(f"a request may have {LARGEST_BODY} bytes")
    return bytes(held)
