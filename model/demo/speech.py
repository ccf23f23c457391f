"""Second stage: the language model and projector learn to answer from what the tower sees. Knows no words."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model.demo.architecture import CONTEXT
from model.demo.augment import jitter
from model.demo.dialogues import Turn, branches, without_oldest
from model.demo.pictures import GRID, Facts
from model.demo.tokens import Coder, Encoded
from model.demo.tower import Album, free, helper_loss, pixel_values

log = logging.getLogger("basira.demo")
QUESTIONS = 8  # asked in one conversation: most of the work is its pictures
LONGEST = 22  # turns of a long conversation
LONG = 0.5  # share of long conversations in the last stage
KEPT = 0.98  # of the mean at each step of the last stage
TOKENS = 3000  # whose gradients are computed at once in the last stage; with more, padding takes half the time
CUT = 0.5  # share of the long ones whose beginning is left out though it would fit


def long_talk(coder: Coder, rng: np.random.Generator, pick: Callable[[], Facts], language: str) -> list[list[Turn]]:
    """Up to `LONGEST` turns, of some only the end, as much as the context holds; often with a picture in each."""
    turns = int(rng.integers(6, LONGEST + 1))
    talk = branches(rng, pick, language, turns=turns, asides=1, renewing=float(rng.choice([0.06, 0.38, 0.38, 0.95])))
    cut = int(rng.integers(turns - 3)) if rng.random() < CUT else 0
    return without_oldest(talk, max(cut, coder.first_that_fits(talk, CONTEXT)))


def batch_of(
    album: Album, coder: Coder, rng: np.random.Generator, size: int, *, long: float = 0.0
) -> tuple[list[Encoded], list[tuple[int, int]]]:
    """Conversations of one batch and their pictures as (shard, row), in the order of their image tokens.

    long: share of long conversations.
    """
    encoded, pictures = [], []
    for row in range(size):
        own: list[tuple[int, int]] = []

        def pick(own: list[tuple[int, int]] = own) -> Facts:
            shard = int(rng.integers(len(album.shards)))
            own.append((shard, int(rng.integers(len(album.shards[shard].facts)))))
            return album.shards[own[-1][0]].facts[own[-1][1]]

        language = ("en", "ar")[row % 2]
        if rng.random() < long:
            talk = long_talk(coder, rng, pick, language)
        else:
            turns = int(rng.choice([1, 2, 3, 4], p=[0.4, 0.36, 0.16, 0.08]))
            talk = branches(rng, pick, language, turns=turns, asides=QUESTIONS // turns - 1)
        encoded.append(coder.encode(talk, loose=True))
        pictures += [own[asked.picture] for asked, *_ in talk if asked.picture is not None]
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


def pieces(
    encoded: list[Encoded], pictures: list[tuple[int, int]], image: int, tokens: int
) -> list[tuple[list[Encoded], list[tuple[int, int]]]]:
    """A batch in parts of at most so many tokens, padding included, unless one conversation has more; by length."""
    counts = [e.ids.count(image) // GRID**2 for e in encoded]
    ends = np.cumsum(counts)
    own = [pictures[end - count : end] for count, end in zip(counts, ends, strict=True)]
    made: list[tuple[list[Encoded], list[tuple[int, int]]]] = []
    for k in sorted(range(len(encoded)), key=lambda k: len(encoded[k].ids)):
        if not made or (len(made[-1][0]) + 1) * len(encoded[k].ids) > tokens:
            made.append(([], []))
        made[-1][0].append(encoded[k])
        made[-1][1].extend(own[k])
    return made


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
    """What the tower says of each picture: computed anew while it learns; remembered while it is frozen, of pictures as
    drawn or (`changed`) each changed once."""

    def __init__(self, model: Any, album: Album, *, frozen: bool, device: str, changed: bool = False) -> None:
        self.model, self.album, self.frozen, self.device, self.changed = model, album, frozen, device, changed
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
            if self.changed:
                images = jitter(np.random.default_rng([17, shard]), images, free(list(self.album.shards[shard].facts)))
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
    device = text.ids.device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu"):  # few processors multiply halves faster
        said = model.model.language_model(
            inputs_embeds=embeds, attention_mask=text.sees, position_ids=text.positions, use_cache=False
        )
    hidden = said.last_hidden_state.float()
    wanted = text.labels[:, 1:]
    chosen = wanted != -100
    logits = model.lm_head(hidden[:, :-1][chosen])
    return F.cross_entropy(logits, wanted[chosen].to(torch.long))


def learn(model: Any, text: list[Encoded], pictures: list[tuple[int, int]], sight: Sight, image: int) -> float:
    """Add the gradient of one batch's mean loss with a frozen tower, `TOKENS` at a time; returns the loss."""
    rng, total = np.random.default_rng(0), 0.0
    taught = sum(label != -100 for e in text for label in e.labels)
    for part, shown in pieces(text, pictures, image, TOKENS):
        features = sight.features(rng, shown) if shown else None
        own = sum(label != -100 for e in part for label in e.labels)
        if not own:
            continue
        loss = answer_loss(model, features, padded(part, sight.device), image) * (own / taught)
        loss.backward()
        total += float(loss.detach())
    return total


def train_long(
    model: Any,
    album: Album,
    coder: Coder,
    checkpoint: Path,
    *,
    steps: int,
    batch: int,
    seed: int,
    rate: float,
    device: str = "cpu",
) -> None:
    """The last stage: the speech learns long conversations beside short ones, the tower frozen (or take up again).

    The model ends with the mean of its last weights (an exponential one over about `1 / (1 - KEPT)` steps).
    """  # fmt: skip
    import torch
    from torch.optim import swa_utils

    for p in model.model.vision_tower.parameters():
        p.requires_grad_(False)
    rest = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(rest, lr=rate, weight_decay=0.02, betas=(0.9, 0.97))
    averaging: Any = swa_utils  # partly untyped
    mean = averaging.AveragedModel(model, multi_avg_fn=averaging.get_ema_multi_avg_fn(KEPT))
    start, said = 0, 0.0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        mean.load_state_dict(saved["mean"])
        optimizer.load_state_dict(saved["optimizer"])
        start = int(saved["step"])
    sight = Sight(model, album, frozen=True, device=device, changed=True)
    began = time.monotonic()
    for step in range(start, steps):
        for group in optimizer.param_groups:
            slope = max(0.02, 0.5 + 0.5 * math.cos(math.pi * step / steps))
            group["lr"] = rate * min(1.0, (step + 1) / 30) * slope
        optimizer.zero_grad(set_to_none=True)
        made = batch_of(album, coder, np.random.default_rng([seed, 98, step]), batch, long=LONG)
        loss = learn(model, *made, sight, coder.image)
        said = loss if step == start else 0.95 * said + 0.05 * loss
        torch.nn.utils.clip_grad_norm_(rest, 1.0)
        optimizer.step()
        mean.update_parameters(model)
        if step % 10 == 9 or step + 1 == steps:
            log.info("long %d/%d loss %.4f %.0f s", step + 1, steps, said, time.monotonic() - began)
        if step % 25 == 24 or step + 1 == steps:
            state = {"model": model.state_dict(), "mean": mean.state_dict(), "step": step + 1}
            torch.save({**state, "optimizer": optimizer.state_dict()}, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").rename(checkpoint)
    model.load_state_dict(mean.module.state_dict())


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
