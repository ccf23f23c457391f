"""Held-out sections: head CT, abdominal CT and brain MR from outlined organs."""

import numpy as np

from model.demo.heldout.plate import Plate, develop, lay, mostly
from model.demo.scene import Field, Mask, Scene, Side, side_of


def _egg(rx: float, ry: float, front: float) -> list[tuple[float, float]]:
    """A head's outline: `front` < 1 narrows the forehead."""
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return [(float(rx * np.cos(a) * (front if np.sin(a) < -0.3 else 1)), float(ry * np.sin(a))) for a in angles]


def _scanner(plate: Plate, hu: Field, center: float, width: float, noise: float) -> np.ndarray:
    """Ring artefacts, band-limited noise, display."""
    rng, size = plate.rng, plate.size
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    far = np.hypot(*np.meshgrid(axis, axis))
    hu = hu + noise * (0.6 * plate.cloud(0.004) + 0.6 * plate.cloud(0.0075))
    hu = hu + rng.uniform(0, 0.25) * noise * np.sin(far * rng.uniform(60, 140))
    image = (plate.blur(hu.astype(np.float32), 0.0035) - center) / width + 0.5
    if rng.random() < 0.5:
        image[far > 1.0] = 0
    return develop(np.clip(image, 0, 1))


def head_ct(rng: np.random.Generator, size: int) -> Scene:
    """A held-out axial head CT."""
    plate = Plate(rng, size, tilt=10, zoom=(0.85, 1.05))
    rx, ry, front = rng.uniform(0.62, 0.72), rng.uniform(0.78, 0.88), rng.uniform(0.86, 0.98)
    hu = plate.empty(-1000)
    lay(hu, plate.fill(_egg(rx + 0.06, ry + 0.06, front)), rng.uniform(-40, 30))
    lay(hu, plate.fill(_egg(rx, ry, front)), rng.uniform(900, 1300))
    brain = plate.fill(_egg(rx - 0.075, ry - 0.075, front))
    lay(hu, brain, 31)
    white = plate.blur(plate.fill(_egg(rx - 0.2, ry - 0.22, front)), 0.02)
    hu -= white * rng.uniform(2, 6)
    furrows = (np.abs(plate.cloud(0.02)) < 0.12).astype(np.float32) * brain * (1 - white)
    hu -= plate.blur(furrows, 0.004) * rng.uniform(5, 20)
    wide = rng.uniform(0.7, 1.4)
    for sign in (-1, 1):
        horn = [(sign * 0.03, -0.06), (sign * 0.06, -0.24), (sign * 0.16 * wide, -0.32), (sign * 0.1 * wide, -0.1)]
        back = [(sign * 0.06, 0.08), (sign * 0.14 * wide, 0.14), (sign * 0.24 * wide, 0.36), (sign * 0.14, 0.28)]
        lay(hu, plate.blur(np.maximum(plate.fill(horn), plate.fill(back)), 0.004), 8)
    lay(hu, 0.5 * (plate.tube([(0, -ry), (0, -0.34)], 0.02) + plate.tube([(0, 0.4), (0, ry)], 0.02)) * brain, 60)
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if rng.random() < 0.55:
        sign = int(rng.choice([-1, 1]))
        if rng.random() < 0.25:
            height = rng.uniform(0.35, 0.55)
            y = rng.uniform(-0.15, 0.15)
            lens = [(sign * rx * 1.1, y - height), (sign * (rx - 0.25), y - height * 0.5), (sign * (rx - 0.32), y),
                    (sign * (rx - 0.25), y + height * 0.5), (sign * rx * 1.1, y + height)]  # fmt: skip
            cover = plate.fill(lens) * brain
        else:
            r = rng.uniform(0.11, 0.2)
            x, y = sign * rng.uniform(0.2, 0.38), rng.uniform(-0.38, 0.38)
            cover = plate.lump(x, y, r, r * rng.uniform(0.7, 1.1), 0.25, rng.uniform(0, 180)) * brain
        halo = np.clip(plate.blur(cover, 0.025) - cover, 0, 1) * brain
        hu -= 14 * halo
        lay(hu, cover, rng.uniform(62, 82) + 3 * plate.cloud(0.02))
        mask, side = mostly(cover), side_of(sign)
        if mask.sum() < 0.008 * size * size:
            return head_ct(rng, size)
    lay(hu, plate.tube([(-0.6, 0.98), (0, 1.02), (0.6, 0.98)], 0.03), 150)
    pixels = _scanner(plate, hu, rng.uniform(33, 42), rng.uniform(75, 120), rng.uniform(2, 7))
    return Scene(pixels, mask, "ct", "head", True, "bleed" if side != "none" else "none", side)


