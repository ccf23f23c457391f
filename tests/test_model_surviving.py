"""What goes wrong ends one answer: failing steps, memory running out; and a thousand ends leave nothing behind."""

from __future__ import annotations

import dataclasses
import itertools
import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from model import Event, Finish, Message, Piece, Sampling, errors, open_engine
from model.keyvalues import KeyValues
from model.local import LocalEngine
from tests import checkpoints
from tests.asking import ask, only_finish, run, text_of

LONG = Sampling(temperature=0.0, max_new_tokens=4000, may_repeat=True)


def test_a_failing_request_never_takes_another_with_it(engine: LocalEngine) -> None:
    good = Sampling(temperature=0.0, max_new_tokens=30)
    expected = text_of(run(engine, ask(), good))
    results: dict[str, list[Event]] = {}

    def constraint(generated: Sequence[int]) -> Sequence[int]:
        if len(generated) == 4:
            raise RuntimeError("a constraint that fails")
        return range(300)

    def go(name: str, messages: list[Message], sampling: Sampling) -> None:
        results[name] = run(engine, messages, sampling)

    cut = Image.new("L", (8, 8))
    cut.close()
    jobs = [
        ("good 1", ask(), good),
        ("bad constraint", ask(), dataclasses.replace(good, allowed_tokens=constraint)),
        ("bad picture", [Message("user", "?", (cut,))], good),
        ("good 2", ask(), good),
    ]
    threads = [threading.Thread(target=go, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert text_of(results["good 1"]) == text_of(results["good 2"]) == expected
    assert isinstance(only_finish(results["bad constraint"]).error, errors.GenerationFailed)
    assert isinstance(only_finish(results["bad picture"]).error, errors.UnreadableImage)


def test_a_step_that_breaks_for_one_row_is_run_for_each_alone(engine: LocalEngine) -> None:
    """One row of the batch loses its positions, so the common step raises, and then its own."""
    good = Sampling(temperature=0.0, max_new_tokens=30)
    expected = text_of(run(engine, ask(), good))
    poisoned = engine._request(ask("?", None), LONG, None, None, "poisoned")
    healthy = engine._request(ask(), good, None, None, "healthy")
    engine.scheduler.submit(poisoned)
    while not isinstance(poisoned.events.get(timeout=60), Piece):
        pass
    engine.scheduler.submit(healthy)
    shown = [healthy.events.get(timeout=60)]
    assert poisoned.positions is not None
    poisoned.positions = dataclasses.replace(poisoned.positions, delta=None)  # type: ignore[arg-type]  # broken on purpose
    while not isinstance(event := poisoned.events.get(timeout=60), Finish):
        pass
    assert isinstance(event.error, errors.GenerationFailed)
    while not isinstance(shown[-1], Finish):
        shown.append(healthy.events.get(timeout=60))
    assert text_of(shown) == expected


def test_numbers_that_break_end_one_answer_and_leave_the_others_alone(engine: LocalEngine) -> None:
    import torch

    good = Sampling(temperature=0.0, max_new_tokens=60)
    expected = text_of(run(engine, ask(), good))
    broken = engine._request(ask("?", None), LONG, None, None, "broken")
    healthy = engine._request(ask(), good, None, None, "healthy")
    for request in (broken, healthy):
        engine.scheduler.submit(request)
        while not isinstance(first := request.events.get(timeout=60), Piece):
            pass
    cache = engine.scheduler._batch.cache
    assert cache is not None
    with torch.inference_mode():
        cache.values[0][engine.scheduler._batch.writing.index(broken)] = float("nan")
    while not isinstance(event := broken.events.get(timeout=60), Finish):
        pass
    assert isinstance(event.error, errors.NumbersBroke)
    shown: list[Event] = [first]
    while not isinstance(shown[-1], Finish):
        shown.append(healthy.events.get(timeout=60))
    assert text_of(shown) == expected
    after = text_of(run(engine, ask(), good))
    assert after == expected


def test_running_out_of_memory_is_survived_by_eviction_and_one_retry(engine: LocalEngine) -> None:
    run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=3), conversation="parked")
    assert len(engine.scheduler.parking) > 0
    attempts = itertools.count()

    def work() -> str:
        if next(attempts) == 0:
            raise MemoryError
        return "done"

    assert engine.scheduler._survive(work) == "done"
    assert len(engine.scheduler.parking) == 0

    def hopeless() -> str:
        raise MemoryError

    with pytest.raises(errors.OutOfMemory):
        engine.scheduler._survive(hopeless)
    assert engine.scheduler.reading.most < engine.scheduler.budget.chunk  # what follows is read in smaller chunks


class Failing:
    """Raises in the model's own forward pass at the given calls, as a full device does."""

    def __init__(self, engine: LocalEngine, at: Sequence[int], error: type[Exception]) -> None:
        self.calls = itertools.count()
        self.at, self.error = frozenset(at), error
        layer = engine.decoder.model.model.language_model.layers[1]  # the first has written its keys by then
        self.handle = layer.register_forward_pre_hook(self)

    def __call__(self, *_: Any) -> None:
        if next(self.calls) in self.at:
            raise self.error("on purpose")

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.remove()


