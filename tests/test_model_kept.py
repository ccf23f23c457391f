"""Quantised weights: kept for the next start, used by it, made again when anything they depend on changed."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import errors, kept
from tests import checkpoints
from tests.asking import QUESTIONS, logits_of, opened, tokens_of


@pytest.fixture(autouse=True)
def _even_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "WORTH_KEEPING", 0)


@pytest.fixture
def llava(tmp_path: Path) -> Path:
    return checkpoints.make_llava(tmp_path / "llava")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "weights"


def copies(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def written(cache: Path) -> dict[str, int]:
    """When each kept file was written."""
    return {str(path): path.stat().st_mtime_ns for path in cache.glob("*-nf4/kept.json")}


def start(folder: Path, cache: Path, **options: Any) -> tuple[bool, Any]:
    """Whether it was quantised anew, and logits."""
    before = written(cache)
    engine = opened(folder, "nf4", weights_cache=cache, **options)
    logits = logits_of(engine, QUESTIONS[1])
    engine.close()
    return written(cache) != before, logits


@pytest.mark.parametrize(
    "make",
    [
        checkpoints.make_llava,
        checkpoints.make_gemma,
        checkpoints.make_qwen,
        lambda folder: checkpoints.make_original_llava(folder / "original", tower_inside=False),
    ],
    ids=["llava", "gemma3", "qwen2.5-vl", "original"],
)
def test_the_second_start_reads_what_the_first_kept_and_computes_the_same(
    tmp_path: Path, cache: Path, make: Callable[[Path], Path]
) -> None:
    folder = make(tmp_path / "model")
    seen: list[float] = []
    first, second = start(folder, cache), start(folder, cache, progress=seen.append)
    assert (first[0], second[0]) == (True, False)
    assert len(copies(cache)) == 1
    assert (first[1] - second[1]).abs().max() < 1e-4
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_copy_is_what_is_computed_with(llava: Path, cache: Path) -> None:
    from safetensors.torch import load_file, save_file

    first = start(llava, cache)
    file = next((cache / copies(cache)[0]).glob("*.safetensors"))
    state = load_file(file)
    head = next(name for name in state if name.endswith("lm_head.weight"))
    save_file(state | {head: -state[head]}, file, metadata={"format": "pt"})
    second = start(llava, cache)
    assert (first[1] + second[1]).abs().max() < 1e-4


@pytest.mark.parametrize("kind", ["mixtral", "qwen3_moe", "qwen3-vl-moe"])
def test_a_mixture_finds_its_split_experts_again(tmp_path: Path, cache: Path, kind: str) -> None:
    make = checkpoints.make_qwen if kind == "qwen3-vl-moe" else checkpoints.make_text
    folder = make(tmp_path / kind, kind=kind)
    answers = []
    for _ in range(2):
        engine = opened(folder, "nf4", weights_cache=cache)
        answers.append(tokens_of(engine, QUESTIONS[0]))
        engine.close()
    assert len(copies(cache)) == 1
    assert answers[0] == answers[1]


def _other_weights(folder: Path) -> None:
    shutil.copyfile(checkpoints.make_llava(folder.parent / "other", seed=8) / "model.safetensors", folder / "m")
    (folder / "m").replace(folder / "model.safetensors")


def _other_configuration(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"vision_feature_layer": -1}))


@pytest.mark.parametrize("change", [_other_weights, _other_configuration])
def test_changed_files_are_quantised_anew_and_the_old_copy_goes(
    llava: Path, cache: Path, change: Callable[[Path], None]
) -> None:
    before = start(llava, cache)
    old = copies(cache)
    change(llava)
    after = start(llava, cache)
    assert after[0]
    assert (before[1] - after[1]).abs().max() > 1e-2
    assert len(copies(cache)) == 1
    assert copies(cache) != old


def test_another_tower_is_another_model(tmp_path: Path, cache: Path) -> None:
    """The tower lies beside the checkpoint, whose own files stay as they were."""
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=False)
    before = start(folder, cache)
    other = checkpoints.make_original_llava(tmp_path / "b" / "original", tower_inside=False, seed=5) / "vision-tower"
    after = start(folder, cache, tower=other)
    assert after[0]
    assert (before[1] - after[1]).abs().max() > 1e-2


def _cut(copy: Path) -> None:
    file = next(copy.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-5000])


def _lose(copy: Path) -> None:
    next(copy.glob("*.safetensors")).unlink()


def _garble(copy: Path) -> None:
    (copy / "config.json").write_text("{")


def _forget_a_layer(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = next(copy.glob("*.safetensors"))
    save_file({k: v for k, v in load_file(file).items() if "layers.1.mlp" not in k}, file, metadata={"format": "pt"})


@pytest.mark.parametrize("damage", [_cut, _lose, _garble, _forget_a_layer])
def test_a_damaged_copy_is_made_again(llava: Path, cache: Path, damage: Callable[[Path], None]) -> None:
    first = start(llava, cache)
    damage(cache / copies(cache)[0])
    second, third = start(llava, cache), start(llava, cache)
    assert second[0]
    assert not third[0]
    assert (first[1] - third[1]).abs().max() < 1e-4


def test_a_half_written_copy_of_a_killed_process_is_neither_used_nor_left(llava: Path, cache: Path) -> None:
    start(llava, cache)
    whole = copies(cache)[0]
    (cache / whole).rename(cache / f"{whole}.part-1")
    os.utime(cache / f"{whole}.part-1", (0, 0))
    assert start(llava, cache)[0]
    assert copies(cache) == [whole]


def test_a_cache_that_cannot_be_written_is_done_without(llava: Path, tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("a file where a folder should be")
    engine = opened(llava, "nf4", weights_cache=tmp_path / "weights")
    assert len(tokens_of(engine, QUESTIONS[1])) > 0
    engine.close()


def test_only_four_bit_weights_are_kept(llava: Path, cache: Path) -> None:
    for quantization in ("fp32", "bf16"):
        opened(llava, quantization, weights_cache=cache, check=False).close()
    assert copies(cache) == []


# --- weights that come quantised ---


def test_a_checkpoint_that_comes_in_four_bits_is_used_as_it_is(llava: Path, tmp_path: Path) -> None:
    """As others publish them: one layer left out, the tower's layers quantised too, no double quantisation."""
    import torch
    import transformers

    settings: Any = transformers.BitsAndBytesConfig
    skipped = ["lm_head", "model.language_model.layers.1.mlp.up_proj", "model.multi_modal_projector"]
    config = settings(load_in_4bit=True, bnb_4bit_quant_type="nf4", llm_int8_skip_modules=skipped)
    cls: Any = transformers.LlavaForConditionalGeneration
    model = cls.from_pretrained(llava, quantization_config=config, dtype=torch.float32, device_map={"": "cpu"})
    theirs = shutil.copytree(llava, tmp_path / "theirs", ignore=shutil.ignore_patterns("*.safetensors"))
    model.save_pretrained(theirs)
    engine = opened(theirs, "bf16")  # what was asked for does not matter: they are what they are
    assert engine.identity.quantization == "nf4"
    assert len(tokens_of(engine, QUESTIONS[1])) > 0
    engine.close()
    (theirs / "model.safetensors").write_bytes((llava / "model.safetensors").read_bytes())
    with pytest.raises(errors.CheckpointError):
        opened(theirs)


@pytest.mark.skipif(importlib.util.find_spec("torchao") is None, reason="torchao is not installed")
@pytest.mark.filterwarnings("ignore")  # theirs, about versions of torch
def test_a_checkpoint_of_torchao_is_used_as_it_is(llava: Path, tmp_path: Path) -> None:
    import torch
    import transformers
    from torchao.quantization import Int8WeightOnlyConfig  # type: ignore[import-not-found]  # only where installed

    skipped = ["model.vision_tower", "model.multi_modal_projector", "lm_head"]
    config: Any = transformers.TorchAoConfig(Int8WeightOnlyConfig(version=2), modules_to_not_convert=skipped)
    cls: Any = transformers.LlavaForConditionalGeneration
    model = cls.from_pretrained(llava, quantization_config=config, dtype=torch.bfloat16, device_map="cpu")
    theirs = shutil.copytree(llava, tmp_path / "theirs", ignore=shutil.ignore_patterns("*.safetensors"))
    model.save_pretrained(theirs)
    engine = opened(theirs, "nf4")
    assert engine.identity.quantization == "torchao"
    assert len(tokens_of(engine, QUESTIONS[1])) > 0
    engine.close()
