"""Axial abdominal CT in Hounsfield units, with a liver lesion, a kidney stone or nothing."""

import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, paint, solid
from model.demo.phantoms.head_ct import finish_ct
from model.demo.scene import Field, Mask, Scene, Side, side_of


def body(sheet: Sheet, rx: float, ry: float) -> Field:
    """Skin, fat, muscle wall, spine: what every trunk slice has; values in HU."""
    rng = sheet.rng
    hu = sheet.flat(-1000)
    power = rng.uniform(2.1, 2.8)
    fat, wall = rng.uniform(0.03, 0.16), rng.uniform(0.03, 0.07)
    paint(hu, sheet.ellipse(0, 0, rx, ry, power=power, soft=0.015), 10)
    paint(hu, sheet.ellipse(0, 0, rx - 0.015, ry - 0.015, power=power, soft=0.015), rng.uniform(-115, -85))
    paint(hu, sheet.ellipse(0, 0.01, rx - fat, ry - fat, power=power, soft=0.02), rng.uniform(40, 65))
    paint(
        hu,
        sheet.ellipse(0, -0.02, rx - fat - wall, ry - fat - wall, power=power, soft=0.03),
        rng.uniform(-110, -60),
    )
    return hu


def spine(sheet: Sheet, hu: Field, y: float) -> None:
    """Vertebra with canal and processes, and the muscles beside it; in place."""
    rng = sheet.rng
    for sign in (-1, 1):
        paint(hu, sheet.ellipse(sign * 0.17, y + 0.13, 0.14, 0.1, soft=0.03), rng.uniform(45, 65))
        paint(hu, sheet.ellipse(sign * 0.17, y - 0.02, 0.08, 0.1, soft=0.03), rng.uniform(45, 65))
        paint(hu, sheet.stroke([(sign * 0.05, y + 0.08), (sign * 0.16, y + 0.14)], 0.02), 350)
    paint(hu, sheet.ellipse(0, y, 0.12, 0.095, soft=0.02), rng.uniform(180, 420))
    paint(hu, sheet.stroke([(0, y + 0.13), (0, y + 0.26)], 0.025), 350)
    paint(hu, sheet.ellipse(0, y + 0.1, 0.045, 0.035, soft=0.02), 30)


def _liver_lesion(sheet: Sheet, hu: Field, liver: Field, base: float, x: float, y: float) -> Field:
    rng = sheet.rng
    cover = sheet.flat(0)
    for _ in range(int(rng.choice([1, 1, 2]))):
        r = rng.uniform(0.09, 0.16)
        spot = sheet.ellipse(
            x + rng.uniform(-0.16, 0.1), y + rng.uniform(-0.2, 0.2), r, r * rng.uniform(0.75, 1.2),
            turn=rng.uniform(0, 180), soft=rng.uniform(0.02, 0.05), rough=rng.uniform(0, 0.25),
        )  # fmt: skip
        cover = np.maximum(cover, spot * np.clip(liver * 1.2 - 0.2, 0, 1))
    paint(hu, cover, base - rng.uniform(50, 95))
    return cover


