"""Who may talk to the program, and what every answer of it forbids."""

from __future__ import annotations

import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.guard import Guard


def client(host: str = "127.0.0.1", *names: str) -> TestClient:
    def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("inside")

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    return TestClient(Guard(app, host=host, names=names), base_url="http://127.0.0.1:7860")


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


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[", "192.0.2.7"])
def test_a_name_rebound_to_this_machine_gets_nothing(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:7860", "LocalHost:7860", "127.0.0.1:7860", "[::1]:7860"])
def test_the_loopback_is_known_by_all_its_names(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


every_address = pytest.mark.parametrize("bound", ["0.0.0.0", "0", "::", "::0"])


@every_address
def test_bound_to_every_address_figures_and_the_machines_own_name_are_served(bound: str) -> None:
    opened = client(bound)
    for host in ("127.0.0.1:7860", "192.0.2.7:7860", "[2001:db8::7]:7860", "localhost", f"{socket.gethostname()}:7860"):
        assert opened.get("/", headers={"host": host}).status_code == 200, host
    assert opened.post("/", headers={"host": "192.0.2.7", "origin": "http://x"}).status_code == 403


@every_address
@pytest.mark.parametrize("host", ["evil.example:7860", "reading-room.hospital", "192.0.2.7.evil.example", "[", ""])
def test_bound_to_every_address_a_name_nobody_gave_it_is_still_refused(bound: str, host: str) -> None:
    refused = client(bound).get("/", headers={"host": host})
    assert refused.status_code == 403
    assert "BASIRA_HOSTNAMES" in refused.text


@pytest.mark.parametrize("bound", ["0.0.0.0", "127.0.0.1"])
def test_further_names_are_those_the_operator_gives_whatever_their_case(bound: str) -> None:
    opened = client(bound, "reading-room.hospital", "basira.example")
    for host in ("reading-room.hospital:443", "Basira.Example"):
        assert opened.get("/", headers={"host": host}).status_code == 200
        assert opened.post("/", headers={"host": host, "origin": f"https://{host.lower()}"}).status_code == 200
    assert opened.get("/", headers={"host": "evil.example"}).status_code == 403


def test_a_host_written_in_capitals_is_known_as_browsers_write_it() -> None:
    assert client("MyBox.Hospital").get("/", headers={"host": "mybox.hospital:7860"}).status_code == 200


def test_an_origin_that_is_no_address_is_foreign() -> None:
    assert client().post("/", headers={"origin": "http://["}).status_code == 403


def test_nobody_gets_a_websocket() -> None:
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("/"):
        pass


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
