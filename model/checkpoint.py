"""Which checkpoint is this folder, from its files alone; loads nothing, imports no torch.

Refuses what cannot be served, before a byte of weights is read: code or pickles of the checkpoint's own,
missing or cut files, architectures without an adapter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from model.errors import (
    CheckpointIncomplete,
    CheckpointNotFound,
    PickleRefused,
    RemoteCodeRefused,
    UnknownArchitecture,
)
from model.weights import Stored, stored_tensors, weight_files

FamilyName = Literal["llava", "gemma3", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "text"]

_VISION: dict[str, FamilyName] = {
    "llava": "llava",
    "gemma3": "gemma3",
    "qwen2_vl": "qwen2-vl",
    "qwen2_5_vl": "qwen2.5-vl",
    "qwen3_vl": "qwen3-vl",
    "qwen3_vl_moe": "qwen3-vl",
}
_TEXT = frozenset(
    [
        "llama",
        "mistral",
        "mixtral",
        "gemma",
        "gemma2",
        "gemma3_text",
        "qwen2",
        "qwen2_moe",
        "qwen3",
        "qwen3_moe",
        "phi3",
        "cohere",
        "granite",
        "olmo2",
    ]
)
_ORIGINAL_LLAVA = frozenset({"llava_llama", "llava_mistral", "llava_qwen2", "llava_qwen"})
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


@dataclass(frozen=True)
class Checkpoint:
    """What the files say. `original`: LLaVA's own format, to be mapped by name. `prequantized`: the method the
    weights are already stored in, empty when they are plain."""

    folder: Path
    family: FamilyName
    original: bool
    config: dict[str, Any]
    files: tuple[Path, ...]
    tensors: dict[str, Stored] = field(repr=False)
    prequantized: str = ""

    @property
    def name(self) -> str:
        """What to call it: the id it was published under when known, else the folder's name."""
        return str(self.config.get("_name_or_path") or "") or self.folder.name

    @property
    def text_config(self) -> dict[str, Any]:
        """The language model's part of the configuration."""
        found = self.config.get("text_config")
        return found if isinstance(found, dict) else self.config

    @property
    def stored_bytes(self) -> int:
        return sum(stored.size for stored in self.tensors.values())


def inspect(folder: Path) -> Checkpoint:
    """Recognise a checkpoint. Raises CheckpointNotFound, CheckpointIncomplete, RemoteCodeRefused, PickleRefused
    or UnknownArchitecture; the message says what is missing or refused."""
    if not folder.is_dir():
        raise CheckpointNotFound(f"no folder {folder}")
    config = read_json(folder / "config.json")
    family, original = _recognise(config)
    _refuse_code(folder)
    files = weight_files(folder)
    if not files:
        if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
            raise PickleRefused("weights only as pickle; convert them to safetensors on a machine that may run them")
        raise CheckpointIncomplete("no *.safetensors file")
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise CheckpointIncomplete(f"no tokenizer: one of {', '.join(_TOKENIZERS)}")
    if family != "text" and not original:
        _require_image_processor(folder)
    method = config.get("quantization_config") or {}
    prequantized = str(method.get("quant_method", "") or ("bitsandbytes" if method else ""))
    return Checkpoint(folder, family, original, config, files, stored_tensors(files), prequantized)


def read_json(path: Path) -> dict[str, Any]:
    """A file that must hold a JSON object. Raises CheckpointIncomplete."""
    if not path.is_file():
        raise CheckpointIncomplete(f"{path.name} is missing")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointIncomplete(f"{path.name} is not JSON") from error
    if not isinstance(found, dict):
        raise CheckpointIncomplete(f"{path.name} is not a JSON object")
    return found


def _recognise(config: dict[str, Any]) -> tuple[FamilyName, bool]:
    kind = str(config.get("model_type", ""))
    classes = [str(name) for name in config.get("architectures") or ()]
    llava_class = any(name.startswith("Llava") and name.endswith("ForCausalLM") for name in classes)
    if kind in _ORIGINAL_LLAVA or (llava_class and "mm_vision_tower" in config):
        return "llava", True
    code = config.get("auto_map")
    if code and (not isinstance(code, dict) or any(str(name).startswith("AutoModel") for name in code)):
        # also for a type we know: its authors say that their code, not the library's, is the model
        raise RemoteCodeRefused(f"the model of type {kind!r} is Python code inside the checkpoint (auto_map)")
    if kind in _VISION:
        return _VISION[kind], False
    if kind in _TEXT:
        return "text", False
    if code:
        raise RemoteCodeRefused(f"model type {kind!r} exists only as Python code inside the checkpoint (auto_map)")
    raise UnknownArchitecture(f"model type {kind!r} has no adapter")


def _refuse_code(folder: Path) -> None:
    """A tokenizer or preprocessor that is Python code inside the checkpoint: whatever a stock class would make of
    its files is not what the checkpoint was trained with."""
    for name in ("tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file() and read_json(folder / name).get("auto_map"):
            raise RemoteCodeRefused(f"{name} names Python code inside the checkpoint (auto_map)")


def _require_image_processor(folder: Path) -> None:
    if not any((folder / name).is_file() for name in ("preprocessor_config.json", "processor_config.json")):
        raise CheckpointIncomplete("preprocessor_config.json is missing")
