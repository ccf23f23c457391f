"""Who may come in where other machines reach the page: whoever has the key. Knows no reader and no route.

The key comes once, in a link (`/?key=…`), and is answered with a cookie and an address without it; from then on the
cookie is asked for, by everything but `/healthz`. The cookie holds no key, only what can be made from one.
"""

from __future__ import annotations

import hmac
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.locale import Locale, languages
from app.notices import notice

_OPEN = "/healthz"
_DAYS = 30
_NO_COPY = {"cache-control": "no-store"}
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><style>body{{font:17px/1.7 system-ui,sans-serif;max-width:34em;margin:12vh auto;"
    "padding:0 1.5em;color-scheme:light dark}}</style>{sentences}</html>"
)


class KeyNeeded(Exception):
    """Nobody without the key is served; the remedy is the link that holds it."""


class WrongKey(Exception):
    """A key that is not ours; the remedy is the link as it was given."""


class Entrance:
    """ASGI middleware: asks for the key, where there is one."""

    def __init__(self, app: ASGIApp, *, key: str | None, port: int) -> None:
        """`key` None lets everybody in. Browsers keep one set of cookies for all ports, hence `port` in its name."""
        self._app = app
        self._key = key
        self._cookie = f"basira-{port}"
        self._pass = hmac.digest((key or "").encode(), b"the page", "sha256").hex()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; or answer 303 to whoever brings the key, 401 without it, 403 with another one."""
        answer = self._answer(scope) if scope["type"] == "http" and self._key is not None else None
        await (answer or self._app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["path"] == _OPEN:
            return None
        if scope["path"] == "/" and scope["method"] == "GET":
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            brought = [value for name, value in query if name == "key"]
            if brought:
                rest = urlencode([(name, value) for name, value in query if name != "key"])
                return self._welcome(scope, rest) if _equal(brought[-1], self._key) else _refused(WrongKey(), headers)
        shown = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        return None if _equal(shown, self._pass) else _refused(KeyNeeded(), headers)

    def _welcome(self, scope: Scope, rest: str) -> Response:
        answer = RedirectResponse(f"/?{rest}" if rest else "/", 303, _NO_COPY)
        # Lax: a link in a letter or on another site's page must bring the cookie along, and the 303 straight after it
        # was given counts as such a link. What changes anything is asked for its origin by the guard.
        answer.set_cookie(
            self._cookie, self._pass, max_age=_DAYS * 86400, httponly=True, samesite="lax",
            secure=scope["scheme"] == "https",
        )  # fmt: skip
        return answer


def _equal(given: str, wanted: str | None) -> bool:
    """Compared in a time that does not say how much of it is right."""
    return hmac.compare_digest(given.encode(), (wanted or "").encode())


def _refused(error: KeyNeeded | WrongKey, headers: Headers) -> Response:
    sentences = notice(error)
    status = 403 if isinstance(error, WrongKey) else 401
    if "text/html" not in headers.get("accept", ""):
        return JSONResponse({"sentence": sentences}, status, _NO_COPY)
    written = "".join(
        f'<p lang="{code}" dir="{Locale(code).direction}">{escape(sentences[code])}</p>' for code in languages()
    )
    return HTMLResponse(_PAGE.format(title=escape(Locale("en").sentence("brand")), sentences=written), status, _NO_COPY)
