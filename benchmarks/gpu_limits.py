"""What one device cannot do faster, whatever the code: bytes over bandwidth, operations over arithmetic.

Both rates are measured on the device itself, in the same run; the bytes and operations follow from the checkpoint's
tensors. Attention's own arithmetic and everything but matrices are left out, so that no limit is too strict.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import memory
from model.checkpoint import Checkpoint
from model.weights import Stored

READERS = 16
_READ_AT_MOST = 4 << 30  # bytes; enough to know how fast a disk is read


@dataclass(frozen=True)
class Rates:
    """bytes_per_second: moved in the device's memory, read and written. operations_per_second: of a bfloat16 matrix
    product, a multiplication and an addition counted as two."""

    bytes_per_second: float
    operations_per_second: float


@dataclass(frozen=True)
class Lengths:
    """Tokens of the conversations that are measured. prompt: image and question. short: a question without an image.
    answer: what is written. follow: what the second turn adds to the first, the answer left out."""

    prompt: int
    short: int
    answer: int
    follow: int


def limits(checkpoint: Checkpoint, quantization: str, rates: Rates, lengths: Lengths) -> dict[str, float]:
    """The best values of the four columns."""
    decoder = {name: stored for name, stored in checkpoint.tensors.items() if _is_decoder(name)}
    head = sum(stored.elements for name, stored in decoder.items() if "lm_head" in name)
    layers = sum(stored.elements for stored in decoder.values()) - head
    tower = [stored for name, stored in checkpoint.tensors.items() if "vision_tower" in name]
    weights = sum(_bytes(name, stored, quantization) for name, stored in decoder.items())
    kept = memory.cache_bytes_per_token(checkpoint, element=2)  # keys and values are bfloat16

    def seconds(moved: float, operations: float) -> float:
        return max(moved / rates.bytes_per_second, operations / rates.operations_per_second)

    def step(readers: int, held: float) -> float:
        return seconds(weights + readers * held * kept, 2 * readers * (layers + head))

    def reading(tokens: int, held: int, images: int) -> float:
        seen = images * sum(stored.elements for stored in tower)
        operations = 2 * (layers * tokens + head + seen * _patches(checkpoint))
        return seconds(weights + held * kept + 2 * seen, operations)

    before_follow = lengths.prompt + lengths.answer
    return {
        "one_tok_s": 1 / step(1, lengths.prompt + lengths.answer / 2),
        "sixteen_tok_s": READERS / step(READERS, lengths.short + lengths.answer / 2),
        "first_token_ms": 1e3 * reading(lengths.prompt, lengths.prompt, 1),
        "next_turn_ms": 1e3 * reading(lengths.follow, before_follow + lengths.follow, 0),
    }


def _is_decoder(name: str) -> bool:
    """What is read for every token: the embedding is only looked up."""
    return "language_model." in name and "embed_tokens" not in name


def _bytes(name: str, stored: Stored, quantization: str) -> float:
    quantized = quantization == "nf4" and memory.is_quantized(name, stored.shape)
    return stored.elements * (memory.BYTES_PER_WEIGHT["nf4"] if quantized else 2)


def _patches(checkpoint: Checkpoint) -> int:
    vision = checkpoint.config["vision_config"]
    return int(vision["image_size"] // vision["patch_size"]) ** 2


# --- measuring what the limits follow from ---


def measure_rates(device: str) -> Rates:
    """A large copy, counting what is read and what is written, and a large product of random numbers; large for the
    device, since a processor would take minutes for what a GPU does in a second."""
    import torch

    on_gpu = device.startswith("cuda")
    size = 1 << (31 if on_gpu else 24)
    held, target = (torch.empty(size, dtype=torch.uint8, device=device).random_() for _ in range(2))
    copying = _seconds_each(lambda: target.copy_(held), device)
    side = 8192 if on_gpu else 512
    left, right = (torch.randn(side, side, dtype=torch.bfloat16, device=device) for _ in range(2))
    product = _seconds_each(lambda: left @ right, device)
    return Rates(2 * size / copying, 2 * side**3 / product)


def _seconds_each(work: Callable[[], Any], device: str, *, times: int = 10) -> float:
    import torch

    def finished() -> float:
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter()

    for _ in range(3):
        work()
    start = finished()
    for _ in range(times):
        work()
    return (finished() - start) / times


def reading_speed(files: list[Path]) -> float:
    """Bytes per second of reading files from the disk they lie on, one after another."""
    drop_from_memory(files)
    done, start = 0, time.perf_counter()
    for file in files:
        with file.open("rb", buffering=0) as opened:
            while done < _READ_AT_MOST and (block := opened.read(1 << 24)):
                done += len(block)
    return done / (time.perf_counter() - start)


def drop_from_memory(files: list[Path]) -> None:
    """Ask the system to forget what it holds of files, so that the next reading comes from the disk. Where it does not
    do so, loading and the speed it is compared with are both measured from memory."""
    if not hasattr(os, "posix_fadvise"):
        return
    for file in files:
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
