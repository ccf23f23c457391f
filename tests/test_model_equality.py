"""The engine answers exactly as plain `generate` does: over turns, with images, beside other readers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from model import Finish, Message, Sampling, Thought, open_engine
from model.local import LocalEngine
from tests import checkpoints
from tests.asking import logits_of

FAMILIES = {
    "llava": checkpoints.make_llava,
    "gemma3": checkpoints.make_gemma,
    "qwen2-vl": lambda folder: checkpoints.make_qwen(folder, kind="qwen2-vl"),
    "qwen2.5-vl": lambda folder: checkpoints.make_qwen(folder, kind="qwen2.5-vl"),
    "qwen3-vl": lambda folder: checkpoints.make_qwen(folder, kind="qwen3-vl"),
    "qwen3-vl-moe": lambda folder: checkpoints.make_qwen(folder, kind="qwen3-vl-moe"),
    "llama": checkpoints.make_text,
    "mixtral": lambda folder: checkpoints.make_text(folder, kind="mixtral"),
    "qwen2_moe": lambda folder: checkpoints.make_text(folder, kind="qwen2_moe"),
    "qwen3_moe": lambda folder: checkpoints.make_text(folder, kind="qwen3_moe"),
    "mistral": lambda folder: checkpoints.make_text(folder, kind="mistral"),
    "gemma2": lambda folder: checkpoints.make_text(folder, kind="gemma2"),
    "gemma3_text": lambda folder: checkpoints.make_text(folder, kind="gemma3_text"),
    "qwen3": lambda folder: checkpoints.make_text(folder, kind="qwen3"),
    "gemma": lambda folder: checkpoints.make_text(folder, kind="gemma"),
    "qwen2": lambda folder: checkpoints.make_text(folder, kind="qwen2"),
    "phi3": lambda folder: checkpoints.make_text(folder, kind="phi3"),
    "cohere": lambda folder: checkpoints.make_text(folder, kind="cohere"),
    "granite": lambda folder: checkpoints.make_text(folder, kind="granite"),
    "olmo2": lambda folder: checkpoints.make_text(folder, kind="olmo2"),
}
QUESTIONS = (
    "What imaging modality is this?",
    "هل توجد علامات على انصباب جنبي؟",
    "And on the other side of the chest?",
    "صف ما تراه في الصورة.",
    "Compare it with the first one.",
    "Is the study normal?",
    "ما الجهة؟",
)
GREEDY = Sampling(temperature=0.0, max_new_tokens=9)


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder = FAMILIES[request.param](tmp_path_factory.mktemp("family") / request.param)
    opened = open_engine(str(folder), quantization="fp32", device="cpu")
    assert isinstance(opened, LocalEngine)
    yield opened
    opened.close()


class Conversation:
    """Asks turn after turn and remembers, per turn, the ids the engine read and wrote."""

    def __init__(self, engine: LocalEngine, name: str, *, first_picture: int) -> None:
        self.engine, self.name = engine, name
        self.messages: list[Message] = []
        self.seen: list[tuple[Any, tuple[int, ...], Finish]] = []
        self._pictures = first_picture

    def ask(self, text: str, *, images: int = 0) -> Finish:
        shown = ()
        if self.engine.identity.accepts_images:
            shown = tuple(checkpoints.picture(self._pictures + n, (60 + 40 * n, 90)) for n in range(images))
            self._pictures += images
        self.messages.append(Message("user", text, shown))
        return self.answer()

    def answer(self) -> Finish:
        """Let the last message be answered."""
        request = self.engine._request(self.messages, GREEDY, self.name, None, None)
        self.engine.scheduler.submit(request)
        while not isinstance(event := request.events.get(), Finish):
            assert not isinstance(event, Thought)
        assert event.error is None
        self.messages.append(Message("assistant", request.answer.text))
        self.seen.append((request.prompt, tuple(request.answer.ids), event))
        return event


def plain_inputs(engine: LocalEngine, prompt: Any) -> dict[str, Any]:
    """The same tokens and pixels as transformers' own model takes them."""
    import torch

    ids = torch.tensor([prompt.ids])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if prompt.pixels:
        inputs["pixel_values"] = torch.cat([pixels.tensors["pixel_values"] for pixels in prompt.pixels])
        kinds = torch.zeros_like(ids)
        for span in prompt.spans:
            kinds[0, span.start : span.end] = 1
        family = engine.identity.family
        if family == "gemma3":
            inputs["token_type_ids"] = kinds
        if family.startswith("qwen"):
            inputs["mm_token_type_ids"] = kinds
            inputs["image_grid_thw"] = torch.cat([pixels.tensors["grid"] for pixels in prompt.pixels])
    return inputs


