"""The key: nobody is served without it where other machines reach the page, and it is never seen again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.address import is_loopback
from app.entrance import Entrance
from tests.page import browser_page
from tests.serving import ROOT, Program, free_port

KEY = "a-key-that-nobody.guesses_07"
PATHS = (
    "/",
    "/page/web/page.js",
    "/page/web/page.css",
    "/favicon.ico",
    "/assets/x",
    "/theme.css",
    "/api/model",
    "/api/pictures/x",
    "/api/series/x/frames/0",
    "/gradio_api/queue/data?session_hash=x",
    "/gradio_api/heartbeat/x",
    "/gradio_api/app_id",
    "/nowhere",
    f"/page/?key={KEY}",
    f"/healthz/?key={KEY}",
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    data = tmp_path_factory.mktemp("entrance") / "data"
    model = {"BASIRA_MODEL": "openai:http://127.0.0.1:9/v1#none"}
    running = Program(data, {**model, "BASIRA_HOST": "0.0.0.0", "BASIRA_PAGE_KEY": KEY})
    running.start()
    yield running
    running.stop()


def client(program: Program, **more: str) -> httpx.Client:
    return httpx.Client(base_url=program.url, timeout=20, headers=more)


def test_without_the_key_nothing_is_served_but_the_sign_of_life(program: Program) -> None:
    with client(program) as stranger:
        for path in PATHS:
            answer = stranger.get(path)
            assert answer.status_code == 401, path
            assert set(answer.json()["sentence"]) == {"en", "ar"}
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/api/upload", "/api/conversations", "/gradio_api/queue/join", "/gradio_api/run/predict"):
            assert stranger.post(path, json={"data": []}).status_code == 401, path
        assert stranger.get("/healthz").json()["status"] == "ok"


def test_the_link_is_answered_with_a_cookie_and_an_address_without_the_key(program: Program) -> None:
    with client(program) as reader:
        came = reader.get("/", params={"key": KEY, "x": "y z"})
        assert (came.status_code, came.headers["location"]) == (303, "/?x=y+z")
        cookie = came.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "no-store" in came.headers["cache-control"]
        assert KEY not in str(came.headers)
        for path in ("/", "/page/web/page.js", "/api/model", "/gradio_api/app_id"):
            assert reader.get(path).status_code == 200, path


def test_the_key_is_written_nowhere(program: Program) -> None:
    with client(program) as reader:
        reader.get("/", params={"key": KEY})
        reader.get("/", params={"key": "another-key-of-this-length"})
    assert KEY not in program.log
    assert "another-key" not in program.log
    assert "/?key=…" in program.log, "how to come in is said"
    kept = [path for path in program.data.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize("cookie", ["", KEY, "0" * 64, "é"])
def test_a_cookie_made_up_opens_nothing(cookie: str, program: Program) -> None:
    with client(program) as stranger:
        headers = {"cookie": f"basira-{program.port}={cookie}".encode()}
        assert stranger.get("/api/model", headers=headers).status_code == 401


def test_who_has_no_key_or_a_wrong_one_reads_why_in_both_languages(program: Program) -> None:
    with browser_page() as page:
        page.goto(program.url)
        expect(page.locator("p[lang=en]")).to_contain_text("ends in “/?key=…”")
        expect(page.locator("p[lang=ar][dir=rtl]")).to_contain_text("تطلب قاعة القراءة هذه مفتاحًا")
        page.goto(f"{program.url}/?key=not-the-right-key-at-all")
        expect(page.locator("p[lang=en]")).to_contain_text("not the key of this reading room")
        expect(page.locator("p[lang=ar][dir=rtl]")).to_contain_text("ليس هذا مفتاح قاعة القراءة هذه")


def test_a_page_whose_key_was_changed_asks_for_the_new_one_instead_of_calling_the_server_dead(tmp_path: Path) -> None:
    model = {"BASIRA_MODEL": "openai:http://127.0.0.1:9/v1#none"}
    running = Program(tmp_path / "data", {**model, "BASIRA_PAGE_KEY": KEY})
    running.start()
    try:
        with browser_page() as page:
            page.goto(f"{running.url}/?key={KEY}")
            page.wait_for_function("window.basira !== undefined")
            running.stop()
            running.environment["BASIRA_PAGE_KEY"] = "another-key-of-this-length"
            running.start()
            expect(page.locator("p[lang=en]")).to_contain_text("ends in “/?key=…”")
    finally:
        running.stop()


class _Mail(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        assert isinstance(self.server, _Site)
        self.wfile.write(f'<a href="{self.server.link}">the reading room</a>'.encode())

    def log_message(self, *_: object) -> None:
        pass


class _Site(HTTPServer):
    link = ""


@pytest.fixture
def another_site() -> Iterator[_Site]:
    site = _Site(("127.0.0.1", 0), _Mail)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield site
    site.shutdown()
    site.server_close()


def test_a_link_followed_from_another_site_opens_the_page_and_so_does_one_without_the_key_afterwards(
    program: Program, another_site: _Site
) -> None:
    with browser_page() as page:
        for link in (f"{program.url}/?key={KEY}", program.url):
            another_site.link = link
            page.goto(f"http://localhost:{another_site.server_port}/")
            page.click("a")
            expect(page.locator("#question textarea")).to_be_visible(timeout=20_000)
            assert "key" not in page.url
        assert "key" not in page.evaluate("document.cookie + performance.getEntriesByType('navigation')[0].name")


def test_an_address_beyond_this_machine_is_not_served_without_a_key(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "BASIRA_DATA": str(tmp_path), "BASIRA_HOST": "0.0.0.0"}
    environment |= {"BASIRA_PORT": str(free_port()), "HOME": str(tmp_path)}
    for language, words in (("en", "Other machines could reach 0.0.0.0"), ("ar", "يمكن لأجهزة أخرى")):
        ended = subprocess.run(
            [sys.executable, "-m", "app"], cwd=ROOT, capture_output=True, text=True, timeout=60,
            env={**environment, "BASIRA_LANG": language},
        )  # fmt: skip
        assert ended.returncode != 0
        assert words in ended.stderr
        assert "BASIRA_PAGE_KEY=" in ended.stderr, "how to set one is said"


def test_a_name_that_also_means_another_address_is_no_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.1.1", "192.0.2.7")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert not is_loopback("reading-room")


# The entrance by itself.


def entrance(key: str | None) -> TestClient:
    def repeat(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.query)

    routes = [Route("/{path:path}", repeat, methods=["GET", "POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Entrance, key=key, port=7860)]))


def test_without_a_key_set_everybody_comes_in() -> None:
    assert entrance(None).get("/?key=anything").text == "key=anything"


def test_the_key_is_taken_by_a_get_of_the_page_alone_and_sends_nobody_elsewhere() -> None:
    opened = entrance(KEY)
    for path in (f"http://testserver//evil.example/?key={KEY}", f"/x?key={KEY}"):
        assert opened.get(path, follow_redirects=False).status_code == 401
    assert opened.post(f"/?key={KEY}", follow_redirects=False).status_code == 401
    assert opened.get("/", params={"key": [KEY, "wrong-key-wrong-key"]}, follow_redirects=False).status_code == 403


def test_another_key_locks_out_who_came_with_the_one_before() -> None:
    first, second = entrance(KEY), entrance(KEY + "x")
    given = first.get(f"/?key={KEY}", follow_redirects=False).cookies["basira-7860"]
    headers = {"cookie": f"basira-7860={given}"}
    assert [entry.get("/x", headers=headers).status_code for entry in (first, second)] == [200, 401]


def test_a_program_is_told_in_json_and_a_browser_on_a_page() -> None:
    opened = entrance(KEY)
    assert json.loads(opened.get("/").text)["sentence"]["ar"]
    page = opened.get("/", headers={"accept": "text/html"}).text
    assert "<html" in page
    assert "refresh" not in page
