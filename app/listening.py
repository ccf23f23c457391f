"""How our servers listen: one rule for the page and for the model's address. Knows uvicorn; knows no route."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

ENDS_WITHIN = 2.0
"""Seconds from being told to end until it has. A page holds connections open, and a decoder or a model may be stuck."""
_CONNECTIONS_END_WITHIN = 1  # seconds


def listener(
    application: ASGIApp, settings: Settings, *, at_last: Callable[[], object] = lambda: None
) -> uvicorn.Server:
    """A server of `application` at the settings' host and port, whose log holds no address, message or name.

    Told to end (SIGTERM, SIGINT), the process ends within `ENDS_WITHIN`: what does not end by itself is left, after
    `at_last`. The record is made for that: what was being written of an answer is marked as interrupted at next start.
    """
    import uvicorn  # slow to import; the command line must not pay for it

    class Ending(uvicorn.Server):
        def handle_exit(self, sig: int, frame: Any) -> None:
            if not self.should_exit:
                timer = threading.Timer(ENDS_WITHIN, lambda: (at_last(), os._exit(0)))
                timer.daemon = True
                timer.start()
            super().handle_exit(sig, frame)

    return Ending(
        uvicorn.Config(
            application,
            host=settings.host,
            port=settings.port,
            log_config=None,  # ours, which writes no message of an exception
            log_level="warning",
            access_log=False,  # addresses of pages name conversations
            server_header=False,
            timeout_graceful_shutdown=_CONNECTIONS_END_WITHIN,
        )
    )
