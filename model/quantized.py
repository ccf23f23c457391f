"""Loading weights in the asked quantisation, and the proof that exactly the right layers got it.

Only the matrices of the language model's layers are quantised; vision tower, projector, embedding and head keep
their precision. What `llm_int8_skip_modules` does changed between versions of transformers, so nothing here
trusts it: the module types are checked after loading and a wrong one refuses the checkpoint.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model import memory, mixtral_experts, original_llava
from model.checkpoint import Checkpoint
from model.errors import CheckpointIncomplete, NotEnoughMemory, QuantizationUnavailable
from model.weights import Shelf, lazy_state

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

_CLASSES = {
    "llava": "LlavaForConditionalGeneration",
    "gemma3": "Gemma3ForConditionalGeneration",
    "qwen2-vl": "Qwen2VLForConditionalGeneration",
    "qwen2.5-vl": "Qwen2_5_VLForConditionalGeneration",
    "qwen3-vl": "Qwen3VLForConditionalGeneration",
    "text": "AutoModelForCausalLM",
}
LEFT_ALONE = ("model.vision_tower", "model.multi_modal_projector", "model.visual", "lm_head")
_LIBRARIES = {
    "bitsandbytes": "bitsandbytes",
    "awq": "awq",
    "gptq": "gptqmodel",
    "torchao": "torchao",
    "compressed-tensors": "compressed_tensors",
}


@dataclass(frozen=True)
class Loaded:
    """A model ready to run: `plain` is the dtype of everything that is not quantised."""

    model: Any
    quantization: str
    device: str
    plain: torch.dtype
    parameters: int
    weight_bytes: int


def default_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def plain_dtype(family: str, quantization: str, device: str) -> torch.dtype:
    """bfloat16 where the device computes in it, else float32; float16 only on old GPUs and never for Gemma 3,
    whose activations overflow it (empty answers)."""
    import torch

    if quantization == "fp32":
        return torch.float32
    if device.startswith("cuda"):
        if torch.cuda.is_bf16_supported():
            return torch.bfloat16
        return torch.float32 if family == "gemma3" else torch.float16
    if quantization == "bf16":
        return torch.bfloat16
    fast = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return torch.bfloat16 if fast else torch.float32


def load(
    checkpoint: Checkpoint,
    *,
    quantization: str,
    device: str,
    context: int,
    progress: Callable[[float], None] | None = None,
    tower: original_llava.Tower | None = None,
    image_token_id: int = 0,
) -> Loaded:
    """Load, quantising tensor by tensor: the peak is the quantised size plus one tensor, never the stored size.

    progress: called with 0…1. Raises NotEnoughMemory (before reading), QuantizationUnavailable,
    CheckpointIncomplete (a tensor the model needs is not stored).
    """
    _require_memory(checkpoint, quantization, device=device, context=context)
    plain = plain_dtype(checkpoint.family, quantization, device)
    arguments: dict[str, Any] = {"dtype": plain, "device_map": {"": device}, "output_loading_info": True}
    if checkpoint.prequantized:
        _require_library(checkpoint.prequantized)
        quantization = _stored_quantization(checkpoint)
    elif quantization in ("nf4", "int8"):
        arguments["quantization_config"] = _bitsandbytes(quantization, plain)
    with memory.returning_freed_memory():
        model, info = _read(checkpoint, arguments, progress=progress, tower=tower, image_token_id=image_token_id)
    _require_complete(info)
    if quantization in ("nf4", "int8"):
        prove(model, quantization, double=not checkpoint.prequantized)
    model.eval()
    return Loaded(
        model,
        quantization,
        device,
        plain,
        sum(_elements(p) for p in model.parameters()),
        size_in_memory(model),
    )


def _require_memory(checkpoint: Checkpoint, quantization: str, *, device: str, context: int) -> None:
    needed = memory.needed_bytes(checkpoint, quantization, context=context)
    available = memory.available_bytes(device)
    if needed > available:
        raise NotEnoughMemory(
            f"{quantization} on {device} needs about {needed / 1e9:.1f} GB, {available / 1e9:.1f} GB are free",
            needed=needed,
            available=available,
        )


def _stored_quantization(checkpoint: Checkpoint) -> str:
    """Our name for what the weights are stored in, else the method's own name."""
    settings = checkpoint.config["quantization_config"]
    if settings.get("load_in_4bit") or settings.get("_load_in_4bit"):
        return str(settings.get("bnb_4bit_quant_type", "fp4"))
    if settings.get("load_in_8bit") or settings.get("_load_in_8bit"):
        return "int8"
    return checkpoint.prequantized


def _require_library(method: str) -> None:
    import importlib.util

    library = _LIBRARIES.get(method)
    if library is None or importlib.util.find_spec(library) is None:
        raise QuantizationUnavailable(f"weights are stored as {method}; the library {library or method} is needed")


def _bitsandbytes(quantization: str, plain: torch.dtype) -> Any:
    _require_library("bitsandbytes")
    import transformers

    settings: Any = transformers.BitsAndBytesConfig  # untyped

    if quantization == "int8":
        return settings(load_in_8bit=True, llm_int8_skip_modules=list(LEFT_ALONE))
    return settings(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=plain,
        llm_int8_skip_modules=list(LEFT_ALONE),
    )


