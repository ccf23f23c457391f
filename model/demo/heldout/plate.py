"""Outlines as closed curves filled at twice the size: the held-out generator's way of drawing. Knows no anatomy."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from model.demo.scene import Field, Mask, Pixels

Points = Sequence[tuple[float, float]]


class Plate:
    """A square plate with one position, tilt and scale for all outlines on it; coordinates about -1…1."""

    def __init__(self, rng: np.random.Generator, size: int, *, tilt: float = 7.0, zoom: tuple[float, float]) -> None:
        self.rng, self.size = rng, size
        angle, scale = np.deg2rad(rng.uniform(-tilt, tilt)), rng.uniform(*zoom)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        skew = np.array([[1.0, rng.uniform(-0.04, 0.04)], [0.0, rng.uniform(0.94, 1.06)]])
        self._matrix = scale * turn @ skew
        self._shift = rng.uniform(-0.05, 0.05, 2)

    def _place(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        pixels = (points @ self._matrix.T + self._shift + 1) * self.size  # on the doubled grid
        return np.asarray(np.round(pixels * 16), np.int32)

    def _shrink(self, big: Pixels) -> Field:
        small = cv2.resize(big, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255)

    def empty(self, value: float) -> Field:
        return np.full((self.size, self.size), value, np.float32)

    def fill(self, points: Points) -> Field:
        """Cover of a closed smooth curve through the points."""
        p = np.array(points, float)
        n = len(p)
        t = np.linspace(0, 1, 12, endpoint=False)[:, None]
        pieces = []
        for k in range(n):  # Catmull-Rom
            a, b, c, d = p[k - 1], p[k], p[(k + 1) % n], p[(k + 2) % n]
            pieces.append(
                0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            )
        big = np.zeros((2 * self.size, 2 * self.size), np.uint8)
        cv2.fillPoly(big, [self._place(np.concatenate(pieces))], 255, cv2.LINE_AA, 4)
        return self._shrink(big)

    def lump(self, x: float, y: float, rx: float, ry: float, bumps: float = 0.08, turn: float = 0.0) -> Field:
        """Cover of a round outline with a few random waves of relative height `bumps`."""
        angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        radius = np.ones_like(angles)
        for wave in (2, 3, 4):
            radius += self.rng.normal(0, bumps / wave) * np.cos(wave * angles + self.rng.uniform(0, 6.3))
        c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
        px, py = rx * radius * np.cos(angles), ry * radius * np.sin(angles)
        return self.fill([(float(a), float(b)) for a, b in zip(x + c * px - s * py, y + s * px + c * py, strict=True)])

    def tube(self, points: Points, width: float) -> Field:
        """Cover of a line of the given full width."""
        big = np.zeros((2 * self.size, 2 * self.size), np.uint8)
        path = self._place(np.array(points, float))
        cv2.polylines(big, [path], False, 255, max(1, round(width * self.size)), cv2.LINE_AA, 4)
        return self._shrink(big)

    def cloud(self, scale: float) -> Field:
        """Correlated noise by filtering, standard deviation 1; `scale` is the bump size as a share of the plate."""
        white = self.rng.standard_normal((self.size, self.size)).astype(np.float32)
        grown = cv2.GaussianBlur(white, (0, 0), max(0.6, scale * self.size))
        return np.asarray(grown / grown.std(), np.float32)

    def blur(self, field: Field, share: float) -> Field:
        return np.asarray(cv2.GaussianBlur(field, (0, 0), max(0.3, share * self.size)), np.float32)


def lay(field: Field, cover: Field, value: float | Field) -> None:
    """Put `value` where `cover` is; in place."""
    np.copyto(field, field * (1 - cover) + cover * value)


def mostly(cover: Field) -> Mask:
    return np.asarray(cover >= 0.5)


def curve(rng: np.random.Generator, image: Field) -> Field:
    """An S-shaped tone curve, another family than the training generator's gamma."""
    steep, middle = rng.uniform(2.5, 5.5), rng.uniform(0.42, 0.58)
    low, high = 1 / (1 + np.exp(steep * middle)), 1 / (1 + np.exp(-steep * (1 - middle)))
    return np.asarray((1 / (1 + np.exp(-steep * (np.clip(image, 0, 1) - middle))) - low) / (high - low), np.float32)


def counted(rng: np.random.Generator, image: Field, photons: float) -> Field:
    """Quantum noise: a Poisson count per pixel."""
    return np.asarray(rng.poisson(np.clip(image, 0, 1) * photons + 2) / photons, np.float32)


def develop(image: Field) -> Pixels:
    return np.clip(np.round(image * 255), 0, 255).astype(np.uint8)
