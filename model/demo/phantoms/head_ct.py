"""Axial head CT in Hounsfield units, with a haemorrhage or nothing."""

import cv2
import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, paint, solid
from model.demo.scene import Field, Mask, Scene, Side, side_of


def _skull(sheet: Sheet) -> tuple[Field, Field, float, float]:
    """(values in HU, brain cover, half width, half height)."""
    rng = sheet.rng
    hu = sheet.flat(-1000)
    rx, ry = rng.uniform(0.6, 0.74), rng.uniform(0.76, 0.9)
    power = rng.uniform(2.0, 2.5)
    scalp, bone = rng.uniform(0.03, 0.09), rng.uniform(0.05, 0.1)
    paint(hu, sheet.ellipse(0, 0, rx + scalp, ry + scalp, power=power, soft=0.015), rng.uniform(-60, 40))
    if rng.random() < 0.5:
        nose = sheet.ellipse(0, -ry - 0.06, 0.12, 0.12, soft=0.02)
        paint(hu, nose, 30)
    paint(hu, sheet.ellipse(0, 0, rx, ry, power=power, soft=0.015), rng.uniform(700, 1600))
    brain = sheet.ellipse(0, 0, rx - bone, ry - bone, power=power, soft=0.015)
    paint(hu, brain, rng.uniform(28, 36))
    return hu, brain, rx - bone, ry - bone


def _inside(sheet: Sheet, hu: Field, brain: Field, level: str) -> None:
    rng = sheet.rng
    hu += brain * rng.uniform(1, 5) * sheet.noise(9)
    sulci = np.clip(sheet.noise(22) - rng.uniform(0.3, 0.7), 0, 1)
    hu -= brain * sulci * rng.uniform(0, 45)
    fluid = rng.uniform(3, 12)
    if level == "low":
        for sign in (-1, 1):
            paint(hu, sheet.ellipse(sign * 0.3, -0.62, 0.16, 0.14, soft=0.02), rng.uniform(-60, 10))
            paint(
                hu,
                sheet.ellipse(sign * 0.45, 0.12, 0.14, 0.07, turn=sign * -35, soft=0.03),
                rng.uniform(500, 1200),
            )
        paint(hu, sheet.ellipse(0, -0.5, 0.1, 0.14, soft=0.02), -900 if rng.random() < 0.6 else 300)
        paint(hu, sheet.ellipse(0, 0.25, 0.06, 0.08, soft=0.03), fluid)
        return
    size = rng.uniform(0.6, 1.5)
    if level == "middle":
        for sign in (-1, 1):
            front = sheet.ellipse(sign * 0.1, -0.2, 0.05 * size, 0.16 * size, turn=sign * 20, soft=0.025)
            back = sheet.ellipse(sign * 0.17, 0.24, 0.05 * size, 0.15 * size, turn=sign * -25, soft=0.025)
            paint(hu, brain * np.maximum(front, back), fluid)
            if rng.random() < 0.25:  # calcified choroid plexus: small, symmetric, not a haemorrhage
                paint(hu, sheet.ellipse(sign * 0.17, 0.28, 0.025, 0.03, soft=0.01), rng.uniform(90, 300))
        paint(hu, brain * sheet.ellipse(0, 0.02, 0.02, 0.09, soft=0.02), fluid)
    else:
        for sign in (-1, 1):
            paint(hu, brain * sheet.ellipse(sign * 0.12, 0.02, 0.04 * size, 0.28 * size, turn=sign * 8), fluid)
    falx = sheet.stroke([(0, -0.85), (0, -0.3)], 0.008) + sheet.stroke([(0, 0.35), (0, 0.85)], 0.008)
    hu += brain * np.clip(falx, 0, 1) * rng.uniform(5, 40)


def _bleed(sheet: Sheet, brain: Field, rx: float, ry: float) -> tuple[Field, float]:
    """(cover, position right of the midline)."""
    rng = sheet.rng
    sign = float(rng.choice([-1, 1]))
    if rng.random() < 0.3:  # along the inner table: crescent or lens
        inner = sheet.ellipse(-sign * rng.uniform(0.08, 0.2), 0, rx * 0.98, ry * rng.uniform(0.95, 1.05), soft=0.03)
        band = np.clip(1 - np.abs(sheet.v - rng.uniform(-0.25, 0.25)) / rng.uniform(0.3, 0.6), 0, 1) ** 0.4
        cover = brain * (1 - inner) * (sheet.u * sign > 0.1) * band
        return cover.astype(np.float32), sign
    r = rng.uniform(0.12, 0.25)
    x = sign * rng.uniform(0.17, max(0.2, rx - r * 0.8))
    y = rng.uniform(-0.5, 0.5) * ry
    cover = brain * sheet.ellipse(
        x, y, r, r * rng.uniform(0.6, 1.3), turn=rng.uniform(0, 180), soft=rng.uniform(0.02, 0.06),
        rough=rng.uniform(0, 0.35),
    )  # fmt: skip
    return cover, sign