def _read(
    checkpoint: Checkpoint,
    arguments: dict[str, Any],
    *,
    progress: Callable[[float], None] | None,
    tower: original_llava.Tower | None,
    image_token_id: int,
) -> tuple[Any, dict[str, Any]]:
    import transformers

    cls = getattr(transformers, _CLASSES[checkpoint.family])
    if checkpoint.prequantized:  # its own loader knows the extra tensors
        found = cls.from_pretrained(checkpoint.folder, **arguments)
        return found[0], found[1]
    if checkpoint.original:
        tower = tower or original_llava.find_tower(checkpoint)
        config: Any = original_llava.configuration(checkpoint, tower, image_token_id=image_token_id)
        tensors = original_llava.names(checkpoint, tower)
    else:
        config = transformers.AutoConfig.from_pretrained(checkpoint.folder)
        tensors = {name: (name, stored) for name, stored in checkpoint.tensors.items()}
    if checkpoint.family == "text":
        cls = transformers.AutoModelForCausalLM._model_mapping[type(config)]
    if config.model_type == "mixtral" and "quantization_config" in arguments:
        cls, tensors = mixtral_experts.split_class(), mixtral_experts.names(checkpoint.tensors)
    counter = _Counter(sum(stored.size for _, stored in tensors.values()), progress)
    shelf = Shelf(counter)
    with contextlib.closing(shelf), quiet():
        model, info = cls.from_pretrained(None, config=config, state_dict=lazy_state(tensors, shelf), **arguments)
    _restore_generation_config(model, checkpoint.folder)
    return model, info


def _restore_generation_config(model: Any, folder: Path) -> None:
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)


@contextlib.contextmanager
def quiet() -> Any:
    """transformers draws its progress bar on stderr; ours goes to the page."""
    from transformers.utils import logging

    their_logging: Any = logging  # untyped
    shown = their_logging.is_progress_bar_enabled()
    their_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            their_logging.enable_progress_bar()


class _Counter:
    def __init__(self, total: int, progress: Callable[[float], None] | None) -> None:
        self._total, self._progress, self._done = max(total, 1), progress, 0

    def __call__(self, size: int) -> None:
        self._done += size
        if self._progress is not None:
            self._progress(min(1.0, self._done / self._total))


def _require_complete(info: Any) -> None:
    missing = sorted(getattr(info, "missing_keys", None) or info.get("missing_keys") or ())
    mismatched = list(getattr(info, "mismatched_keys", None) or info.get("mismatched_keys") or ())
    if missing:
        raise CheckpointIncomplete(f"{len(missing)} tensor(s) are not in the files, first {missing[0]}")
    if mismatched:
        raise CheckpointIncomplete(f"{len(mismatched)} tensor(s) have another shape, first {mismatched[0]}")


def prove(model: Any, quantization: str, *, double: bool = True) -> tuple[str, ...]:
    """Names of the quantised modules, after checking that they are the language model's layers, all of them and
    nothing else. double: the statistics must be quantised too. Raises QuantizationUnavailable otherwise."""
    import bitsandbytes as bnb
    from torch import nn

    library: Any = bnb.nn  # its package does not declare what it exports
    wanted = library.Linear4bit if quantization == "nf4" else library.Linear8bitLt
    quantized = []
    for name, module in model.named_modules():
        inside = ".layers." in name and not any(part in name for part in ("vision", "visual"))
        if isinstance(module, wanted):
            if not inside:
                raise QuantizationUnavailable(f"{name} was quantised and must not be")
            if quantization == "nf4":
                _require_nf4(name, module, double=double)
            quantized.append(name)
        elif type(module) is nn.Linear and inside:
            raise QuantizationUnavailable(f"{name} was not quantised")
    for name, parameter in model.named_parameters():
        if parameter.dim() == 3 and ".layers." in name and not any(part in name for part in ("vision", "visual")):
            raise QuantizationUnavailable(f"{name} is a block of experts that cannot be quantised")
    if not quantized:
        raise QuantizationUnavailable("no layer was quantised")
    return tuple(quantized)


def _require_nf4(name: str, module: Any, *, double: bool) -> None:
    state = getattr(module.weight, "quant_state", None)
    if state is None or state.quant_type != "nf4" or (double and not state.nested):
        raise QuantizationUnavailable(f"{name} is not NF4 with double quantisation")


def _elements(parameter: Any) -> int:
    state = getattr(parameter, "quant_state", None)
    if state is not None:
        count = 1
        for side in state.shape:
            count *= int(side)
        return count
    return int(parameter.numel())


def size_in_memory(model: Any) -> int:
    """Bytes of all parameters and buffers, the statistics of quantised ones included."""
    total = 0
    for tensor in [*model.parameters(), *model.buffers()]:
        total += tensor.numel() * tensor.element_size()
        state = getattr(tensor, "quant_state", None)
        if state is not None:
            parts = [state.absmax, state.code]
            if state.nested:
                parts += [state.state2.absmax, state.state2.code]
            total += sum(part.numel() * part.element_size() for part in parts)
    return int(total)
