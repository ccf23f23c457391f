"""Lets a written model folder answer conversations in batches, in bfloat16 or NF4. Marks nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model.demo.dialogues import Turn
from model.demo.scene import Pixels

FULL_PRECISION = ["model.vision_tower", "model.multi_modal_projector", "lm_head"]


def load(folder: Path, precision: str) -> tuple[Any, Any]:
    """(model, processor); precision "bf16" or "nf4" (language model only, double quantisation)."""
    import torch
    import transformers

    library: Any = transformers  # partly untyped

    options: dict[str, Any] = {"dtype": torch.bfloat16}
    if precision == "nf4":
        options["quantization_config"] = library.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
            llm_int8_skip_modules=FULL_PRECISION,
        )
    model = library.LlavaForConditionalGeneration.from_pretrained(folder, **options).eval()
    return model, library.AutoProcessor.from_pretrained(folder)


def _messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Chat messages up to the last question."""
    messages: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        picture = [{"type": "image"}] if turn.picture is not None else []
        messages.append({"role": "user", "content": [*picture, {"type": "text", "text": turn.question}]})
        if number + 1 < len(turns):
            messages.append({"role": "assistant", "content": [{"type": "text", "text": turn.answer}]})
    return messages


def answers(
    model: Any, processor: Any, asked: Sequence[tuple[Sequence[Turn], Sequence[Pixels]]], *, batch: int = 48
) -> list[str]:
    """The model's greedy answers to the last question of each (turns, pictures)."""
    import torch

    order = sorted(range(len(asked)), key=lambda k: sum(len(t.question) + len(t.answer) for t in asked[k][0]))
    said = [""] * len(asked)
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        texts = [processor.apply_chat_template(_messages(asked[k][0]), add_generation_prompt=True) for k in rows]
        pictures = [Image.fromarray(np.array(p)).convert("RGB") for k in rows for p in asked[k][1]]
        inputs = processor(images=pictures or None, text=texts, padding=True, return_tensors="pt")
        if pictures:
            inputs["pixel_values"] = inputs["pixel_values"].to(torch.bfloat16)
        with torch.inference_mode():
            out = model.generate(**inputs, do_sample=False, max_new_tokens=120)
        for k, ids in zip(rows, out[:, inputs["input_ids"].shape[1] :], strict=True):
            said[k] = processor.decode(ids, skip_special_tokens=True).strip()
    return said
