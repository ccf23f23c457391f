"""What a request may carry: JSON that means nothing but itself. Knows bodies; knows no route's inside.

Gradio gives meaning to some names before any handler runs: an object with a `path` is a file of this machine to be
copied, one with a `url` is to be fetched. Nothing of ours is called so; they are refused whatever the route, and what
is handed on is written anew from what was understood here, so that no other reader can understand it in another way.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.notices import notice

LARGEST = 8 * 1024 * 1024  # bytes; a question of 20,000 characters has at most 240,000
UPLOADS = {"/api/upload": "multipart/form-data", "/api/preview": "application/octet-stream"}
"""The routes that take anything else, and what; they read it themselves, within bounds of their own."""
_NESTING = 32
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""Strings, one without an end ending with the body, so that no byte is looked at twice; and brackets outside them."""
_DEEPER = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_MEANT = frozenset({"path", "url", "meta", "_type", "__type__", "is_stream", "orig_name"})
"""Names that Gradio interprets: FileData in all its spellings, and updates of components."""
_GRADIO = "/gradio_api/"
_READ = ("data", "event_data", "fn_index", "trigger_id", "session_hash", "event_id")
"""What our page says to Gradio; whatever else it takes (tokens, batches) is left out."""
_SESSION = 64  # characters of a session's name, which Gradio keeps


class UnreadableRequest(Exception):
    """A request whose body is no JSON, or means more than it should; the remedy is to reload the page."""


class RequestTooLarge(Exception):
    """A request other than an upload with more bytes than anybody writes."""


class Bodies:
    """ASGI middleware: hands on writes whose body is plain JSON, or that have none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; or answer 400, 413 or 415 with a sentence."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if UPLOADS.get(scope["path"]) == kind:
            await self._app(scope, receive, send)
            return
        try:
            body = await _whole(receive)
            if body and kind != "application/json":
                await _refused(UnreadableRequest(), 415)(scope, receive, send)
                return
            plain = _plain(body, gradio=scope["path"].startswith(_GRADIO)) if body else b""
        except RequestTooLarge as error:
            await _refused(error, 413)(scope, receive, send)
        except UnreadableRequest as error:
            await _refused(error, 400)(scope, receive, send)
        else:
            await self._app(_announcing(scope, len(plain)), _handing(plain, receive), send)


async def _whole(receive: Receive) -> bytes:
    held = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":  # who sent it has gone
            raise UnreadableRequest
        held += message.get("body", b"")
        if len(held) > LARGEST:
            raise RequestTooLarge
        if not message.get("more_body"):
            return bytes(held)


def _plain(body: bytes, *, gradio: bool) -> bytes:
    """`body` as JSON without a second meaning. Raises UnreadableRequest."""
    try:
        _check_nesting(body)
        sent = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_not_json)
        if not isinstance(sent, dict):
            raise UnreadableRequest
        if gradio:
            session = sent.get("session_hash")
            if session is not None and not (isinstance(session, str) and len(session) <= _SESSION):
                raise UnreadableRequest
            sent = {name: sent[name] for name in _READ if name in sent}
        return json.dumps(sent, separators=(",", ":")).encode()
    except ValueError as error:  # no UTF-8, no JSON, a number without end
        raise UnreadableRequest from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) or not _MEANT.isdisjoint(found):  # of two equal names readers choose differently
        raise UnreadableRequest
    return found


def _not_json(name: str) -> None:
    raise UnreadableRequest(name)


def _check_nesting(body: bytes) -> None:
    """Refuse what is nested too deeply for the readers that follow, before any of them tries."""
    depth = 0
    for token in _TOKENS.finditer(body):
        depth += _DEEPER.get(token[0], 0)
        if depth > _NESTING:
            raise UnreadableRequest


def _announcing(scope: Scope, length: int) -> Scope:
    named = {**scope, "headers": list(scope["headers"])}
    headers = MutableHeaders(scope=named)
    if "content-length" in headers or length:
        headers["content-length"] = str(length)
    del headers["transfer-encoding"]
    return named


def _handing(body: bytes, receive: Receive) -> Receive:
    given = False

    async def hand() -> Message:
        nonlocal given
        if given:
            return await receive()  # which says when the reader has gone
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return hand


def _refused(error: Exception, status: int) -> JSONResponse:
    return JSONResponse({"sentence": notice(error)}, status)
