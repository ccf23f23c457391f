"""What a request may carry, over every event of the running page and both ways to reach it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.bodies import LARGEST, Bodies
from app.guard import Guard
from app.loading import LoadingEngine
from app.locale import Locale
from app.server import create_app
from app.settings import Settings
from model import Engine, ModelError
from storage import Store
from tests.serving import Program

WAYS = ("run/predict", "queue/join")
SECRET = b"MUSTERMANN^ERIKA"


def file_at(path: Any, **more: Any) -> dict[str, Any]:
    return {"path": path, "orig_name": "x", "meta": {"_type": "gradio.FileData"}, **more}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    data = tmp_path_factory.mktemp("bodies") / "data"
    running = Program(data, {"BASIRA_MODEL": "openai:http://127.0.0.1:9/v1#none"})
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def web(program: Program) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=program.url, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def events(web: httpx.Client) -> dict[int, int]:
    """For every event of the page as it was served how many values it reads."""
    found = re.search(r"window\.gradio_config = (\{.*?\});</script>", web.get("/").text, re.DOTALL)
    assert found is not None
    return {event["id"]: len(event["inputs"]) for event in json.loads(found[1])["dependencies"]}


def asked(event: int, values: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"fn_index": event, "data": [value] * max(1, values), "session_hash": f"session{event}", **more}


class Elsewhere(HTTPServer):
    """A server that nobody is to ask for anything."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Fetched)
        self.fetched: list[str] = []


class _Fetched(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Elsewhere)
        self.server.fetched.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("way", WAYS)
def test_no_event_reads_a_file_or_an_address_that_a_request_names(
    way: str, program: Program, web: httpx.Client, events: dict[int, int], elsewhere: Elsewhere, tmp_path: Path
) -> None:
    planted = tmp_path / "planted.svg"
    planted.write_bytes(SECRET)
    address = f"http://127.0.0.1:{elsewhere.server_port}/x"
    named: list[Any] = [
        file_at("/dev/zero"),
        file_at(str(planted)),
        file_at(str(planted), is_stream=True),
        file_at(address),
        file_at("x", url=address),
        [[{"deep": {"er": [file_at(str(planted))]}}]],
        {"path": str(planted)},
        {"path": str(planted), "meta": "gradio.FileData"},
        {"path": None, "meta": {"_type": "gradio.FileData"}},
        {"value": file_at(str(planted))},
        {"__type__": "update", "value": file_at(str(planted))},
    ]
    assert len(events) >= 10
    for event, values in events.items():
        for value in named:
            for body in (asked(event, values, value), asked(event, values, "x", event_data={"id": value})):
                answer = web.post(f"/gradio_api/{way}", json=body)
                assert answer.status_code == 400, (event, value)
                assert set(answer.json()["sentence"]) == {"en", "ar"}
    assert web.get("/healthz", timeout=2).status_code == 200
    assert elsewhere.fetched == []
    assert not any(SECRET in path.read_bytes() for path in program.data.rglob("*") if path.is_file())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-json", ""])
def test_what_is_not_called_json_is_not_read(way: str, kind: str, web: httpx.Client) -> None:
    sent = json.dumps(asked(0, 1, file_at("/dev/zero"))).encode()
    answer = web.post(f"/gradio_api/{way}", content=sent, headers={"content-type": kind} if kind else {})
    assert answer.status_code == 415


@pytest.mark.parametrize("way", ["call/open_page", "call/v2/open_page", "api/predict", "upload", "component_server"])
def test_gradios_other_ways_in_are_closed(way: str, web: httpx.Client) -> None:
    for path in (way, f"{way}/", f"/{way}", way.upper()):
        answer = web.post(f"/gradio_api/{path}", json={"data": ["x"]})
        assert answer.status_code in (404, 405, 307), path


def test_what_the_page_itself_sends_is_answered(web: httpx.Client, events: dict[int, int]) -> None:
    first = min(event for event, values in events.items() if values == 1)
    answer = web.post("/gradio_api/run/predict", json=asked(first, 1, ""))
    assert answer.status_code == 200


# The same door by itself, before something that repeats what came through.


@pytest.fixture(scope="module")
def door() -> TestClient:
    async def repeat(request: Request) -> JSONResponse:
        return JSONResponse({"body": (await request.body()).decode(), "kind": request.headers.get("content-type")})

    return TestClient(
        Starlette(routes=[Route("/{path:path}", repeat, methods=["POST"])], middleware=[Middleware(Bodies)])
    )


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "sent",
    [
        b'{"data": [1], "data": [2]}',
        b'{"a": {"b": 1, "b": 2}}',
        rb'{"data": [{"\u0070ath": "/dev/zero", "meta": {"_type": "gradio.FileData"}}]}',
        json.dumps({"data": [file_at("/dev/zero")]}).encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"data": []}',
        b'{"data": [NaN]}',
        b'{"data": [Infinity]}',
        b"[1]",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b'{"data": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"data": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"data": ' + b"9" * 100_000 + b"}",
        b'{"session_hash": "' + b"s" * 65 + b'"}',
        b'{"session_hash": {}}',
    ],
    ids=range(16),
)
def test_json_that_readers_may_understand_differently_is_refused(sent: bytes, door: TestClient) -> None:
    answer = door.post("/gradio_api/queue/join", content=sent, headers=JSON)
    assert answer.status_code == 400
    assert set(answer.json()["sentence"]) == {"en", "ar"}