def plain_generate(engine: LocalEngine, prompt: Any, count: int, **settings: Any) -> list[int]:
    """Tokens of transformers' own `generate`, everything read anew, by a copy of the model loaded by transformers."""
    import torch

    with torch.inference_mode():
        image = engine.composer.adapter.image_token_id  # of random weights the engine alone knows not to write it
        words = {"suppress_tokens": [image]} if image >= 0 else {}
        out = twin(engine).generate(
            **plain_inputs(engine, prompt), do_sample=False, max_new_tokens=count + 1, **words, **settings
        )
    return [int(token) for token in out[0, len(prompt.ids) :]]


def assert_equal_to_plain_generate(engine: LocalEngine, conversation: Conversation) -> None:
    for prompt, ids, finish in conversation.seen:
        expected = plain_generate(engine, prompt, len(ids))
        assert list(ids) == expected[: len(ids)]
        if finish.reason == "complete":
            assert expected[len(ids)] in engine._parts.end_tokens


_TWINS: WeakKeyDictionary[LocalEngine, Any] = WeakKeyDictionary()  # by the engine, not its id: ids come again


def twin(engine: LocalEngine) -> Any:
    import transformers

    if engine not in _TWINS:
        name = type(engine.decoder.model).__name__
        _TWINS[engine] = getattr(transformers, name).from_pretrained(engine.composer.adapter.checkpoint.folder)
    return _TWINS[engine]


@pytest.mark.parametrize("sizes", [[], [(120, 40)], [(40, 90), (90, 90), (64, 30)]], ids=["none", "one", "several"])
def test_logits_are_those_of_the_twin_in_transformers(engine: LocalEngine, sizes: list[tuple[int, int]]) -> None:
    import torch

    if sizes and not engine.identity.accepts_images:
        pytest.skip("a text-only family")
    images = tuple(checkpoints.picture(number, size) for number, size in enumerate(sizes))
    messages = [Message("user", "What is shown? ماذا يظهر؟", images)]
    prompt = engine.composer.compose(messages, reserve=1, raw_answer=lambda _: None)
    with torch.inference_mode():
        theirs = twin(engine)(**plain_inputs(engine, prompt)).logits[0, -1]
    assert (logits_of(engine, messages) - theirs).abs().max() < 1e-4


def test_seven_turns_with_images_equal_reading_everything_anew_while_others_speak(
    engine: LocalEngine,
) -> None:
    mine = Conversation(engine, "mine", first_picture=10)
    other = Conversation(engine, "other", first_picture=50)
    images = (1, 0, 2, 0, 1, 0, 0)
    held = 0
    for turn, question in enumerate(QUESTIONS):
        finish = mine.ask(question, images=images[turn])
        other.ask(QUESTIONS[-turn], images=images[turn] and 1)
        assert finish.reused_tokens >= held - 1  # nothing that was read or written is read again
        kept = mine.messages[-1].text and engine.composer.adapter.image_token_id not in mine.seen[-1][1]
        held = finish.prompt_tokens + (finish.new_tokens if kept else 0)
    assert_equal_to_plain_generate(engine, mine)
    assert_equal_to_plain_generate(engine, other)


def test_repetition_is_penalised_as_plain_generate_does_it(engine: LocalEngine) -> None:
    """For tokens of the prompt as for those of the answer."""
    messages = [Message("user", "What is shown, what is shown? ماذا يظهر؟")]
    penalised = dataclasses.replace(GREEDY, repetition_penalty=4.0, max_new_tokens=20)
    request = engine._request(messages, penalised, None, None, None)
    engine.scheduler.submit(request)
    while not isinstance(request.events.get(), Finish):
        pass
    ids = request.answer.ids
    expected = plain_generate(engine, request.prompt, len(ids), repetition_penalty=4.0)
    assert ids == expected[: len(ids)]


