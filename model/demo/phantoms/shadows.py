"""Radiographs of no particular anatomy: what lies in the beam adds up. Body part left open, no findings."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from model.demo.canvas import Sheet, arc, paint
from model.demo.phantoms.chest import finish
from model.demo.scene import Field, Scene

Points = list[tuple[float, float]]


def ball(sheet: Sheet, x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Field:
    """Length of the beam's path through an ellipsoid, 1 at its middle."""
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    du, dv = sheet.u - np.float32(x), sheet.v - np.float32(y)
    a, b = (c * du + s * dv) / rx, (c * dv - s * du) / ry
    return np.asarray(np.sqrt(np.clip(1 - a * a - b * b, 0, 1)), np.float32)


def rod(sheet: Sheet, points: Points, width: float) -> Field:
    """Length of the beam's path through a round rod along `points`, 1 at its axis."""
    best = np.full((sheet.size, sheet.size), 9.0, np.float32)
    for (ax, ay), (bx, by) in pairwise(points):
        ex, ey = bx - ax, by - ay
        t = np.clip(((sheet.u - ax) * ex + (sheet.v - ay) * ey) / max(ex * ex + ey * ey, 1e-6), 0, 1)
        np.minimum(best, (sheet.u - ax - t * ex) ** 2 + (sheet.v - ay - t * ey) ** 2, out=best)
    return np.asarray(np.sqrt(np.clip(1 - best / np.float32(width * width), 0, 1)), np.float32)


def _long_bone(sheet: Sheet, image: Field, a: tuple[float, float], b: tuple[float, float], width: float) -> None:
    """A hollow shaft with knobbly ends; in place."""
    rng = sheet.rng
    strength = rng.uniform(0.35, 0.75)
    image += strength * (rod(sheet, [a, b], width) - rng.uniform(0.5, 0.8) * rod(sheet, [a, b], width * 0.72))
    for x, y in (a, b):
        for _ in range(2):
            dx, dy = rng.normal(0, 0.4 * width, 2)
            r = width * rng.uniform(0.9, 1.5)
            image += 0.35 * strength * ball(sheet, x + dx, y + dy, r, r * rng.uniform(0.7, 1.1), rng.uniform(0, 180))


def _limbs(sheet: Sheet, image: Field) -> None:
    rng = sheet.rng
    for x in (0.0,) if rng.random() < 0.7 else (-0.5, 0.5):
        wide = rng.uniform(0.25, 0.6) if x == 0 else rng.uniform(0.2, 0.32)
        knee = rng.uniform(-0.4, 0.4)
        path = [(x + rng.uniform(-0.5, 0.5), -1.5), (x, knee), (x + rng.uniform(-0.9, 0.9), 1.5)]
        image += rng.uniform(0.25, 0.6) * rod(sheet, path, wide)
        for start, stop in ((path[0], path[1]), (path[1], path[2])):
            for off in (0.0,) if rng.random() < 0.5 else (-0.3 * wide, 0.35 * wide):
                gap = 0.06 if start == path[1] else -0.06
                a, b = (start[0] + off, start[1]), (stop[0] + off, stop[1])
                a = (a[0], a[1] + gap) if start == path[1] else a
                b = b if start == path[1] else (b[0], b[1] + gap)
                _long_bone(sheet, image, a, b, rng.uniform(0.16, 0.34) * wide)


def _digits(sheet: Sheet, image: Field) -> None:
    rng = sheet.rng
    count, spread = int(rng.integers(2, 6)), rng.uniform(4, 16)
    palm = rng.uniform(0.25, 0.5)
    image += 0.4 * ball(sheet, 0, 0.3, palm, palm * 1.1)
    for k in range(count):
        angle = np.deg2rad(-90 + (k - (count - 1) / 2) * spread)
        way = np.array([np.cos(angle), np.sin(angle)])
        start = np.array([(k - (count - 1) / 2) * rng.uniform(0.12, 0.22), 0.35])
        image += 0.3 * rod(sheet, [tuple(start), tuple(start + 1.2 * way)], 0.1)
        cut = 0.0
        for length in rng.uniform([0.35, 0.22, 0.14, 0.1], [0.5, 0.32, 0.22, 0.16]):
            a, b = start + way * cut, start + way * (cut + length)
            _long_bone(sheet, image, tuple(a), tuple(b), rng.uniform(0.035, 0.055))
            cut += length + 0.04
    for _ in range(int(rng.integers(0, 10))):
        x, y = rng.uniform(-0.3, 0.3), rng.uniform(0.4, 0.75)
        image += 0.25 * ball(sheet, x, y, 0.09, 0.07, rng.uniform(0, 180))