@pytest.mark.timeout(30)
@pytest.mark.parametrize("part", [b'\\"', b'"\\', b'"', b"\\", b"[{", b'"]'], ids=repr)
@pytest.mark.parametrize("begin", [b'"', b"", b"["])
def test_no_body_takes_longer_than_its_length_to_look_at(begin: bytes, part: bytes, door: TestClient) -> None:
    body = begin + part * (1_000_000 // len(part))
    assert door.post("/x", content=body, headers={"content-type": "application/json"}).status_code == 400


def test_a_body_too_large_for_anything_written_is_refused_whatever_it_announces(door: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(LARGEST // 65536 + 1):
            yield b" " * 65536

    answer = door.post("/api/turns/1/rating", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert "Shorten" in answer.json()["sentence"]["en"]


def test_gradio_is_told_only_what_the_page_says_and_in_our_words(door: TestClient) -> None:
    sent = ' {"data" : ["سؤال"], "oauth_token": "x", "batched": true, "simple_format": true, "fn_index": 3}'
    answer = door.post("/gradio_api/queue/join", content=sent.encode(), headers=JSON)
    assert json.loads(answer.json()["body"]) == {"data": ["سؤال"], "fn_index": 3}
    ours = door.post("/api/turns/1/rating", json={"thumb": "up", "comment": "جيد"})
    assert json.loads(ours.json()["body"]) == {"thumb": "up", "comment": "جيد"}


def test_a_write_without_a_body_and_an_upload_pass(door: TestClient) -> None:
    assert door.post("/api/conversations").json()["body"] == ""
    assert "--" in door.post("/api/upload", files={"files": b"x"}).json()["body"]
    assert door.post("/api/elsewhere", files={"files": b"x"}).status_code == 415


# What lies behind the door: Gradio's own check, and its routes.


def never(progress: object) -> Engine:
    raise ModelError("no model in this test")


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Gradio's application as we mount it, without anything before it."""
    data = tmp_path_factory.mktemp("inside") / "data"
    settings = Settings(model="openai:http://127.0.0.1:9/v1#none", data=data)

    async def built(store: Store) -> FastAPI:  # with a loop about, Gradio makes none of its own
        return create_app(settings, store, LoadingEngine(never), Locale("en"))

    with Store(data) as store:
        whole = asyncio.run(built(store))
        mounted = [route.app for route in whole.routes if getattr(route, "path", None) == ""]
        assert isinstance(mounted[0], FastAPI)
        yield mounted[0]


def test_gradio_itself_refuses_files_nobody_uploaded_should_one_come_through(
    inside: FastAPI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "gradio"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(kept))
    planted = tmp_path / "planted"
    planted.write_bytes(SECRET)
    mounted: Any = inside
    blocks = mounted.get_blocks()
    direct = [event._id for event in blocks.fns.values() if event.inputs and not event.queue]
    assert len(direct) > 1
    with TestClient(inside) as client:
        for path in (str(planted), "/dev/zero"):  # the second never ends where the first one is read
            for event in direct:
                answer = client.post("/gradio_api/run/predict", json=asked(event, 1, file_at(path)))
                assert answer.status_code == 500, (event, path)
            assert not any(SECRET in found.read_bytes() for found in kept.rglob("*") if found.is_file())


def paths_of(routes: Any) -> Iterator[str]:
    for route in routes:
        if hasattr(route, "path"):
            yield route.path
        else:
            yield from paths_of(getattr(route, "routes", None) or route.original_router.routes)


OPEN = {
    "/", "/assets/{path:path}", "/favicon.ico", "/manifest.json", "/robots.txt", "/static/{path:path}", "/theme.css",
    "/gradio_api/app_id", "/gradio_api/cancel", "/gradio_api/heartbeat/{session_hash}", "/gradio_api/queue/data",
    "/gradio_api/queue/join", "/gradio_api/reset", "/gradio_api/run/{api_name}", "/gradio_api/run/{api_name}/",
    "/gradio_api/startup-events", "/gradio_api/theme.css",
}  # fmt: skip


def test_every_route_of_gradio_is_closed_but_those_the_page_needs(inside: FastAPI) -> None:
    """A route that another version of Gradio brings is found here, before it is served."""

    def answer(_: Request) -> JSONResponse:
        return JSONResponse({})

    guarded = TestClient(
        Guard(Starlette(routes=[Route("/{path:path}", answer)]), host="127.0.0.1"), base_url="http://127.0.0.1"
    )
    found = set(paths_of(inside.routes))
    assert len(found) > 40
    reached = {path for path in found if guarded.get(re.sub(r"\{[^}]*\}", "x", path)).status_code == 200}
    assert reached == OPEN
