"""Radiographs of other parts (limbs, spine, pelvis, abdomen, skull, lateral chest): no findings are drawn."""

from collections.abc import Callable

import numpy as np

from model.demo.canvas import Sheet, arc
from model.demo.phantoms.chest import finish
from model.demo.scene import Field, Scene

Point = tuple[float, float]


def _bone(sheet: Sheet, image: Field, a: Point, b: Point, width: float, level: float) -> None:
    """A long bone: bright cortex, darker marrow, wide ends; in place."""
    image += level * sheet.stroke([a, b], width)
    image -= 0.35 * level * sheet.stroke([a, b], width * 0.55, soft=0.03)
    for x, y in (a, b):
        image += 0.5 * level * sheet.ellipse(x, y, width * 1.5, width * 1.35, soft=0.04)


def _limb(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0, 0.08))
    level, slant = rng.uniform(0.3, 0.5), rng.uniform(-0.2, 0.2)
    flesh = [(slant, -1.3), (0, rng.uniform(-0.1, 0.1)), (slant * rng.uniform(-1.5, 1), 1.3)]
    image += rng.uniform(0.25, 0.45) * sheet.stroke(flesh, rng.uniform(0.36, 0.6), soft=0.12)
    joint = flesh[1][1]
    width = rng.uniform(0.11, 0.19)
    _bone(sheet, image, (slant, -1.3), (0, joint - width * 1.3), width, level)
    if rng.random() < 0.6:
        _bone(sheet, image, (-0.12, joint + width * 1.2), (slant * -1 - 0.1, 1.3), width * 0.75, level)
        _bone(sheet, image, (0.2, joint + width * 1.4), (slant * -1 + 0.25, 1.3), width * 0.4, level)
    else:
        _bone(sheet, image, (0, joint + width * 1.25), (slant * -1, 1.3), width * 0.9, level)
    if rng.random() < 0.5:
        image += 0.3 * level * sheet.ellipse(rng.uniform(-0.1, 0.35), joint - 0.15, 0.13, 0.15)
    return image


def _hand(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0, 0.08))
    level, flesh = rng.uniform(0.3, 0.5), rng.uniform(0.2, 0.35)
    soft = sheet.stroke([(0, 0.35), (0, 1.3)], 0.3, soft=0.08)
    soft = np.maximum(soft, sheet.ellipse(0, 0.2, 0.45, 0.42, soft=0.06))
    mirror = rng.choice([-1, 1])
    bones: list[tuple[Point, Point, float]] = []
    for k in range(5):
        angle = np.deg2rad(-90 + mirror * ((k - 2) * rng.uniform(11, 17) - (28 if k == 0 else 0)))
        start, length = (
            np.array([mirror * (k - 2) * 0.1, 0.3]),
            (0.75 if k == 0 else 1.15 - 0.06 * abs(k - 2)),
        )
        way = np.array([np.cos(angle), np.sin(angle)]) * length
        soft = np.maximum(soft, sheet.stroke([tuple(start), tuple(start + way)], 0.085, soft=0.05))
        cuts = [0.03, 0.42, 0.47, 0.7, 0.74, 0.87, 0.9, 0.98]
        for lo, hi in zip(cuts[::2], cuts[1::2], strict=True):
            bones.append((tuple(start + way * lo), tuple(start + way * hi), 0.034))
    image += flesh * soft
    for a, b, width in bones:
        _bone(sheet, image, a, b, width, level)
    for _ in range(8):
        image += 0.7 * level * sheet.ellipse(rng.uniform(-0.2, 0.2), rng.uniform(0.38, 0.56), 0.07, 0.06)
    _bone(sheet, image, (-0.12, 0.68), (-0.14, 1.3), 0.1, level)
    _bone(sheet, image, (0.14, 0.7), (0.14, 1.3), 0.07, level)
    return image


