"""Held-out frontal chest radiographs: exponential attenuation through outlined organs."""

import numpy as np

from model.demo.heldout.plate import Plate, counted, curve, develop, lay, mostly
from model.demo.scene import Field, Mask, Scene, Side, side_of


def _lung(plate: Plate, sign: int, top: float, base: float, inner: float, outer: float) -> Field:
    rng = plate.rng
    heart_notch = 0.12 if sign > 0 else 0.03
    points = [
        (sign * (inner + 0.06), top + 0.1),
        (sign * (inner + outer) / 2, top),
        (sign * (outer - 0.1), top + 0.22),
        (sign * outer, (top + base) / 2),
        (sign * (outer + 0.02), base - 0.08),
        (sign * (outer - 0.03), base + 0.04),
        (sign * (inner + outer) / 2, base - 0.14 + rng.uniform(-0.03, 0.03)),
        (sign * (inner + 0.1), base - 0.06),
        (sign * (inner + heart_notch), (top + base) / 2 + 0.18),
        (sign * inner, (top + base) / 2 - 0.1),
    ]
    jitter = rng.normal(0, 0.012, (len(points), 2))
    return plate.fill([(x + float(a), y + float(b)) for (x, y), (a, b) in zip(points, jitter, strict=True)])


def _disease(
    plate: Plate, kind: str, sign: int, lung: Field, box: tuple[float, float, float, float]
) -> tuple[Field, Field]:
    """(change of the path's density, cover)."""
    rng = plate.rng
    top, base, inner, outer = box
    middle = sign * (inner + outer) / 2
    if kind == "opacity":
        y = rng.uniform(top + 0.3, base - 0.35)
        cover = np.zeros_like(lung)
        for _ in range(int(rng.integers(1, 4))):
            r = rng.uniform(0.1, 0.17)
            at = (middle + rng.uniform(-0.09, 0.09), y + rng.uniform(-0.1, 0.1))
            cover = np.maximum(cover, plate.lump(*at, r, r * rng.uniform(0.8, 1.2), 0.3))
        soft = plate.blur(cover, rng.uniform(0.008, 0.025)) * lung
        patchy = 1 + 0.25 * np.clip(plate.cloud(0.02), -1, 1)
        return np.asarray(rng.uniform(0.5, 0.85) * soft * patchy, np.float32), soft
    if kind == "effusion":
        level = base - rng.uniform(0.28, 0.6)
        outside, inside = level - rng.uniform(0.1, 0.25), level + rng.uniform(0, 0.1)
        pool = plate.fill(
            [
                (sign * (outer + 0.2), outside - 0.04), (sign * (outer - 0.08), outside + 0.12), (middle, level),
                (sign * (inner - 0.1), inside), (sign * (inner - 0.1), base + 0.5), (sign * (outer + 0.2), base + 0.5),
            ]
        )  # fmt: skip
        cover = pool * lung
        return np.asarray(rng.uniform(0.7, 1.0) * plate.blur(cover, 0.006), np.float32), cover
    shrink, drop = rng.uniform(0.66, 0.82), rng.uniform(0.05, 0.14)
    width, height = (outer - inner) / 2 * shrink, (base - top) / 2 * rng.uniform(0.78, 0.92)
    rest = plate.lump(sign * (inner + width * 0.9), (top + base) / 2 + drop, width, height, 0.04)
    cover = lung * (1 - rest)
    rim = np.clip(rest - plate.blur(rest, 0.012), 0, 1) * lung
    change = -rng.uniform(0.16, 0.26) * cover + rng.uniform(0.25, 0.5) * rim + 0.1 * rest * lung
    return np.asarray(change, np.float32), cover