def _organs(plate: Plate, hu: Field, back: float) -> tuple[Field, float, dict[int, tuple[float, float]]]:
    """Everything but findings, painted in place; (liver, its HU, kidney centres)."""
    rng = plate.rng
    contrast = rng.random() < 0.5
    liver_hu = rng.uniform(95, 118) if contrast else rng.uniform(54, 64)
    for _ in range(12):
        x, y, r = rng.uniform(-0.35, 0.5), rng.uniform(-0.35, 0.2), rng.uniform(0.05, 0.09)
        lay(hu, plate.lump(x, y, r, r * 0.8, 0.15), rng.uniform(15, 50))
    stomach = plate.fill([(0.12, -0.3), (0.3, -0.42), (0.5, -0.34), (0.5, -0.15), (0.3, -0.1), (0.15, -0.18)])
    lay(hu, stomach, rng.uniform(10, 45))
    liver = plate.fill(
        [(-0.1, -0.46), (0.12, -0.42), (0.08, -0.28), (-0.12, -0.15), (-0.2, 0.05), (-0.32, 0.24), (-0.55, 0.3),
         (-0.73, 0.1), (-0.74, -0.15), (-0.58, -0.38), (-0.35, -0.47)]
    )  # fmt: skip
    lay(hu, liver, liver_hu + 2 * plate.cloud(0.01))
    spleen = plate.fill([(0.55, -0.2), (0.7, -0.12), (0.74, 0.05), (0.66, 0.22), (0.58, 0.12), (0.6, 0.0)])
    lay(hu, spleen, liver_hu + rng.uniform(-8, 15))
    body = [
        (-0.11, back - 0.06),
        (0.0, back - 0.09),
        (0.11, back - 0.06),
        (0.11, back + 0.06),
        (0, back + 0.09),
        (-0.11, back + 0.06),
    ]
    for sign in (-1, 1):
        lay(hu, plate.lump(sign * 0.19, back + 0.12, 0.13, 0.1, 0.1), 55)
        lay(hu, plate.lump(sign * 0.17, back - 0.01, 0.07, 0.09, 0.1), 55)
        lay(hu, plate.tube([(0, back + 0.14), (sign * 0.18, back + 0.12)], 0.05), 320)
    lay(hu, plate.fill(body), rng.uniform(200, 350))
    lay(hu, plate.lump(0, back + 0.11, 0.04, 0.035, 0.02), 25)
    lay(hu, plate.tube([(0, back + 0.16), (0, back + 0.25)], 0.04), 350)
    lay(hu, plate.lump(0.06, back - 0.17, 0.05, 0.05, 0.03), 160 if contrast else 42)
    centres = {}
    for sign in (-1, 1):
        x, y = sign * rng.uniform(0.37, 0.43), back - rng.uniform(0.02, 0.1)
        lay(hu, plate.lump(x, y, 0.185, 0.2, 0.05), -95)
        bean = [(x + sign * 0.12, y), (x + sign * 0.07, y - 0.15), (x - sign * 0.06, y - 0.14), (x - sign * 0.03, y),
                (x - sign * 0.06, y + 0.14), (x + sign * 0.07, y + 0.15)]  # fmt: skip
        lay(hu, plate.fill(bean), rng.uniform(105, 140) if contrast else rng.uniform(30, 38))
        centres[sign] = (x + sign * 0.03, y)
    return liver, liver_hu, centres


def abdomen_ct(rng: np.random.Generator, size: int) -> Scene:
    """A held-out axial abdominal CT."""
    plate = Plate(rng, size, tilt=6, zoom=(0.92, 1.06))
    rx, ry = rng.uniform(0.86, 0.93), rng.uniform(0.62, 0.7)
    hu = plate.empty(-1000)
    fat = rng.uniform(0.04, 0.12)
    lay(hu, plate.lump(0, 0, rx, ry, 0.03), -100)
    lay(hu, plate.lump(0, 0, rx - fat, ry - fat, 0.02), 52)
    lay(hu, plate.lump(0, -0.01, rx - fat - 0.05, ry - fat - 0.05, 0.02), -95)
    back = ry - 0.31
    liver, liver_hu, kidneys = _organs(plate, hu, back)
    kind = str(rng.choice(["none", "liver_lesion", "stone"], p=[0.36, 0.32, 0.32]))
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if kind == "liver_lesion":
        r = rng.uniform(0.09, 0.14)
        cover = (
            plate.lump(rng.uniform(-0.52, -0.38), rng.uniform(-0.22, 0.05), r, r * rng.uniform(0.85, 1.1), 0.15) * liver
        )
        lay(hu, cover, liver_hu - rng.uniform(48, 80))
        mask, side = mostly(cover), "right"
    elif kind == "stone":
        sign = int(rng.choice([-1, 1]))
        x, y = kidneys[sign]
        r = rng.uniform(0.036, 0.052)
        cover = plate.lump(
            x + rng.uniform(-0.03, 0.03), y + rng.uniform(-0.07, 0.07), r, r * rng.uniform(0.8, 1.2), 0.2
        )
        lay(hu, cover, rng.uniform(650, 1000))
        mask, side = mostly(cover), side_of(sign)
    lay(hu, plate.tube([(-0.75, ry + 0.13), (0, ry + 0.17), (0.75, ry + 0.13)], 0.02) * (hu < -900), 100)
    pixels = _scanner(plate, hu, rng.uniform(40, 65), rng.uniform(280, 400), rng.uniform(4, 14))
    return Scene(pixels, mask, "ct", "abdomen", True, kind, side)


