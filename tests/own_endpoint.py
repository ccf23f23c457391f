"""Our own endpoint for tests: an application on a real port, and our client connected to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from model import open_engine
from model.remote import RemoteEngine


class Served:
    """A uvicorn server on a free port, on a thread."""

    def __init__(self, app: Any) -> None:
        import uvicorn

        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._ready = threading.Event()
        startup = self._server.startup

        async def announced(sockets: list[socket.socket] | None = None) -> None:
            await startup(sockets)
            self._ready.set()

        self._server.startup = announced  # type: ignore[method-assign]  # uvicorn has no event of its own
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        assert self._ready.wait(30)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


@contextmanager
def connected(server: Served) -> Iterator[RemoteEngine]:
    engine = open_engine(f"openai:http://127.0.0.1:{server.port}/v1")
    assert isinstance(engine, RemoteEngine)
    yield engine
    engine.close()
