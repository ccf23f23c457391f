"""The training pictures: drawn once in background processes, kept as shards. Knows no words, no model."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from model.demo import phantoms
from model.demo.capture import CLIP_MEAN
from model.demo.scene import FINDINGS, MODALITIES, PARTS, Pixels, Scene

SIDE = 144  # pixels per side that the tower takes
GRID = 8  # patches per side
SHARD = 2000
IGNORED = -100  # torch's cross-entropy leaves these out


def square(image: Pixels, side: int = SIDE) -> Pixels:
    """(side, side, 3) uint8: padded to a square with the mean colour, then resized, as the image processor does."""
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, 2)
    h, w = rgb.shape[:2]
    full = max(h, w)
    if h != w:
        canvas = np.empty((full, full, 3), np.uint8)
        canvas[:] = CLIP_MEAN
        top, left = (full - h) // 2, (full - w) // 2
        canvas[top : top + h, left : left + w] = rgb
        rgb = canvas
    return np.array(Image.fromarray(rgb).resize((side, side), Image.Resampling.BICUBIC))


def patches(scene: Scene) -> npt.NDArray[np.float32]:
    """(GRID, GRID) share of each patch that the finding covers, in the padded square."""
    h, w = scene.mask.shape
    full = max(h, w)
    padded = np.zeros((full, full), np.float32)
    top, left = (full - h) // 2, (full - w) // 2
    padded[top : top + h, left : left + w] = scene.mask
    return np.asarray(cv2.resize(padded, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True)
class Facts:
    """A scene without its pixels: what questions are asked about."""

    modality: str
    part: str
    assessed: bool
    finding: str
    side: str
    quadrant: str
    stain: str
    density: str


def facts_of(scene: Scene) -> Facts:
    return Facts(
        scene.modality,
        scene.part,
        scene.assessed,
        scene.finding,
        scene.side,
        scene.quadrant(),
        scene.stain,
        scene.density,
    )


def drawn(seed: int, index: int) -> Scene:
    """Training picture number `index`; the same for ever for one seed."""
    rng = np.random.default_rng([seed, index])
    return phantoms.draw(rng, int(rng.integers(128, 200)))


@dataclass(frozen=True)
class Shard:
    """images: (n, SIDE, SIDE, 3) uint8; cover: (n, GRID, GRID) float16; facts: n entries."""

    images: Pixels
    cover: npt.NDArray[np.float16]
    facts: tuple[Facts, ...]


def _write(job: tuple[str, int, int]) -> str:
    path, seed, first = job
    cv2.setNumThreads(1)
    scenes = [drawn(seed, first + k) for k in range(SHARD)]
    images = np.stack([square(s.image) for s in scenes])
    cover = np.stack([patches(s) for s in scenes]).astype(np.float16)
    write_shard(Path(path), Shard(images, cover, tuple(facts_of(s) for s in scenes)))
    return path


def write_shard(path: Path, shard: Shard) -> None:
    """At once or not at all."""
    part = path.with_suffix(".part.npz")
    facts = np.array([[str(value) for value in vars(f).values()] for f in shard.facts])
    np.savez(part, images=shard.images, cover=shard.cover, facts=facts)
    part.rename(path)


def read_shard(path: Path) -> Shard:
    with np.load(path) as data:
        facts = tuple(Facts(r[0], r[1], r[2] == "True", r[3], r[4], r[5], r[6], r[7]) for r in data["facts"].tolist())
        return Shard(data["images"], data["cover"], facts)


def prepare(folder: Path, seed: int, shards: int, processes: int) -> Iterator[Path]:
    """Draw the missing shards in background processes; yields every shard's path as it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"pictures-{seed}-{k:03d}.npz" for k in range(shards)]
    jobs = [(str(p), seed, k * SHARD) for k, p in enumerate(paths) if not p.exists()]
    yield from (p for p in paths if p.exists())
    if jobs:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            for done in pool.imap(_write, jobs):
                yield Path(done)


def codes(facts: Facts) -> tuple[int, int, int, int]:
    """Class numbers (modality, part, finding, side) for the tower's helper heads; an open part is IGNORED."""
    finding = FINDINGS.index(facts.finding) if facts.assessed else len(FINDINGS)
    side = ("none", "right", "left").index(facts.side)
    part = PARTS.index(facts.part) if facts.part else IGNORED
    return MODALITIES.index(facts.modality), part, finding, side
