"""Memory a checkpoint will need and memory there is, in bytes, before anything is loaded; measures, decides
nothing."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

from model.checkpoint import Checkpoint

# bytes a weight takes: NF4 stores half a byte, one absmax byte per 64 and one float per 64 * 256
BYTES_PER_WEIGHT = {"nf4": 0.5 + 1 / 64 + 4 / (64 * 256), "int8": 1.0, "bf16": 2.0, "fp32": 4.0}
WORKSPACE = 1.06  # activations, logits, allocator slack; measured 3-5 % on a 1.1 GB checkpoint
_QUANTISING = 16  # bytes per weight of the tensor that is being quantised on the CPU (measured with bitsandbytes 0.50)


def is_quantized(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor is a matrix inside the language model's layers, or a block of them, the only thing that is
    quantised."""
    if len(shape) == 3 and ".layers." in name and ".experts." in name:
        return True
    if len(shape) != 2 or not name.endswith(".weight") or ".layers." not in name:
        return False
    return not any(part in name for part in ("vision", "visual", "embed", "norm", "lm_head", "gate.weight"))


def weight_bytes(checkpoint: Checkpoint, quantization: str) -> int:
    """Memory the weights take once loaded, in bytes."""
    if checkpoint.prequantized:
        return checkpoint.stored_bytes
    plain = 4.0 if quantization == "fp32" else 2.0
    total = 0.0
    for name, stored in checkpoint.tensors.items():
        quantized = quantization in ("nf4", "int8") and is_quantized(name, stored.shape)
        total += stored.elements * (BYTES_PER_WEIGHT[quantization] if quantized else plain)
    return int(total)


def cache_bytes_per_token(checkpoint: Checkpoint, *, element: int) -> int:
    """Keys and values of one token over all layers, in bytes."""
    text = checkpoint.text_config
    heads = int(text.get("num_attention_heads") or 32)
    kv_heads = int(text.get("num_key_value_heads") or heads)
    width = int(text.get("head_dim") or int(text.get("hidden_size") or 4096) // heads)
    return 2 * int(text.get("num_hidden_layers") or 32) * kv_heads * width * element


def conversion_bytes(checkpoint: Checkpoint, quantization: str) -> int:
    """What loading takes for a moment on top of the weights, in bytes: the tensor at hand, in its other form.

    Tensors are read one after another when they are quantised on the way, so that only the largest counts; weights
    that are stored quantised are not converted.
    """
    if checkpoint.prequantized:
        return 0
    most = 0
    for name, stored in checkpoint.tensors.items():
        if quantization in ("nf4", "int8") and is_quantized(name, stored.shape):
            at_once = stored.elements // (stored.shape[0] if len(stored.shape) == 3 else 1)  # a block, matrix by matrix
            most = max(most, at_once * _QUANTISING)
        elif stored.size != stored.elements * (4 if quantization == "fp32" else 2):
            most = max(most, stored.size)  # as it is stored, until it is cast; an equal dtype is not copied
    return most


def needed_bytes(checkpoint: Checkpoint, quantization: str, *, context: int) -> int:
    """Weights, one full context of keys and values, the largest tensor while it is being converted, workspace."""
    element = 4 if quantization == "fp32" else 2
    context_bytes = context * cache_bytes_per_token(checkpoint, element=element)
    lasting = (weight_bytes(checkpoint, quantization) + context_bytes) * WORKSPACE
    return int(lasting) + conversion_bytes(checkpoint, quantization)


def available_bytes(device: str) -> int:
    """Free memory of a device ("cpu", "cuda", "cuda:1"); on the CPU also bounded by the container's limit."""
    if device.startswith("cuda"):
        import torch

        free, _ = torch.cuda.mem_get_info(torch.device(device))
        return int(free)
    found = _meminfo("MemAvailable")
    limit = _container_headroom()
    return found if limit is None else min(found, limit)


def _meminfo(field: str) -> int:
    path = Path("/proc/meminfo")
    if not path.exists():
        return 1 << 62  # no way to know on this system: do not refuse
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 1 << 62


def _container_headroom() -> int | None:
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        used = int((group / "memory.current").read_text(encoding="ascii"))
        cached = [
            line for line in (group / "memory.stat").read_text().splitlines() if line.startswith("inactive_file ")
        ]
    except (OSError, ValueError):  # not in a container with cgroup v2
        return None
    reclaimable = int(cached[0].split()[1]) if cached else 0
    return None if limit == "max" else max(0, int(limit) - used + reclaimable)


def peak_resident_bytes() -> int:
    """Largest resident memory of this process so far (VmHWM)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


_MMAP_THRESHOLD = -3  # mallopt's M_MMAP_THRESHOLD
_LOADING, _SERVING = 1 << 20, 1 << 26  # bytes


@contextlib.contextmanager
def returning_freed_memory() -> Iterator[None]:
    """While tensors come and go by the hundred, give each freed one back to the system at once.

    glibc raises its limit for memory of its own kind after the first large free and then keeps what it got:
    measured, that doubled the peak of quantising a 1.1 GB checkpoint. Afterwards the limit is set high, because
    steps of the model reuse their memory.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, _LOADING)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, _SERVING)
        libc.malloc_trim(0)
