"""Who may talk to the program, and what every answer of it forbids."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.guard import Guard


def client(host: str = "127.0.0.1") -> TestClient:
    def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("inside")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    return TestClient(Guard(app, host=host), base_url="http://127.0.0.1:7860")


def test_our_own_page_may_read_and_write() -> None:
    assert client().get("/").text == "inside"
    assert client().post("/", headers={"origin": "http://127.0.0.1:7860"}).text == "inside"


def test_a_program_without_origin_may_write() -> None:
    assert client().post("/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:7861"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_site_cannot_write(headers: dict[str, str]) -> None:
    assert client().post("/", headers=headers).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", ""])
def test_a_name_rebound_to_this_machine_gets_nothing(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860"])
def test_the_loopback_is_known_by_all_its_names(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


def test_bound_to_every_address_any_host_is_served_but_still_no_foreign_origin() -> None:
    opened = client("0.0.0.0")
    assert opened.get("/", headers={"host": "reading-room.hospital"}).status_code == 200
    assert (
        opened.post("/", headers={"host": "reading-room.hospital", "origin": "http://x"}).status_code == 403
    )


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://evil.example",
        "/gradio_api/deep_link",
        "/gradio_api/process_recording",
        "/gradio_api/component_server",
        "/gradio_api/info",
        "/gradio_api/vibe-edit",
        "/monitoring",
        "/config",
        "/runs",
    ],
)
def test_what_gradio_would_leave_open_is_closed(path: str) -> None:
    assert client().get(path).status_code == 404
    assert client().post(path + "/more").status_code == 404


def test_every_answer_carries_the_policy_that_forbids_other_hosts() -> None:
    for response in (client().get("/"), client().get("/", headers={"host": "evil.example"})):
        policy = response.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "connect-src 'self'" in policy
        assert "http" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
