"""An answer that runs in a circle is ended and says so, everywhere; what only looks alike is left alone."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.locale import Locale
from app.model_server import create_model_app
from app.web.transcript import conversation_shown
from model import Message, Sampling, circles, open_engine
from model.local import LocalEngine
from storage import Store
from tests import checkpoints
from tests.asking import ask, only_finish, run, text_of
from tests.far_end import FarEnd
from tests.own_endpoint import Served, connected
from tests.turn_room import SHORT, Room, room_with

ROOT = Path(__file__).resolve().parents[1]
LATEST = circles.TOKENS + circles.EVERY + circles.LONGEST

ROWS = "\n".join(f"| L{n} | normal | no stenosis | no disc bulge | normal |" for n in range(1, 80))
SENSIBLE = {
    "table": "| Level | Canal | Foramina | Disc | Facets |\n|-------|-------|-------|-------|-------|\n" + ROWS,
    "list": "\n".join(f"- Segment {n}: no focal lesion, no dilated ducts." for n in range(1, 60)),
    "Arabic list": "\n".join(f"{n}. المقطع {n}: لا توجد موجودات غير طبيعية." for n in range(1, 60)),
    "no no no": "no, " * 60 + "no.",
    "numbers": ", ".join(map(str, range(900))),
    "measurements": "\n".join(f"{n} mm" for n in (3, 4, 3, 4, 5, 3, 3, 4, 5, 5) * 3),
    "dashes": "-" * 500,
    "rules": ("=" * 72 + "\n") * 5,
    "zeros": ("0 " * 16 + "\n") * 16,
    "empty table": ("|   |   |   |   |\n|---|---|---|---|\n") * 12,
    "code": "".join(f"    total[{n}] += weight * image[row, column + {n}]\n" for n in range(40)),
    "refrain": ("The heart is normal. The lungs are clear. No pleural effusion. " * 3 + "Unchanged.\n") * 3,
    "json": json.dumps([{"slice": n, "finding": "none", "score": 0} for n in range(60)]),
}
CIRCLES = {
    "syllable": "The" * 500,
    "letter": "l" * 1200,
    "sentence": "This is a CT image. " * 90,
    "Arabic sentence": "لا أرى أي موجودات مرضية في هذه الصورة. " * 60,
    "two sentences": "The image shows the head. There is a haemorrhage in the head. " * 40,
    "after sense": SENSIBLE["list"] + "\n" + "no focal lesion " * 150,
    "identical rows": "| normal | no | normal |\n" * 90,
    "signs only": "- " * 1500,
    "line breaks": "\n" * 1500,
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(ROOT / "assets" / "demo-model")


def ended_at(tokenizer: Any, text: str) -> int | None:
    """After how many tokens of the text it is called a circle."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    return next((n for n in range(1, len(ids) + 1) if circles.in_ids(ids[:n], tokenizer.decode)), None)


def watched(text: str, step: int) -> int | None:
    """The same for text that arrives in pieces of `step` characters."""
    watch = circles.TextWatch()
    return next((n for n in range(0, len(text), step) if watch.runs_in_circle(text[n : n + step])), None)


@pytest.mark.parametrize("name", SENSIBLE)
def test_what_only_looks_alike_is_no_circle(tokenizer: Any, name: str) -> None:
    assert ended_at(tokenizer, SENSIBLE[name]) is None
    assert all(watched(SENSIBLE[name], step) is None for step in (1, 7, 50))


@pytest.mark.parametrize("name", CIRCLES)
def test_a_circle_is_found_soon_after_it_is_long_enough(tokenizer: Any, name: str) -> None:
    found = ended_at(tokenizer, CIRCLES[name])
    assert found is not None
    before = len(tokenizer.encode(SENSIBLE["list"])) if name == "after sense" else 0
    patience = 1 if any(character.isalpha() for character in CIRCLES[name]) else circles.PATIENCE
    assert circles.TOKENS <= found <= before + patience * circles.TOKENS + 3 * circles.EVERY
    assert watched(CIRCLES[name] * 3, 5) is not None