def _trunk(sheet: Sheet, image: Field) -> None:
    """A column, ribs, wings of a pelvis, lungs and gas: any of them."""
    rng = sheet.rng
    image += rng.uniform(0.5, 1.0) * sheet.ellipse(0, 0, rng.uniform(0.5, 1.2), 1.6, power=4, soft=0.15)
    if rng.random() < 0.5:
        for sign in (-1, 1):
            image -= rng.uniform(0.2, 0.5) * ball(sheet, sign * 0.42, rng.uniform(-0.6, 0.1), 0.33, 0.7)
    if rng.random() < 0.8:
        x, bend, r = rng.uniform(-0.4, 0.4), rng.uniform(-0.3, 0.3), rng.uniform(0.08, 0.22)
        level, step = rng.uniform(0.12, 0.4), r * rng.uniform(1.3, 2)
        for y in np.arange(-1.5, 1.5, step):
            at = x + bend * float(np.cos(1.5 * y))
            body = sheet.ellipse(at, float(y), r, step * 0.42, power=5, soft=0.03)
            image += level * body - 0.4 * level * sheet.ellipse(at, float(y), r * 0.8, step * 0.3, power=4, soft=0.05)
            image += 0.4 * level * sheet.stroke([(at - 2 * r, float(y)), (at + 2 * r, float(y))], 0.03, soft=0.05)
    for k in range(int(rng.choice([0, 0, 7, 10]))):
        y, level = -1.1 + 0.24 * k, rng.uniform(0.05, 0.16)
        for sign in (-1, 1):
            ends = (190, 330) if sign < 0 else (210, 350)
            image += level * sheet.stroke(arc(sign * 0.4, y + 0.15, 0.5, 0.22, *ends), 0.028)
    if rng.random() < 0.35:
        level = rng.uniform(0.15, 0.4)
        for sign in (-1, 1):
            image += level * ball(sheet, sign * 0.5, 0.3, 0.36, 0.42, sign * 28)
            image += level * ball(sheet, sign * 0.68, 0.85, 0.16, 0.16)
            image += level * sheet.stroke(arc(sign * 0.25, 1.1, 0.2, 0.18, 0, 360, 12), 0.05)
    for _ in range(int(rng.choice([0, 4, 12]))):
        x, y, r = rng.uniform(-0.7, 0.7), rng.uniform(-0.7, 0.9), rng.uniform(0.04, 0.16)
        image -= rng.uniform(0.05, 0.25) * ball(sheet, x, y, r, r * rng.uniform(0.5, 1), rng.uniform(0, 180))


def _shell(sheet: Sheet, image: Field) -> None:
    """A skull or something like it: a hollow ball of bone with dense islands and air cells."""
    rng = sheet.rng
    rx, ry, turn = rng.uniform(0.5, 0.9), rng.uniform(0.5, 0.9), rng.uniform(-20, 20)
    x, y = rng.uniform(-0.15, 0.15), rng.uniform(-0.3, 0.1)
    image += 0.5 * ball(sheet, x, y, rx + 0.06, ry + 0.06, turn)
    image += rng.uniform(0.8, 1.6) * (ball(sheet, x, y, rx, ry, turn) - 0.9 * ball(sheet, x, y, rx - 0.05, ry - 0.05))
    for _ in range(int(rng.integers(3, 12))):
        px, py, r = rng.uniform(-0.6, 0.6), rng.uniform(0, 1), rng.uniform(0.05, 0.25)
        image += rng.uniform(-0.25, 0.45) * ball(sheet, px, py, r, r * rng.uniform(0.4, 1), rng.uniform(0, 180))
    for k in range(int(rng.choice([0, 5, 8]))):
        image += 0.3 * ball(sheet, 0.3, 0.5 + 0.17 * k, 0.13, 0.08)


