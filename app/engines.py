"""The engine and the sampling that the settings mean. Knows settings and the engine's door; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.settings import Settings
from model import Engine, Identity, Sampling, open_engine


def open_model(settings: Settings, progress: Callable[[float], None] | None = None) -> Engine:
    """Load the model of the settings. A hub id is fetched: naming one is asking for it.

    Raises what `model.open_engine` raises.
    """
    return open_engine(
        settings.model,
        quantization=settings.quantization,
        progress=progress,
        readers=settings.batch,
        context=settings.context,
        cuda_graphs=settings.cuda_graphs == "on",
        download=True,
        weights_cache=settings.data / "weights",
        api_key=settings.model_key,
    )


def sampling(settings: Settings, identity: Identity) -> Sampling:
    """How answers are drawn: what the operator chose, else what the checkpoint recommends, else the usual.

    The demonstration model always writes its likeliest answer unless the operator chose a temperature.
    """
    chosen: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "deadline_seconds": settings.answer_seconds}
    if identity.demonstration:
        chosen["temperature"] = 0.0
    for name, value in identity.recommended:
        if name in _DRAWN or (name == "max_new_tokens" and settings.max_new_tokens == Settings.max_new_tokens):
            chosen[name] = int(value) if name in _WHOLE else value
    for name in (*_DRAWN, "seed"):
        if getattr(settings, name, None) is not None:
            chosen[name] = getattr(settings, name)
    return Sampling(**chosen)


def told(settings: Settings, identity: Identity) -> bool:
    """Whether the model reads an image's facts beside its pixels. The demonstration model never does: it must look."""
    return settings.facts == "told" and not identity.demonstration


_DRAWN = ("temperature", "top_p", "top_k", "repetition_penalty")
_WHOLE = ("top_k", "max_new_tokens")
