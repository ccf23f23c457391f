"""The same interface over HTTP: our engine behind our endpoint, read by our client and by OpenAI's."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from app.model_server import create_model_app
from model import Event, Finish, Message, Piece, Sampling, errors, open_engine, remote, remote_protocol
from tests import checkpoints
from tests.far_end import FarEnd
from tests.own_endpoint import Served

GREEDY = Sampling(temperature=0.0, max_new_tokens=20)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = checkpoints.make_llava(tmp_path_factory.mktemp("remote") / "llava")
    (folder / "generation_config.json").write_text('{"eos_token_id": 1}')
    engine = open_engine(str(folder), quantization="fp32", device="cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(local: Any) -> Iterator[Served]:
    served = Served(create_model_app(local, api_key="sesame"))
    yield served
    served.close()


@pytest.fixture(scope="module")
def engine(server: Served) -> Iterator[remote.RemoteEngine]:
    opened = open_engine(f"openai:http://127.0.0.1:{server.port}/v1#llava", api_key="sesame")
    assert isinstance(opened, remote.RemoteEngine)
    yield opened
    opened.close()


def ask(text: str = "Is it normal?") -> list[Message]:
    return [Message("user", text, (checkpoints.picture(1),))]


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Piece))


def finish_of(events: Sequence[Event]) -> Finish:
    assert sum(isinstance(event, Finish) for event in events) == 1
    last = events[-1]
    assert isinstance(last, Finish)
    return last


def test_a_remote_engine_says_what_the_engine_behind_it_says(engine: remote.RemoteEngine, local: Any) -> None:
    for messages in (ask(), [Message("system", "Be brief."), Message("user", "بلا صورة")]):
        there, here = list(engine.stream(messages, GREEDY)), list(local.stream(messages, GREEDY))
        assert said(there) == said(here) != ""
        assert finish_of(there).reason == finish_of(here).reason
        assert finish_of(there).prompt_tokens == finish_of(here).prompt_tokens
        assert finish_of(there).new_tokens == finish_of(here).new_tokens
    assert engine.identity.name == "llava"
    assert engine.identity.revision == local.identity.revision


def test_a_conversation_keeps_its_cache_on_the_server(engine: remote.RemoteEngine) -> None:
    first = list(engine.stream(ask(), GREEDY, conversation="mine"))
    talk = [*ask(), Message("assistant", said(first)), Message("user", "And now?")]
    second = finish_of(list(engine.stream(talk, GREEDY, conversation="mine")))
    assert second.reused_tokens >= finish_of(first).prompt_tokens
    other = finish_of(list(engine.stream(talk, GREEDY, conversation="not mine")))
    assert other.reused_tokens == 0


def test_cancelling_a_remote_answer_stops_it_here_and_there(engine: remote.RemoteEngine, local: Any) -> None:
    cancel = threading.Event()
    events: list[Event] = []
    for event in engine.stream(ask(), Sampling(temperature=0.0, max_new_tokens=4000), cancel=cancel):
        events.append(event)
        if len(events) == 3:
            cancel.set()
    assert finish_of(events).reason == "stopped"
    assert said(events)
    again = list(engine.stream(ask(), GREEDY))
    assert finish_of(again).reason == "truncated"


def test_the_openai_client_can_use_our_endpoint(server: Served, local: Any) -> None:
    import openai

    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="sesame", max_retries=0)
    assert [entry.id for entry in client.models.list()] == ["llava"]
    content: Any = [
        {"type": "image_url", "image_url": {"url": remote_protocol.data_url(checkpoints.picture(1))}},
        {"type": "text", "text": "Is it normal?"},
    ]
    asked: Any = {"model": "llava", "messages": [{"role": "user", "content": content}], "temperature": 0}
    whole = client.chat.completions.create(**asked, max_tokens=20)
    expected = said(list(local.stream(ask(), GREEDY)))
    assert whole.choices[0].message.content == expected
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 20
    parts = client.chat.completions.create(**asked, max_tokens=20, stream=True)
    assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == expected
    client.close()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x"}], "temperature": -1},
        {"messages": [{"role": "user", "content": "x"}], "n": 2},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "http://evil/x.png"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,eA=="}]}]},
    ],
)
def test_a_malformed_request_is_a_400_in_openai_form(server: Served, body: dict[str, Any]) -> None:
    import httpx

    reply = httpx.post(
        f"http://127.0.0.1:{server.port}/v1/chat/completions", json=body, headers={"Authorization": "Bearer sesame"}
    )
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "BadRequest"


def test_without_the_key_nothing_is_answered(server: Served) -> None:
    with pytest.raises(errors.RemoteRefused, match="401"):
        open_engine(f"openai:http://127.0.0.1:{server.port}/v1", api_key="wrong")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def test_a_server_that_is_not_there_is_named_as_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01, 0.01))
    with pytest.raises(errors.RemoteUnreachable):
        open_engine(f"openai:http://127.0.0.1:{free_port()}/v1")


def test_a_model_the_server_does_not_have_is_not_found(server: Served) -> None:
    with pytest.raises(errors.CheckpointNotFound, match="llava"):
        open_engine(f"openai:http://127.0.0.1:{server.port}/v1#other", api_key="sesame")


class Listening(FarEnd):
    """A real HTTP server that says it is vLLM and remembers what it was asked."""

    asked: ClassVar[list[tuple[str | None, dict[str, Any]]]] = []

    def do_GET(self) -> None:
        self.send(200, json.dumps({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096}]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.headers.get("X-Session-ID"), body))
        word = b'data: {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}\n\n'
        usage = b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}\n\n'
        self.send(200, word + usage + b"data: [DONE]\n\n")


def test_a_conversation_stays_on_one_machine_and_its_cache_is_salted() -> None:
    Listening.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        engine = open_engine(f"openai:http://127.0.0.1:{server.server_port}/v1")
        for conversation in ("secret one", "secret one", "another", None):
            finish = finish_of(list(engine.stream(ask(), GREEDY, conversation=conversation)))
            assert (finish.prompt_tokens, finish.new_tokens) == (9, 1)
        engine.close()
        server.shutdown()
        thread.join()
    sessions = [session for session, _ in Listening.asked]
    salts = [body.get("cache_salt") for _, body in Listening.asked]
    assert sessions == salts
    assert sessions[0] == sessions[1] != sessions[2]
    assert sessions[3] is None
    assert "secret" not in str(Listening.asked)
    part = Listening.asked[0][1]["messages"][0]["content"][0]
    assert part["image_url"]["url"].startswith("data:image/png;base64,")


class Moody(FarEnd):
    """A real HTTP server that is overloaded at first, or breaks in the middle, by its model's name."""

    tries = 0

    def do_GET(self) -> None:
        names = [{"id": name} for name in ("busy twice", "always busy", "breaks", "refuses")]
        self.send(200, json.dumps({"data": names}).encode())

    def do_POST(self) -> None:
        name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        type(self).tries += 1
        if name == "refuses":
            self.send(400, b"{}")
        elif name == "always busy" or (name == "busy twice" and self.tries <= 2):
            self.send(503, b"{}")
        elif name == "breaks":
            self.send(200, b'data: {"choices": [{"delta": {"content": "half "}}]}\n\n')
        else:
            word = b'data: {"choices": [{"delta": {"content": "whole"}, "finish_reason": "stop"}]}\n\n'
            self.send(200, word + b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("name", "expected", "tries", "text"),
    [
        ("busy twice", None, 3, "whole"),
        ("always busy", errors.RemoteBusy, 4, ""),
        ("breaks", errors.RemoteUnreachable, 1, "half "),
        ("refuses", errors.RemoteRefused, 1, ""),
    ],
)
def test_a_busy_server_is_asked_again_but_never_after_the_first_words(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: type[Exception] | None, tries: int, text: str
) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01, 0.01))
    Moody.tries = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        engine = open_engine(f"openai:http://127.0.0.1:{server.server_port}/v1#{name}")
        events = list(engine.stream([Message("user", "?")], GREEDY))
        engine.close()
        server.shutdown()
        thread.join()
    assert said(events) == text
    assert Moody.tries == tries
    error = finish_of(events).error
    assert error is None if expected is None else isinstance(error, expected)
