"""What happens when a step of the model raises: translated, once tried again with more memory, logged without text."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import TypeVar

from model.errors import GenerationFailed, ModelError, OutOfMemory

log = logging.getLogger(__name__)
T = TypeVar("T")


def survive(work: Callable[[], T], *, make_room: Callable[[], None]) -> T:
    """Run; when memory ran out, make room and run once more. Raises ModelError only.

    The retry happens outside the except block, whose frame would hold the failed step's tensors.
    """
    outcome = _attempt(work)
    if isinstance(outcome, OutOfMemory):
        log.warning("memory ran out: parked caches and image embeddings are given up")
        make_room()
        _empty_device_cache()
        outcome = _attempt(work)
    if isinstance(outcome, ModelError):
        raise outcome
    return outcome[0]


def _attempt(work: Callable[[], T]) -> tuple[T] | ModelError:
    try:
        return (work(),)
    except Exception as problem:  # whatever the model raises ends one request, not the thread
        return translate(problem)


def translate(problem: Exception) -> ModelError:
    """Any exception as one of ours. The trace is logged, never kept: its frames hold tensors worth gigabytes."""
    import torch

    if isinstance(problem, ModelError):
        return problem
    if isinstance(problem, (torch.OutOfMemoryError, MemoryError)) or "not enough memory" in str(problem):
        return OutOfMemory("memory ran out in a step of the model")
    log.error("a step of the model failed", exc_info=problem)
    error = GenerationFailed(f"{type(problem).__name__} in a step of the model")
    error.__cause__ = problem.with_traceback(None)
    return error


def _empty_device_cache() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
