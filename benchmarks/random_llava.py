"""A Llava with random weights of a chosen size, made in a folder: speed does not depend on what weights say."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.memory import BYTES_PER_WEIGHT, is_quantized
from tests import checkpoints
from tests.checkpoint_words import LLAMA3_SPECIALS, LLAMA_TEMPLATE, make_tokenizer

# about 130 M parameters: the mid-size model of the engine's goals; widths divisible by 64 for 4-bit on CPUs
MIDDLE_TEXT = {
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 14,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
}
MIDDLE_VISION = {"side": 336, "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 12}

# the configuration of MBZUAI/BiMediX2-8B-hf: Llama 3.1 8B, CLIP ViT-L/14 at 336 pixels
BIMEDIX2_VOCABULARY = 128_256
BIMEDIX2_TEXT = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
}
BIMEDIX2_VISION = {
    "side": 336,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
}
SHARD_BYTES = 3 << 29  # 1.5 GiB: what is in memory at once while weights are written
_BLOCK = 1 << 24  # random numbers that are drawn; every tensor is cut from them at another place
_SPARE_BYTES = 1 << 30


def make_middle(folder: Path) -> Path:
    """576 tokens per image as BiMediX2; answers never end by themselves: the head knows only plain letters."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    vision = MIDDLE_VISION | {"num_attention_heads": 6}
    checkpoints.make_llava(folder, text=MIDDLE_TEXT, vision=vision, dtype="bfloat16")
    file, head = folder / "model.safetensors", "language_model.lm_head.weight"
    weights = load_file(file)
    weights[head][_never_said(AutoTokenizer.from_pretrained(folder))] = 0
    save_file(weights, file, metadata={"format": "pt"})
    return folder


class DiskTooSmall(Exception):
    """The sentence says how much is missing."""


def make_bimedix2(folder: Path, *, tiny: bool = False, shard_bytes: int = SHARD_BYTES) -> Path:
    """BiMediX2-8B as it lies on the hub, but for what the weights say: bfloat16, in shards, with the names and the
    small files that transformers and vLLM look for. tiny: a toy of the same kind.

    Written tensor by tensor, so that host memory holds one shard and never the model. Greedy answers never end by
    themselves: the head knows only plain letters and words of the small tokenizer. Raises DiskTooSmall before anything
    is written.
    """
    tokenizer = make_tokenizer(folder, LLAMA3_SPECIALS, bos="<|begin_of_text|>", eos="<|eot_id|>")
    config = bimedix2_config(tokenizer, tiny=tiny)
    shapes = stored_shapes(config)
    require_disk(folder, shapes)
    _write_weights(folder, shapes, tokenizer, shard_bytes)
    config.save_pretrained(folder)
    _write_small_files(folder, config.vision_config)
    return folder


def bimedix2_config(tokenizer: Any, *, tiny: bool) -> Any:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    if tiny:
        text, vision = checkpoints.llama_text(len(tokenizer)), checkpoints.clip_vision()
    else:
        text = checkpoints.llama_text(BIMEDIX2_VOCABULARY, **BIMEDIX2_TEXT)
        vision = checkpoints.clip_vision(**BIMEDIX2_VISION)
    return LlavaConfig(
        vision_config=CLIPVisionConfig(**vision),
        text_config=LlamaConfig(**text),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        projector_hidden_act="gelu",
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        architectures=["LlavaForConditionalGeneration"],
        dtype="bfloat16",
    )


