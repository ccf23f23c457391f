"""A slow line to a server: passes every byte on, each after a delay that a test sets. Knows no HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Self


class SlowLine:
    """Listens on the loopback; what comes from a client reaches `port` `delay` seconds later, in order."""

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self._port = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for end in (self._door, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=self.delay + 5)
        for end in (self._door, *self._ends):
            end.close()

    def _start(self, step: Callable[[], None]) -> None:
        thread = threading.Thread(target=step, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
                self._ends.append(client)
                server = socket.create_connection(("127.0.0.1", self._port))
                self._ends.append(server)
            except OSError:  # the door was closed, or the server is gone
                return
            self._pass_on(client, server, slow=True)
            self._pass_on(server, client, slow=False)

    def _pass_on(self, source: socket.socket, target: socket.socket, *, slow: bool) -> None:
        line: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

        def take() -> None:
            content = b"-"
            while content:
                try:
                    content = source.recv(1 << 16)
                except OSError:
                    content = b""
                line.put((time.monotonic() + (self.delay if slow else 0.0), content))

        def give() -> None:
            content = b"-"
            while content:
                due, content = line.get()
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    target.sendall(content) if content else target.shutdown(socket.SHUT_WR)
                except OSError:
                    return

        self._start(take)
        self._start(give)
