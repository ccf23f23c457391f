"""Held-out histology: stains mixed as optical densities, nuclei as random walks of outlines, glands and fibres."""

import cv2
import numpy as np

from model.demo.heldout.plate import Plate
from model.demo.scene import Field, Mask, Scene

# Optical density vectors (Ruifrok and Johnston 2001): haematoxylin, eosin, DAB.
STAINS = {"h": (0.65, 0.70, 0.29), "e": (0.07, 0.99, 0.11), "d": (0.27, 0.57, 0.78)}


def _nuclei(rng: np.random.Generator, size: int, spots: np.ndarray, radius: float) -> Field:
    """Cover of irregular nuclei at `spots` ((n, 2) pixels), with darker rims."""
    big = np.zeros((2 * size, 2 * size), np.uint8)
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    for x, y in spots:
        r = radius * rng.uniform(0.7, 1.3) * (1 + 0.15 * rng.standard_normal(9))
        long = rng.uniform(0.65, 1.0)
        turn = rng.uniform(0, 3.14)
        a, b = r * np.cos(angles), r * long * np.sin(angles)
        px, py = x + np.cos(turn) * a - np.sin(turn) * b, y + np.sin(turn) * a + np.cos(turn) * b
        points = np.round(np.stack([px, py], 1) * 32).astype(np.int32)
        cv2.fillPoly(big, [points], int(rng.integers(150, 256)), cv2.LINE_AA, 4)
    return np.asarray(cv2.resize(big, (size, size), interpolation=cv2.INTER_AREA), np.float32) / 255


def _scatter(rng: np.random.Generator, count: int, size: int, apart: float) -> np.ndarray:
    """Random places that keep a distance (dart throwing)."""
    kept: list[tuple[float, float]] = []
    for x, y in rng.uniform(0, size, (count * 4, 2)):
        if len(kept) >= count:
            break
        if all((x - a) ** 2 + (y - b) ** 2 > apart * apart for a, b in kept[-400:]):
            kept.append((float(x), float(y)))
    return np.array(kept).reshape(-1, 2)


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A held-out microscope field."""
    plate = Plate(rng, size, zoom=(1, 1))
    brown = rng.random() < 0.3
    density = "high" if rng.random() < 0.5 else "low"
    radius = rng.uniform(0.012, 0.026) * size
    share = rng.uniform(0.24, 0.34) if density == "high" else rng.uniform(0.03, 0.065)
    count = int(np.clip(share * size * size / (2.7 * radius**2), 6, 700))
    ground = 0.28 + 0.06 * plate.cloud(0.03) + 0.05 * plate.cloud(0.008)
    fibres = cv2.blur(plate.cloud(0.004), (max(3, size // 9), 1))
    ground = np.clip(ground + 0.2 * fibres, 0.05, 0.7) * rng.uniform(0.6, 1.3)
    for _ in range(int(rng.choice([0, 1, 3]))):
        hole = plate.lump(rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.9), rng.uniform(0.05, 0.12), 0.08, 0.3)
        ground = ground * (1 - hole)
    spots = _scatter(rng, count, size, radius * (1.5 if density == "high" else 2.5))
    blue = rng.uniform(0.75, 1.15) * _nuclei(rng, size, spots, radius)
    dab: Field = np.zeros((size, size), np.float32)
    if brown:
        dab = rng.uniform(0.8, 1.2) * _nuclei(rng, size, spots[: max(3, len(spots) // 2)], radius * 1.25)
    mask: Mask = np.zeros((size, size), bool)
    finding = "none"
    if density == "low" and rng.random() < 0.6:
        finding = "cluster"
        x, y = rng.choice([-1, 1]) * rng.uniform(0.25, 0.6), rng.choice([-1, 1]) * rng.uniform(0.25, 0.6)
        r = rng.uniform(0.22, 0.34)
        area = plate.lump(x, y, r, r * rng.uniform(0.8, 1.0), 0.15)
        mask = np.asarray(area > 0.5)
        near = _scatter(rng, int(size * size / (2.2 * radius**2)), size, radius * 1.35)
        inside = near[[bool(mask[int(b), int(a)]) for a, b in near]] if len(near) else near
        extra = _nuclei(rng, size, inside, radius)
        if brown and rng.random() < 0.5:
            dab = np.maximum(dab, extra)
        else:
            blue = np.maximum(blue, extra)
    h, e, d = (np.array(STAINS[k], np.float32) for k in "hed")
    counter = 0.12 * ground[..., None] * h + 0.1 * ground[..., None] * d if brown else ground[..., None] * e
    light = np.exp(
        -(counter * (1.0 if brown else 1.25) + blue[..., None] * h * (0.75 if brown else 1.1) + dab[..., None] * d)
    )
    light = light * rng.uniform(0.9, 1.0) * (1 + rng.normal(0, 0.015, 3))
    light = cv2.GaussianBlur(light.astype(np.float32), (0, 0), rng.uniform(0.3, 0.8) * size / 160)
    light = rng.poisson(np.clip(light, 0, 1) * 600) / 600
    pixels = np.clip(light * 255, 0, 255).astype(np.uint8)
    return Scene(pixels, mask, "histology", "tissue", True, finding, "none", "ihc" if brown else "he", density)
