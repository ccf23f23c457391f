"""`python -m app serve-model`: the engine as an OpenAI-compatible endpoint. Knows HTTP; the protocol is the model's.

    GET  /healthz                 200 once it can be used
    GET  /v1/models               the one model
    POST /v1/chat/completions     with images as data URLs, streamed or at once

With a key, every /v1 request needs `Authorization: Bearer …`. Nothing of a request is logged or kept, except keys
and values of conversations that name themselves with `X-Session-ID`, in memory.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from model import Engine
from model.chat_api import BadRequest, chunks, completion, error_body, model_list, read_request, status_of

LARGEST_BODY = 96 * 1024 * 1024  # bytes; images travel as base64 text


def create_model_app(engine: Engine, *, api_key: str | None = None, most_new_tokens: int = 4096) -> FastAPI:
    """The ASGI application around an open engine; closing the engine is the caller's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    secret = secrets.token_bytes(16)

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
            asked = await run_in_threadpool(read_request, body, most_new_tokens=most_new_tokens)
        except BadRequest as error:
            return _refuse(status_of(error), error)
        except ValueError:
            return _refuse(400, BadRequest("the body is not JSON"))
        session = request.headers.get("x-session-id")
        conversation = hashlib.sha256(secret + session.encode()).hexdigest() if session else None
        cancel = threading.Event()
        events = engine.stream(asked.messages, asked.sampling, conversation=conversation, cancel=cancel)
        if not asked.stream:
            found = await run_in_threadpool(list, events)
            status, answer = completion(found, engine.identity)
            return JSONResponse(answer, status)

        async def lines() -> AsyncIterator[str]:
            try:
                async for chunk in iterate_in_threadpool(chunks(events, engine.identity, usage=asked.usage)):
                    yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
                yield "data: [DONE]\n\n"
            finally:
                cancel.set()  # the client went away, or everything was said

        return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return app


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
