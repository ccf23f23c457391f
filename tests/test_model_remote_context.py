"""What is done when another server's context is too short, and what other servers' errors come to mean."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from model import Event, Message, Sampling, errors, open_engine, remote
from tests import checkpoints
from tests.asking import only_finish, text_of
from tests.far_end import FarEnd

CONTEXT = 400  # tokens of the server below, where every word is one
ANSWER = Sampling(temperature=0.0, max_new_tokens=100)

REFUSALS = {  # as these servers word it
    "vllm": {
        "error": {
            "message": f"This model's maximum context length is {CONTEXT} tokens. However, you requested 100 output "
            "tokens and your prompt contains at least 301 input tokens, for a total of at least 401 tokens.",
            "type": "BadRequestError",
            "param": "input_tokens",
            "code": 400,
        }
    },
    "older vllm": {
        "object": "error",
        "message": f"This model's maximum context length is {CONTEXT} tokens. However, you requested 500 tokens (400 "
        "in the messages, 100 in the completion). Please reduce the length of the messages or completion.",
        "type": "BadRequestError",
        "code": 400,
    },
    "openai": {"error": {"message": "Shorten it.", "type": "invalid_request_error", "code": "context_length_exceeded"}},
    "llama.cpp": {
        "error": {
            "code": 400,
            "message": f"request (500 tokens) exceeds the available context size ({CONTEXT} tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 500,
            "n_ctx": CONTEXT,
        }
    },
    "sglang": {
        "object": "error",
        "message": f"The input (500 tokens) is longer than the model's context length ({CONTEXT} tokens).",
        "type": "BadRequestError",
        "code": 400,
    },
}


class Strict(FarEnd):
    """A real HTTP server that, as vLLM does, refuses a prompt and answer that are longer than its context."""

    asked: ClassVar[list[dict[str, Any]]] = []
    refusal: ClassVar[dict[str, Any]] = REFUSALS["vllm"]
    status: ClassVar[int] = 400
    stream: ClassVar[bytes | None] = None
    """What it streams in place of an answer."""
    left: ClassVar[threading.Event | None] = None
    """When given, nothing is answered, and this is set when the client has gone."""

    def do_GET(self) -> None:
        self.send(200, json.dumps({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": CONTEXT}]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        if self.left is not None:
            assert self.rfile.read(1) == b""
            self.left.set()
        elif self.stream is not None:
            self.send(200, self.stream)
        elif tokens_of(body) + body["max_tokens"] > CONTEXT:
            self.send(self.status, json.dumps(self.refusal).encode())
        else:
            word = b'data: {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}\n\n'
            self.send(200, word + b"data: [DONE]\n\n")


def tokens_of(body: dict[str, Any]) -> int:
    """Words, and 50 for a picture."""
    parts = [message["content"] for message in body["messages"]]
    texts = [[{"type": "text", "text": part}] if isinstance(part, str) else part for part in parts]
    flat = [part for text in texts for part in text]
    return sum(len(part["text"].split()) if part["type"] == "text" else 50 for part in flat)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[remote.RemoteEngine]:
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01, 0.01))
    monkeypatch.setattr(Strict, "asked", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Strict) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        opened = open_engine(f"openai:http://127.0.0.1:{server.server_port}/v1")
        assert isinstance(opened, remote.RemoteEngine)
        yield opened
        opened.close()
        server.shutdown()
        thread.join()


def words(name: str, count: int) -> str:
    return f"{name} " + "word " * (count - 1)


def talk(turns: int, each: int = 40) -> list[Message]:
    """Instruction, `turns` questions of half of `each` words with their answers, and a last question."""
    messages = [Message("system", "Be brief.")]
    for turn in range(turns):
        messages.append(Message("user", words(f"question-{turn}", each // 2)))
        messages.append(Message("assistant", words(f"answer-{turn}", each // 2)))
    return [*messages, Message("user", "last one?")]


def first_words(body: dict[str, Any]) -> list[str]:
    return [str(message["content"]).split()[0] for message in body["messages"]]


# --- a context that is too short ---


@pytest.mark.parametrize("server", list(REFUSALS))
def test_a_conversation_that_outgrew_the_servers_context_goes_on_without_its_oldest_turns(
    monkeypatch: pytest.MonkeyPatch, engine: remote.RemoteEngine, server: str
) -> None:
    monkeypatch.setattr(Strict, "refusal", REFUSALS[server])
    events = list(engine.stream(talk(20), ANSWER))
    finish = only_finish(events)
    assert finish.error is None
    assert text_of(events) == "yes"
    left_out = finish.left_out_turns
    assert 0 < left_out < 20
    answered = Strict.asked[-1]
    assert first_words(answered)[:2] == ["Be", f"question-{left_out}"]
    assert first_words(answered)[-1] == "last"
    assert answered["max_tokens"] == 100
    assert len(Strict.asked) <= 4


def test_nothing_is_left_out_of_a_conversation_that_fits(engine: remote.RemoteEngine) -> None:
    messages = talk(7)
    finish = only_finish(list(engine.stream(messages, ANSWER)))
    assert finish.left_out_turns == 0
    (asked,) = Strict.asked
    assert len(asked["messages"]) == len(messages)
    assert asked["max_tokens"] == 100


def test_a_growing_conversation_keeps_its_beginning_for_many_turns(engine: remote.RemoteEngine) -> None:
    beginnings = []
    for turns in range(10, 60):
        assert only_finish(list(engine.stream(talk(turns, 10), ANSWER))).error is None
        beginnings.append(first_words(Strict.asked[-1])[1])
    assert len(set(beginnings)) <= 6  # else what the server has cached is of no use


def test_a_wish_for_a_long_answer_costs_no_turns(engine: remote.RemoteEngine) -> None:
    finish = only_finish(list(engine.stream(talk(7), Sampling(temperature=0.0, max_new_tokens=1024))))
    assert finish.error is None
    assert finish.left_out_turns == 0
    assert [asked["max_tokens"] for asked in Strict.asked] == [1024, CONTEXT // 4]


def test_a_last_question_that_nearly_fills_the_context_gets_a_short_answer(engine: remote.RemoteEngine) -> None:
    messages = [*talk(3)[:-1], Message("user", words("last", CONTEXT - 30))]
    finish = only_finish(list(engine.stream(messages, ANSWER)))
    assert finish.error is None
    assert finish.left_out_turns == 3
    assert Strict.asked[-1]["max_tokens"] < 30


def test_a_last_question_beyond_the_context_is_said_to_be_too_long(engine: remote.RemoteEngine) -> None:
    messages = [*talk(3)[:-1], Message("user", words("last", CONTEXT + 1))]
    finish = only_finish(list(engine.stream(messages, ANSWER)))
    assert isinstance(finish.error, errors.ContextTooLong)
    assert len(Strict.asked) < 12


def test_the_newest_picture_stays_when_its_turn_goes(engine: remote.RemoteEngine) -> None:
    first = Message("user", words("question", 20), (checkpoints.picture(1),))
    finish = only_finish(list(engine.stream([first, *talk(20)[1:]], ANSWER)))
    assert finish.left_out_turns > 0
    question = Strict.asked[-1]["messages"][0]
    assert question["content"][0]["type"] == "image_url"


# --- other errors ---


@pytest.mark.parametrize(
    ("status", "refusal", "expected", "tries"),
    [
        (400, {"error": {"message": "no such parameter", "type": "BadRequestError"}}, errors.RemoteRefused, 1),
        (404, {"error": {"message": f"maximum context length is {CONTEXT}"}}, errors.RemoteRefused, 1),
        (429, {"error": {"type": "QueueFull"}}, errors.RemoteBusy, 4),
        (500, {"error": {"type": "NumbersBroke"}}, errors.NumbersBroke, 1),
        (400, {"error": {"type": "ImagesNotAccepted"}}, errors.ImagesNotAccepted, 1),
        (400, {"error": {"type": "ContextTooLong", "code": "context_length_exceeded"}}, errors.ContextTooLong, 1),
        (503, ["not", "an", "object"], errors.RemoteBusy, 4),
        (400, {"error": "a string"}, errors.RemoteRefused, 1),
    ],
)
def test_what_a_server_reports_becomes_the_class_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    engine: remote.RemoteEngine,
    status: int,
    refusal: Any,
    expected: type[Exception],
    tries: int,
) -> None:
    monkeypatch.setattr(Strict, "refusal", refusal)
    monkeypatch.setattr(Strict, "status", status)
    finish = only_finish(list(engine.stream(talk(20), ANSWER)))
    assert type(finish.error) is expected
    assert len(Strict.asked) == tries


@pytest.mark.parametrize(
    ("reported", "expected", "tries"),
    [
        ({"error": {"type": "OutOfMemory", "code": None}}, errors.OutOfMemory, 1),
        ({"error": {"type": "QueueFull", "code": None}}, errors.RemoteBusy, 4),
        ({"error": {"type": "BadRequestError", "code": 400, "message": "no"}}, errors.RemoteRefused, 1),
        ({"object": "error", "code": 400, "message": "no"}, errors.RemoteRefused, 1),
        ({"error": {"message": "the engine died"}}, errors.RemoteBusy, 4),
    ],
)
def test_an_error_within_a_stream_means_what_it_says(
    monkeypatch: pytest.MonkeyPatch,
    engine: remote.RemoteEngine,
    reported: dict[str, Any],
    expected: type[Exception],
    tries: int,
) -> None:
    monkeypatch.setattr(Strict, "stream", f"data: {json.dumps(reported)}\n\n".encode())
    finish = only_finish(list(engine.stream(talk(1), ANSWER)))
    assert type(finish.error) is expected
    assert len(Strict.asked) == tries


def test_an_error_after_the_first_words_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, engine: remote.RemoteEngine
) -> None:
    half = b'data: {"choices": [{"delta": {"content": "half "}}]}\n\ndata: {"error": {"type": "QueueFull"}}\n\n'
    monkeypatch.setattr(Strict, "stream", half)
    events = list(engine.stream(talk(1), ANSWER))
    assert isinstance(only_finish(events).error, errors.RemoteBusy)
    assert text_of(events) == "half "
    assert len(Strict.asked) == 1


# --- the connection ---


def test_cancelling_closes_the_connection_before_the_server_has_said_anything(
    monkeypatch: pytest.MonkeyPatch, engine: remote.RemoteEngine
) -> None:
    left = threading.Event()
    monkeypatch.setattr(Strict, "left", left)
    cancel = threading.Event()
    events: list[Event] = []
    asker = threading.Thread(target=lambda: events.extend(engine.stream(talk(1), ANSWER, cancel=cancel)))
    asker.start()
    while not Strict.asked:
        assert asker.is_alive()
        time.sleep(0.01)
    cancel.set()
    assert left.wait(10)
    asker.join(timeout=10)
    assert only_finish(events).reason == "stopped"


def test_an_answer_may_hold_every_character_that_some_call_a_line_end(
    monkeypatch: pytest.MonkeyPatch, engine: remote.RemoteEngine
) -> None:
    odd = "a\u2028b\u0085c\x0bd\x1ce"
    chunk = json.dumps({"choices": [{"delta": {"content": odd}, "finish_reason": "stop"}]}, ensure_ascii=False)
    monkeypatch.setattr(Strict, "stream", f"data: {chunk}\r\n\r\ndata: [DONE]\r\n\r\n".encode())
    events = list(engine.stream(talk(1), ANSWER))
    assert text_of(events) == odd
    assert only_finish(events).reason == "complete"
