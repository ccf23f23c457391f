"""What becomes of an error nobody caught: a sentence for the reader, and its class and place in the log.

An error's message may hold what people typed, a file's name or a DICOM value: it is never written down.
"""

from __future__ import annotations

import logging
import threading
from traceback import format_tb
from types import TracebackType

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.notices import notice
from storage import NotFound, StorageError

log = logging.getLogger(__name__)


def trace(error: BaseException) -> str:
    """Class and place of `error`, without its message."""
    return f"{type(error).__name__}\n{''.join(format_tb(error.__traceback__))}"


class WithoutMessages(logging.Formatter):
    """Writes a log record; of an exception that comes with it only class and place, whichever library logged it."""

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        return trace(ei[1]) if ei[1] is not None else ""


def quiet_threads() -> None:
    """Log what ends a thread as everything else is logged: class and place."""

    def ended(what: threading.ExceptHookArgs) -> None:
        if what.exc_value is not None:
            log.error("a thread was ended by %s", trace(what.exc_value))

    threading.excepthook = ended


class Failures:
    """ASGI middleware: a request that fails is answered with a sentence, and never ends in a library's traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on. 503 (404 for what is not found) when the record failed, 500 for what nobody foresaw."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            return  # nobody is left to be answered
        except Exception as error:  # one request has failed; the others must not notice
            status = _status(error)
            if not begun:
                await JSONResponse({"sentence": notice(error)}, status)(scope, receive, send)


def _status(error: Exception) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, StorageError):
        log.warning("the record could not be used: %s", type(error).__name__)
        return 503
    log.error("an unexpected %s", trace(error))
    return 500
