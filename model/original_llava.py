"""Checkpoints in LLaVA's own format as Hugging Face Llava: configuration and names, mapped; runs no code of theirs.

    model.embed_tokens, model.layers.*, model.norm   →  model.language_model.*
    lm_head                                          →  lm_head
    model.mm_projector.0 / .2                        →  model.multi_modal_projector.linear_1 / linear_2
    model.vision_tower.vision_tower.*                →  model.vision_tower.*

The tower's weights lie inside the checkpoint, or in the folder of the CLIP that `mm_vision_tower` names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.checkpoint import Checkpoint
from model.errors import CheckpointIncomplete, PickleRefused, TowerNotFound, UnknownArchitecture
from model.weights import Stored, stored_tensors, weight_files

if TYPE_CHECKING:
    from transformers import LlavaConfig

IMAGE_TOKEN = "<image>"
_TOWER_INSIDE = "model.vision_tower.vision_tower."
_TOWER_PARTS = ("embeddings.", "pre_layrnorm.", "encoder.", "post_layernorm.")
_PROJECTOR = {"0": "linear_1", "2": "linear_2"}
_TEXT_TYPES = {
    "llava_llama": "llama",
    "llava_mistral": "mistral",
    "llava_qwen2": "qwen2",
    "llava_qwen": "qwen2",
}


@dataclass(frozen=True)
class Tower:
    """Where the vision tower's description lies; `tensors` is empty when its weights are in the checkpoint."""

    folder: Path
    config: dict[str, Any]
    tensors: dict[str, tuple[str, Stored]]
    """Hugging Face name → (stored name, where it is)."""


def find_tower(checkpoint: Checkpoint, given: Path | None = None) -> Tower:
    """The tower's folder: the one given, `vision-tower/` inside or beside the checkpoint, a folder beside it with
    the named tower's last name, or the hub cache of this machine. Downloads nothing. Raises TowerNotFound."""
    named = str(checkpoint.config.get("mm_vision_tower", ""))
    last = named.rsplit("/", 1)[-1]
    folder = checkpoint.folder
    candidates = [folder / "vision-tower", folder.parent / "vision-tower"]
    if last:
        candidates += [folder / last, folder.parent / last]
    if given is not None:
        candidates = [given]
    for candidate in candidates:
        if (candidate / "config.json").is_file():
            return _read_tower(checkpoint, candidate)
    if given is None and (cached := _cached_tower(named)) is not None:
        return _read_tower(checkpoint, cached)
    raise TowerNotFound(f"the vision tower {named!r} is needed: put its files in a folder vision-tower/")


def _cached_tower(named: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    if named.count("/") != 1:
        return None
    found = try_to_load_from_cache(named, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def _read_tower(checkpoint: Checkpoint, folder: Path) -> Tower:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config = config.get("vision_config", config)
    inside = any(name.startswith(_TOWER_INSIDE) for name in checkpoint.tensors)
    stored = {} if inside else stored_tensors(weight_files(folder))
    tensors = {target: (name, where) for name, where in stored.items() if (target := _tower_name(name)) is not None}
    if not inside and not tensors:
        if any(folder.glob("*.bin")):
            raise PickleRefused("the vision tower's weights are a pickle; a *.safetensors file of it is needed")
        raise TowerNotFound("the vision tower's folder holds no *.safetensors file with a tower")
    return Tower(folder, config, tensors)


def _tower_name(name: str) -> str | None:
    """Our name for a tensor of a CLIP (whole, its vision half alone as transformers 4 or 5 save it) or of the tower
    inside a Hugging Face Llava."""
    rest = name.removeprefix("model.").removeprefix("vision_tower.").removeprefix("vision_model.")
    return "model.vision_tower.vision_model." + rest if rest.startswith(_TOWER_PARTS) else None


def names(checkpoint: Checkpoint, tower: Tower) -> dict[str, tuple[str, Stored]]:
    """Hugging Face name → (stored name, where it is). Raises CheckpointIncomplete without a projector."""
    found: dict[str, tuple[str, Stored]] = {}
    for name, stored in checkpoint.tensors.items():
        target = _target(name)
        if target is not None:
            found[target] = (name, stored)
    found |= tower.tensors
    if not any(name.startswith("model.multi_modal_projector.") for name in found):
        raise CheckpointIncomplete("model.mm_projector.* is missing")
    return found


def _target(name: str) -> str | None:
    if name.startswith(_TOWER_INSIDE):
        return "model.vision_tower." + name.removeprefix(_TOWER_INSIDE)
    if name.startswith("model.mm_projector."):
        number, _, rest = name.removeprefix("model.mm_projector.").partition(".")
        return f"model.multi_modal_projector.{_PROJECTOR[number]}.{rest}" if number in _PROJECTOR else None
    if name.startswith("model.image_newline"):  # only used by tiling checkpoints
        return None
    if name.startswith("lm_head."):
        return name
    return "model.language_model." + name.removeprefix("model.")


def configuration(checkpoint: Checkpoint, tower: Tower, *, image_token_id: int) -> LlavaConfig:
    """The Hugging Face configuration that computes the same. Raises UnknownArchitecture for a projector or a
    patch merge that Hugging Face Llava does not have."""
    import transformers

    untyped: Any = transformers  # its signatures do not know every field that its configurations take

    old = checkpoint.config
    if old.get("mm_projector_type", "linear") != "mlp2x_gelu":
        raise UnknownArchitecture(f"projector {old.get('mm_projector_type')!r}: only mlp2x_gelu can be mapped")
    if old.get("mm_patch_merge_type", "flat") != "flat" or old.get("image_aspect_ratio") == "anyres":
        raise UnknownArchitecture("tiled images (anyres) cannot be mapped")
    if old.get("mm_use_im_start_end"):
        raise UnknownArchitecture("mm_use_im_start_end cannot be mapped")
    text = {key: value for key, value in old.items() if not _of_llava(key)}
    kind = _TEXT_TYPES.get(str(old.get("model_type")), "llama")
    vision = untyped.CLIPVisionConfig(
        **{k: v for k, v in tower.config.items() if k not in ("architectures", "torch_dtype")}
    )
    side = vision.image_size // vision.patch_size
    patches = old.get("mm_vision_select_feature", "patch") == "patch"
    made: LlavaConfig = untyped.LlavaConfig(
        text_config=untyped.AutoConfig.for_model(kind, **text),
        vision_config=vision,
        image_token_id=image_token_id,
        projector_hidden_act="gelu",
        vision_feature_layer=old.get("mm_vision_select_layer", -2),
        vision_feature_select_strategy="default" if patches else "full",
        image_seq_length=side * side + (0 if patches else 1),
        tie_word_embeddings=bool(old.get("tie_word_embeddings", False)),
    )
    return made


def _of_llava(key: str) -> bool:
    return key.startswith(("mm_", "tune_mm", "unfreeze_mm", "use_mm", "image_", "freeze_mm", "tokenizer_")) or key in {
        "architectures",
        "model_type",
        "torch_dtype",
        "dtype",
        "transformers_version",
        "_name_or_path",
        "auto_map",
        "quantization_config",
    }
