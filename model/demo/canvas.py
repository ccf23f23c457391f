"""Drawing in anatomy coordinates: a warped sheet, soft shapes, smooth noise. Knows no anatomy."""

from itertools import pairwise

import cv2
import numpy as np

from model.demo.scene import Field, Mask


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> Field:
    """A (size, size) random field with about `cells` bumps per side, roughly within -1…1."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    grown = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(grown * 0.5, -1.2, 1.2), np.float32)


class Sheet:
    """Coordinates (u right, v down, about -1…1) bent by position, rotation, scale and a smooth wobble.

    Shapes drawn on it take all of these over, so a mask always lies exactly where its shape was drawn.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        size: int,
        *,
        tilt: float = 10.0,
        zoom: tuple[float, float] = (0.78, 1.05),
        shift: float = 0.07,
        wobble: float = 0.035,
        stretch: float = 0.1,
    ) -> None:
        self.rng, self.size = rng, size
        axis = (np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1
        x, y = np.meshgrid(axis, axis)
        angle = np.deg2rad(rng.normal(0, tilt / 2.2))
        angle = float(np.clip(angle, -np.deg2rad(tilt), np.deg2rad(tilt)))
        scale = rng.uniform(*zoom)
        ratio = rng.uniform(1 - stretch, 1 + stretch)
        x = (x - rng.uniform(-shift, shift)) / (scale * ratio)
        y = (y - rng.uniform(-shift, shift)) / (scale / ratio)
        u = np.cos(angle) * x + np.sin(angle) * y
        v = -np.sin(angle) * x + np.cos(angle) * y
        self.u: Field = (u + wobble * smooth_noise(rng, size, 3)).astype(np.float32)
        self.v: Field = (v + wobble * smooth_noise(rng, size, 3)).astype(np.float32)

    def flat(self, value: float) -> Field:
        return np.full((self.size, self.size), value, np.float32)

    def noise(self, cells: int) -> Field:
        return smooth_noise(self.rng, self.size, cells)

    def ellipse(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        *,
        turn: float = 0.0,
        soft: float = 0.03,
        power: float = 2.0,
        rough: float = 0.0,
    ) -> Field:
        """Coverage 0…1 of a (super)ellipse; `turn` in degrees, `soft` the edge's width, `rough` its raggedness."""
        du: Field = self.u - np.float32(x)
        dv: Field = self.v - np.float32(y)
        if turn:
            c, s = np.float32(np.cos(np.deg2rad(turn))), np.float32(np.sin(np.deg2rad(turn)))
            du, dv = c * du + s * dv, -s * du + c * dv
        du, dv = np.abs(du) / np.float32(rx), np.abs(dv) / np.float32(ry)
        radius: Field = np.hypot(du, dv) if power == 2.0 else (du**power + dv**power) ** np.float32(1 / power)
        if rough:
            radius = radius + np.float32(rough) * self.noise(7)
        edge = np.float32(max(soft, 0.6 / self.size) / min(rx, ry))
        return np.clip((1 - radius) / edge + 0.5, 0, 1).astype(np.float32)

    def stroke(self, points: list[tuple[float, float]], width: float, *, soft: float = 0.02) -> Field:
        """Coverage 0…1 of a thick polyline through `points` ((u, v) pairs)."""
        best = np.full((self.size, self.size), 9.0, np.float32)
        for (ax, ay), (bx, by) in pairwise(points):
            ex, ey = bx - ax, by - ay
            t = ((self.u - ax) * ex + (self.v - ay) * ey) / max(ex * ex + ey * ey, 1e-6)
            t = np.clip(t, 0, 1)
            np.minimum(best, (self.u - ax - t * ex) ** 2 + (self.v - ay - t * ey) ** 2, out=best)
        return np.clip((width - np.sqrt(best)) / max(soft, 0.6 / self.size) + 0.5, 0, 1).astype(np.float32)


def paint(field: Field, cover: Field, value: float | Field) -> None:
    """Replace `field` by `value` where `cover` is 1, mix where it is between; in place."""
    field += cover * (value - field)


def solid(cover: Field) -> Mask:
    """The pixels a cover mostly fills."""
    return np.asarray(cover > 0.5)


def arc(
    x: float, y: float, rx: float, ry: float, start: float, stop: float, steps: int = 7
) -> list[tuple[float, float]]:
    """Points along an ellipse's edge from `start` to `stop` degrees (0 right, 90 down)."""
    angles = np.deg2rad(np.linspace(start, stop, steps))
    return [(float(x + rx * np.cos(a)), float(y + ry * np.sin(a))) for a in angles]
