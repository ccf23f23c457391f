"""What every request must pass and every response must carry. Knows HTTP headers, nothing of what is served."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.address import is_loopback

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # Gradio compiles its templates in the page
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "object-src 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
_GRADIO = "/gradio_api/"
_GRADIO_USED = frozenset({"queue/join", "queue/data", "cancel", "reset", "startup-events", "app_id", "theme.css"})
_GRADIO_USED_BELOW = ("run/", "heartbeat/")
"""All that the page needs of Gradio's API. Closed with the rest: uploads, file and proxy routes, deep links (which
write a session to disk), recordings, component servers."""
_CLOSED = (
    "/config",
    "/custom_component",
    "/docs",
    "/file",
    "/login",
    "/logout",
    "/monitoring",
    "/openapi.json",
    "/proxy",
    "/pwa_icon",
    "/runs",
    "/stream",
    "/svelte",
    "/upload",
)
"""What Gradio serves beside it and the page does without; some of these only in other versions of it."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Guard:
    """ASGI middleware: the right Host (against DNS rebinding), the right Origin on writes, the headers above."""

    def __init__(self, app: ASGIApp, *, host: str, names: Iterable[str] = ()) -> None:
        """`host`: what the server is bound to; `names`: further ones that a browser may know it by.

        Beyond the loopback, this machine's own name and any address in figures are served as well: a page that
        somebody's DNS has pointed here always comes by a name.
        """
        self._app = app
        self._figures = not is_loopback(host)
        own = (host, socket.gethostname()) if self._figures else (host,)
        self._hosts = frozenset(name.lower() for name in (*_LOOPBACK, *own, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403/404 in plain text."""
        if scope["type"] == "websocket":  # the page opens none, and no header of ours would guard one
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refusal := self._refusal(scope, headers):
            await PlainTextResponse(refusal[1], refusal[0], HEADERS)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                response = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    response[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        if not self._known(_host_name(headers.get("host", ""))):
            return 403, "unknown host: BASIRA_HOSTNAMES"
        if _closed(scope["path"]):
            return 404, "not found"
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not _same_origin(headers):
            return 403, "foreign origin"
        return None

    def _known(self, name: str) -> bool:
        return name in self._hosts or (self._figures and _in_figures(name))


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # "[" and the like
        return ""


def _in_figures(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same_origin(headers: Headers) -> bool:
    """Whether a write comes from our own page, or from a program that is no browser (no Origin, no Sec-Fetch)."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    except ValueError:
        return False


def _closed(path: str) -> bool:
    if path.startswith(_GRADIO):
        asked = path.removeprefix(_GRADIO)
        return asked not in _GRADIO_USED and not asked.startswith(_GRADIO_USED_BELOW)
    return path.startswith(_CLOSED)
