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

from model import memory, original_llava, split_experts
from model.checkpoint import Checkpoint, read_json
from model.errors import (
    CheckpointError,
    CheckpointIncomplete,
    ModelError,
    NotEnoughMemory,
    QuantizationUnavailable,
)
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
    "qwen3_vl_moe": "Qwen3VLMoeForConditionalGeneration",
    "text": "AutoModelForCausalLM",
}
"""Of a family, and of a type of model that has one of its own."""
LEFT_ALONE = ("model.vision_tower", "model.multi_modal_projector", "model.visual", "lm_head")
_LIBRARIES = {
    "bitsandbytes": ("bitsandbytes",),
    "awq": ("gptqmodel",),
    "gptq": ("optimum", "gptqmodel"),
    "torchao": ("torchao",),
    "compressed-tensors": ("compressed_tensors",),
}
"""What transformers needs to use weights stored in a method; of other methods it says so itself."""


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


def plain_dtype(checkpoint: Checkpoint, quantization: str, device: str) -> torch.dtype:
    """bfloat16 where the device computes in it, else float32; float16 only on old GPUs and never for Gemma,
    whose activations overflow it (empty answers)."""
    import torch

    if quantization == "fp32":
        return torch.float32
    if device.startswith("cuda"):
        if torch.cuda.is_bf16_supported():
            return torch.bfloat16
        kinds = (checkpoint.config.get("model_type"), checkpoint.text_config.get("model_type"))
        return torch.float32 if any("gemma" in str(kind) for kind in kinds) else torch.float16
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
    ours: bool = False,
) -> Loaded:
    """Load, quantising tensor by tensor: the peak is the quantised size plus one tensor, never the stored size.

    progress: called with 0…1. ours: weights that are stored quantised were quantised here, and are proved again.
    Raises NotEnoughMemory (before reading, or when it ran out all the same), QuantizationUnavailable,
    CheckpointIncomplete (a tensor the model needs is not stored, or has another shape), CheckpointError.
    """
    _require_memory(checkpoint, quantization, device=device, context=context)
    plain = plain_dtype(checkpoint, quantization, device)
    arguments: dict[str, Any] = {"dtype": plain, "device_map": {"": device}, "output_loading_info": True}
    if checkpoint.prequantized:
        _require_library(checkpoint.prequantized)
        if checkpoint.original:
            raise QuantizationUnavailable("weights in LLaVA's own format that are quantised already cannot be mapped")
        quantization = _stored_quantization(checkpoint)
    elif quantization in ("nf4", "int8"):
        arguments["quantization_config"] = _bitsandbytes(quantization, plain)
    try:
        with memory.returning_freed_memory(), quiet():
            model, info = _read(checkpoint, arguments, progress=progress, tower=tower, image_token_id=image_token_id)
    except ModelError:
        raise
    except Exception as error:  # a configuration of wrong values raises whatever their first use raises
        raise _why(error, checkpoint) from error
    _require_complete(info)
    if quantization in ("nf4", "int8") and (ours or not checkpoint.prequantized):
        prove(model, quantization)
    if checkpoint.prequantized == "bitsandbytes":
        _one_plain_dtype(model, plain)
    spare_odd_shapes(model)
    model.eval()
    if progress is not None:
        progress(1.0)
    return Loaded(
        model,
        quantization,
        device,
        plain,
        sum(_elements(p) for p in model.parameters()),
        size_in_memory(model),
    )


def _why(error: Exception, checkpoint: Checkpoint) -> ModelError:
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "not enough memory" in str(error):
        return NotEnoughMemory("memory ran out while the weights were read")
    told = f"{type(error).__name__}: {error}"
    if checkpoint.prequantized:
        return QuantizationUnavailable(f"weights stored as {checkpoint.prequantized} cannot be loaded here: {told}")
    return CheckpointError(f"the model cannot be built from its files: {told}")


def _one_plain_dtype(model: Any, plain: torch.dtype) -> None:
    """Of stored 4-bit checkpoints transformers leaves matrices as they are stored and casts biases: all alike here."""
    for parameter in model.parameters():
        if parameter.is_floating_point() and parameter.dtype != plain:
            parameter.data = parameter.data.to(plain)


def spare_odd_shapes(model: Any) -> None:
    """Keep 4-bit layers of odd shapes on bitsandbytes' general path.

    On CPUs with AVX512-BF16 it packs weights at the first use, for rows in blocks of 32 and columns in blocks of 64
    only; other shapes would fail in the first step.
    """
    import bitsandbytes as bnb

    library: Any = bnb.nn  # its package does not declare what it exports
    for module in model.modules():
        if isinstance(module, library.Linear4bit) and (module.in_features % 64 or module.out_features % 32):
            module.support_avx512bf16_for_cpu = False


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

    missing = [name for name in _LIBRARIES.get(method, ()) if importlib.util.find_spec(name) is None]
    if missing:
        raise QuantizationUnavailable(f"weights are stored as {method}: {' and '.join(missing)} must be installed")


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

    kind = str(checkpoint.config.get("model_type"))
    cls = getattr(transformers, _CLASSES.get(kind, _CLASSES[checkpoint.family]))
    if checkpoint.prequantized not in ("", "bitsandbytes"):  # its own loader reads what it wrote into the files
        found = cls.from_pretrained(checkpoint.folder, local_files_only=True, **arguments)
        return found[0], found[1]
    if checkpoint.original:
        tower = tower or original_llava.find_tower(checkpoint)
        config: Any = original_llava.configuration(checkpoint, tower, image_token_id=image_token_id)
        tensors = original_llava.names(checkpoint, tower)
    else:
        config = transformers.AutoConfig.from_pretrained(
            checkpoint.folder, local_files_only=True, trust_remote_code=False
        )
        tensors = {name: (name, stored) for name, stored in checkpoint.tensors.items()}
    if checkpoint.family == "text":
        cls = transformers.AutoModelForCausalLM._model_mapping[type(config)]
    four_bit = "quantization_config" in arguments or checkpoint.prequantized
    if kind in split_experts.TYPES and four_bit:
        hidden = config.get_text_config().hidden_size
        cls, tensors = split_experts.split_class(cls), split_experts.names(checkpoint.tensors, hidden)
    counter = _Counter(sum(stored.size for _, stored in tensors.values()), progress)
    shelf = Shelf(counter)
    with contextlib.closing(shelf):
        found = cls.from_pretrained(
            None, config=config, state_dict=lazy_state(tensors, shelf), ignore_mismatched_sizes=True, **arguments
        )
    return found[0], found[1]


def restore_generation_config(model: Any, folder: Path) -> None:
    """The settings that lie beside the weights. Raises CheckpointIncomplete for a damaged file."""
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        read_json(folder / "generation_config.json")
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)


@contextlib.contextmanager
def quiet() -> Any:
    """transformers draws its progress bar on stderr and reports there what it found missing; ours goes to the page,
    and what is missing is an error."""
    from transformers.utils import logging

    their_logging: Any = logging  # untyped
    shown, level = their_logging.is_progress_bar_enabled(), their_logging.get_verbosity()
    their_logging.disable_progress_bar()
    their_logging.set_verbosity_error()
    try:
        yield
    finally:
        their_logging.set_verbosity(level)
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
