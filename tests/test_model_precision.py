"""Which layers get which precision, and how quantised weights are stored, kept and found again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from model import errors
from model.checkpoint import inspect
from model.convert import convert
from tests import checkpoints
from tests.asking import QUESTIONS, logits_of, opened, tokens_of


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.make_llava(tmp_path_factory.mktemp("hf") / "llava")


@pytest.mark.parametrize(
    "make",
    [checkpoints.make_llava, checkpoints.make_gemma, checkpoints.make_qwen, checkpoints.make_text],
    ids=["llava", "gemma3", "qwen2.5-vl", "text"],
)
def test_four_bits_reach_every_layer_of_the_language_model_and_nothing_else(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    import bitsandbytes as bnb
    from torch import nn

    engine = opened(make(tmp_path / "model"), "nf4")
    model = engine.decoder.model
    quantized = {name for name, module in model.named_modules() if isinstance(module, bnb.nn.Linear4bit)}
    plain = {name for name, module in model.named_modules() if type(module) is nn.Linear}
    layers = engine.composer.adapter.config.get_text_config().num_hidden_layers
    assert len(quantized) == 7 * layers
    assert all(".layers." in name and "vision" not in name and "visual" not in name for name in quantized)
    assert "lm_head" in plain
    assert engine.identity.quantization == "nf4"
    engine.close()


def test_the_experts_of_a_mixtral_are_quantised_one_by_one(tmp_path: Path) -> None:
    import bitsandbytes as bnb

    engine = opened(checkpoints.make_text(tmp_path / "mixtral", kind="mixtral"), "nf4")
    names = [name for name, part in engine.decoder.model.named_modules() if isinstance(part, bnb.nn.Linear4bit)]
    assert len(names) == 3 * (4 + 4 * 3)  # layers x (attention + experts x matrices)
    assert len(tokens_of(engine, QUESTIONS[0])) > 0
    engine.close()


def test_split_experts_compute_what_fused_ones_do(tmp_path: Path) -> None:
    import torch
    from transformers import MixtralForCausalLM

    from model import mixtral_experts
    from model.weights import Shelf, lazy_state

    folder = checkpoints.make_text(tmp_path / "mixtral", kind="mixtral")
    fused = MixtralForCausalLM.from_pretrained(folder)
    state = lazy_state(mixtral_experts.names(inspect(folder).tensors), Shelf())
    split = mixtral_experts.split_class().from_pretrained(None, config=fused.config, state_dict=state)
    ids = torch.arange(4, 60).unsqueeze(0)
    with torch.inference_mode():
        assert (fused(ids).logits - split(ids).logits).abs().max() < 1e-4


@pytest.mark.parametrize("quantization", ["int8", "bf16"])
def test_other_precisions_answer_too(llava: Path, quantization: str) -> None:
    engine = opened(llava, quantization)
    assert engine.identity.quantization == quantization
    assert len(tokens_of(engine, QUESTIONS[1])) > 0
    engine.close()


def test_an_unknown_precision_is_refused(llava: Path) -> None:
    with pytest.raises(errors.QuantizationUnavailable, match="nf4"):
        opened(llava, "int3")


def test_a_quantised_tower_would_be_noticed(llava: Path) -> None:
    import bitsandbytes as bnb

    from model.quantized import prove

    engine = opened(llava, "nf4", check=False)
    model = engine.decoder.model
    model.multi_modal_projector = None
    model.model.multi_modal_projector.linear_1 = bnb.nn.Linear4bit(64, 128)
    with pytest.raises(errors.QuantizationUnavailable, match="must not be"):
        prove(model, "nf4")
    engine.close()


def test_progress_goes_up_to_one_and_the_fingerprint_follows_the_weights(llava: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    engine = opened(llava, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    other = checkpoints.make_llava(tmp_path / "other", seed=9)
    second = opened(other, check=False)
    assert engine.identity.revision != second.identity.revision
    copy = shutil.copytree(llava, tmp_path / "copy")
    third = opened(copy, check=False)
    assert engine.identity.revision == third.identity.revision
    for one in (engine, second, third):
        one.close()


def test_layers_of_odd_shapes_are_quantised_too(tmp_path: Path) -> None:
    """bitsandbytes packs rows by 32 and columns by 64 on CPUs with bfloat16 instructions; these have neither."""
    folder = checkpoints.make_llava(tmp_path / "odd", text={"hidden_size": 96, "intermediate_size": 168})
    four, plain = opened(folder, "nf4"), opened(folder, "fp32")
    for messages in QUESTIONS:
        ours, theirs = logits_of(four, messages).softmax(-1), logits_of(plain, messages).softmax(-1)
        assert 0 < (ours - theirs).abs().sum() < 1.9  # near, and not the same
    four.close()
    plain.close()


def test_a_mixtral_converted_to_four_bits_is_served(tmp_path: Path) -> None:
    folder = checkpoints.make_text(tmp_path / "mixtral", kind="mixtral")
    before = opened(folder, "nf4")
    after = opened(convert(folder, tmp_path / "converted", quantization="nf4"), "nf4")
    assert after.identity.quantization == "nf4"
    assert tokens_of(after, QUESTIONS[0]) == tokens_of(before, QUESTIONS[0])
    before.close()
    after.close()
