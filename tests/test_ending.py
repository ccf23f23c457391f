"""The program is told to end while it is busy: it ends soon, and the record says of the answer what became of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from storage import Store
from tests.far_end import FarEnd
from tests.serving import Program

MOST = 3.0 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
"""Seconds, on a machine with nothing else to do; where ten programs share a processor, each has a tenth of it."""


class _Slow(FarEnd):
    """A model that says a word every tenth of a second and never comes to an end."""

    def do_GET(self) -> None:
        self.send(200, json.dumps({"object": "list", "data": [{"id": "slow", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            for number in range(600):
                choice = {"index": 0, "delta": {"content": f"word {number} "}}
                chunk = {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.1)


@pytest.fixture(scope="module")
def slow() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"openai:http://127.0.0.1:{server.server_port}/v1#slow"
    server.shutdown()
    server.server_close()


def asking_event(page: str) -> int:
    """The number of the event that asks: the first of those that wait in Gradio's queue."""
    found = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
    assert found is not None
    events = json.loads(found[1])["dependencies"]
    return min(event["id"] for event in events if event["queue"] is not False and event["backend_fn"])


def listening(program: Program) -> list[socket.socket]:
    """What an open page holds: the stream of its answer and a sign of life."""
    links = []
    for path in ("/gradio_api/queue/data?session_hash=reader", "/gradio_api/heartbeat/reader"):
        link = socket.create_connection(("127.0.0.1", program.port))
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{program.port}\r\n\r\n".encode())
        links.append(link)
    return links


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_program_ends_in_time_with_an_answer_under_way(told: signal.Signals, slow: str, tmp_path: Path) -> None:
    program = Program(tmp_path / "data", {"BASIRA_MODEL": slow})
    program.start()
    assert program.process is not None
    try:
        with httpx.Client(base_url=program.url, timeout=30) as web:
            event = asking_event(web.get("/").text)
            conversation = web.post("/api/conversations").json()["id"]
            sent = {"fn_index": event, "data": ["What is this?", conversation, {}], "session_hash": "reader"}
            assert web.post("/gradio_api/queue/join", json=sent).status_code == 200
            links = listening(program)
            heard = b""
            while b"word 3" not in heard:
                heard += links[0].recv(65536)
        start = time.monotonic()
        program.process.send_signal(told)
        code = program.process.wait(timeout=30)
        assert time.monotonic() - start < MOST
        assert code == 0
        for link in links:
            link.close()
    finally:
        program.stop(hard=True)
    assert list((tmp_path / "data" / "temporary").iterdir()) == []
    with Store(tmp_path / "data") as store:
        (turn,) = store.turns("local", conversation)
    assert turn.status == "interrupted"
    assert turn.answer.startswith("word 0")