def test_a_look_at_a_long_answer_takes_no_time_beside_a_step(tokenizer: Any) -> None:
    ids = tokenizer.encode(SENSIBLE["numbers"] * 3, add_special_tokens=False)
    began = time.process_time()
    for n in range(2000, 4000):
        circles.in_ids(ids[:n], tokenizer.decode)
    assert (time.process_time() - began) / 2000 < 100e-6  # a step of the smallest model takes fifteen times as long


def saying(ids: Sequence[int], most: int = 2000) -> Sampling:
    """The model may write only these tokens, over and over."""
    return Sampling(
        temperature=0.0, max_new_tokens=most, allowed_tokens=lambda written: (ids[len(written) % len(ids)],)
    )


def words(engine: LocalEngine, text: str) -> list[int]:
    return list(engine.composer.adapter.tokenizer.encode(text, add_special_tokens=False))


def test_in_a_batch_only_the_circle_is_ended_and_the_others_write_what_they_write_alone(engine: LocalEngine) -> None:
    plain = Sampling(temperature=0.0, max_new_tokens=200)
    alone = run(engine, ask("Is it normal?"), plain)
    circle = words(engine, "the image shows the head ")
    events: dict[str, list[Any]] = {}

    def answer(name: str, sampling: Sampling) -> None:
        events[name] = run(engine, ask("Is it normal?"), sampling, reader=name)

    asked: dict[str, Sampling] = {"round": saying(circle), "free": Sampling(0.0, may_repeat=True, max_new_tokens=400)}
    asked |= {"one": plain, "two": plain}
    threads = [threading.Thread(target=answer, args=item) for item in asked.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = only_finish(events["round"])
    assert (ended.reason, ended.cause, ended.error) == ("truncated", "repeating", None)
    assert circles.TOKENS <= ended.new_tokens <= LATEST
    for name in ("one", "two"):
        assert text_of(events[name]) == text_of(alone)
        assert only_finish(events[name]).cause == ""
    assert only_finish(events["free"]).new_tokens == 400


def test_after_a_circle_the_conversation_goes_on_with_what_was_read_before(engine: LocalEngine) -> None:
    circle = words(engine, "word of the head ")
    said = run(engine, ask(), saying(circle), conversation="circle")
    first = only_finish(said)
    talk = [*ask(), Message("assistant", text_of(said)), Message("user", "And now?")]
    few = Sampling(temperature=0.0, max_new_tokens=9)
    again = run(engine, talk, few, conversation="circle")
    assert only_finish(again).reused_tokens >= first.prompt_tokens + first.new_tokens - 1
    assert text_of(again) == text_of(run(engine, talk, few))
    longest = only_finish(run(engine, ask(), saying(circle, most=200)))
    assert (longest.reason, longest.cause) == ("truncated", "")


@pytest.mark.parametrize("make", [checkpoints.make_gemma, checkpoints.make_qwen, checkpoints.make_text])
def test_every_family_ends_a_circle(make: Callable[[Path], Path], tmp_path: Path) -> None:
    opened = open_engine(str(make(tmp_path / "model")), quantization="fp32", device="cpu")
    assert isinstance(opened, LocalEngine)
    finish = only_finish(run(opened, ask(picture=None), saying(words(opened, "no lesion, "))))
    opened.close()
    assert (finish.reason, finish.cause) == ("truncated", "repeating")
    assert finish.new_tokens <= LATEST


@pytest.fixture(scope="module")
def circling(engine: LocalEngine) -> Iterator[LocalEngine]:
    """The same engine, which writes one sentence only, whatever is asked: as a model does that has lost the thread."""
    piece = words(engine, "the image shows the head ")
    sampled = LocalEngine._request

    def bound(self: LocalEngine, messages: Any, sampling: Sampling, *rest: Any) -> Any:
        return sampled(self, messages, saying(piece, sampling.max_new_tokens), *rest)

    opened = LocalEngine(engine._parts, engine.scheduler.budget)
    opened.scheduler._end_tokens = frozenset()
    opened._request = bound.__get__(opened)  # type: ignore[method-assign]  # a model that cannot write anything else
    yield opened
    opened.close()


def test_our_endpoint_says_so_beside_openais_reason_and_our_client_hears_it(circling: LocalEngine) -> None:
    import httpx

    server = Served(create_model_app(circling))
    try:
        body = {"messages": [{"role": "user", "content": "?"}], "max_tokens": 1500}
        reply = httpx.post(f"http://127.0.0.1:{server.port}/v1/chat/completions", json=body, timeout=60).json()
        assert reply["choices"][0]["finish_reason"] == "length"
        assert reply["basira_cause"] == "repeating"
        with connected(server) as client:
            finish = only_finish(list(client.stream([Message("user", "?")], Sampling(max_new_tokens=1500))))
            short = only_finish(list(client.stream([Message("user", "?")], Sampling(max_new_tokens=50))))
        assert (finish.reason, finish.cause) == ("truncated", "repeating")
        assert (short.reason, short.cause) == ("truncated", "")
    finally:
        server.close()


class Parrot(FarEnd):
    """Another's server whose model repeats itself for ever, in the answer or in its thoughts."""

    gone: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self.send(200, b'{"data": [{"id": "content"}, {"id": "reasoning_content"}]}')

    def do_POST(self) -> None:
        field = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        piece = json.dumps({"choices": [{"delta": {field: "This is a CT image. "}}]})
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(100_000):
                self.wfile.write(f"data: {piece}\n\n".encode())
        except OSError:
            self.gone.set()


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_circle_that_another_server_sends_is_ended_here_and_the_server_is_left(field: str) -> None:
    Parrot.gone.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        engine = open_engine(f"openai:http://127.0.0.1:{server.server_port}/v1#{field}")
        events = list(engine.stream([Message("user", "?")], Sampling()))
        assert Parrot.gone.wait(20)
        engine.close()
        server.shutdown()
        thread.join()
    assert (only_finish(events).reason, only_finish(events).cause) == ("truncated", "repeating")
    shown = text_of(events)
    assert len(shown) < 2 * circles.TOKENS * circles.CHARACTERS_PER_TOKEN
    assert shown or field == "reasoning_content"


def in_a_circle(store: Store, circling: LocalEngine) -> Room:
    room = room_with(store, circling, Sampling(temperature=0, max_new_tokens=1500))
    room.ask("What is this?")
    return room


def test_the_record_the_page_and_the_export_say_that_it_repeated_itself(store: Store, circling: LocalEngine) -> None:
    room = in_a_circle(store, circling)
    turn = store.turns("reader", room.conversation)[-1]
    assert (turn.status, turn.error) == ("truncated", "repeating")
    shown = conversation_shown(store, "reader", room.conversation, answering=False)["turns"][-1]
    assert shown["sentence"] == Locale("en").both("ended-repeating")
    assert shown["sentence"] != Locale("en").both("ended-truncated")
    assert re.search("[\u0600-\u06ff]", shown["sentence"]["ar"])
    exported = list(store.export("reader"))
    assert (exported[-1]["status"], exported[-1]["error"]) == ("truncated", "repeating")


def test_a_circle_is_not_read_again_but_its_picture_is(
    store: Store, circling: LocalEngine, engine: LocalEngine
) -> None:
    room = in_a_circle(store, circling)
    picture = store.turns("reader", room.conversation)[-1].pictures[0].sha256
    later = Room(store, room_with(store, engine, SHORT).turns, room.conversation, room.series)
    later.ask("And now?")
    messages = store.turns("reader", room.conversation)[-1].model_input["messages"]
    assert [message["text"] for message in messages] == ["And now?"]
    assert messages[0]["images"] == [picture]