def draw(rng: np.random.Generator, size: int) -> Scene:
    """An axial head CT; a haemorrhage in 58 %, shown only in windows that can show it."""
    sheet = Sheet(rng, size, tilt=16, zoom=(0.8, 1.15), shift=0.08, wobble=0.025)
    level = str(rng.choice(["middle", "high", "low"], p=[0.55, 0.25, 0.2]))
    hu, brain, rx, ry = _skull(sheet)
    _inside(sheet, hu, brain, level)
    odd = str(rng.choice(["", "wide", "narrow"], p=[0.82, 0.08, 0.1]))
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if not odd and rng.random() < 0.58:
        cover, x = _bleed(sheet, brain, rx, ry)
        mask, side = solid(cover), side_of(x)
        if mask.sum() < 0.006 * size * size:
            return draw(rng, size)
        if rng.random() < 0.4:  # oedema around it
            halo = brain * np.clip(cv2.GaussianBlur(cover, (0, 0), size / 40) * 2 - cover, 0, 1)
            hu -= halo * rng.uniform(4, 12)
        paint(hu, cover, rng.uniform(64, 90) + 3 * sheet.noise(10))
    if odd == "wide":
        center, width = rng.uniform(100, 600), rng.uniform(1000, 3000)
    elif odd:  # as files set it by mistake: brain all white or all black
        center, width = rng.choice([rng.uniform(-40, 30), rng.uniform(60, 150)]), rng.uniform(8, 70)
    else:
        center, width = rng.uniform(32, 48), rng.uniform(70, 130)
    image = finish_ct(sheet, hu, center, width, noise_hu=rng.uniform(0, 40 if odd == "wide" else 7), head=True)
    finding = "bleed" if side != "none" else "none"
    pixels, mask = image, mask
    pixels, mask = capture.reframe(rng, pixels, mask, most=0.06)
    return Scene(pixels, mask, "ct", "head", not odd, finding, side)


def _glare(rng: np.random.Generator, hu: Field, x: Field, y: Field) -> Field:
    """What a filling or a screw does: itself, and rays of too much and too little all around it."""
    px, py = rng.uniform(-0.5, 0.5, 2)
    far, angle = np.hypot(x - px, y - py), np.arctan2(y - py, x - px)
    rays = sum(np.sin(k * angle + rng.uniform(0, 6.3)) for k in rng.integers(5, 40, 5)) / 2
    fall = np.exp(-far / rng.uniform(0.2, 0.7)) * (far > 0.02)
    filling = 2500 * (far < rng.uniform(0.02, 0.06))
    return np.asarray(rays * fall * rng.uniform(200, 1200) + filling, np.float32)


def finish_ct(
    sheet: Sheet, hu: Field, center: float, width: float, *, noise_hu: float, head: bool = False, metal: bool = False
) -> np.ndarray:
    """Table or head rest, field of view, noise, window, bytes."""
    rng, size = sheet.rng, sheet.size
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    air = np.clip((-hu - 700) / 250, 0, 1)
    if rng.random() < 0.55:  # table: a curved bright line below, or a cradle around the head
        bend, low = rng.uniform(-0.35, 0.25) if not head else rng.uniform(-1.1, -0.3), rng.uniform(0.78, 0.97)
        for offset in (0.0, rng.uniform(0.04, 0.12)):
            line = np.exp(-(((y - low - offset - bend * x * x) / 0.012) ** 2)) * (np.abs(x) < rng.uniform(0.5, 1))
            hu = hu + air * line * rng.uniform(250, 1100)
    if head and rng.random() < 0.35:  # the sides of a head holder
        reach, low = rng.uniform(0.72, 0.95), rng.uniform(-0.1, 0.3)
        for sign in (-1, 1):
            line = np.exp(-(((x - sign * (reach - 0.1 * (y - low) ** 2)) / 0.012) ** 2)) * (y > low)
            hu = hu + air * line * rng.uniform(800, 1300)
    noise: Field = rng.standard_normal((size, size)).astype(np.float32)
    if rng.random() < 0.6:
        noise = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.4, 1.0)))
        noise = noise / noise.std()
    hu = hu + noise_hu * noise
    if rng.random() < 0.15:  # streaks
        angle = rng.uniform(0, np.pi)
        wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * rng.uniform(30, 80))
        hu = hu + wave.astype(np.float32) * rng.uniform(0, 0.06) * width
    if metal:
        hu = hu + _glare(rng, hu, x, y)
    image = capture.window(hu.astype(np.float32), center, width)
    if rng.random() < 0.4:
        image[x * x + y * y > rng.uniform(0.94, 1.1)] = 0
    if rng.random() < 0.3:
        image = capture.tone(rng, image)
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.9) * size / 128))
    pixels = capture.to_bytes(image)
    if rng.random() < 0.15:
        capture.letters(rng, pixels)
    return capture.compress(rng, pixels, 0.2)
