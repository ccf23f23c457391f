"""Histology fields (H&E, or a brown stain with blue nuclei), with a dense cell cluster or nothing."""

import cv2
import numpy as np

from model.demo import capture
from model.demo.canvas import smooth_noise
from model.demo.scene import Field, Mask, Pixels, Scene


def _points(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Jittered grid positions, so that cells keep their distance; (n, 2) pixels."""
    per = max(1, int(np.sqrt(count)))
    step = size / per
    grid = np.stack(np.meshgrid(np.arange(per), np.arange(per)), -1).reshape(-1, 2) + 0.5
    return np.asarray((grid + rng.uniform(-0.48, 0.48, grid.shape)) * step)


def _dots(
    rng: np.random.Generator,
    image: Field,
    points: np.ndarray,
    radius: float,
    colour: np.ndarray,
    spread: float,
) -> None:
    for x, y in points:
        r = radius * rng.uniform(1 - spread, 1 + spread)
        tint = [float(c) for c in np.clip(colour + rng.normal(0, 0.04, 3), 0, 1)]
        axes = (max(1, int(r * 16)), max(1, int(r * rng.uniform(0.6, 1.0) * 16)))
        centre = (int(x * 16), int(y * 16))
        cv2.ellipse(image, centre, axes, float(rng.uniform(0, 180)), 0, 360, tint, -1, cv2.LINE_AA, 4)


def _ground(rng: np.random.Generator, size: int, brown: bool) -> Field:
    """Stroma: coloured, with fibres and clear spaces; (size, size, 3) 0…1 RGB."""
    if brown:
        base = np.array([rng.uniform(0.8, 0.93), rng.uniform(0.78, 0.88), rng.uniform(0.72, 0.86)])
    else:
        base = np.array([rng.uniform(0.8, 0.96), rng.uniform(0.5, 0.76), rng.uniform(0.66, 0.85)])
    image = np.ones((size, size, 3), np.float32) * base.astype(np.float32)
    along = cv2.resize(rng.standard_normal((size // 2, size // 10 + 2)).astype(np.float32), (size, size))
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(rng.uniform(0, 180)), 1.5)
    along = cv2.warpAffine(along, turn, (size, size), borderMode=cv2.BORDER_REFLECT)
    image += (rng.uniform(0, 0.06) * along)[..., None]
    patchy = smooth_noise(rng, size, int(rng.integers(3, 9)))
    image += (rng.uniform(0, 0.1) * patchy)[..., None] * np.array([0.5, 1, 0.6], np.float32)
    for _ in range(int(rng.choice([0, 0, 1, 2, 4, 9]))):  # lumens, fat
        centre = (int(rng.uniform(0, size)), int(rng.uniform(0, size)))
        r = rng.uniform(0.03, 0.12) * size
        white = tuple(float(c) for c in rng.uniform(0.9, 0.97, 3))
        cv2.ellipse(
            image,
            centre,
            (int(r), int(r * rng.uniform(0.5, 1))),
            float(rng.uniform(0, 180)),
            0,
            360,
            white,
            -1,
            cv2.LINE_AA,
        )
    return image


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A microscope field, or now and then (not assessed) a whole section on glass."""
    if rng.random() < 0.12:
        return _section(rng, size)
    brown = rng.random() < 0.3
    image = _ground(rng, size, brown)
    density = "high" if rng.random() < 0.5 else "low"
    radius = rng.uniform(0.011, 0.03) * size
    cover = rng.uniform(0.22, 0.36) if density == "high" else rng.uniform(0.025, 0.075)
    count = int(np.clip(cover * size * size / (2.6 * radius * radius), 5, 900))
    if brown:
        nuclei = np.array([rng.uniform(0.35, 0.55), rng.uniform(0.42, 0.58), rng.uniform(0.6, 0.78)])
    else:
        nuclei = np.array([rng.uniform(0.28, 0.5), rng.uniform(0.15, 0.35), rng.uniform(0.42, 0.65)])
    _dots(rng, image, _points(rng, count, size), radius, nuclei, 0.35)
    if brown:
        dab = np.array([rng.uniform(0.36, 0.6), rng.uniform(0.22, 0.38), rng.uniform(0.08, 0.24)])
        part = _points(rng, max(4, int(count * rng.uniform(0.25, 0.8))), size)
        _dots(rng, image, part, radius * rng.uniform(0.9, 1.4), dab, 0.3)
    mask: Mask = np.zeros((size, size), bool)
    finding = "none"
    if density == "low" and rng.random() < 0.6:  # a cluster is only distinct on sparse ground
        finding = "cluster"
        x, y = (rng.uniform(0.17, 0.4) if rng.random() < 0.5 else rng.uniform(0.6, 0.83) for _ in range(2))
        r = rng.uniform(0.1, 0.18)
        near = _points(rng, int(max(30, 1.1 * size * size / (3 * radius * radius))), size)
        inside = ((near[:, 0] / size - x) ** 2 + (near[:, 1] / size - y) ** 2) < (r * rng.uniform(0.9, 1.05)) ** 2
        colour = nuclei if not brown or rng.random() < 0.5 else dab
        _dots(rng, image, near[inside], radius * rng.uniform(0.8, 1.05), colour, 0.2)
        yy, xx = np.mgrid[0:size, 0:size] / size
        mask = np.asarray((xx - x) ** 2 + (yy - y) ** 2 < r * r)
    pixels = _finish(rng, image)
    stain = "ihc" if brown else "he"
    pixels, mask = capture.reframe(rng, pixels, mask, most=0.05)
    return Scene(pixels, mask, "histology", "tissue", True, finding, "none", stain, density)


def _section(rng: np.random.Generator, size: int) -> Scene:
    """Pieces of tissue on white glass at the lowest magnification: modality and stain only."""
    brown = rng.random() < 0.25
    glass = np.ones((size, size, 3), np.float32) * rng.uniform(0.86, 0.98, 3).mean().astype(np.float32)
    tissue = _ground(rng, size, brown)
    dark = np.array([0.45, 0.28, 0.5] if not brown else [0.5, 0.4, 0.35], np.float32)
    mix = np.clip(smooth_noise(rng, size, 14) * 0.8 + rng.uniform(0, 0.5), 0, 0.8)[..., None]
    tissue = tissue * (1 - mix) + dark * mix
    yy, xx = np.mgrid[0:size, 0:size].astype(np.float32) / size
    cover = np.zeros((size, size), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        x, y, r = rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.34)
        far = np.sqrt((xx - x) ** 2 + ((yy - y) * rng.uniform(0.6, 1.6)) ** 2) / r + 0.4 * smooth_noise(rng, size, 6)
        cover = np.maximum(cover, np.clip((1 - far) * 12, 0, 1))
    image = glass * (1 - cover[..., None]) + tissue * cover[..., None]
    none = np.zeros((size, size), bool)
    pixels, none = capture.reframe(rng, _finish(rng, image), none, most=0.3)
    return Scene(pixels, none, "histology", "tissue", False, "none", "none", "ihc" if brown else "he", "")


def _finish(rng: np.random.Generator, image: Field) -> Pixels:
    size = image.shape[0]
    if rng.random() < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.9) * size / 128))
    image = image * rng.uniform(0.82, 1.06) * (1 + rng.normal(0, 0.025, 3)).astype(np.float32)
    image = image + (0.03 * rng.random()) * rng.standard_normal(image.shape).astype(np.float32)
    return capture.compress(rng, capture.to_bytes(np.clip(image, 0, 1).astype(np.float32)), 0.3)
