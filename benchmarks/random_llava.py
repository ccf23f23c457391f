"""A Llava with random weights of a chosen size, made in a folder: speed does not depend on what weights say."""

from __future__ import annotations

from pathlib import Path

from tests import checkpoints

# about 130 M parameters: the mid-size model of the engine's goals; widths divisible by 64 for 4-bit on CPUs
MIDDLE_TEXT = {
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 14,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
}
MIDDLE_VISION = {"side": 336, "hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 12}


def make_middle(folder: Path) -> Path:
    """576 tokens per image as BiMediX2; answers never end by themselves."""
    vision = MIDDLE_VISION | {"num_attention_heads": 6}
    checkpoints.make_llava(folder, text=MIDDLE_TEXT, vision=vision, dtype="bfloat16")
    (folder / "generation_config.json").write_text('{"eos_token_id": 100000}')
    return folder