def test_eight_readers_at_once_get_what_each_would_get_alone(engine: LocalEngine) -> None:
    conversations = [Conversation(engine, f"reader {n}", first_picture=100 + 10 * n) for n in range(8)]

    def read(number: int) -> None:
        conversations[number].ask(QUESTIONS[number % 7] + " x" * number, images=number % 3)
        conversations[number].ask(QUESTIONS[(number + 1) % 7], images=(number + 1) % 2)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for conversation in conversations:
        assert len(conversation.seen) == 2
        assert_equal_to_plain_generate(engine, conversation)


@pytest.mark.parametrize("family", ["llava", "gemma3", "qwen3-vl"])
def test_steps_in_fixed_memory_give_the_same_tokens(family: str, tmp_path: Path) -> None:
    """What is recorded as CUDA graphs on a GPU, run here without recording: padded rows and extents change nothing."""
    folder = FAMILIES[family](tmp_path / family)
    engine = open_engine(str(folder), quantization="fp32", device="cpu", context=512, readers=6, cuda_graphs=True)
    assert isinstance(engine, LocalEngine)
    talks = [Conversation(engine, f"fixed {n}", first_picture=700 + n) for n in range(5)]
    threads = [
        threading.Thread(target=talk.ask, args=(QUESTIONS[n] + " y" * n,), kwargs={"images": n % 2})
        for n, talk in enumerate(talks)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for talk in talks:
        talk.ask("And now?")
        assert_equal_to_plain_generate(engine, talk)
    engine.close()


ROTATIONS_BY_LENGTH: dict[str, dict[str, Any]] = {
    "phi3": {"original_max_position_embeddings": 192, "max_position_embeddings": 1024},
    "llama": {
        "max_position_embeddings": 192,
        "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0},
    },
}


@pytest.mark.parametrize("kind", ROTATIONS_BY_LENGTH)
def test_rotary_factors_that_change_with_the_length_never_change_for_a_neighbour_or_for_what_is_kept(
    kind: str, tmp_path: Path
) -> None:
    folder = checkpoints.make_text(tmp_path / kind, kind=kind, text=ROTATIONS_BY_LENGTH[kind])
    engine = open_engine(str(folder), quantization="fp32", device="cpu", context=1024)
    assert isinstance(engine, LocalEngine)
    assert engine.identity.context_tokens == 192
    grows, short = Conversation(engine, "grows", first_picture=0), Conversation(engine, "short", first_picture=0)
    reader = threading.Thread(target=lambda: [grows.ask(f"{n} Is it normal? " * 9) for n in range(8)])
    reader.start()
    while reader.is_alive():
        short.messages = []
        short.ask("Is it normal?")
    reader.join()
    assert sum(prompt.left_out_turns > 0 for prompt, _, _ in grows.seen) >= 2
    assert_equal_to_plain_generate(engine, grows)
    assert_equal_to_plain_generate(engine, short)
    engine.close()


def test_an_edited_question_reuses_only_what_is_the_same(engine: LocalEngine) -> None:
    talk = Conversation(engine, "edited", first_picture=200)
    talk.ask(QUESTIONS[0], images=1)
    talk.ask(QUESTIONS[1])
    branch = Conversation(engine, "edited", first_picture=300)
    branch.messages = talk.messages[:2]
    finish = branch.ask("Something else entirely?", images=1)
    assert 10 < finish.reused_tokens < finish.prompt_tokens
    assert_equal_to_plain_generate(engine, branch)


def test_another_image_in_the_same_place_is_never_taken_for_the_first(engine: LocalEngine) -> None:
    if not engine.identity.accepts_images:
        pytest.skip("a text-only family")
    first = Conversation(engine, "swapped", first_picture=400)
    first.ask(QUESTIONS[0], images=1)
    second = Conversation(engine, "swapped", first_picture=401)
    finish = second.ask(QUESTIONS[0], images=1)
    start = second.seen[0][0].spans[0].start
    assert finish.reused_tokens <= start
    assert_equal_to_plain_generate(engine, second)


def test_an_image_that_was_read_in_part_is_never_taken_for_a_smaller_one(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not engine.identity.accepts_images:
        pytest.skip("a text-only family")
    large, small = checkpoints.picture(440, (150, 150)), checkpoints.picture(441, (60, 60))
    spans = [
        engine.composer.compose([Message("user", QUESTIONS[0], (image,))], reserve=1, raw_answer=lambda _: None).spans
        for image in (large, small)
    ]
    into = spans[1][0].end + (1 if spans[1][0].end < spans[0][0].end else -1)  # a token past the smaller one
    chunks = dataclasses.replace(engine.scheduler.reading.budget, chunk=into, shared_chunk=into)
    monkeypatch.setattr(engine.scheduler.reading, "budget", chunks)
    cancel = threading.Event()
    read = engine.decoder.read
    ends: list[int] = []

    def then_stop(ids: Any, start: int, end: int, **rest: Any) -> Any:
        ends.append(end)
        cancel.set()
        return read(ids, start, end, **rest)

    monkeypatch.setattr(engine.decoder, "read", then_stop)
    stopped = list(engine.stream([Message("user", QUESTIONS[0], (large,))], GREEDY, conversation="cut", cancel=cancel))
    assert isinstance(stopped[-1], Finish)
    assert (stopped[-1].reason, stopped[-1].new_tokens) == ("stopped", 0)
    assert ends == [spans[0][0].end if engine.composer.adapter.bidirectional_images else into]
    second = Conversation(engine, "cut", first_picture=0)
    second.messages = [Message("user", QUESTIONS[0], (small,))]
    finish = second.answer()
    assert finish.reused_tokens == spans[1][0].start
    assert_equal_to_plain_generate(engine, second)


def test_images_may_be_taken_away_from_a_conversation_or_added_to_an_earlier_question(engine: LocalEngine) -> None:
    if not engine.identity.accepts_images:
        pytest.skip("a text-only family")
    talk = Conversation(engine, "images change", first_picture=420)
    talk.ask(QUESTIONS[0], images=2)
    talk.ask(QUESTIONS[1], images=1)
    first = talk.messages[0]
    talk.messages[0] = dataclasses.replace(first, images=first.images[:1])
    without = talk.ask(QUESTIONS[2])
    assert 0 < without.reused_tokens < talk.seen[0][2].prompt_tokens
    talk.messages[0] = dataclasses.replace(first, images=(*first.images, checkpoints.picture(429)))
    talk.ask(QUESTIONS[3])
    assert len(talk.seen[-1][0].spans) == 4
    assert_equal_to_plain_generate(engine, talk)


def test_an_answer_asked_for_again_reads_only_the_last_token_of_the_question(engine: LocalEngine) -> None:
    talk = Conversation(engine, "again", first_picture=440)
    talk.ask(QUESTIONS[0], images=1)
    talk.ask(QUESTIONS[1])
    del talk.messages[2:]
    finish = talk.ask(QUESTIONS[1])
    assert finish.reused_tokens == finish.prompt_tokens - 1
    assert talk.seen[2][1] == talk.seen[1][1]
    assert_equal_to_plain_generate(engine, talk)


def test_a_cache_that_was_put_into_cpu_memory_goes_on_as_before(engine: LocalEngine) -> None:
    parking = engine.scheduler.parking
    before = parking.device_bytes, parking.host_bytes
    parking.device_bytes, parking.host_bytes = 0, 1 << 30  # as on a device that is full
    try:
        talk = Conversation(engine, "evicted", first_picture=460)
        for turn, question in enumerate(QUESTIONS[:4]):
            finish = talk.ask(question, images=turn % 2)
            assert parking.held_bytes[0] == 0 < parking.held_bytes[1]
            assert turn == 0 or finish.reused_tokens > 10
    finally:
        parking.device_bytes, parking.host_bytes = before
    assert_equal_to_plain_generate(engine, talk)


def test_a_long_prompt_read_in_small_chunks_gives_the_same_tokens(engine: LocalEngine) -> None:
    before = engine.scheduler.reading.budget
    engine.scheduler.reading.budget = dataclasses.replace(before, chunk=7, shared_chunk=3)
    try:
        talk = Conversation(engine, "chunks", first_picture=500)
        talk.ask("A long question. " * 12, images=2)
    finally:
        engine.scheduler.reading.budget = before
    assert_equal_to_plain_generate(engine, talk)


def test_answers_of_different_images_differ(engine: LocalEngine, tmp_path: Path) -> None:
    if not engine.identity.accepts_images:
        pytest.skip("a text-only family")
    texts = set()
    for number in range(4):
        talk = Conversation(engine, f"differs {number}", first_picture=600 + number)
        talk.ask(QUESTIONS[0], images=1)
        texts.add(talk.seen[0][1])
    assert len(texts) > 1