def stored_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Names as on the hub → shapes, from the model itself, built without memory."""
    import torch
    from transformers import LlavaForConditionalGeneration

    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    return {_hub_name(name): tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _hub_name(name: str) -> str:
    """The names of transformers 4, which every version of it and vLLM read."""
    name = name.removeprefix("model.")
    if name.startswith("language_model.") and not name.startswith("language_model.model."):
        return name.replace("language_model.", "language_model.model.", 1)
    if name.startswith("vision_tower.") and not name.startswith("vision_tower.vision_model."):
        return name.replace("vision_tower.", "vision_tower.vision_model.", 1)
    return "language_model." + name if name.startswith("lm_head.") else name


def require_disk(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Room for the weights, and twice for their 4-bit copy: the program keeps none on a disk that is nearly full."""
    plain = sum(2 * math.prod(shape) for shape in shapes.values())
    four = sum(
        math.prod(shape) * (BYTES_PER_WEIGHT["nf4"] if is_quantized(name, shape) else 2)
        for name, shape in shapes.items()
    )
    needed, free = plain + 2 * four + _SPARE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise DiskTooSmall(
            f"{(needed - free) / 1e9:.1f} GB of disk are missing, of {needed / 1e9:.1f} GB that are needed "
            f"({plain / 1e9:.1f} GB of weights, room for their 4-bit copy); {free / 1e9:.1f} GB are free at {folder}"
        )


def _write_weights(folder: Path, shapes: dict[str, tuple[int, ...]], tokenizer: Any, shard_bytes: int) -> None:
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(1)
    most = sum(math.prod(shape) for shape in shapes.values())
    block = torch.randn(min(_BLOCK, most), generator=generator).to(torch.bfloat16)
    places: dict[str, str] = {}  # tensor → file
    for number, names in enumerate(_shards(shapes, shard_bytes), start=1):
        file = f"model-{number:05d}.safetensors"
        shard = {name: _tensor(name, shapes[name], block, len(places) + index) for index, name in enumerate(names)}
        if "language_model.lm_head.weight" in shard:
            head = shard["language_model.lm_head.weight"]
            head[len(tokenizer) :] = 0
            head[_never_said(tokenizer)] = 0
        save_file(shard, folder / file, metadata={"format": "pt"})
        _to_disk(folder / file)
        places |= dict.fromkeys(names, file)
        del shard  # before the next one is made
    index = {"metadata": {"total_size": 2 * most}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _never_said(tokenizer: Any) -> list[int]:
    """Control tokens, and parts of characters: an answer whose text gives other tokens back than it was written with
    would make the second turn longer for whoever reads it anew."""
    plain = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    controls = tokenizer.added_tokens_decoder
    return [
        token for token, text in enumerate(plain) if token in controls or not (text.isascii() and text.isprintable())
    ]


def _shards(shapes: dict[str, tuple[int, ...]], limit: int) -> Iterator[list[str]]:
    names: list[str] = []
    held = 0
    for name, shape in shapes.items():
        size = 2 * math.prod(shape)
        if names and held + size > limit:
            yield names
            names, held = [], 0
        names.append(name)
        held += size
    yield names


def _tensor(name: str, shape: tuple[int, ...], block: Any, number: int) -> Any:
    """Norms that change nothing, matrices of unit gain, small embeddings: numbers stay in bounds over all layers."""
    import torch

    if len(shape) == 1:
        return (torch.ones if name.endswith("weight") else torch.zeros)(shape, dtype=torch.bfloat16)
    count, start = math.prod(shape), number * 7919 % len(block)
    numbers = block.repeat(-(-(start + count) // len(block)))[start : start + count].clone()
    gain = 0.5 if "embed" in name else 3.0 if "lm_head" in name else 1.0
    return numbers.mul_(gain if "embed" in name else gain / math.prod(shape[1:]) ** 0.5).reshape(shape)


def _to_disk(file: Path) -> None:
    """Written for good: what only waits in memory to be written cannot be dropped from it before loading is timed."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _write_small_files(folder: Path, vision: Any) -> None:
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"  # which transformers 4 knows too; a vLLM may run on it
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    preprocessor = checkpoints.clip_preprocessor(vision.image_size)
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    processor = {
        "processor_class": "LlavaProcessor",
        "image_token": "<image>",
        "patch_size": vision.patch_size,
        "vision_feature_select_strategy": "default",
        "num_additional_image_tokens": 1,
    }
    (folder / "processor_config.json").write_text(json.dumps(processor))
    (folder / "chat_template.jinja").write_text(LLAMA_TEMPLATE)
    (folder / "generation_config.json").write_text(json.dumps({"pad_token_id": 0}))  # no end token
