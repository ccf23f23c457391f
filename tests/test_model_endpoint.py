"""Our endpoint with one reader at a time: who leaves frees the place, errors keep their meaning, clients take turns."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.model_server import create_model_app
from model import Event, Finish, Message, Sampling, Waiting, errors, open_engine, remote
from model.local import LocalEngine
from tests import asking, checkpoints
from tests.asking import only_finish, text_of, until
from tests.own_endpoint import Served, connected

LONG = Sampling(temperature=0.0, max_new_tokens=6000, may_repeat=True)
SHORT = Sampling(temperature=0.0, max_new_tokens=5)
WAITING = 64
HELD = 0.1  # seconds at least that who is behind the holder waits


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A tiny Llava for one reader whose answers are as long as asked."""
    opened = asking.opened(checkpoints.make_llava(tmp_path_factory.mktemp("endpoint") / "llava"), readers=1)
    opened.scheduler._end_tokens = frozenset()
    opened.scheduler._queue.most = WAITING
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(local: LocalEngine) -> Iterator[Served]:
    served = Served(create_model_app(local, most_new_tokens=6000))
    yield served
    served.close()


@pytest.fixture(scope="module")
def engine(server: Served) -> Iterator[remote.RemoteEngine]:
    with connected(server) as opened:
        yield opened


@contextlib.contextmanager
def held(local: LocalEngine) -> Iterator[None]:
    """The engine's one place is taken, by an answer that outlasts the test."""
    leave = threading.Event()
    answer = [Message("user", "hold")]
    holder = threading.Thread(target=lambda: list(local.stream(answer, LONG, cancel=leave, reader="holder")))
    holder.start()
    try:
        until(lambda: local.scheduler._active == 1)
        yield
        time.sleep(HELD)
        assert local.scheduler._active == 1, "the holder ended: nobody can be said to have waited"
    finally:
        leave.set()
        holder.join()
        until(lambda: not local.scheduler._active and not len(local.scheduler._queue))


def stand_in_line(local: LocalEngine, askers: list[threading.Thread]) -> None:
    """All ask while the engine's one place is taken, each in the queue before the next; then all are answered."""
    with held(local):
        for number, asker in enumerate(askers, start=1):
            asker.start()
            until(lambda number=number: len(local.scheduler._queue) == number)  # type: ignore[misc]  # bound default
    for asker in askers:
        asker.join(timeout=30)


def body(text: str = "What is it?", **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 6000} | fields


