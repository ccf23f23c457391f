"""CT perfusion maps: a brain cut out of its skull, as bright as blood flows through it, mottled. No findings."""

import cv2
import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, paint
from model.demo.scene import Field, Scene


def _flow(sheet: Sheet) -> Field:
    """0 where there is no brain, cortex about 1, vessels above."""
    rng = sheet.rng
    rx, ry = rng.uniform(0.5, 0.68), rng.uniform(0.66, 0.86)
    brain = sheet.ellipse(0, 0, rx, ry, power=rng.uniform(1.9, 2.3), rough=rng.uniform(0.02, 0.1), soft=0.01)
    white, grey = rng.uniform(0.15, 0.4), rng.uniform(0.55, 0.9)
    field = sheet.flat(white)
    folds = np.clip(np.abs(sheet.noise(int(rng.integers(9, 18)))) * rng.uniform(1.5, 3), 0, 1)
    inner = sheet.ellipse(0, 0, rx * 0.72, ry * 0.75, soft=0.25)
    paint(field, np.asarray(1 - inner * (0.5 + 0.5 * folds), np.float32), grey)
    for sign in (-1, 1):
        nuclei = sheet.ellipse(sign * rng.uniform(0.16, 0.24), rng.uniform(-0.1, 0.1), 0.12, 0.18, soft=0.06)
        paint(field, nuclei, grey * rng.uniform(0.8, 1.2))
        turn = sign * rng.uniform(5, 25)
        ventricle = sheet.ellipse(sign * 0.08, rng.uniform(-0.2, 0.25), 0.06, rng.uniform(0.12, 0.25), turn=turn)
        paint(field, ventricle, 0.02)
    if rng.random() < 0.6:
        paint(field, sheet.stroke([(0, -ry), (0, -ry * 0.4)], 0.015), rng.choice([0.02, 1.3]))
    field = field * (1 + rng.uniform(0.15, 0.5) * sheet.noise(int(rng.integers(16, 45))))
    for _ in range(int(rng.integers(4, 30))):  # vessels
        x, y, r = rng.uniform(-rx, rx), rng.uniform(-ry, ry), rng.uniform(0.01, 0.05)
        paint(field, sheet.ellipse(x, y, r, r * rng.uniform(0.4, 1), turn=rng.uniform(0, 180)), rng.uniform(1, 2))
    holes = np.clip(sheet.noise(int(rng.integers(10, 24))) * 3 - rng.uniform(1, 3), 0, 1)  # no value where too little
    return np.asarray(np.clip(field, 0, None) * brain * (1 - holes), np.float32)


def draw(rng: np.random.Generator, size: int) -> Scene:
    """One map, in greys or in colours from blue to red."""
    sheet = Sheet(rng, size, tilt=15, zoom=(0.75, 1.15), shift=0.08, wobble=0.05)
    true = _flow(sheet)
    flow = capture.grain(rng, true / rng.uniform(0.9, 1.8), 0.06)
    flow[true < 0.02] = 0  # outside, and where there was too little to measure
    pixels = capture.to_bytes(np.clip(flow, 0, None) ** rng.uniform(0.7, 1.2))
    if rng.random() < 0.25:
        colours = np.asarray(cv2.applyColorMap(pixels, int(rng.choice([cv2.COLORMAP_JET, cv2.COLORMAP_TURBO]))))
        pixels = np.ascontiguousarray(colours[..., ::-1] * (pixels > 0)[..., None])
    if rng.random() < 0.3:
        capture.letters(rng, pixels)
    none = np.zeros((size, size), bool)
    pixels, none = capture.reframe(rng, capture.compress(rng, pixels), none, most=0.2)
    return Scene(pixels, none, "ct", "head")