def draw(rng: np.random.Generator, size: int) -> Scene:
    """An axial slice at liver and kidney level; the liver lies at the picture's left (patient's right)."""
    sheet = Sheet(rng, size, tilt=9, zoom=(0.85, 1.12), shift=0.06, wobble=0.03)
    rx, ry = rng.uniform(0.82, 0.95), rng.uniform(0.6, 0.74)
    hu = body(sheet, rx, ry)
    enhanced = rng.random() < 0.6
    base = rng.uniform(90, 125) if enhanced else rng.uniform(50, 68)
    ry_spine = ry - rng.uniform(0.27, 0.33)
    # bowel and stomach first, solid organs over them
    for _ in range(int(rng.integers(5, 13))):
        x, y, r = rng.uniform(-0.5, 0.6), rng.uniform(-0.4, 0.25), rng.uniform(0.05, 0.12)
        paint(
            hu,
            sheet.ellipse(x, y, r, r * rng.uniform(0.6, 1.2), turn=rng.uniform(0, 180), soft=0.02),
            rng.uniform(10, 60),
        )
        if rng.random() < 0.3:
            paint(hu, sheet.ellipse(x, y - 0.02, r * 0.6, r * 0.45, soft=0.015), -850)
    if rng.random() < 0.7:
        x, y = rng.uniform(0.2, 0.42), rng.uniform(-0.38, -0.2)
        paint(
            hu,
            sheet.ellipse(x, y, rng.uniform(0.16, 0.26), rng.uniform(0.12, 0.2), soft=0.02),
            rng.uniform(5, 50),
        )
        if rng.random() < 0.6:
            paint(hu, sheet.ellipse(x, y - 0.07, 0.14, 0.06, soft=0.02), -900)
    lx, ly = rng.uniform(-0.48, -0.36), rng.uniform(-0.2, -0.08)
    liver = sheet.ellipse(lx, ly, rng.uniform(0.3, 0.4), rng.uniform(0.32, 0.42), turn=rng.uniform(-25, 25), power=2.3)
    if rng.random() < 0.6:
        liver = np.maximum(liver, sheet.ellipse(lx + 0.3, ly - 0.15, 0.25, 0.13, turn=rng.uniform(-15, 20)))
    inside = sheet.ellipse(0, -0.02, rx - 0.14, ry - 0.12, power=2.4, soft=0.03)
    liver = liver * inside
    paint(hu, liver, base + 3 * sheet.noise(12))
    for _ in range(int(rng.integers(0, 5)) if enhanced else 0):
        a, b = (
            (lx + rng.uniform(-0.1, 0.2), ly + 0.1),
            (lx + rng.uniform(-0.25, 0.1), ly + rng.uniform(-0.25, 0.2)),
        )
        hu += liver * sheet.stroke([a, b], 0.012) * 30
    paint(
        hu,
        inside * sheet.ellipse(0.6, -0.02, 0.13, rng.uniform(0.15, 0.26), turn=-15),
        base + rng.uniform(-12, 22),
    )
    spine(sheet, hu, ry_spine)
    paint(
        hu,
        sheet.ellipse(0.05, ry_spine - 0.15, 0.055, 0.055, soft=0.02),
        rng.uniform(140, 230) if enhanced else 40,
    )
    paint(
        hu,
        sheet.ellipse(-0.1, ry_spine - 0.14, 0.06, 0.045, soft=0.02),
        rng.uniform(100, 150) if enhanced else 38,
    )
    kidneys: dict[int, tuple[float, float]] = {}
    cortex = rng.uniform(105, 145) if enhanced else rng.uniform(28, 42)
    for sign in (-1, 1):
        x, y = sign * rng.uniform(0.36, 0.46), ry_spine + rng.uniform(-0.14, 0.02)
        kidneys[sign] = (x, y)
        paint(hu, sheet.ellipse(x, y, 0.19, 0.2, soft=0.04), -100)
        paint(
            hu,
            sheet.ellipse(x, y, rng.uniform(0.12, 0.15), rng.uniform(0.14, 0.18), turn=sign * -20, soft=0.02),
            cortex,
        )
        paint(hu, sheet.ellipse(x - sign * 0.05, y, 0.05, 0.06, soft=0.03), rng.uniform(-60, 40))
    odd = rng.random() < 0.08  # a window in which nobody could judge
    kind = "none" if odd else str(rng.choice(["none", "liver_lesion", "stone"], p=[0.36, 0.32, 0.32]))
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if kind == "liver_lesion":
        mask, side = solid(_liver_lesion(sheet, hu, liver, base, lx, ly)), "right"
    elif kind == "stone":
        sign = int(rng.choice([-1, 1]))
        x, y = kidneys[sign]
        r = rng.uniform(0.042, 0.065)
        spot = sheet.ellipse(
            x + rng.uniform(-0.06, 0.06),
            y + rng.uniform(-0.08, 0.08),
            r,
            r * rng.uniform(0.8, 1.3),
            soft=0.015,
        )
        paint(hu, spot, rng.uniform(600, 1200))
        mask, side = solid(spot), side_of(sign)
    if kind != "none" and mask.sum() < (0.0006 if kind == "stone" else 0.004) * size * size:
        return draw(rng, size)
    center, width = (rng.uniform(30, 70), rng.uniform(280, 440))
    if enhanced:
        center += 15
    if odd:
        center, width = rng.uniform(-120, 180), rng.uniform(20, 140)
    pixels = finish_ct(sheet, hu, center, width, noise_hu=rng.uniform(0, 12))
    pixels, mask = capture.reframe(rng, pixels, mask, most=0.05)
    return Scene(pixels, mask, "ct", "abdomen", not odd, kind, side)