def post(server: Served, asked: dict[str, Any], source: str = "127.0.0.1") -> http.client.HTTPConnection:
    """A client that has asked and has not looked at what comes back."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, source_address=(source, 0), timeout=30)
    client.request("POST", "/v1/chat/completions", json.dumps(asked), {"Content-Type": "application/json"})
    return client


# --- leaving ---


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_while_it_waits_leaves_the_queue(local: LocalEngine, server: Served, stream: bool) -> None:
    with held(local):
        client = post(server, body(stream=stream))
        until(lambda: len(local.scheduler._queue) == 1)
        client.close()
        until(lambda: not len(local.scheduler._queue))


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_its_answer_frees_the_engine(local: LocalEngine, server: Served, stream: bool) -> None:
    client = post(server, body(stream=stream))
    until(lambda: local.scheduler._active == 1)
    running = next(iter((*local.scheduler._reading, *local.scheduler._batch)))
    client.close()
    until(lambda: running.finish is not None)
    assert running.finish is not None
    assert running.finish.reason == "stopped"


def test_cancelling_our_client_while_it_waits_leaves_the_servers_queue(
    local: LocalEngine, engine: remote.RemoteEngine
) -> None:
    cancel = threading.Event()
    events: list[Event] = []
    with held(local):
        stream = engine.stream([Message("user", "second")], LONG, cancel=cancel)
        waiting = threading.Thread(target=lambda: events.extend(stream))
        waiting.start()
        until(lambda: len(local.scheduler._queue) == 1)
        cancel.set()
        waiting.join(timeout=10)
        assert only_finish(events).reason == "stopped"
        until(lambda: not len(local.scheduler._queue))


def test_closing_our_client_ends_its_answers_here_and_there(local: LocalEngine, server: Served) -> None:
    client = open_engine(f"openai:http://127.0.0.1:{server.port}/v1")
    stream = client.stream([Message("user", "?")], LONG)
    next(stream)
    client.close()
    assert only_finish(list(stream)).reason == "stopped"
    until(lambda: not local.scheduler._active)
    assert isinstance(only_finish(list(client.stream([Message("user", "?")]))).error, errors.EngineClosed)
    client.close()


def test_more_waiting_answers_than_a_web_framework_has_threads_stop_nobody(local: LocalEngine, server: Served) -> None:
    with held(local):
        clients = [post(server, body(stream=True)) for _ in range(50)]
        until(lambda: len(local.scheduler._queue) == 50, 30)
        address = f"http://127.0.0.1:{server.port}"
        assert httpx.get(f"{address}/healthz", timeout=10).status_code == 200
        refused = httpx.post(f"{address}/v1/chat/completions", json={}, timeout=10)
        assert refused.status_code == 400
        for client in clients:
            client.close()
        until(lambda: not len(local.scheduler._queue), 30)


# --- errors ---


@pytest.fixture
def full(local: LocalEngine) -> Iterator[None]:
    local.scheduler._queue.most = 0
    yield
    local.scheduler._queue.most = WAITING


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.usefixtures("full")
def test_a_full_queue_is_a_429(server: Served, stream: bool) -> None:
    reply = httpx.post(f"http://127.0.0.1:{server.port}/v1/chat/completions", json=body(stream=stream))
    assert reply.status_code == 429
    assert reply.json()["error"]["type"] == "QueueFull"


@pytest.mark.parametrize("stream", [True, False])
def test_a_question_that_is_too_long_is_a_400_with_openais_code(server: Served, stream: bool) -> None:
    asked = body("word " * 9000, stream=stream)
    reply = httpx.post(f"http://127.0.0.1:{server.port}/v1/chat/completions", json=asked, timeout=60)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.usefixtures("full")
def test_our_client_comes_back_to_a_full_queue_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch, local: LocalEngine, engine: remote.RemoteEngine
) -> None:
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01))
    assert isinstance(only_finish(list(engine.stream([Message("user", "?")], SHORT))).error, errors.RemoteBusy)
    monkeypatch.setattr(remote, "PAUSES", (0.05,) * 200)
    events: list[Event] = []
    asker = threading.Thread(target=lambda: events.extend(engine.stream([Message("user", "?")], SHORT)))
    asker.start()
    time.sleep(0.3)  # long enough to be refused; a machine that is slower only makes the test easier
    assert not any(isinstance(event, Finish) for event in events)
    local.scheduler._queue.most = WAITING
    asker.join(timeout=30)
    assert only_finish(events).error is None
    assert text_of(events)


def test_errors_of_our_endpoint_are_the_same_classes_over_http(engine: remote.RemoteEngine) -> None:
    too_long = only_finish(list(engine.stream([Message("user", "word " * 9000)], SHORT)))
    assert isinstance(too_long.error, errors.ContextTooLong)


def test_turns_that_our_server_left_out_are_told_over_http(local: LocalEngine, engine: remote.RemoteEngine) -> None:
    talk: list[Message] = []
    for turn in range(30):
        talk += [Message("user", f"Question {turn} " + "word " * 300), Message("assistant", "answer " * 20)]
    talk.append(Message("user", "And now?"))
    there = only_finish(list(engine.stream(talk, SHORT)))
    here = only_finish(list(local.stream(talk, SHORT)))
    assert there.left_out_turns == here.left_out_turns > 0


# --- waiting ---


def test_those_who_wait_behind_our_endpoint_are_told_their_place_and_then_answered(
    local: LocalEngine, engine: remote.RemoteEngine
) -> None:
    few = Sampling(temperature=0.0, max_new_tokens=20)
    question = [Message("user", "What is it?")]
    expected = text_of(list(local.stream(question, few)))  # and so there is a recent request to estimate from
    told: dict[str, list[Event]] = {"first": [], "second": []}

    def listen(name: str) -> None:
        told[name] += engine.stream(question, few, reader=name)

    askers = [threading.Thread(target=listen, args=(name,)) for name in told]
    stand_in_line(local, askers)
    places = {name: [event for event in events if isinstance(event, Waiting)] for name, events in told.items()}
    assert [place.position for place in places["first"]] == [1]
    assert [place.position for place in places["second"]] == [2, 1]
    assert all(place.seconds is not None and place.seconds > 0 for found in places.values() for place in found)
    for name, events in told.items():
        assert events[: len(places[name])] == places[name]  # nothing comes before
        finish = only_finish(events)
        assert (finish.reason, finish.error, text_of(events)) == ("truncated", None, expected)
        assert finish.seconds_to_first_token is not None
        assert finish.seconds_to_first_token > HELD  # the answer's, not the first word about the queue


def test_a_client_of_openai_waits_undisturbed(local: LocalEngine, server: Served) -> None:
    import openai

    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="-", max_retries=0)
    asked: Any = {"model": "llava", "messages": [{"role": "user", "content": "What is it?"}], "temperature": 0}
    expected = client.chat.completions.create(**asked, max_tokens=20).choices[0].message.content
    found: dict[str, Any] = {}

    def plain() -> None:
        found["plain"] = list(client.chat.completions.create(**asked, max_tokens=20, stream=True))

    def gathered() -> None:
        with client.chat.completions.stream(**asked, max_tokens=20) as stream:
            found["gathered"] = [event.snapshot for event in stream if event.type == "content.delta"]

    askers = [threading.Thread(target=plain), threading.Thread(target=gathered)]
    stand_in_line(local, askers)
    client.close()
    assert found["gathered"][-1] == expected
    assert "".join(chunk.choices[0].delta.content or "" for chunk in found["plain"]) == expected
    assert [chunk.model_extra["basira_waiting"]["position"] for chunk in found["plain"] if chunk.model_extra] == [1]


# --- turns in the queue ---


def waiting_readers(local: LocalEngine) -> list[str]:
    """Who waits, in the order of being served: a, b, … by first appearance in the queue's own line."""
    return [request.reader for request in local.scheduler._queue]


