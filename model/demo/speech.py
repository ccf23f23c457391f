"""Second stage: the language model and projector learn to answer from what the tower sees. Knows no words."""

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.demo.augment import jitter
from model.demo.dialogues import branches
from model.demo.pictures import Facts
from model.demo.tokens import Coder, Encoded
from model.demo.tower import Album, free, helper_loss, pixel_values

log = logging.getLogger("basira.demo")
QUESTIONS = 8  # asked in one conversation: most of the work is its pictures


def batch_of(
    album: Album, coder: Coder, rng: np.random.Generator, size: int
) -> tuple[list[Encoded], list[tuple[int, int]]]:
    """Conversations of one batch and their pictures as (shard, row), in the order of their image tokens."""
    encoded, pictures = [], []
    for row in range(size):
        own: list[tuple[int, int]] = []

        def pick(own: list[tuple[int, int]] = own) -> Facts:
            shard = int(rng.integers(len(album.shards)))
            own.append((shard, int(rng.integers(len(album.shards[shard].facts)))))
            return album.shards[own[-1][0]].facts[own[-1][1]]

        turns = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.36, 0.16, 0.08]))
        talk = branches(rng, pick, ("en", "ar")[row % 2], turns=turns, asides=QUESTIONS // turns - 1)
        encoded.append(coder.encode(talk, loose=True))
        pictures += own
    return encoded, pictures


class Batches:
    """Batch number `step`, the same for one seed; four are drawn at once and sorted by length, to pad little."""

    GROUP = 4

    def __init__(self, album: Album, coder: Coder, seed: int, size: int) -> None:
        self._album, self._coder, self._seed, self._size = album, coder, seed, size
        self._number = -1
        self._ready: list[tuple[list[Encoded], list[tuple[int, int]]]] = []

    def __call__(self, step: int) -> tuple[list[Encoded], list[tuple[int, int]]]:
        number = step // self.GROUP
        if number != self._number:
            rng = np.random.default_rng([self._seed, 99, number])
            single = [batch_of(self._album, self._coder, rng, 2) for _ in range(self._size * self.GROUP // 2)]
            single.sort(key=lambda pair: max(len(e.ids) for e in pair[0]))
            cut = len(single) // self.GROUP
            parts = [single[k * cut : (k + 1) * cut] for k in rng.permutation(self.GROUP)]
            self._ready = [([e for s in part for e in s[0]], [p for s in part for p in s[1]]) for part in parts]
            self._number = number
        return self._ready[step % self.GROUP]


@dataclass(frozen=True)
class Padded:
    """Conversations as tensors: ids, labels, positions (rows, length), sees (rows, 1, length, length).

    sees: which tokens each token may look at. It makes the questions of one conversation independent of each other.
    """

    ids: Any
    labels: Any
    positions: Any
    sees: Any


def padded(encoded: list[Encoded], device: str) -> Padded:
    """All as long as the longest, filled at the end."""
    import torch

    longest = max(len(e.ids) for e in encoded)

    def rows(name: str, filler: int) -> Any:
        lists = [getattr(e, name) for e in encoded]
        return torch.tensor([row + [filler] * (longest - len(row)) for row in lists]).to(device)

    branch = rows("branch", 0)
    own, asked = branch[:, :, None] == branch[:, None, :], (branch == 0)[:, None, :]
    earlier = torch.ones(longest, longest, dtype=torch.bool, device=device).tril()
    return Padded(rows("ids", 0), rows("labels", -100), rows("positions", 0), ((own | asked) & earlier)[:, None])


class Sight:
    """What the tower says of each picture: remembered while it is frozen, computed anew while it learns."""

    def __init__(self, model: Any, album: Album, *, frozen: bool, device: str) -> None:
        self.model, self.album, self.frozen, self.device = model, album, frozen, device
        self._known: dict[int, Any] = {}

    def _tower(self, values: Any) -> Any:
        import torch

        with torch.autocast(self.device, dtype=torch.bfloat16):
            seen = self.model.model.vision_tower(values, output_hidden_states=True).hidden_states[-1]
        return seen[:, 1:].float()

    def _remember(self, shard: int) -> Any:
        import torch

        if shard not in self._known:
            images = self.album.shards[shard].images
            with torch.no_grad():
                parts = [
                    self._tower(pixel_values(images[k : k + 100], self.device)).half().cpu()
                    for k in range(0, len(images), 100)
                ]
            self._known[shard] = torch.cat(parts)
        return self._known[shard]

    def features(self, rng: np.random.Generator, pictures: list[tuple[int, int]]) -> Any:
        """(pictures, GRID², width)."""
        import torch

        if self.frozen:
            return torch.stack([self._remember(s)[k] for s, k in pictures]).float().to(self.device)
        images = np.stack([self.album.shards[s].images[k] for s, k in pictures])
        facts = [self.album.shards[s].facts[k] for s, k in pictures]
        return self._tower(pixel_values(jitter(rng, images, free(facts)), self.device))


def answer_loss(model: Any, features: Any, text: Padded, image: int) -> Any:
    """Cross-entropy of the answers' tokens, the projected pictures put where their tokens stand."""
    import torch
    import torch.nn.functional as F

    embeds = model.get_input_embeddings()(text.ids)
    if features is not None:
        seen = model.model.multi_modal_projector(features)
        place = (text.ids == image).unsqueeze(-1).expand_as(embeds)
        embeds = embeds.masked_scatter(place, seen.to(embeds.dtype))
    with torch.autocast(text.ids.device.type, dtype=torch.bfloat16):
        said = model.model.language_model(
            inputs_embeds=embeds, attention_mask=text.sees, position_ids=text.positions, use_cache=False
        )
    hidden = said.last_hidden_state.float()
    wanted = text.labels[:, 1:]
    chosen = wanted != -100
    logits = model.lm_head(hidden[:, :-1][chosen])
    return F.cross_entropy(logits, wanted[chosen].to(torch.long))


def train_speech(
    model: Any,
    heads: Any,
    album: Album,
    coder: Coder,
    checkpoint: Path,
    *,
    steps: int,
    batch: int,
    seed: int,
    rate: float,
    tower_rate: float,
    warm_start: int = 0,
    device: str = "cpu",
) -> None:
    """Train (or take up again). `tower_rate` 0 freezes the tower, which is several times faster."""
    import torch

    frozen = tower_rate == 0
    tower = list(model.model.vision_tower.parameters())
    for p in tower:
        p.requires_grad_(not frozen)
    own = {id(p) for p in tower}
    rest = [p for p in model.parameters() if id(p) not in own]
    groups = [{"params": rest, "peak": rate}]
    if not frozen:
        groups.append({"params": [*tower, *heads.parameters()], "peak": tower_rate})
    optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=0.02, betas=(0.9, 0.97))
    start = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        heads.load_state_dict(saved["heads"])
        optimizer.load_state_dict(saved["optimizer"])
        start = int(saved["step"])
    sight = Sight(model, album, frozen=frozen, device=device)
    batches = Batches(album, coder, seed, batch)
    began, mean = time.monotonic(), 0.0
    for step in range(start, steps):
        rng = np.random.default_rng([seed, 99, step])
        encoded, pictures = batches(step)
        slope = max(0.02, 0.5 + 0.5 * math.cos(math.pi * (step + warm_start) / (steps + warm_start)))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1.0, (step + 1) / 40) * slope
        features = sight.features(rng, pictures) if pictures else None
        loss = answer_loss(model, features, padded(encoded, device), coder.image)
        mean = float(loss.detach()) if step == start else 0.95 * mean + 0.05 * float(loss.detach())
        if not frozen and pictures:
            facts = [album.shards[s].facts[k] for s, k in pictures]
            cover = np.stack([album.shards[s].cover[k] for s, k in pictures])
            loss = loss + 0.3 * helper_loss(heads, features, facts, cover)[0]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
        optimizer.step()
        if step % 25 == 24 or step + 1 == steps:
            log.info("speech %d/%d loss %.4f %.0f s", step + 1, steps, mean, time.monotonic() - began)
        if step % 100 == 99 or step + 1 == steps:
            state = {"model": model.state_dict(), "heads": heads.state_dict(), "step": step + 1}
            torch.save({**state, "optimizer": optimizer.state_dict()}, checkpoint)
