"""First stage: the vision tower learns to see with helper heads, before any language. Knows no words."""

import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from model.demo.architecture import helper_heads, tower_config
from model.demo.augment import jitter
from model.demo.pictures import Facts, Shard, codes, prepare, read_shard
from model.demo.scene import FINDINGS

log = logging.getLogger("basira.demo")
TISSUES = (("he", "low"), ("he", "high"), ("ihc", "low"), ("ihc", "high"))
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class Album:
    """All shards drawn so far; grows while the drawing goes on."""

    def __init__(self, folder: Path, seed: int, shards: int, processes: int) -> None:
        self._coming = prepare(folder, seed, shards, processes)
        self.shards: list[Shard] = []
        self._seen: set[Path] = set()
        self._finished = False

    def grow(self, wanted: int) -> None:
        """Wait for at least `wanted` shards (or all)."""
        while len(self.shards) < wanted and not self._finished:
            path = next(self._coming, None)
            if path is None:
                self._finished = True
            elif path not in self._seen:
                self._seen.add(path)
                self.shards.append(read_shard(path))

    def pick(self, rng: np.random.Generator, count: int) -> list[tuple[Shard, int]]:
        """Random pictures; what is soon learnt comes less often."""
        chosen: list[tuple[Shard, int]] = []
        while len(chosen) < count:
            shard = self.shards[int(rng.integers(len(self.shards)))]
            row = int(rng.integers(len(shard.facts)))
            if rng.random() < _share(shard.facts[row]):
                chosen.append((shard, row))
        return chosen


def _share(facts: Facts) -> float:
    """Of how many such pictures one is taken; MR of anything but a brain takes longest to tell from CT."""
    if not facts.assessed:
        return 1.0 if facts.modality == "mr" else 0.7
    return 0.8 if (facts.modality, facts.part) in (("mr", "head"), ("ct", "abdomen")) else 0.4


def pixel_values(images: npt.NDArray[np.uint8], device: str = "cpu") -> Any:
    """(n, SIDE, SIDE, 3) bytes to the normalised (n, 3, SIDE, SIDE) float tensor the processor would give."""
    import torch

    x = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (x - mean) / std


def _targets(facts: list[Facts], device: str) -> Any:
    import torch

    rows = [(*codes(f), TISSUES.index((f.stain, f.density)) if f.density else 4) for f in facts]
    return torch.tensor(rows, device=device)


def helper_loss(heads: Any, features: Any, facts: list[Facts], cover: npt.NDArray[np.float16]) -> tuple[Any, Any]:
    """(loss, findings named right); features: (n, GRID², width) of the tower's patches."""
    import torch
    import torch.nn.functional as F

    device = features.device
    t = _targets(facts, device)
    mean = features.mean(1)
    both = torch.cat([mean, features.amax(1)], -1)
    finding = heads["finding"](both)
    loss = 2 * F.cross_entropy(heads["modality"](mean), t[:, 0], label_smoothing=0.02)
    if (t[:, 1] >= 0).any():
        loss = loss + 0.5 * F.cross_entropy(heads["part"](mean), t[:, 1])
    loss = loss + 1.5 * F.cross_entropy(finding, t[:, 2])
    loss = loss + 0.5 * F.cross_entropy(heads["tissue"](mean), t[:, 4])
    ill = t[:, 3] > 0
    if ill.any():
        loss = loss + F.cross_entropy(heads["side"](both)[ill], t[ill, 3])
    kinds = len(FINDINGS) - 1
    share = torch.from_numpy(cover.astype(np.float32)).to(device).flatten(1)
    target = torch.zeros(*share.shape, kinds, device=device)
    for row, f in enumerate(facts):
        if f.finding != "none":
            target[row, :, FINDINGS.index(f.finding) - 1] = (
                share[row] / max(0.15, 0.7 * float(share[row].max()))
            ).clamp(max=1)
    logits = heads["patch"](features)
    present = -(target * F.logsigmoid(logits)).sum() / target.sum().clamp(min=1)
    absent = -((1 - target) * F.logsigmoid(-logits)).mean() * kinds
    return loss + present + 2 * absent, (finding.argmax(-1) == t[:, 2]).float().mean()


def free(facts: list[Facts]) -> npt.NDArray[np.bool_]:
    """Which pictures have no finding to keep visible."""
    return np.array([not f.assessed for f in facts])


def train_tower(
    album: Album,
    checkpoint: Path,
    *,
    steps: int,
    batch: int,
    seed: int,
    rate: float = 6e-4,
    device: str = "cpu",
) -> dict[str, Any]:
    """Train (or take up again) and return {"tower": state, "heads": state}, averaged over the last steps."""
    import torch
    from torch.optim import swa_utils
    from transformers import CLIPVisionModel

    torch.manual_seed(seed)
    both: Any = torch.nn.ModuleDict({"tower": CLIPVisionModel(tower_config()), "heads": helper_heads()}).to(device)
    averaging: Any = swa_utils  # partly untyped
    average = averaging.AveragedModel(both, multi_avg_fn=averaging.get_ema_multi_avg_fn(0.997))
    parameters = list(both.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.05, betas=(0.9, 0.98))
    start = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        both.load_state_dict(saved["both"])
        average.module["tower"].load_state_dict(saved["tower"])
        average.module["heads"].load_state_dict(saved["heads"])
        average.n_averaged += 1
        if saved["step"]:  # 0: weights to start from, not a run to take up
            optimizer.load_state_dict(saved["optimizer"])
        start = int(saved["step"])
    began, right = time.monotonic(), 0.0
    for step in range(start, steps):
        album.grow(2 + step // 150)
        rng = np.random.default_rng([seed, 77, step])
        picked = album.pick(rng, batch)
        facts, cover = [s.facts[k] for s, k in picked], np.stack([s.cover[k] for s, k in picked])
        images = jitter(rng, np.stack([s.images[k] for s, k in picked]), free(facts))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * max(0.02, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        with torch.autocast(device, dtype=torch.bfloat16):
            seen = both["tower"](pixel_values(images, device), output_hidden_states=True).hidden_states[-1]
        loss, hit = helper_loss(both["heads"], seen[:, 1:].float(), facts, cover)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        average.update_parameters(both)
        right = 0.97 * right + 0.03 * float(hit)
        if step % 25 == 24 or step + 1 == steps:
            note = "tower %d/%d loss %.3f findings %.3f %.0f s"
            log.info(note, step + 1, steps, float(loss.detach()), right, time.monotonic() - began)
        if step % 200 == 199 or step + 1 == steps:
            state = {name: average.module[name].state_dict() for name in ("tower", "heads")}
            rest = {"both": both.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            torch.save({**state, **rest}, checkpoint)
    return {name: average.module[name].state_dict() for name in ("tower", "heads")}
