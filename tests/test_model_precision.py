"""Which layers get which precision, and how quantised weights are stored, kept and found again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from model import errors, memory, split_experts
from model.checkpoint import inspect
from model.convert import convert
from model.weights import Shelf, Stored, lazy_state
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


MIXTURES = {  # layers x (attention + experts x matrices); Qwen's second layer has one expert, and nobody who chooses
    "mixtral": 3 * (4 + 4 * 3),
    "qwen2_moe": 2 * (4 + 6 * 3 + 3 + 1) + (4 + 3),  # an expert for everybody, and its gate
    "qwen3_moe": 2 * (4 + 6 * 3) + (4 + 3),
    "qwen3-vl-moe": 2 * (4 + 6 * 3) + (4 + 3),
}


def make_mixture(folder: Path, kind: str) -> Path:
    return (checkpoints.make_qwen if "-vl" in kind else checkpoints.make_text)(folder, kind=kind)


@pytest.mark.parametrize("kind", MIXTURES)
def test_experts_are_quantised_one_by_one(tmp_path: Path, kind: str) -> None:
    import bitsandbytes as bnb

    engine = opened(make_mixture(tmp_path / kind, kind), "nf4")
    names = [name for name, part in engine.decoder.model.named_modules() if isinstance(part, bnb.nn.Linear4bit)]
    assert len(names) == MIXTURES[kind]
    assert len(tokens_of(engine, QUESTIONS[0])) > 0
    engine.close()


def store_as_blocks(folder: Path, *, turned: bool) -> None:
    """The experts of a checkpoint as transformers holds them, or with the sides of each matrix exchanged."""
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    auto = AutoModelForImageTextToText if "-vl" in folder.name else AutoModelForCausalLM
    state = auto.from_pretrained(folder).state_dict()
    turn = {name for name in state if ".experts." in name and turned}
    assert turn or not turned
    blocks = {name: (t.transpose(1, 2) if name in turn else t).contiguous() for name, t in state.items()}
    (folder / "model.safetensors").unlink()
    save_file(blocks, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("stored", ["as its authors do", "in blocks", "in turned blocks"])
@pytest.mark.parametrize("kind", MIXTURES)
def test_split_experts_compute_what_fused_ones_do(tmp_path: Path, kind: str, stored: str) -> None:
    import torch

    folder = make_mixture(tmp_path / kind, kind)
    plain = opened(folder, "fp32")
    fused = plain.decoder.model
    if stored != "as its authors do":
        store_as_blocks(folder, turned=stored == "in turned blocks")
    hidden = fused.config.get_text_config().hidden_size
    state = lazy_state(split_experts.names(inspect(folder).tensors, hidden), Shelf())
    split = split_experts.split_class(type(fused)).from_pretrained(None, config=fused.config, state_dict=state)
    ids = torch.arange(4, 60).unsqueeze(0)
    with torch.inference_mode():
        assert (fused(ids).logits - split(ids).logits).abs().max() < 1e-4
    plain.close()


def test_blocks_of_experts_are_estimated_as_the_matrices_they_hold(tmp_path: Path) -> None:
    folder = make_mixture(tmp_path / "qwen3_moe", "qwen3_moe")
    one_by_one = inspect(folder)
    store_as_blocks(folder, turned=True)
    blocks = inspect(folder)
    assert len(blocks.tensors) < len(one_by_one.tensors)
    for of in (memory.weight_bytes, memory.conversion_bytes):
        assert of(blocks, "nf4") == of(one_by_one, "nf4")
    parts = split_experts.names(blocks.tensors, hidden=128)
    assert sum(stored.size for _, stored in parts.values()) == blocks.stored_bytes
    assert {name: stored.shape for name, (_, stored) in parts.items()} == {
        name: stored.shape for name, (_, stored) in split_experts.names(one_by_one.tensors, hidden=128).items()
    }


def test_square_blocks_of_experts_are_refused_rather_than_read_the_wrong_way_round() -> None:
    block = Stored(Path("model.safetensors"), (4, 128, 128), "BF16", 4 * 128 * 128 * 2)
    with pytest.raises(errors.CheckpointError, match="square"):
        split_experts.names({"model.layers.0.mlp.experts.gate_up_proj": block}, hidden=128)


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


@pytest.mark.parametrize("kind", MIXTURES)
def test_a_mixture_converted_to_four_bits_is_served(tmp_path: Path, kind: str) -> None:
    folder = make_mixture(tmp_path / kind, kind)
    before = opened(folder, "nf4")
    after = opened(convert(folder, tmp_path / "converted", quantization="nf4"), "nf4")
    assert after.identity.quantization == "nf4"
    assert tokens_of(after, QUESTIONS[0]) == tokens_of(before, QUESTIONS[0])
    before.close()
    after.close()
