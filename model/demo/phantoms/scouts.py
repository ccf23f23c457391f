"""CT localizers: most of a body in one projection, small and thin, taken before the slices. No findings.

Their files say CT, and nobody takes a radiograph from the neck to the knees: how much is on them tells them apart.
"""

import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet
from model.demo.phantoms.shadows import ball, rod
from model.demo.scene import Field, Scene


def _frontal(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(0)
    wide, hip = rng.uniform(0.36, 0.48), rng.uniform(0.4, 0.6)
    for y, r in zip(np.linspace(-0.62, hip, 7), wide * rng.uniform(0.85, 1.1, 7), strict=True):
        np.maximum(image, 0.75 * ball(sheet, 0, float(y), float(r), 0.36), out=image)
    image += 0.45 * ball(sheet, 0, -1.02, 0.15, 0.22) + 0.3 * rod(sheet, [(0, -0.9), (0, -0.6)], 0.12)
    up = rng.random() < 0.6
    for sign in (-1, 1):
        image += 0.5 * rod(sheet, [(sign * 0.17, hip), (sign * 0.18, 1.7)], 0.17)
        image += 0.3 * rod(sheet, [(sign * 0.24, hip + 0.05), (sign * 0.18, 1.7)], 0.045)
        arm = [(sign * 0.36, -0.62), (sign * 0.5, -1.2)] if up else [(sign * 0.44, -0.6), (sign * 0.56, 0.5)]
        image += 0.3 * rod(sheet, arm, 0.08) + 0.2 * rod(sheet, arm, 0.03)
        image -= rng.uniform(0.2, 0.4) * ball(sheet, sign * 0.2, -0.42, 0.16, 0.3)
        image += rng.uniform(0.1, 0.25) * ball(sheet, sign * 0.22, hip - 0.12, 0.16, 0.17, sign * 28)
        image += 0.25 * ball(sheet, sign * 0.27, hip + 0.06, 0.06, 0.06)
    image += 0.18 * ball(sheet, 0.07, -0.3, 0.15, 0.15) + 0.12 * ball(sheet, -0.17, -0.05, 0.2, 0.14)
    for y in np.arange(-0.85, hip, rng.uniform(0.06, 0.09)):
        image += rng.uniform(0.12, 0.25) * sheet.ellipse(0, float(y), 0.06, 0.03, power=4)
    for k in range(9):
        for sign in (-1, 1):
            start, y = (sign * 0.05, -0.7 + 0.06 * k), -0.62 + 0.07 * k
            image += 0.05 * sheet.stroke([start, (sign * 0.3, y), (sign * 0.34, y + 0.08)], 0.012)
    return image


def _lateral(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(0)
    deep = rng.uniform(0.26, 0.36)
    for y in np.linspace(-0.6, 0.8, 8):
        np.maximum(image, 0.9 * ball(sheet, 0, float(y), deep * rng.uniform(0.9, 1.1), 0.4), out=image)
    image += 0.5 * ball(sheet, -0.03, -1.0, 0.22, 0.24) + 0.4 * rod(sheet, [(0.03, -0.85), (0.05, -0.55)], 0.13)
    image -= rng.uniform(0.25, 0.45) * ball(sheet, -0.04, -0.4, 0.2, 0.32)
    bend = rng.uniform(0.02, 0.08)
    for y in np.arange(-0.85, 0.8, rng.uniform(0.06, 0.09)):
        x = 0.14 + bend * float(np.cos(3 * y))
        image += rng.uniform(0.12, 0.3) * sheet.ellipse(x, float(y), 0.06, 0.03, power=4)
    for x in (deep + 0.06, deep + 0.1):  # the table's edges run through the whole picture
        image += rng.uniform(0.1, 0.4) * sheet.stroke([(x, -2), (x, 2)], 0.012)
    return image


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A localizer from the front or the side, upright or lying, long or cut to its middle."""
    sheet = Sheet(rng, size, tilt=4, zoom=(0.85, 1.6), shift=0.12, wobble=0.04)
    if rng.random() < 0.25:
        turns = int(rng.integers(1, 4))
        sheet.u, sheet.v = (np.ascontiguousarray(np.rot90(f, turns)) for f in (sheet.u, sheet.v))
    image = (_frontal if rng.random() < 0.65 else _lateral)(sheet)
    image += rng.uniform(0, 0.03) * sheet.noise(30) * (image > 0.05)
    image = 1 - np.exp(-rng.uniform(0.8, 2.2) * np.clip(image, 0, None))
    brightest = rng.choice([0.45, 0.7, 0.9, 1.1])  # now and then the body is far too bright
    image = np.clip((image - rng.uniform(0, 0.15)) / brightest, 0, 1)
    if rng.random() < 0.4:  # the bed and the couch end somewhere
        edge = int(size * rng.uniform(0.02, 0.2))
        image[:, :edge] = image[:, size - edge :] = 0
    pixels = capture.to_bytes(capture.grain(rng, image.astype(np.float32), 0.03))
    if rng.random() < 0.3:
        capture.letters(rng, pixels)
    none = np.zeros((size, size), bool)
    pixels, none = capture.reframe(rng, capture.compress(rng, pixels), none, most=0.3)
    return Scene(pixels, none, "ct", "")
