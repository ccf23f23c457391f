"""What our endpoint says beyond OpenAI's protocol: boxes reach our client, rubbish of other servers reaches nobody."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.model_server import create_model_app
from model import Finish, Grammar, Message, Sampling, Waiting, chat_extras, open_engine, remote, remote_protocol
from model.boxes import CONVENTIONS, Box
from model.local import LocalEngine
from tests import checkpoints
from tests.asking import only_finish, opened, run, text_of
from tests.checkpoints import picture
from tests.far_end import FarEnd
from tests.own_endpoint import Served, connected

FOUND = {"bbox_2d": [200, 200, 600, 600], "label": "كتلة"}  # thousandths, in the convention of Qwen3-VL
SCHEMA = {"type": "object", "properties": {name: {"const": value} for name, value in FOUND.items()}}
POINTING = Sampling(
    temperature=0.0,
    max_new_tokens=200,
    grammar=Grammar.json(SCHEMA | {"required": list(FOUND), "additionalProperties": False}),
)
WHERE = [Message("user", "Where is it?", (picture(1, (200, 100)),))]
BOX = Box(40.0, 20.0, 120.0, 60.0, "كتلة")


# --- boxes of our own endpoint ---


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    engine = opened(checkpoints.make_qwen(tmp_path_factory.mktemp("extras") / "qwen3", kind="qwen3-vl"))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(local: LocalEngine) -> Iterator[Served]:
    served = Served(create_model_app(local))
    yield served
    served.close()


@pytest.fixture(scope="module")
def engine(server: Served) -> Iterator[remote.RemoteEngine]:
    with connected(server) as opened:
        yield opened


def test_boxes_of_our_endpoint_are_those_of_the_engine_behind_it(
    local: LocalEngine, engine: remote.RemoteEngine
) -> None:
    here, there = run(local, WHERE, POINTING), list(engine.stream(WHERE, POINTING))
    assert only_finish(there).boxes == only_finish(here).boxes == (BOX,)
    assert text_of(there) == text_of(here)
    assert engine.identity.boxes == local.identity.boxes == "qwen3"
    two = [Message("user", "Where is it?", (picture(1), picture(2)))]
    assert only_finish(list(engine.stream(two, POINTING))).boxes == ()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_of_openai_gets_the_answer_and_may_look_for_the_boxes(server: Served, stream: bool) -> None:
    import openai

    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="-", max_retries=0)
    assert POINTING.grammar is not None
    schema = {"name": "answer", "schema": json.loads(POINTING.grammar.text)}
    content = [
        {"type": "image_url", "image_url": {"url": remote_protocol.data_url(WHERE[0].images[0])}},
        {"type": "text", "text": WHERE[0].text},
    ]
    asked: Any = {"model": "qwen3", "messages": [{"role": "user", "content": content}], "temperature": 0}
    asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    answer: Any = client.chat.completions.create(**asked, max_tokens=200, stream=stream)
    chunks = list(answer) if stream else [answer]
    choices = [chunk.choices[0] for chunk in chunks]
    text = "".join((choice.delta if stream else choice.message).content or "" for choice in choices)
    client.close()
    assert json.loads(text) == FOUND
    said = [chunk.model_extra for chunk in chunks if chunk.model_extra]
    assert said == [{"basira_boxes": [{"x0": 40.0, "y0": 20.0, "x1": 120.0, "y1": 60.0, "label": "كتلة"}]}]


def test_an_answer_without_boxes_has_no_field_for_them(server: Served) -> None:
    asked = {"messages": [{"role": "user", "content": "?"}], "max_tokens": 3}
    reply = httpx.post(f"http://127.0.0.1:{server.port}/v1/chat/completions", json=asked, timeout=60)
    assert "basira_boxes" not in reply.json()


# --- other servers ---


class Saying(FarEnd):
    """A real HTTP server of another kind, which says what the test wants: an answer for each request."""

    entry: ClassVar[dict[str, Any]] = {}
    answers: ClassVar[Iterator[Sequence[dict[str, Any]]]] = iter(())

    def do_GET(self) -> None:
        self.send(200, json.dumps({"data": [self.entry]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send(200, b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in next(self.answers)))


@contextlib.contextmanager
def saying(*answers: Sequence[dict[str, Any]], **entry: Any) -> Iterator[remote.RemoteEngine]:
    """Our client before a server that gives these answers, and lists its model so."""
    handler = type("Saying", (Saying,), {"answers": iter(answers), "entry": {"id": "m"} | entry})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        engine = open_engine(f"openai:http://127.0.0.1:{server.server_port}/v1")
        assert isinstance(engine, remote.RemoteEngine)
        try:
            yield engine
        finally:
            engine.close()
            server.shutdown()
            thread.join()


def word(text: str, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}}], **fields}


END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
RUBBISH: list[Any] = [None, True, -1, 0, 2.5, "3", [], [1], {}, [[]], [None], {"position": {}}]
NO_NUMBERS: list[Any] = [-1, True, "1", None, [], float("nan"), float("inf"), 10**400]
NO_PLACES: list[Any] = [
    *RUBBISH,
    *({"position": value, "seconds": 1.0} for value in (*NO_NUMBERS, 0, 1.0, 10**9)),
    *({"position": 1, "seconds": value} for value in NO_NUMBERS if value is not None),
]
RIGHT: dict[str, Any] = {"x0": 1, "y0": 1, "x1": 5, "y1": 5, "label": ""}
NO_BOXES: list[Any] = [
    *(value for value in RUBBISH if value != []),
    *([RIGHT | {"x1": value}] for value in (*NO_NUMBERS, 201)),
    *([RIGHT | {"y0": value}] for value in (*NO_NUMBERS, 101)),
    [RIGHT | {"x0": 5}],
    [RIGHT | {"x0": 6}],
    [RIGHT | {"label": None}],
    [RIGHT | {"label": "\ud800"}],
    [RIGHT, {}],
]


def test_rubbish_in_our_fields_disturbs_no_answer() -> None:
    waits = [word("", basira_waiting=value) for value in NO_PLACES]
    answers = []
    for value in NO_BOXES:
        usage = {"prompt_tokens": value, "left_out_turns": value, "prompt_tokens_details": value}
        last = END | {"basira_boxes": value, "usage": usage}
        answers.append([*waits, word("whole"), last, {"choices": [], "usage": value}])
    with saying(*answers, boxes=[]) as engine:
        for _ in answers:
            events = list(engine.stream(WHERE))
            finish = only_finish(events)
            assert (text_of(events), finish.reason, finish.error, finish.boxes) == ("whole", "complete", None, ())
            assert (finish.prompt_tokens, finish.left_out_turns) == (0, 0)
            assert not any(isinstance(event, Waiting) for event in events)
        assert engine.identity.boxes == ""


def test_what_has_our_form_is_believed_until_the_answer_begins() -> None:
    place = {"basira_waiting": {"position": 3, "seconds": None, "more": 1}}
    last = END | {"basira_boxes": [RIGHT | {"more": 1}]}
    with saying([word("", **place), word("yes"), word("", **place), last]) as engine:
        events = list(engine.stream(WHERE))
    assert [event for event in events if isinstance(event, Waiting)] == [Waiting(3)] == events[:1]
    assert only_finish(events).boxes == (Box(1.0, 1.0, 5.0, 5.0),)


anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=3),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(["position", "seconds", *RIGHT]), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(anything)
def test_our_fields_are_read_or_passed_over_and_never_raise(value: Any) -> None:
    place = chat_extras.read_waiting({"basira_waiting": value})
    assert place is None or place.position >= 1
    for box in chat_extras.read_boxes(value, (20, 10)) or ():
        assert 0 <= box.x0 < box.x1 <= 20
        assert 0 <= box.y0 < box.y1 <= 10
    assert chat_extras.read_convention({"boxes": value}) in ("", *CONVENTIONS)


QWEN3 = json.dumps(FOUND)
QWEN25 = json.dumps(FOUND | {"bbox_2d": [20, 20, 60, 60]})
QWEN2 = "<|object_ref_start|>كتلة<|object_ref_end|><|box_start|>(200,200),(600,600)<|box_end|>"
GEMMA = json.dumps({"box_2d": [200, 200, 600, 600], "label": "كتلة"})


@pytest.mark.parametrize(
    ("entry", "text", "size", "boxes"),
    [
        ({"id": "MBZUAI/MedMO-8B"}, QWEN3, (200, 100), (BOX,)),
        ({"id": "/models/MedMO-8B"}, QWEN3, (200, 100), (BOX,)),
        ({"id": "fast", "root": "MBZUAI/MedMO-8B", "owned_by": "vllm"}, QWEN3, (200, 100), (BOX,)),
        ({"id": "MBZUAI/MediX-R1-8B"}, f"<thinking>{QWEN3}</thinking>none", (200, 100), ()),
        ({"id": "MBZUAI/AIN"}, QWEN2, (200, 100), (BOX,)),
        ({"id": "google/medgemma-4b-it"}, GEMMA, (100, 100), (Box(20.0, 20.0, 60.0, 60.0, "كتلة"),)),
        ({"id": "google/medgemma-4b-it"}, GEMMA, (200, 100), ()),
        ({"id": "lingshu-medical-mllm/Lingshu-7B"}, QWEN25, (200, 100), ()),
        ({"id": "nobody knows"}, QWEN3, (200, 100), ()),
        ({"id": "MBZUAI/MedMO-8B", "owned_by": "basira", "boxes": "qwen3"}, QWEN3, (200, 100), ()),
    ],
    ids=["id", "folder", "root", "thought", "qwen2", "square", "padded or not", "resized how", "unknown", "ours"],
)
def test_boxes_of_another_server_are_found_where_the_picture_alone_says_where_they_are(
    entry: dict[str, Any], text: str, size: tuple[int, int], boxes: tuple[Box, ...]
) -> None:
    """Lingshu writes pixels of a size that its server chose; whether it padded a picture for MedGemma nobody knows.
    Our own endpoint says itself what it found."""

    def finish(*sizes: tuple[int, int]) -> Finish:
        images = tuple(picture(number, one) for number, one in enumerate(sizes))
        return only_finish(list(other.stream([Message("user", "Where?", images)])))

    answer = [word(text[:9]), word(text[9:]), END]
    with saying(*[answer] * 3, **entry) as other:
        assert finish(size).boxes == boxes
        assert finish(size, size).boxes == finish().boxes == ()
