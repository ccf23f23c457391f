"""Answers are drawn as the operator chose, else as the checkpoint's authors recommend, else as usual."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from app.engines import open_model, sampling
from app.settings import Settings
from model import Finish, Known, Message, known_checkpoints
from model.engine import Identity, Sampling
from model.local import LocalEngine
from tests import checkpoints
from tests.asking import ask, opened, run, text_of

_TOKENS = {"llava": 576, "gemma3": 262}  # an image takes, with what the template writes around it
_EVERYTHING = {"temperature": 0.6, "top_p": 0.8, "top_k": 20.0, "repetition_penalty": 1.05, "max_new_tokens": 2048.0}


def identity(**recommended: float) -> Identity:
    return Identity("it", "", "text", "nf4", "cpu", False, False, 4096, recommended=tuple(recommended.items()))


def test_everything_that_is_recommended_is_applied() -> None:
    assert sampling(Settings(), identity(**_EVERYTHING)) == Sampling(
        temperature=0.6,
        top_p=0.8,
        top_k=20,
        repetition_penalty=1.05,
        max_new_tokens=2048,
        deadline_seconds=Settings().answer_seconds,
    )
    assert isinstance(sampling(Settings(), identity(**_EVERYTHING)).top_k, int)


def test_what_the_operator_chose_comes_before_what_is_recommended() -> None:
    chosen = sampling(Settings(temperature=0.0, top_p=0.5, max_new_tokens=100), identity(**_EVERYTHING))
    assert (chosen.temperature, chosen.top_p, chosen.max_new_tokens) == (0.0, 0.5, 100)


def test_a_checkpoint_s_own_generation_settings_are_what_it_recommends(tmp_path: Path) -> None:
    folder = checkpoints.make_text(tmp_path / "it", kind="qwen3")
    path = folder / "generation_config.json"
    told = {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05}
    path.write_text(json.dumps(json.loads(path.read_text()) | told))
    engine = opened(folder, check=False)
    drawn = sampling(Settings(), engine.identity)
    engine.close()
    assert (drawn.temperature, drawn.top_k, drawn.top_p, drawn.repetition_penalty) == (0.6, 20, 0.8, 1.05)


@pytest.mark.parametrize("known", known_checkpoints(), ids=lambda known: known.id)
def test_the_list_recommends_only_what_can_be_drawn_and_images_that_fit(known: Known) -> None:
    sampling(Settings(), identity(**dict(known.sampling)))
    assert {name for name, _ in known.sampling} <= _EVERYTHING.keys()
    assert known.images * _TOKENS.get(known.family, 0) + 1024 <= known.context


def test_context_readers_and_recorded_steps_are_what_the_operator_chose(tmp_path: Path) -> None:
    folder = checkpoints.make_llava(tmp_path / "llava")
    usual = Settings(model=str(folder), data=tmp_path, quantization="fp32")
    greedy = Sampling(temperature=0.0, max_new_tokens=12)
    said = []
    for settings, readers, recorded in (
        (usual, 8, False),
        (dataclasses.replace(usual, context=512, batch=3, cuda_graphs="on"), 3, True),
    ):
        engine = open_model(settings)
        assert isinstance(engine, LocalEngine)
        budget = engine.scheduler.budget
        assert (budget.readers, budget.recorded, budget.context) == (readers, recorded, engine.identity.context_tokens)
        said.append(text_of(run(engine, ask(), greedy)))
        engine.close()
    assert budget.context == 512
    assert said[0] == said[1]


def test_a_conversation_longer_than_the_chosen_context_says_what_was_left_out(tmp_path: Path) -> None:
    folder = checkpoints.make_text(tmp_path / "text", kind="llama")
    engine = open_model(Settings(model=str(folder), data=tmp_path, quantization="fp32", context=512))
    talk = [Message(role, "word " * 40) for _ in range(5) for role in ("user", "assistant")]
    finish = run(engine, [*talk, Message("user", "And?")], Sampling(temperature=0.0, max_new_tokens=4))[-1]
    engine.close()
    assert isinstance(finish, Finish)
    assert finish.error is None
    assert finish.left_out_turns > 0
