"""The engine and the sampling that the settings mean. Knows settings and the engine's door; nothing else."""

from __future__ import annotations

from collections.abc import Callable

from app.settings import Settings
from model import Engine, Sampling, open_engine


def open_model(settings: Settings, progress: Callable[[float], None] | None = None) -> Engine:
    """Load the model of the settings. A hub id is fetched: naming one is asking for it.

    Raises what `model.open_engine` raises.
    """
    return open_engine(
        settings.model,
        quantization=settings.quantization,
        progress=progress,
        readers=settings.batch,
        download=True,
        weights_cache=settings.data / "weights",
        api_key=settings.model_key,
    )


def sampling(settings: Settings) -> Sampling:
    """How answers are drawn: the engine's own defaults where the operator chose nothing."""
    standard = Sampling()
    return Sampling(
        temperature=standard.temperature if settings.temperature is None else settings.temperature,
        top_p=standard.top_p if settings.top_p is None else settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        seed=settings.seed,
        deadline_seconds=settings.answer_seconds,
    )
