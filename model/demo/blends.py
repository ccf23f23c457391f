"""Pictures between and beyond the drawn ones, each called what the trained tower calls it. Knows no words.

A real picture lies somewhere between what the generator draws. The tower names its kind there well enough; a language
model that has only read drawings' features does not, and lets the question's wording tip the balance. So before the
speech is trained, drawings are mixed, bent and inverted, the tower's helper head says of what kind each result looks,
and these answers are learnt beside those of the drawings: distillation (Hinton et al., arXiv 1503.02531) from the
tower's head to the words, on mixtures (Zhang et al., arXiv 1710.09412). A whole model that is trained further has no
head any more: what it itself says is learnt (`kinds_said`), so that it goes on saying it.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from model.demo.answers import answer
from model.demo.augment import changed
from model.demo.canvas import smooth_noise
from model.demo.dialogues import Turn
from model.demo.pictures import GRID, Facts, Shard, read_shard, write_shard
from model.demo.scene import MODALITIES, Field, Pixels
from model.demo.speech import padded
from model.demo.tokens import Coder
from model.demo.tower import pixel_values


def _bent(rng: np.random.Generator, image: Field) -> Field:
    """Through a random curve of brightness, mostly a rising one."""
    places = int(rng.integers(3, 6))
    levels = rng.uniform(0, 255, places)
    if rng.random() < 0.7:
        levels = np.sort(levels)
    return np.interp(image, np.linspace(0, 255, places), levels).astype(np.float32)


def blend(rng: np.random.Generator, one: Pixels, other: Pixels) -> Pixels:
    """(side, side, 3) uint8 made of two such pictures, or of the first alone."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    dice = rng.random()
    if dice < 0.35:
        share = np.float32(rng.uniform(0.15, 0.85))
        image: Field = share * a + (1 - share) * b
    elif dice < 0.5:  # the layout of one, the texture of the other
        width = float(rng.uniform(1.5, 8))
        image = cv2.GaussianBlur(a, (0, 0), width) + (b - cv2.GaussianBlur(b, (0, 0), width)) * rng.uniform(0.5, 1.5)
    elif dice < 0.62:
        cover = np.clip(0.5 + 2 * smooth_noise(rng, a.shape[0], 2), 0, 1)[..., None]
        image = cover * a + (1 - cover) * b
    elif dice < 0.74:
        image = np.maximum(a, b) if rng.random() < 0.5 else np.minimum(a, b)
    elif dice < 0.9:
        image = _bent(rng, a)
    elif dice < 0.93:
        image = 255 - a
    else:
        image = (a - a.mean()) * rng.uniform(0.3, 3) + rng.uniform(0, 255)
    if rng.random() < 0.3:
        image = _bent(rng, image)
    if rng.random() < 0.7:
        image = np.repeat(image.mean(-1, keepdims=True), 3, 2)
    return np.clip(image, 0, 255).astype(np.uint8)


def kinds_seen(tower: Any, heads: Any, images: Pixels, device: str) -> list[str]:
    """What the tower's helper head calls each of (n, SIDE, SIDE, 3) pictures."""
    import torch

    with torch.no_grad():
        patches = tower(pixel_values(images, device), output_hidden_states=True).hidden_states[-1][:, 1:]
        return [MODALITIES[k] for k in heads["modality"](patches.mean(1)).argmax(-1).tolist()]


def kinds_said(model: Any, coder: Coder, images: Pixels, device: str) -> list[str]:
    """The kind that a whole model thinks likeliest to be said of each of (n, SIDE, SIDE, 3) pictures, asked plainly."""
    import torch

    said = [answer("modality", of_kind(kind), "en") for kind in MODALITIES]
    talk = coder.encode(
        [[Turn("modality", "en", "What kind of image is this?", text, 0) for text in said]], loose=False
    )
    text = padded([talk] * len(images), device)
    wanted = text.labels[:, 1:]
    with torch.no_grad():
        patches = model.model.vision_tower(pixel_values(images, device), output_hidden_states=True).hidden_states[-1]
        embeds = model.get_input_embeddings()(text.ids)
        place = (text.ids == coder.image).unsqueeze(-1).expand_as(embeds)
        embeds = embeds.masked_scatter(place, model.model.multi_modal_projector(patches[:, 1:]))
        options = {"attention_mask": text.sees, "position_ids": text.positions, "use_cache": False}
        hidden = model.model.language_model(inputs_embeds=embeds, **options).last_hidden_state[:, :-1]
        chances = model.lm_head(hidden).log_softmax(-1).gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
    chances = chances * (wanted != -100)
    branches = np.array(talk.branch)[1:]  # the first kind is what was asked, and has branch 0
    each = [chances[:, torch.from_numpy(branches == k)].sum(1) for k in range(len(MODALITIES))]
    return [MODALITIES[k] for k in torch.stack(each).argmax(0).tolist()]


def of_kind(kind: str) -> Facts:
    """What is stated of a picture of which nothing but the kind is known."""
    return Facts(kind, "", False, "none", "none", "", "", "")


def blends(shards: list[Shard], name: Callable[[Pixels], list[str]], *, seed: int, count: int) -> Shard:
    """At most `count` blends of drawings; of each nothing but the kind it looks like, as `name` says, is stated.

    No kind has more than two fifths of them: mixtures mostly look like MR, and a model that has learnt so says MR
    whenever it does not know.
    """
    rng = np.random.default_rng([seed, 8])

    def drawing() -> Pixels:
        shard = shards[int(rng.integers(len(shards)))]
        return changed(rng, shard.images[int(rng.integers(len(shard.facts)))], free=True)

    images = np.stack([blend(rng, drawing(), drawing()) for _ in range(count)])
    kinds = [k for at in range(0, count, 64) for k in name(images[at : at + 64])]
    had: Counter[str] = Counter()
    kept: list[int] = []
    for place, kind in enumerate(kinds):
        if had[kind] < 0.4 * count:
            had[kind] += 1
            kept.append(place)
    cover: npt.NDArray[np.float16] = np.zeros((len(kept), GRID, GRID), np.float16)
    facts = tuple(of_kind(kinds[place]) for place in kept)
    return Shard(images[kept], cover, facts)


def kept_blends(path: Path, *args: Any, **how: Any) -> Shard:
    """`blends`, made once and kept at `path`."""
    if not path.exists():
        write_shard(path, blends(*args, **how))
    return read_shard(path)