@pytest.mark.parametrize("at", [0, 1, 5, 20], ids=lambda at: f"call {at}")
def test_memory_that_runs_out_once_costs_nobody_their_answer(engine: LocalEngine, at: int) -> None:
    import torch

    good = Sampling(temperature=0.0, max_new_tokens=25)
    expected = [text_of(run(engine, ask(picture=n), good)) for n in range(3)]
    results: dict[int, list[Event]] = {}
    with Failing(engine, [at], torch.OutOfMemoryError):
        threads = [
            threading.Thread(target=lambda n=n: results.__setitem__(n, run(engine, ask(picture=n), good)))
            for n in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [text_of(results[n]) for n in range(3)] == expected


def test_memory_that_stays_short_ends_the_longest_and_the_others_go_on(engine: LocalEngine) -> None:
    import torch

    good = Sampling(temperature=0.0, max_new_tokens=40)
    expected = text_of(run(engine, ask("?", None), good))
    stop = threading.Event()
    long = engine._request(ask("word " * 100), LONG, None, stop, "long")
    short = engine._request(ask("?", None), good, None, stop, "short")
    for request in (long, short):
        engine.scheduler.submit(request)
        while not isinstance(first := request.events.get(timeout=60), Piece):
            pass
    with Failing(engine, [0, 1], torch.OutOfMemoryError):  # the step for both, and its repetition
        while not isinstance(event := long.events.get(timeout=60), Finish):
            pass
    assert isinstance(event.error, errors.OutOfMemory)
    shown: list[Event] = [first]
    while not isinstance(shown[-1], Finish):
        shown.append(short.events.get(timeout=60))
    assert text_of(shown) == expected


def test_memory_that_runs_out_between_steps_is_no_harm(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When rows join, when a row is taken along, when a parked cache comes back: each once, and the answers agree."""
    good = Sampling(temperature=0.0, max_new_tokens=12)
    talk = [*ask(), Message("assistant", text_of(run(engine, ask(), good))), Message("user", "And now?")]
    run(engine, ask(), good, conversation="undisturbed")
    expected = text_of(run(engine, talk, good, conversation="undisturbed"))
    for name in ("grow", "copy_row", "take_out"):
        real = getattr(KeyValues, name)
        calls = itertools.count()

        def once(self: KeyValues, *given: Any, real: Any = real, calls: Any = calls, **named: Any) -> Any:
            if next(calls) == 1:
                raise MemoryError
            return real(self, *given, **named)

        monkeypatch.setattr(KeyValues, name, once)
        threads = [threading.Thread(target=run, args=(engine, ask(picture=n), good)) for n in range(3)]
        for thread in threads:
            thread.start()
        run(engine, ask(), good, conversation=name)
        assert text_of(run(engine, talk, good, conversation=name)) == expected
        for thread in threads:
            thread.join()
        monkeypatch.setattr(KeyValues, name, real)


def test_a_fault_outside_of_any_request_ends_those_being_served_and_the_engine_goes_on(engine: LocalEngine) -> None:
    expected = text_of(run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=10)))
    broken = engine._request(ask("?", None), LONG, "fault", None, "broken")
    beside = engine._request(ask("?", None), LONG, None, None, "beside")
    for request in (broken, beside):
        engine.scheduler.submit(request)
        while not isinstance(request.events.get(timeout=60), Piece):
            pass
    broken.sampling = dataclasses.replace(LONG, deadline_seconds="soon")  # type: ignore[arg-type]  # broken on purpose
    for request in (beside, broken):
        while not isinstance(event := request.events.get(timeout=60), Finish):
            pass
        assert isinstance(event.error, errors.GenerationFailed)
    assert text_of(run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=10))) == expected


def test_a_closed_engine_ends_what_runs_and_refuses_what_comes(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = checkpoints.make_llava(tmp_path_factory.mktemp("closing") / "llava")
    engine = open_engine(str(folder), quantization="fp32", device="cpu", check=False)
    stream = engine.stream(ask(), LONG)
    next(stream)
    engine.close()
    assert only_finish(list(stream)).reason in ("stopped", "complete", "truncated")
    assert isinstance(only_finish(list(engine.stream(ask(), LONG))).error, errors.EngineClosed)


def test_a_thousand_short_requests_leave_nothing_behind(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of end, kept conversations or not; afterwards the engine holds what it held before."""
    import gc
    import logging

    import torch

    # pytest keeps what is logged, with the traces and the tensors in their frames
    monkeypatch.setattr(logging.getLogger("model.surviving"), "propagate", False)

    def thousand(first: int) -> None:
        dice = random.Random(first)
        for number in range(first, first + 125):
            cancel = threading.Event()
            name = f"kept {number % 8}" if number % 2 else None
            sampling = Sampling(temperature=0.0, max_new_tokens=dice.randrange(1, 4))
            if number % 7 == 0:
                cancel.set()
            if number % 11 == 0:
                sampling = dataclasses.replace(sampling, allowed_tokens=lambda ids: 1 / 0)  # type: ignore[arg-type, return-value]  # raises before it returns
            messages = ask(f"Short {number % 20}", number % 3 if number % 10 == 0 else None)
            only_finish(run(engine, messages, sampling, conversation=name, cancel=cancel))

    def held() -> tuple[int, int]:
        gc.collect()
        tensors = [thing for thing in gc.get_objects() if type(thing) is torch.Tensor]
        return len(tensors), sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def all_at_once(start: int) -> None:
        threads = [threading.Thread(target=thousand, args=(start + 125 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number in range(8):
            engine.forget(f"kept {number}")
        run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=1))
        engine.scheduler._batch.clear()  # rows for whoever comes next: there or not, by who was the last to leave

    all_at_once(0)
    count, size = held()
    all_at_once(500)
    after_count, after_size = held()
    assert after_count <= 1.05 * count
    assert after_size <= 1.05 * size + 200_000
    assert len(engine.scheduler._queue) == engine.scheduler._active == 0
