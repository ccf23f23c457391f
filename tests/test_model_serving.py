"""One inference thread: stopping, sampling, and what is kept between turns."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from model import Event, Finish, Message, Piece, Sampling, errors
from model.family import Span
from model.keyvalues import KeyValues
from model.local import LocalEngine
from model.parking import reusable, whole
from model.prompt import hash_image
from tests import checkpoints
from tests.asking import ask, only_finish, run, text_of

LONG = Sampling(temperature=0.0, max_new_tokens=4000, may_repeat=True)


# --- stopping ---


def test_a_cancelled_answer_stops_within_one_step_and_keeps_what_was_shown(engine: LocalEngine) -> None:
    cancel = threading.Event()
    events: list[Event] = []
    seen_at_cancel = 0
    request = engine._request(ask(), LONG, "stopping", cancel, None)
    engine.scheduler.submit(request)
    while not isinstance(event := request.events.get(timeout=60), Finish):
        events.append(event)
        if len(events) == 5:
            seen_at_cancel = len(request.answer.ids)
            cancel.set()
    assert event.reason == "stopped"
    assert event.error is None
    assert event.new_tokens - seen_at_cancel <= 2  # the one being computed, and the one after it at most
    assert text_of(events)


def test_closing_the_iterator_frees_the_place(engine: LocalEngine) -> None:
    stream = engine.stream(ask(), LONG)
    next(stream)
    stream.close()
    finish = only_finish(run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=3)))
    assert finish.reason == "truncated"
    deadline = time.monotonic() + 30
    while engine.scheduler._active and time.monotonic() < deadline:
        run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=1))
    assert engine.scheduler._active == 0


def test_a_deadline_ends_the_answer_with_its_error(engine: LocalEngine) -> None:
    finish = only_finish(run(engine, ask(), dataclasses.replace(LONG, deadline_seconds=0.2)))
    assert isinstance(finish.error, errors.DeadlineExceeded)
    assert finish.seconds < 5


def test_the_token_limit_truncates_and_says_so(engine: LocalEngine) -> None:
    finish = only_finish(run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=5)))
    assert (finish.reason, finish.new_tokens) == ("truncated", 5)
    assert finish.seconds_to_first_token is not None
    assert 0 < finish.seconds_to_first_token <= finish.seconds


def test_a_stop_string_ends_the_answer_and_is_not_shown(engine: LocalEngine) -> None:
    whole = text_of(run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=40)))
    stop = whole[10:13]
    events = run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=40, stop=(stop,)))
    assert only_finish(events).reason == "complete"
    assert text_of(events) == whole[: whole.index(stop)]


def test_the_token_that_stands_for_a_picture_is_never_written(engine: LocalEngine) -> None:
    image = engine.composer.adapter.image_token_id
    preferred = engine.decoder.model.get_output_embeddings().register_forward_hook(
        lambda head, given, logits: logits.index_fill(-1, torch.tensor([image]), 1e4)
    )
    try:
        for sampling in (
            Sampling(temperature=0.0, max_new_tokens=6),
            Sampling(temperature=1.0, max_new_tokens=6, seed=1),
        ):
            request = engine._request(ask(), sampling, None, None, None)
            engine.scheduler.submit(request)
            while not isinstance(request.events.get(timeout=60), Finish):
                pass
            assert len(request.answer.ids) == 6
            assert image not in request.answer.ids
    finally:
        preferred.remove()


# --- sampling ---


def test_a_seed_gives_the_same_answer_alone_and_in_company(engine: LocalEngine) -> None:
    sampling = Sampling(temperature=1.3, top_p=0.95, top_k=50, seed=7, max_new_tokens=25)
    alone = text_of(run(engine, ask(), sampling))
    results: list[list[Event]] = []
    others = [threading.Thread(target=lambda n=n: run(engine, ask(picture=n), LONG_SHORT)) for n in range(3)]
    for thread in others:
        thread.start()
    results.append(run(engine, ask(), sampling))
    for thread in others:
        thread.join()
    assert text_of(results[0]) == alone
    assert only_finish(results[0]).seed == 7
    other = run(engine, ask(), dataclasses.replace(sampling, seed=8))
    assert text_of(other) != alone
    free = only_finish(run(engine, ask(), dataclasses.replace(sampling, seed=None)))
    assert free.seed is not None


LONG_SHORT = Sampling(temperature=0.0, max_new_tokens=60)


def test_entropy_is_given_where_it_is_asked_for(engine: LocalEngine) -> None:
    asked = run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=10, entropy=True))
    assert all(event.entropy is not None and event.entropy >= 0 for event in asked if isinstance(event, Piece))
    plain = run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=10))
    assert all(event.entropy is None for event in plain if isinstance(event, Piece))
    assert text_of(asked) == text_of(plain)


def test_allowed_tokens_constrain_the_answer(engine: LocalEngine) -> None:
    tokenizer = engine.composer.adapter.tokenizer
    yes = tokenizer.encode("normal", add_special_tokens=False)

    def grammar(generated: Sequence[int]) -> Sequence[int]:
        return yes[len(generated) : len(generated) + 1]

    events = run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=50, allowed_tokens=grammar))
    assert text_of(events) == "normal"
    assert only_finish(events).reason == "complete"


def test_top_k_top_p_and_penalty_do_what_their_names_say() -> None:
    import torch

    from model.sampler import Sampler

    logits = torch.tensor([4.0, 3.0, 2.0, 1.0, -1.0])

    def drawn(**settings: Any) -> set[int | None]:
        sampler = Sampler(Sampling(seed=1, **settings))
        return {sampler.choose(logits, [])[0] for _ in range(200)}

    assert drawn(temperature=1.0, top_k=2) == {0, 1}
    assert drawn(temperature=1.0, top_p=0.5) == {0}
    assert drawn(temperature=1.0, top_p=0.7) == {0, 1}
    assert len(drawn(temperature=5.0)) == 5
    assert Sampler(Sampling(temperature=0.0, repetition_penalty=2.0)).choose(logits, [0])[0] == 1
    with pytest.raises(ValueError, match="top_p"):
        Sampling(top_p=0.0)


def test_parked_caches_stay_within_their_budget(engine: LocalEngine) -> None:
    parking = engine.scheduler.parking
    before = parking.device_bytes
    parking.device_bytes = 300_000
    try:
        for number in range(12):
            run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=2), conversation=f"parked {number}")
        held, _ = parking.held_bytes
        assert 0 < held <= 300_000
        assert parking.take("parked 0") is None
    finally:
        parking.device_bytes = before


def assert_nothing_is_kept(engine: LocalEngine, conversation: str) -> None:
    few = Sampling(temperature=0.0, max_new_tokens=2)
    assert only_finish(run(engine, ask(picture=None), few)).reason == "truncated"  # a step later
    assert engine.scheduler.parking.take(conversation) is None
    assert engine._answers.of(conversation) == {}
    assert engine.scheduler.embeddings.get(hash_image(checkpoints.picture(1))) is None
    assert engine.composer._pixels.held_bytes == 0


def test_a_forgotten_conversation_leaves_nothing(engine: LocalEngine) -> None:
    few = Sampling(temperature=0.0, max_new_tokens=12)
    run(engine, ask(), few, conversation="secret")
    assert engine._answers.of("secret")
    engine.forget("secret")
    assert_nothing_is_kept(engine, "secret")
    assert only_finish(run(engine, ask(), few, conversation="secret")).reused_tokens == 0


@pytest.mark.parametrize("stopped", [True, False])
def test_a_conversation_forgotten_while_it_is_answered_leaves_nothing(engine: LocalEngine, stopped: bool) -> None:
    cancel = threading.Event()
    request = engine._request(ask(), Sampling(temperature=0.0, max_new_tokens=40), "secret", cancel, None)
    engine.scheduler.submit(request)
    while not isinstance(request.events.get(timeout=60), Piece):
        pass
    engine.forget("secret")
    if stopped:
        cancel.set()
    while not isinstance(event := request.events.get(timeout=60), Finish):
        pass
    assert event.error is None
    assert request.answer.text
    assert_nothing_is_kept(engine, "secret")


def test_nobody_reuses_the_cache_of_another_conversation(engine: LocalEngine) -> None:
    for name in ("one", "two"):
        finish = only_finish(run(engine, ask(), Sampling(temperature=0.0, max_new_tokens=2), conversation=name))
        assert finish.reused_tokens == 0


def test_an_image_is_encoded_once_however_often_it_is_asked_about(engine: LocalEngine) -> None:
    engine.scheduler.embeddings.clear()
    picture = checkpoints.picture(77)
    calls = []
    adapter = engine.decoder.adapter
    tower = engine.decoder.model.model.vision_tower
    handle = tower.register_forward_hook(lambda *_: calls.append(1))
    try:
        for number in range(3):
            messages = [Message("user", f"question {number}", (picture,))]
            run(engine, messages, Sampling(temperature=0.0, max_new_tokens=2))
    finally:
        handle.remove()
    assert adapter.accepts_images
    assert len(calls) == 1


def test_rows_keep_their_contents_when_the_batch_grows() -> None:
    import torch

    cache = KeyValues(1, 10)
    cache.write_row(0, 0, 3)
    cache.update(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4), 0)
    cache.grow(rows=4, capacity=100)
    assert (cache.rows, cache.capacity) == (4, 128)
    assert float(cache.keys[0][0].sum()) == 24
    assert float(cache.keys[0][1:].abs().sum()) == 0
    alone = cache.take_out(0, 3)
    assert float(alone.values[0][0, :, :3].sum()) == 24


def test_what_is_reused_ends_before_the_first_image_that_only_one_of_both_has() -> None:
    cache = KeyValues(1, 64)
    words, image, other = (7, 8, 9), Span(1, 2, "a"), Span(3, 1, "b")
    ids = (5, 0, 0, 0, *words)
    assert reusable(whole(ids, (image, other), cache), (*ids, 4), (image, other)) == len(ids)
    assert reusable(whole(ids, (image,), cache), (*ids, 4), (image, other)) == other.start
    assert reusable(whole(ids, (image, other), cache), (*ids, 4), (image,)) == other.start
    assert reusable(whole(ids, (), cache), (*ids, 4), (image,)) == image.start
    part = whole(ids[:2], (image, other), cache)  # stopped inside the first image
    assert (part.ids, part.spans) == (ids[:1], ())


def test_times_are_counted_from_the_call_the_preparation_of_its_picture_included(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = engine.composer.adapter.prepare

    def slowly(image: Any) -> Any:
        time.sleep(0.3)
        return prepare(image)

    monkeypatch.setattr(engine.composer.adapter, "prepare", slowly)
    finish = list(engine.stream([Message("user", "Hi", (checkpoints.picture(7701),))], Sampling(max_new_tokens=1)))[-1]
    assert isinstance(finish, Finish)
    assert finish.seconds_to_first_token is not None
    assert 0.3 <= finish.seconds_to_first_token <= finish.seconds
