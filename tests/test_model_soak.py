"""Everything at once, for long: readers who ask, cancel, leave, fail and run out of time at random, on families that
differ in kind. Every stream ends in exactly one Finish, also one that nobody listens to any more."""

from __future__ import annotations

import dataclasses
import queue
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from model import Event, Finish, Message, Sampling, errors
from model.local import LocalEngine
from model.request import Request
from tests import checkpoints
from tests.asking import ask, only_finish, opened, run, text_of, until

MAKE: dict[str, Callable[[Path], Path]] = {
    "llava": checkpoints.make_llava,
    "gemma3": checkpoints.make_gemma,  # layers that look back through a window
    "qwen3-vl": lambda folder: checkpoints.make_qwen(folder, kind="qwen3-vl"),  # three axes, images in several layers
    "mixtral": lambda folder: checkpoints.make_text(folder, kind="mixtral"),  # experts, and no pictures
}
KINDS = ("plain", "sample", "cancel", "leave", "fail", "deadline")
NEVER_DONE = 3000  # tokens, for those who do not wait for the end


@pytest.fixture(scope="module", params=MAKE)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """For four readers; answers are as long as asked."""
    made = opened(MAKE[request.param](tmp_path_factory.mktemp("soak") / request.param), readers=4)
    made.scheduler._end_tokens = frozenset()
    yield made
    made.close()


@dataclass
class Stream:
    """What a reader saw of one answer, and the engine's side of it."""

    kind: str
    request: Request
    seen: list[Event]
    unseen: list[Event] = field(default_factory=list)

    def drain(self) -> None:
        """Take what was produced and never fetched."""
        while True:
            try:
                self.unseen.append(self.request.events.get_nowait())
            except queue.Empty:
                return


def sampling_of(kind: str, dice: random.Random) -> Sampling:
    tokens = NEVER_DONE if kind in ("cancel", "leave") else dice.randrange(1, 30)
    # who waits for words must get some: greedy, a random model may write one hidden token for ever
    heat = 0.0 if kind in ("plain", "fail", "deadline") else 1.0
    sampling = Sampling(temperature=heat, seed=dice.randrange(99), max_new_tokens=tokens)
    if kind == "fail":
        return dataclasses.replace(sampling, allowed_tokens=lambda ids: 1 / 0)  # type: ignore[arg-type, return-value]  # raises before it returns
    if kind == "deadline":
        return dataclasses.replace(sampling, deadline_seconds=dice.random() * 0.05)
    return sampling


def converse(engine: LocalEngine, number: int, seed: int, newest: dict[str, Request]) -> Iterator[Stream]:
    """One reader's conversation. newest: the engine's side of the last answer, by conversation."""
    dice = random.Random(1000 * seed + number)
    name = f"{seed} {number}"
    talk: list[Message] = []
    for turn in range(8):
        kind = dice.choice(KINDS)
        pictures = tuple(checkpoints.picture(dice.randrange(6)) for _ in range(dice.randrange(3)))
        shown = pictures if engine.identity.accepts_images else ()
        messages = [*talk, Message("user", f"question {turn} " + "word " * dice.randrange(30), shown)]
        enough = dice.randrange(1, 6)
        cancel = threading.Event()
        seen: list[Event] = []
        stream = engine.stream(messages, sampling_of(kind, dice), conversation=name, cancel=cancel)
        for event in stream:
            seen.append(event)
            if kind == "cancel" and len(seen) == enough:
                cancel.set()
            if kind == "leave" and len(seen) == enough:
                break
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        yield Stream(kind, newest[name], seen)
        if isinstance(seen[-1], Finish) and seen[-1].reason in ("complete", "truncated"):
            talk = [*messages, Message("assistant", text_of(seen))]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_stream_ends_in_exactly_one_finish_and_leaves_its_place(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    few = Sampling(temperature=0.0, max_new_tokens=8)
    question = ask(picture=1 if engine.identity.accepts_images else None)
    before = run(engine, question, few)
    newest: dict[str, Request] = {}
    real = engine._request

    def noted(*given: Any) -> Request:
        request = real(*given)
        assert request.conversation is not None
        newest[request.conversation] = request
        return request

    monkeypatch.setattr(engine, "_request", noted)
    streams: list[Stream] = []
    readers = [
        threading.Thread(target=lambda n=number: streams.extend(converse(engine, n, seed, newest)))
        for number in range(10)
    ]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join(timeout=200)
    assert not any(thread.is_alive() for thread in readers)
    monkeypatch.undo()
    scheduler = engine.scheduler
    until(lambda: not scheduler._active and not len(scheduler._queue), 30)  # also those whom nobody listens to
    after = run(engine, question, few)  # when it ends, everything before it has ended
    assert (only_finish(after).reason, text_of(after)) == ("truncated", text_of(before))
    assert {stream.kind for stream in streams} == set(KINDS)
    assert len(streams) == 80
    for stream in streams:
        stream.drain()
        finish = only_finish([*stream.seen, *stream.unseen])
        assert stream.request.cache is None
        assert stream.request.finish is not None
        if stream.kind == "leave":
            assert isinstance(stream.unseen[-1], Finish)
            assert finish.new_tokens < NEVER_DONE
        else:
            assert stream.unseen == []
        if stream.kind in ("leave", "cancel"):
            assert (finish.reason, finish.error) == ("stopped", None)
        if finish.error is not None:
            expected = {"fail": errors.GenerationFailed, "deadline": errors.DeadlineExceeded}
            assert isinstance(finish.error, expected[stream.kind])
