"""A checkpoint written in Hugging Face's form, once: from original LLaVA to Llava, plain or quantised.

Weights are saved before the first step: on CPUs with bfloat16 instructions bitsandbytes repacks 4-bit weights at
the first use, and saving after that loses precision.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model import family, original_llava, prompt, quantized
from model.checkpoint import Checkpoint, inspect
from model.errors import CheckpointError, QuantizationUnavailable

_KEPT = ("generation_config.json", "preprocessor_config.json", "processor_config.json", "chat_template.json")


def convert(
    source: Path,
    target: Path,
    *,
    quantization: str = "bf16",
    tower: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write `source` to the new folder `target`, loadable by transformers alone. quantization: nf4, int8, bf16 or
    fp32. Raises CheckpointError when the target exists, what loading raises, and OSError when it cannot be written."""
    if target.exists():
        raise CheckpointError(f"{target} exists already")
    checkpoint = inspect(source)
    if checkpoint.prequantized:
        raise QuantizationUnavailable(
            f"the weights are stored as {checkpoint.prequantized} already: use them as they are"
        )
    tokenizer = family.load_tokenizer(checkpoint)
    found = original_llava.find_tower(checkpoint, tower) if checkpoint.original else None
    loaded = quantized.load(
        checkpoint,
        quantization=quantization,
        device=quantized.default_device(),
        context=1,
        progress=progress,
        tower=found,
        image_token_id=len(tokenizer),
    )
    adapter = family.build(checkpoint, tokenizer, loaded.model.config, preprocessor=found.folder if found else None)
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        if checkpoint.original:
            _grow_for_image_token(loaded.model, tokenizer, adapter.image_token_id)
        write(loaded.model, checkpoint, part)
        tokenizer.save_pretrained(part)
        _write_template(adapter, part)
        if checkpoint.original:
            _write_processor(adapter, part)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)  # a folder is whole or not there
    return target


def write(model: Any, checkpoint: Checkpoint, folder: Path) -> None:
    """Weights, configuration, and the small files that belong to them."""
    model.config.image_seq_length = getattr(model.config, "image_seq_length", None)
    with quantized.quiet():
        model.save_pretrained(folder)
    for name in _KEPT:
        if (checkpoint.folder / name).is_file():
            shutil.copyfile(checkpoint.folder / name, folder / name)


def _write_template(adapter: family.Adapter, folder: Path) -> None:
    template = prompt.find_template(adapter)
    (folder / "chat_template.jinja").write_text(template.text, encoding="utf-8")


def _grow_for_image_token(model: Any, tokenizer: Any, image_token_id: int) -> None:
    """One more row in the embedding and the head: stock transformers looks the image token up. Its head row is a
    copy of the beginning-of-text row, so that it is never chosen."""
    import torch

    had = int(model.get_input_embeddings().weight.shape[0])
    if image_token_id >= had:
        model.resize_token_embeddings(image_token_id + 1, mean_resizing=False)
        head = model.get_output_embeddings().weight
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else 0
        with torch.no_grad():
            model.get_input_embeddings().weight[had:] = 0
            head[had:] = head[begin]
    model.config.image_token_id = image_token_id


def _write_processor(adapter: Any, folder: Path) -> None:
    """The processor stock transformers builds: pads instead of cropping, knows patches and strategy."""
    adapter.processor.save_pretrained(folder)
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    settings |= {"image_processor_type": "LlavaImageProcessor", "do_pad": True}
    path.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    processor = {
        "processor_class": "LlavaProcessor",
        "image_token": adapter.image_token,
        "patch_size": adapter.config.vision_config.patch_size,
        "vision_feature_select_strategy": adapter.config.vision_feature_select_strategy,
        "num_additional_image_tokens": 1,
    }
    (folder / "processor_config.json").write_text(json.dumps(processor, indent=2), encoding="utf-8")