def _breast(sheet: Sheet, image: Field) -> None:
    rng = sheet.rng
    rx, ry = rng.uniform(0.6, 1.2), rng.uniform(0.6, 0.95)
    cover = ball(sheet, -1, 0, rx, ry)
    image += 0.45 * cover**0.5
    gland = np.clip(sheet.noise(int(rng.integers(5, 16))) * 1.5, 0, 1) * np.clip(cover - 0.2, 0, 1)
    image += rng.uniform(0.2, 0.8) * gland
    for _ in range(9):
        end = (rng.uniform(-0.6, 0.2), rng.uniform(-0.5, 0.5))
        image += 0.1 * cover * sheet.stroke([(-1, rng.uniform(-0.3, 0.3)), end], 0.01)


def _jaws(sheet: Sheet, image: Field) -> None:
    """Both rows of teeth laid out flat, the jaw's bow under them, a shadow of the neck in the middle."""
    rng = sheet.rng
    image += rng.uniform(0.3, 0.6) * sheet.ellipse(0, 0, 1.2, rng.uniform(0.5, 0.9), power=3, soft=0.2)
    image += rng.uniform(0.1, 0.5) * sheet.ellipse(0, 0, rng.uniform(0.12, 0.25), 1.4, soft=0.2)
    bend, gap = rng.uniform(0.05, 0.2), rng.uniform(0.01, 0.04)
    for x in np.arange(-0.62, 0.63, rng.uniform(0.075, 0.11)):
        for way in (-1, 1):
            if rng.random() < 0.9:
                start = way * gap - bend * (x / 0.6) ** 2 + 0.05
                root = (float(x), float(start + way * rng.uniform(0.18, 0.3)))
                image += rng.uniform(0.3, 0.7) * rod(sheet, [(float(x), float(start + way * 0.04)), root], 0.04)
    bow = [(-0.85, -0.5), (-0.7, 0.25), (-0.3, 0.42), (0.3, 0.42), (0.7, 0.25), (0.85, -0.5)]
    image += rng.uniform(0.3, 0.6) * sheet.stroke(bow, rng.uniform(0.08, 0.13), soft=0.05)
    image -= rng.uniform(0.1, 0.3) * sheet.ellipse(0, -0.42, 0.5, 0.08, soft=0.1)


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A radiograph of no particular place, near or far, any way up."""
    close = rng.random() < 0.3
    sheet = Sheet(
        rng, size, tilt=40, zoom=(1.2, 2.4) if close else (0.65, 1.2), shift=0.8 if close else 0.15, wobble=0.07
    )
    if rng.random() < 0.4:
        turns = int(rng.integers(1, 4))
        sheet.u, sheet.v = (np.ascontiguousarray(np.rot90(f, turns)) for f in (sheet.u, sheet.v))
    image = sheet.flat(0)
    makers = (_limbs, _digits, _trunk, _shell, _breast, _jaws)
    makers[int(rng.choice(6, p=[0.28, 0.17, 0.31, 0.11, 0.07, 0.06]))](sheet, image)
    image += rng.uniform(0, 0.04) * sheet.noise(int(rng.integers(12, 40))) * (image > 0.02)
    if rng.random() < 0.12:  # a screw, a button, a wire
        a, b = rng.uniform(-0.6, 0.6, (2, 2))
        image += rng.uniform(0.5, 1.2) * sheet.stroke([tuple(a), tuple(a + 0.4 * (b - a))], rng.uniform(0.01, 0.03))
    if (image > 0.05).mean() < 0.2:
        return draw(rng, size)
    image = 1 - np.exp(-rng.uniform(0.6, 2.4) * np.clip(image, 0, None))  # film and detector saturate
    if rng.random() < 0.35:  # the shutter's edge, straight but not parallel to the film
        angle, far = rng.uniform(0, 6.3), rng.uniform(0.55, 0.95)
        axis = np.linspace(-1, 1, size, dtype=np.float32)
        x, y = np.meshgrid(axis, axis)
        outside = np.clip((np.cos(angle) * x + np.sin(angle) * y - far) * size / 3, 0, 1).astype(np.float32)
        paint(image, outside, float(rng.choice([0.0, 1.0])))
    none = np.zeros((size, size), bool)
    film = finish(rng, image.astype(np.float32), none, "", "none", "none", assessed=False)
    if rng.random() < 0.12:  # a label outside has set the display: dim, and nowhere quite dark
        dim = film.image * rng.uniform(0.3, 0.65) + rng.uniform(5, 50)
        film = replace(film, image=dim.astype(np.uint8))
    return film
