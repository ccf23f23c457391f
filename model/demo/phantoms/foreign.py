"""Pictures the demonstration model is not for: sonograms, eye grounds, photographs, writing, noise, nothing."""

from collections.abc import Callable

import cv2
import numpy as np

from model.demo import capture
from model.demo.canvas import smooth_noise
from model.demo.scene import Pixels, Scene


def _sonogram(rng: np.random.Generator, size: int) -> Pixels:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    top = rng.uniform(-1.2, -0.85)
    depth, angle = np.hypot(x, y - top), np.arctan2(x, y - top)
    straight = rng.random() < 0.3
    fan = (
        (np.abs(x) < 0.75) & (np.abs(y) < 0.85) if straight else (np.abs(angle) < rng.uniform(0.5, 0.8)) & (depth < 1.8)
    )
    speckle = np.abs(rng.standard_normal((size, size)).astype(np.float32))
    speckle = cv2.GaussianBlur(speckle, (0, 0), 0.8)
    image = np.clip(0.35 + 0.4 * smooth_noise(rng, size, 5), 0.02, 1) * speckle
    for _ in range(int(rng.integers(0, 4))):
        hole = np.hypot(x - rng.uniform(-0.4, 0.4), y - rng.uniform(-0.4, 0.5)) < rng.uniform(0.08, 0.3)
        image = np.where(hole, image * 0.1, image)
    pixels = capture.to_bytes((image * fan).astype(np.float32))
    capture.letters(rng, pixels)
    return np.repeat(pixels[..., None], 3, 2) if rng.random() < 0.5 else pixels


def _eye_ground(rng: np.random.Generator, size: int) -> Pixels:
    axis = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    disc = np.clip((rng.uniform(0.85, 1.1) - np.hypot(x, y)) * 40, 0, 1)
    base = np.array([rng.uniform(0.5, 0.9), rng.uniform(0.2, 0.4), rng.uniform(0.03, 0.2)], np.float32)
    image = np.ones((size, size, 3), np.float32) * base * (1.1 - 0.4 * np.hypot(x, y)[..., None])
    nx = rng.choice([-1, 1]) * rng.uniform(0.3, 0.5)
    spot = np.clip((0.16 - np.hypot(x - nx, y)) * 20, 0, 1)[..., None]
    image = image * (1 - spot) + spot * np.array([0.98, 0.85, 0.5], np.float32)
    for _ in range(9):
        points = [(nx, 0.0)]
        for _ in range(4):
            points.append((points[-1][0] - np.sign(nx) * rng.uniform(0, 0.4), points[-1][1] + rng.normal(0, 0.3)))
        path = ((np.array(points) + 1) * size / 2).astype(np.int32)
        cv2.polylines(image, [path], False, (0.5, 0.1, 0.05), max(1, size // 90), cv2.LINE_AA)
    return capture.to_bytes((image * disc[..., None]).astype(np.float32))


def _photograph(rng: np.random.Generator, size: int) -> Pixels:
    image = np.zeros((size, size, 3), np.float32)
    top, bottom = rng.uniform(0, 1, 3), rng.uniform(0, 1, 3)
    ramp = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    image += (top * (1 - ramp) + bottom * ramp).astype(np.float32)
    for _ in range(int(rng.integers(3, 14))):
        colour = tuple(float(c) for c in rng.uniform(0, 1, 3))
        centre = (int(rng.uniform(0, size)), int(rng.uniform(0, size)))
        if rng.random() < 0.5:
            axes = (int(rng.uniform(0.05, 0.35) * size), int(rng.uniform(0.05, 0.35) * size))
            cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            points = (np.array(centre) + rng.normal(0, 0.2 * size, (4, 2))).astype(np.int32)
            cv2.fillPoly(image, [points], colour, cv2.LINE_AA)
    image += (0.1 * smooth_noise(rng, size, 20))[..., None]
    return capture.to_bytes(image)


def _writing(rng: np.random.Generator, size: int) -> Pixels:
    dark = rng.random() < 0.3
    image = np.full((size, size, 3), 15 if dark else 245, np.uint8)
    for line in range(int(rng.integers(4, 14))):
        text = "".join(rng.choice(list("abcdefghijklmnoprstuvw   ,.")) for _ in range(30))
        colour = (230,) * 3 if dark else (int(rng.integers(0, 90)),) * 3
        at = (int(0.05 * size), int((0.1 + 0.07 * line) * size))
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size / 400, colour, 1, cv2.LINE_AA)
    return image


def _nothing(rng: np.random.Generator, size: int) -> Pixels:
    return np.full((size, size), (0, 0, 0, 255, int(rng.integers(0, 256)))[int(rng.integers(5))], np.uint8)


def _static(rng: np.random.Generator, size: int) -> Pixels:
    shape = (size, size) if rng.random() < 0.6 else (size, size, 3)
    noise = rng.standard_normal(shape).astype(np.float32)
    return capture.to_bytes(np.clip(rng.uniform(0.2, 0.8) + 0.25 * noise, 0, 1).astype(np.float32))


def _ramp(rng: np.random.Generator, size: int) -> Pixels:
    axis = np.linspace(0, 1, size, dtype=np.float32)
    image = np.tile(axis, (size, 1)) if rng.random() < 0.5 else ((np.indices((size, size)).sum(0) // 12) % 2)
    image = np.rot90(image, int(rng.integers(4)))
    if rng.random() < 0.4:
        return capture.to_bytes(np.stack([image * c for c in rng.uniform(0, 1, 3)], -1).astype(np.float32))
    return capture.to_bytes(np.ascontiguousarray(image, dtype=np.float32))


DRAWERS: tuple[Callable[[np.random.Generator, int], Pixels], ...] = (
    _sonogram, _sonogram, _eye_ground, _photograph, _photograph, _writing, _nothing, _static, _ramp,
)  # fmt: skip


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A picture of a kind the model must decline."""
    pixels = DRAWERS[int(rng.integers(len(DRAWERS)))](rng, size)
    none = np.zeros(pixels.shape[:2], bool)
    pixels, none = capture.reframe(rng, pixels, none, most=0.2)
    return Scene(pixels, none, "other", "other")
