"""The training generator: `draw(rng, size)` gives a scene of a random kind. Knows no words."""

from collections.abc import Callable

import numpy as np

from model.demo.phantoms import (
    abdomen_ct,
    body_ct,
    body_mr,
    bones,
    brain_mr,
    chest,
    foreign,
    head_ct,
    histology,
)
from model.demo.scene import Scene

Drawer = Callable[[np.random.Generator, int], Scene]

# Weights: kinds with findings to learn are drawn most; the rest keep modality and body part honest.
KINDS: dict[str, tuple[Drawer, float]] = {
    "chest": (chest.draw, 17),
    "head_ct": (head_ct.draw, 14),
    "abdomen_ct": (abdomen_ct.draw, 16),
    "brain_mr": (brain_mr.draw, 14),
    "histology": (histology.draw, 13),
    "bones": (bones.draw, 7),
    "body_ct": (body_ct.draw, 13),
    "body_mr": (body_mr.draw, 12),
    "foreign": (foreign.draw, 3),
}


def draw(rng: np.random.Generator, size: int = 144, kind: str | None = None) -> Scene:
    """One scene; `kind` None picks by weight."""
    if kind is None:
        weights = np.array([weight for _, weight in KINDS.values()])
        kind = str(rng.choice(list(KINDS), p=weights / weights.sum()))
    return KINDS[kind][0](rng, size)
