"""The training generator: `draw(rng, size)` gives a scene of a random kind. Knows no words."""

from collections.abc import Callable

import numpy as np

from model.demo.phantoms import (
    abdomen_ct,
    bodies,
    body_ct,
    body_mr,
    bones,
    brain_mr,
    chest,
    foreign,
    head_ct,
    histology,
    perfusion,
    scouts,
    shadows,
)
from model.demo.scene import Scene

Drawer = Callable[[np.random.Generator, int], Scene]

# Weights: kinds with findings to learn are drawn most; the rest keep modality and body part honest.
PLAIN: dict[str, tuple[Drawer, float]] = {
    "chest": (chest.draw, 15),
    "head_ct": (head_ct.draw, 12),
    "abdomen_ct": (abdomen_ct.draw, 18),
    "brain_mr": (brain_mr.draw, 18),
    "histology": (histology.draw, 12),
    "bones": (bones.draw, 6),
    "body_ct": (body_ct.draw, 9),
    "body_mr": (body_mr.draw, 8),
    "any_ct": (bodies.ct, 10),
    "any_mr": (bodies.mr, 9),
    "any_radiograph": (shadows.draw, 7),
    "perfusion": (perfusion.draw, 2),
    "scout": (scouts.draw, 2),
    "foreign": (foreign.draw, 2.5),
}
# A part of a picture shown large: findings can no longer be judged. (kind, weight)
CLOSE_UPS = {
    "chest": 2, "head_ct": 3, "abdomen_ct": 3, "brain_mr": 3, "histology": 1, "bones": 1, "body_ct": 3, "body_mr": 3,
}  # fmt: skip


def close_up(rng: np.random.Generator, size: int) -> Scene:
    """A third to three fifths of another picture's width, wherever there is something to see."""
    weights = np.array(list(CLOSE_UPS.values()), float)
    whole = PLAIN[str(rng.choice(list(CLOSE_UPS), p=weights / weights.sum()))][0](rng, int(size * 1.4))
    h, w = whole.mask.shape
    best, shown = -1.0, whole.image
    for _ in range(3):
        tall, wide = (max(24, int(rng.uniform(0.33, 0.6) * n)) for n in (h, w))
        top, left = int(rng.integers(0, max(1, h - tall))), int(rng.integers(0, max(1, w - wide)))
        view = whole.image[top : top + tall, left : left + wide]
        if view.std() > best:
            best, shown = float(view.std()), view
    none = np.zeros(shown.shape[:2], bool)
    return Scene(np.ascontiguousarray(shown), none, whole.modality, whole.part, stain=whole.stain)


def turned(rng: np.random.Generator, size: int) -> Scene:
    """A slice lying on its side or upside down: nobody can tell its sides, so its findings are left open."""
    whole = PLAIN[str(rng.choice(["head_ct", "abdomen_ct", "brain_mr", "body_ct", "body_mr"]))][0](rng, size)
    image = np.rot90(whole.image, int(rng.integers(1, 4)))
    image = image[:, ::-1] if rng.random() < 0.5 else image
    return Scene(np.ascontiguousarray(image), np.zeros(image.shape[:2], bool), whole.modality, whole.part)


KINDS: dict[str, tuple[Drawer, float]] = {**PLAIN, "close_up": (close_up, 9), "turned": (turned, 6)}


def draw(rng: np.random.Generator, size: int = 144, kind: str | None = None) -> Scene:
    """One scene; `kind` None picks by weight."""
    if kind is None:
        weights = np.array([weight for _, weight in KINDS.values()])
        kind = str(rng.choice(list(KINDS), p=weights / weights.sum()))
    return KINDS[kind][0](rng, size)
