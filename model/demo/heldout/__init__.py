"""The second generator, kept out of training: other outlines, textures, noise and contrast. For measuring only.

Shares no drawing code with `model.demo.phantoms`; only the description of a scene is common to both.
"""

from collections.abc import Callable

import numpy as np

from model.demo.heldout import radiograph, sections, tissue
from model.demo.scene import Scene

KINDS: dict[str, Callable[[np.random.Generator, int], Scene]] = {
    "chest": radiograph.draw,
    "head_ct": sections.head_ct,
    "abdomen_ct": sections.abdomen_ct,
    "brain_mr": sections.brain_mr,
    "histology": tissue.draw,
}


def draw(rng: np.random.Generator, size: int = 256, kind: str | None = None) -> Scene:
    """One unseen scene; `kind` None picks each kind equally often."""
    return KINDS[kind or str(rng.choice(list(KINDS)))](rng, size)