def _bones(plate: Plate, top: float, base: float, outer: float) -> Field:
    rng = plate.rng
    dense = plate.empty(0)
    count = int(rng.integers(7, 11))
    strength = rng.uniform(0.06, 0.2)
    for sign in (-1, 1):
        for k in range(count):
            y = top + (base - top) * k / count
            path = [(sign * 0.07, y), (sign * outer * 0.55, y - 0.05), (sign * (outer + 0.03), y + 0.1)]
            dense += strength * plate.tube(path, rng.uniform(0.03, 0.045))
            front = [(sign * (outer + 0.03), y + 0.1), (sign * outer * 0.7, y + 0.24), (sign * 0.3, y + 0.28)]
            dense += 0.5 * strength * plate.tube(front, 0.03)
        dense += rng.uniform(0.15, 0.3) * plate.tube(
            [(sign * 0.08, top - 0.02), (sign * 0.45, top - 0.1), (sign * 0.8, top - 0.08)], 0.06
        )
        blade = [(sign * 0.62, top + 0.05), (sign * 0.85, top + 0.12), (sign * 0.74, top + 0.5)]
        dense += rng.uniform(0.03, 0.12) * plate.fill(blade)
    for k in range(11):
        y = -1.05 + 0.2 * k
        dense += rng.uniform(0.12, 0.25) * plate.fill([(-0.075, y), (0.075, y), (0.07, y + 0.16), (-0.07, y + 0.16)])
    return dense


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A held-out chest radiograph."""
    plate = Plate(rng, size, zoom=(0.88, 1.05))
    top, base = rng.uniform(-0.78, -0.66), rng.uniform(0.38, 0.56)
    inner, outer = rng.uniform(0.09, 0.13), rng.uniform(0.6, 0.72)
    dense = 0.9 * plate.fill(
        [(-0.25, -1.2), (0.25, -1.2), (0.3, -0.9), (0.9, -0.72), (0.98, -0.2), (0.86, 0.5), (0.86, 1.3), (-0.86, 1.3),
         (-0.86, 0.5), (-0.98, -0.2), (-0.9, -0.72), (-0.3, -0.9)]
    )  # fmt: skip
    lungs = {sign: _lung(plate, sign, top, base + (0.0 if sign < 0 else 0.04), inner, outer) for sign in (-1, 1)}
    both = np.maximum(lungs[-1], lungs[1])
    air = rng.uniform(0.55, 0.72)
    dense -= air * both
    dense += 0.05 * both * np.clip(plate.cloud(0.012), -2, 2)
    tree = plate.empty(0)
    for sign in (-1, 1):
        for _ in range(9):
            end = (sign * rng.uniform(0.25, 0.58), rng.uniform(top + 0.25, base - 0.15))
            bend = (sign * 0.2, (end[1] - 0.05) / 2)
            tree = np.maximum(tree, plate.tube([(sign * 0.1, -0.1), bend, end], rng.uniform(0.012, 0.03)))
    dense += rng.uniform(0.08, 0.2) * plate.blur(tree, 0.004) * both
    heart = plate.fill(
        [
            (-0.16, -0.1),
            (0.05, -0.25),
            (0.2, -0.08),
            (rng.uniform(0.38, 0.5), 0.28),
            (0.3, 0.46),
            (-0.1, 0.48),
            (-0.22, 0.25),
        ]
    )
    mediastinum = plate.fill([(-0.11, -0.9), (0.11, -0.9), (0.15, -0.3), (0.1, 0.3), (-0.1, 0.3), (-0.12, -0.3)])
    lay(dense, plate.blur(np.maximum(heart, mediastinum), 0.006) * both, rng.uniform(0.8, 0.95))
    dense += _bones(plate, top, base, outer)
    lay(dense, 0.4 * plate.tube([(0, -1.1), (0.01, -0.6), (0, -0.25)], 0.07), 0.45)
    kind = str(rng.choice(["none", "opacity", "effusion", "pneumothorax"], p=[0.34, 0.22, 0.22, 0.22]))
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if kind != "none":
        sign = int(rng.choice([-1, 1]))
        change, cover = _disease(plate, kind, sign, lungs[sign], (top, base, inner, outer))
        dense = dense + change
        mask, side = mostly(cover), side_of(sign)
        if mask.sum() < 0.01 * size * size:
            return draw(rng, size)
    image = 1 - np.exp(-rng.uniform(1.1, 1.7) * np.clip(dense, 0, 3))
    image = counted(rng, plate.blur(image.astype(np.float32), 0.003), rng.uniform(250, 1500))
    low, high = np.percentile(image, [2, 99])
    image = curve(rng, (image - low) / (high - low) * 0.92 + 0.03)
    pixels = develop(image)
    cut = int(rng.uniform(0, 0.08) * size)
    if rng.random() < 0.4 and cut:
        pixels, mask = np.ascontiguousarray(pixels[:, cut:-cut]), np.ascontiguousarray(mask[:, cut:-cut])
    return Scene(pixels, mask, "xray", "chest", True, kind, side)