def brain_mr(rng: np.random.Generator, size: int) -> Scene:
    """A held-out axial brain MR in one of four contrasts."""
    plate = Plate(rng, size, tilt=9, zoom=(0.88, 1.1))
    scalp, white, grey, fluid = (
        (0.9, 0.7, 0.5, 0.12),
        (0.75, 0.35, 0.52, 0.95),
        (0.55, 0.42, 0.56, 0.08),
        (0.7, 0.5, 0.66, 0.8),
    )[int(rng.integers(4))]
    rx, ry, front = rng.uniform(0.6, 0.68), rng.uniform(0.74, 0.84), rng.uniform(0.88, 1.0)
    image = plate.empty(0.015)
    lay(image, plate.fill(_egg(rx + 0.07, ry + 0.07, front)), scalp)
    lay(image, plate.fill(_egg(rx + 0.02, ry + 0.02, front)), 0.05)
    lay(image, plate.fill(_egg(rx - 0.02, ry - 0.02, front)), fluid)
    brain = plate.fill(_egg(rx - 0.05, ry - 0.05, front))
    lay(image, brain, grey)
    core = plate.blur(plate.fill(_egg(rx - 0.15, ry - 0.16, front)), 0.03)
    ribbons = np.clip(plate.cloud(0.022) * 1.5, 0, 1)
    lay(image, brain * np.clip(core * 0.9 + 0.4 * ribbons * (1 - core), 0, 1), white)
    lay(image, brain * (1 - core) * (plate.cloud(0.02) > 1.3), fluid)
    wide = rng.uniform(0.7, 1.4)
    for sign in (-1, 1):
        lay(image, plate.lump(sign * 0.21, -0.02, 0.09, 0.15, 0.1), grey)
        horn = [(sign * 0.03, -0.05), (sign * 0.05, -0.24), (sign * 0.16 * wide, -0.32), (sign * 0.1 * wide, -0.1)]
        back = [(sign * 0.06, 0.08), (sign * 0.14 * wide, 0.14), (sign * 0.24 * wide, 0.36), (sign * 0.14, 0.28)]
        lay(image, plate.blur(np.maximum(plate.fill(horn), plate.fill(back)), 0.004), fluid)
    lay(image, brain * 0.7 * (plate.tube([(0, -ry), (0, -0.33)], 0.02) + plate.tube([(0, 0.4), (0, ry)], 0.02)), fluid)
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if rng.random() < 0.55:
        sign = int(rng.choice([-1, 1]))
        r = rng.uniform(0.11, 0.2)
        x, y = sign * rng.uniform(0.22, 0.36), rng.uniform(-0.4, 0.4)
        turn, ratio = rng.uniform(0, 180), rng.uniform(0.75, 1.2)
        cover = plate.lump(x, y, r, r * ratio, 0.22, turn) * brain
        bright = 0.15 if white > 0.6 and rng.random() < 0.5 else min(1.05, white + rng.uniform(0.38, 0.5))
        lay(image, plate.blur(cover, 0.005), bright)
        if rng.random() < 0.3:
            lay(
                image,
                plate.lump(x, y, r * 0.55, r * ratio * 0.55, 0.15, turn) * brain,
                white + (0.1 if bright < white else -0.1),
            )
        mask, side = mostly(cover), side_of(sign)
        if mask.sum() < 0.008 * size * size:
            return brain_mr(rng, size)
    image *= np.clip(1 + rng.uniform(0, 0.12) * plate.cloud(0.35), 0.6, 1.4)
    sigma = rng.uniform(0.01, 0.045)
    image = np.hypot(plate.blur(image, 0.004) + sigma * plate.cloud(0.003), sigma * plate.cloud(0.003))
    image = image / np.percentile(image, 99.3) * rng.uniform(0.85, 1.05)
    pixels = develop(np.asarray(image, np.float32))
    return Scene(pixels, mask, "mr", "head", True, "brain_lesion" if side != "none" else "none", side)