def _spine(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0.15, 0.35))
    image += rng.uniform(0.1, 0.3) * sheet.ellipse(rng.uniform(-0.1, 0.3), 0, rng.uniform(0.5, 0.9), 1.5, soft=0.3)
    count, bend = int(rng.integers(5, 10)), rng.uniform(-0.25, 0.25)
    frontal = rng.random() < 0.4
    width, level = rng.uniform(0.14, 0.23), rng.uniform(0.2, 0.45)
    for k in range(count):
        y = -1.05 + 2.2 * (k + 0.5) / count
        x = bend * np.cos(y * 1.7)
        turn = float(np.rad2deg(bend * 1.4 * np.sin(y * 1.7)))
        tall = 1.1 / count * rng.uniform(0.72, 0.82)
        image += level * sheet.ellipse(x, y, width, tall, turn=turn, power=5, soft=0.03)
        image -= 0.3 * level * sheet.ellipse(x, y, width * 0.75, tall * 0.7, turn=turn, power=4, soft=0.05)
        if frontal:
            image += 0.4 * level * sheet.stroke([(x - width * 1.9, y), (x + width * 1.9, y)], 0.03)
            image += 0.3 * level * sheet.ellipse(x, y + 0.03, 0.03, tall * 0.6)
        else:
            image += 0.5 * level * sheet.stroke([(x + width, y), (x + width * 2.2, y + tall * 0.9)], 0.045)
    return image


def _pelvis(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0, 0.1))
    image += rng.uniform(0.3, 0.45) * sheet.ellipse(0, 0.1, rng.uniform(0.9, 1.1), 1.4, power=3, soft=0.15)
    level = rng.uniform(0.22, 0.42)
    for sign in (-1, 1):
        wing = sheet.ellipse(sign * 0.48, -0.28, 0.32, 0.4, turn=sign * 28, soft=0.04)
        image += level * 0.6 * wing + 0.4 * level * np.clip(1 - np.abs(wing - 0.5) * 2, 0, 1)
        image += level * sheet.ellipse(sign * 0.6, 0.32, 0.13, 0.13, soft=0.03)
        _bone(sheet, image, (sign * 0.66, 0.38), (sign * 0.84, 0.55), 0.09, level * 0.8)
        _bone(sheet, image, (sign * 0.82, 0.55), (sign * 0.72, 1.4), 0.11, level)
        image += level * sheet.stroke([(sign * 0.5, 0.28), (0.03 * sign, 0.45)], 0.05)
        image += level * sheet.stroke(arc(sign * 0.26, 0.55, 0.19, 0.17, 0, 360, 12), 0.045)
    image += level * 0.7 * sheet.ellipse(0, -0.15, 0.17, 0.32, soft=0.06)
    for y in (-0.6, -0.85, -1.1):
        image += level * 0.7 * sheet.ellipse(0, y, 0.15, 0.1, power=4)
    return image


def _belly(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0, 0.08))
    image += rng.uniform(0.4, 0.55) * sheet.ellipse(0, 0, rng.uniform(0.85, 1.05), 1.4, power=4, soft=0.1)
    for k in range(6):
        y = -1.0 + 0.36 * k
        image += rng.uniform(0.15, 0.25) * sheet.ellipse(0, y, 0.13, 0.14, power=4)
        image += 0.1 * sheet.stroke([(-0.26, y), (0.26, y)], 0.025)
    for _ in range(int(rng.integers(4, 14))):
        x, y, r = rng.uniform(-0.7, 0.7), rng.uniform(-0.6, 0.7), rng.uniform(0.06, 0.15)
        image -= rng.uniform(0.06, 0.2) * sheet.ellipse(
            x, y, r, r * rng.uniform(0.5, 1), turn=rng.uniform(0, 180), rough=0.2
        )
    for sign in (-1, 1):
        image += 0.15 * sheet.ellipse(sign * 0.5, 0.95, 0.3, 0.3, soft=0.05)
        for k in range(3):
            image += 0.1 * sheet.stroke(arc(sign * 0.5, -0.95 + 0.15 * k, 0.5, 0.25, 20, 160, 5), 0.02)
    return image


