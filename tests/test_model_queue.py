"""Who is served, in which order, and how much memory that may take."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from model import Finish, Message, Piece, Sampling, Waiting, errors
from model.keyvalues import KeyValues
from model.local import LocalEngine
from model.parking import Parked, Parking
from tests import checkpoints
from tests.asking import ask, only_finish, opened, run

LONG = Sampling(temperature=0.0, max_new_tokens=4000, may_repeat=True)


def test_those_who_wait_are_told_their_place_and_a_full_queue_says_no(engine: LocalEngine) -> None:
    before = engine.scheduler._queue.most
    engine.scheduler._queue.most = 3
    stop = threading.Event()
    try:
        running = [engine._request(ask(), LONG, None, stop, f"r{n}") for n in range(4)]
        for request in running:
            engine.scheduler.submit(request)
            while not isinstance(request.events.get(timeout=60), Piece):
                pass
        waiting = [engine._request(ask(), LONG, None, stop, f"w{n}") for n in range(3)]
        for request in waiting:
            engine.scheduler.submit(request)
        places = [request.events.get(timeout=60) for request in waiting]
        assert [place.position for place in places if isinstance(place, Waiting)] == [1, 2, 3]
        refused = only_finish(run(engine, ask(), LONG))
        assert isinstance(refused.error, errors.QueueFull)
    finally:
        stop.set()
        engine.scheduler._queue.most = before
    for request in (*running, *waiting):
        while not isinstance(event := request.events.get(timeout=60), Finish):
            pass
        assert event.reason == "stopped"


def test_a_reader_with_many_questions_does_not_hold_up_another() -> None:
    from model.request import FairQueue

    def request(reader: str) -> Any:
        return dataclasses.make_dataclass("Fake", ["reader"])(reader)

    line = FairQueue(10)
    for reader in ("a", "a", "a", "b", "c", "a"):
        line.put(request(reader))
    order = []
    while (taken := line.take()) is not None:
        order.append(taken.reader)
    assert order == ["a", "b", "c", "a", "a", "a"]


def test_a_long_prompt_does_not_freeze_those_who_write_nor_a_short_question(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.scheduler.reading.budget
    engine.scheduler.reading.budget = dataclasses.replace(before, chunk=16, shared_chunk=8)
    order: list[str] = []
    pieces: list[int] = []
    read = engine.decoder.read

    def measured(ids: Sequence[int], start: int, end: int, **rest: Any) -> Any:
        pieces.append(end - start)
        return read(ids, start, end, **rest)

    monkeypatch.setattr(engine.decoder, "read", measured)

    def first_of(name: str, request: Any) -> None:
        while not isinstance(request.events.get(timeout=60), Piece):
            pass
        order.append(name)

    stop = threading.Event()
    try:
        writer = engine._request(ask("?", None), LONG, None, stop, "writer")
        engine.scheduler.submit(writer)
        first_of("writer", writer)
        long = engine._request(ask("word " * 900), LONG, None, stop, "long")
        engine.scheduler.submit(long)
        written = writer.new_tokens
        short = engine._request(ask("?", None), LONG, None, stop, "short")
        engine.scheduler.submit(short)
        waiting = [threading.Thread(target=first_of, args=pair) for pair in (("long", long), ("short", short))]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
    finally:
        stop.set()
        engine.scheduler.reading.budget = before
    assert order == ["writer", "short", "long"]
    assert writer.new_tokens - written > 50  # a token at every beat, while the long prompt was read in chunks
    assert max(pieces) == 16  # while nobody, or fewer than read, wrote
    assert pieces[-40:-1] == [8] * 39  # the short question's reader writes by now: two write and one reads


@pytest.mark.parametrize(("recorded", "together"), [(False, 8), (True, 12)], ids=["as needed", "fixed memory"])
def test_memory_for_rows_as_long_as_the_longest_bounds_who_is_served(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch, recorded: bool, together: int
) -> None:
    bound = 14_000
    budget = dataclasses.replace(
        engine.scheduler.budget, readers=16, context=1024, active_tokens=bound, recorded=recorded
    )
    served = LocalEngine(dataclasses.replace(engine._parts, end_tokens=frozenset()), budget)
    scheduler = served.scheduler
    allocated: list[tuple[int, int]] = []  # tokens, and how many wrote

    def noted(call: Any) -> Any:
        def counted(*given: Any, **named: Any) -> Any:
            result = call(*given, **named)
            batch = scheduler._batch
            rows = 0 if batch.cache is None else batch.cache.rows * batch.cache.capacity
            own = sum(request.cache.capacity for request in scheduler._reading if request.cache is not None)
            allocated.append((rows + own, len(batch)))
            return result

        return counted

    monkeypatch.setattr(served.decoder, "read", noted(served.decoder.read))
    monkeypatch.setattr(served.decoder, "step", noted(served.decoder.step))
    lengths = [("word " * 120, 90), *[("?", 40 + n) for n in range(15)]]
    requests = [
        served._request(ask(text, None), Sampling(temperature=0.0, max_new_tokens=count), f"c{count}", None, None)
        for text, count in lengths
    ]
    for request in requests:
        scheduler.submit(request)
    for request in requests:
        while not isinstance(event := request.events.get(timeout=60), Finish):
            pass
        assert event.reason == "truncated"
    assert max(tokens for tokens, _ in allocated) <= bound
    assert max(writing for _, writing in allocated) == together  # sixteen rows as long as the longest are too much
    served.close()


def test_a_short_branch_of_a_long_conversation_does_not_bring_its_memory_into_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(checkpoints.make_llava(tmp_path / "llava"), readers=4)  # others leave a large batch behind
    engine.scheduler._end_tokens = frozenset()
    few = Sampling(temperature=0.0, max_new_tokens=4)
    first = ask("Is it normal?", None)
    run(engine, [*first, Message("assistant", "Yes."), *ask("word " * 300, None)], few, conversation="branches")
    rows: list[int] = []
    step = engine.decoder.step

    def noted(tokens: Sequence[int], lengths: Sequence[int], deltas: Sequence[int], cache: KeyValues) -> Any:
        rows.append(cache.capacity)
        return step(tokens, lengths, deltas, cache)

    monkeypatch.setattr(engine.decoder, "step", noted)
    again = only_finish(run(engine, first, few, conversation="branches"))
    engine.close()
    assert again.reused_tokens > 5
    assert max(rows) < 1000


def test_caches_that_do_not_fit_the_device_wait_in_cpu_memory_and_come_back() -> None:

    def cache() -> KeyValues:
        made = KeyValues(1, 64)
        made.write_row(0, 0, 2)
        made.update(torch.ones(1, 1, 2, 4, device="meta"), torch.ones(1, 1, 2, 4, device="meta"), 0)
        return made

    one = cache().size
    parking = Parking(device="meta", device_bytes=one, host_bytes=2 * one)
    held = {name: cache() for name in ("a", "b", "c", "d")}
    moves: list[tuple[KeyValues, str]] = []
    for name, one_cache in held.items():  # meta memory cannot be read, so moving is only noted
        one_cache.move = lambda device, one_cache=one_cache: moves.append((one_cache, device))  # type: ignore[method-assign, misc]  # see above
        parking.park(name, Parked((1, 2), (), one_cache))
    assert len(parking) == 3  # one on the device, two in CPU memory, the oldest gone
    assert parking.held_bytes == (one, 2 * one)
    assert parking.take("a") is None
    taken = parking.take("b")
    assert taken is not None
    assert taken.on_device
    assert moves[-1] == (held["b"], "meta")
