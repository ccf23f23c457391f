"""How our servers listen: one rule for the page and for the model's address. Knows uvicorn; knows no route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp


def listener(application: ASGIApp, settings: Settings) -> uvicorn.Server:
    """A server of `application` at the settings' host and port, whose log holds no address, message or name."""
    import uvicorn  # slow to import; the command line must not pay for it

    return uvicorn.Server(
        uvicorn.Config(
            application,
            host=settings.host,
            port=settings.port,
            log_config=None,  # ours, which writes no message of an exception
            log_level="warning",
            access_log=False,  # addresses of pages name conversations
            server_header=False,
            timeout_graceful_shutdown=3,
        )
    )