def _skull(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0, 0.08))
    vault = sheet.ellipse(0.1, -0.2, rng.uniform(0.65, 0.78), rng.uniform(0.55, 0.66), turn=-8, soft=0.03)
    inner = sheet.ellipse(0.1, -0.2, 0.62, 0.51, turn=-8, soft=0.04)
    image += rng.uniform(0.25, 0.4) * vault + 0.22 * vault * (1 - inner)
    image += 0.25 * sheet.ellipse(-0.4, 0.35, 0.28, 0.35, soft=0.12) + 0.3 * sheet.ellipse(
        0.1, 0.22, 0.25, 0.1, soft=0.1
    )
    image += 0.28 * sheet.stroke([(0.02, 0.3), (-0.1, 0.7), (-0.6, 0.82)], 0.08)
    image -= 0.2 * sheet.ellipse(-0.42, 0.28, 0.1, 0.12, soft=0.05)
    for k in range(4):
        image += 0.25 * sheet.ellipse(0.26 + 0.02 * k, 0.48 + 0.2 * k, 0.12, 0.085, power=4)
    image += 0.2 * sheet.ellipse(0.15, 0.6, 0.4, 0.6, soft=0.15)
    return image


def _lateral_chest(sheet: Sheet) -> Field:
    rng = sheet.rng
    image = sheet.flat(rng.uniform(0, 0.08))
    image += rng.uniform(0.45, 0.6) * sheet.ellipse(0, 0.1, rng.uniform(0.62, 0.8), 1.3, power=4, soft=0.08)
    lung = sheet.ellipse(0, -0.05, rng.uniform(0.48, 0.6), 0.75, power=2.5, soft=0.06)
    lung = lung * (1 - sheet.ellipse(-0.05, 1.0, 0.75, 0.45, turn=12, soft=0.05))
    image -= rng.uniform(0.2, 0.35) * lung
    image += 0.25 * lung * sheet.ellipse(-0.2, 0.28, 0.28, 0.3, soft=0.08)
    for k in range(8):
        y = -0.9 + 0.24 * k
        image += 0.13 * sheet.ellipse(0.42 + 0.06 * np.cos(y), y, 0.09, 0.09, power=4)
        if rng.random() < 0.8:
            image += 0.08 * sheet.stroke([(0.4, y), (-0.5, y + 0.35)], 0.02)
    image += 0.12 * sheet.stroke([(-0.58, -0.5), (-0.6, 0.5)], 0.03)
    image -= 0.12 * sheet.stroke([(0.02, -1.0), (0.05, -0.2)], 0.04)
    return image


VIEWS: dict[str, tuple[Callable[[Sheet], Field], str]] = {
    "limb": (_limb, "limb"),
    "hand": (_hand, "limb"),
    "spine": (_spine, "spine"),
    "pelvis": (_pelvis, "pelvis"),
    "belly": (_belly, "abdomen"),
    "skull": (_skull, "head"),
    "lateral": (_lateral_chest, "chest"),
}


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A radiograph of something other than a frontal chest."""
    view = str(rng.choice(list(VIEWS)))
    drawer, part = VIEWS[view]
    turned = view in ("limb", "hand") and rng.random() < 0.4
    sheet = Sheet(rng, size, tilt=85 if turned else 14, zoom=(0.75, 1.25), shift=0.12, wobble=0.04)
    if view in ("skull", "lateral", "spine") and rng.random() < 0.5:
        sheet.u = -sheet.u
    image = drawer(sheet)
    image += rng.uniform(0, 0.03) * sheet.noise(25)
    none = np.zeros((size, size), bool)
    return finish(rng, image.astype(np.float32), none, part, "none", "none", assessed=False)