@pytest.mark.parametrize(
    ("eager", "late"),
    [
        ({"user": "ann"}, {"user": "ben"}),
        ({"source": "127.0.0.2"}, {"source": "127.0.0.3"}),
    ],
    ids=["by the field user", "by the address"],
)
def test_a_client_with_many_questions_does_not_keep_another_waiting(
    local: LocalEngine, server: Served, eager: dict[str, str], late: dict[str, str]
) -> None:
    def ask(who: dict[str, str]) -> http.client.HTTPConnection:
        fields = {name: value for name, value in who.items() if name == "user"}
        return post(server, body(stream=True, **fields), who.get("source", "127.0.0.1"))

    with held(local):
        clients = []
        for number, who in enumerate((eager, eager, eager, late), start=1):
            clients.append(ask(who))
            until(lambda number=number: len(local.scheduler._queue) == number)  # type: ignore[misc]  # bound default
        first, second, third, fourth = waiting_readers(local)
        assert first == third == fourth != second
        for client in clients:
            client.close()


def test_readers_behind_one_of_our_clients_take_turns_too(local: LocalEngine, engine: remote.RemoteEngine) -> None:
    leave = threading.Event()
    askers = []
    with held(local):
        for number, (reader, conversation) in enumerate(
            (("ann", "1"), ("ann", "2"), (None, "3"), (None, "4"), ("ben", "5")), start=1
        ):
            stream = engine.stream([Message("user", "?")], LONG, conversation=conversation, reader=reader, cancel=leave)
            askers.append(threading.Thread(target=list, args=(stream,)))
            askers[-1].start()
            until(lambda number=number: len(local.scheduler._queue) == number)  # type: ignore[misc]  # bound default
        ann, *others, again = waiting_readers(local)
        assert ann == again
        assert len({ann, *others}) == 4
        assert "ann" not in ann  # a name is nobody's business there
        leave.set()
        for thread in askers:
            thread.join(timeout=10)
