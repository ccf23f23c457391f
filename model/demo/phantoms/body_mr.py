"""MR of other parts and planes (brain sagittal/coronal, spine, knee, abdomen, pelvis, heart): no findings."""

from collections.abc import Callable

import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, arc, paint
from model.demo.phantoms.brain_mr import contrasts, finish_mr
from model.demo.scene import Field, Scene


def _head_sagittal(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, white, grey, fluid = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(-0.35, 0.45, 0.45, 0.6), muscle)
    paint(image, sheet.ellipse(0.28, 0.85, 0.32, 0.6), muscle)
    paint(image, sheet.ellipse(0.05, -0.2, 0.84, 0.72, turn=-6), fat)
    paint(image, sheet.ellipse(0.05, -0.2, 0.78, 0.66, turn=-6), 0.04)
    paint(image, sheet.ellipse(0.05, -0.2, 0.73, 0.61, turn=-6), fluid)
    brain = sheet.ellipse(0.05, -0.22, 0.7, 0.55, turn=-6, rough=0.04)
    paint(image, brain, grey)
    folds = np.clip(np.abs(sheet.noise(int(rng.integers(12, 20)))) * 3, 0, 1)
    paint(image, brain * folds, white)
    paint(image, brain * np.clip(0.6 - folds * 2, 0, 1), fluid)
    paint(image, sheet.stroke(arc(0.05, -0.1, 0.3, 0.16, 170, 370), 0.04), white)
    paint(image, sheet.stroke([(0.12, 0.05), (0.18, 0.4), (0.22, 1.2)], 0.08), white)
    paint(image, sheet.ellipse(0.42, 0.3, 0.2, 0.17), grey)
    paint(image, sheet.ellipse(-0.45, 0.4, 0.16, 0.12), 0.03)
    for k in range(4):
        paint(image, sheet.ellipse(0.02, 0.58 + 0.17 * k, 0.09, 0.07, power=4), fat * 0.7)
    return image


def _head_coronal(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, white, grey, fluid = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0.6, 0.5, 0.8), muscle)
    paint(image, sheet.ellipse(0, -0.15, 0.74, 0.8), fat)
    paint(image, sheet.ellipse(0, -0.15, 0.68, 0.74), 0.04)
    brain = sheet.ellipse(0, -0.2, 0.62, 0.62, rough=0.04)
    paint(image, sheet.ellipse(0, -0.16, 0.64, 0.67), fluid)
    paint(image, brain, grey)
    folds = np.clip(np.abs(sheet.noise(15)) * 3, 0, 1)
    paint(image, brain * np.clip(sheet.ellipse(0, -0.2, 0.5, 0.48, soft=0.15) + 0.3 * folds - 0.1, 0, 1), white)
    for sign in (-1, 1):
        paint(image, sheet.ellipse(sign * 0.1, -0.15, 0.05, 0.16, turn=sign * 30), fluid)
        paint(image, sheet.ellipse(sign * 0.25, 0.52, 0.24, 0.17), grey)
    paint(image, sheet.stroke([(0, -0.9), (0, -0.35)], 0.015), fluid)
    paint(image, sheet.ellipse(0, 0.55, 0.1, 0.25), white)
    return image


def _spine(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, marrow, disc, fluid = contrasts(rng)
    image = sheet.flat(muscle)
    image += 0.1 * sheet.noise(8)
    paint(image, sheet.ellipse(0.95, 0, 0.45, 2.2, soft=0.05), fat)
    paint(image, sheet.ellipse(1.25, 0, 0.3, 2.2), 0.01)
    if rng.random() < 0.5:
        paint(image, sheet.ellipse(-0.9, 0, 0.4, 2.2, soft=0.1), rng.uniform(0, 0.3))
    bend, count = rng.uniform(-0.25, 0.25), int(rng.integers(5, 10))
    line = [(bend * np.cos(y * 1.6) + 0.32, y) for y in np.linspace(-1.3, 1.3, 9)]
    paint(image, sheet.stroke([(float(a), float(b)) for a, b in line], 0.11), fluid)
    paint(image, sheet.stroke([(float(a), float(b)) for a, b in line], 0.055), marrow * 0.8)
    for k in range(count):
        y = -1.15 + 2.3 * (k + 0.5) / count
        x = float(bend * np.cos(y * 1.6))
        paint(image, sheet.ellipse(x, y + 1.15 / count, 0.19, 0.05), disc)
        paint(image, sheet.ellipse(x, y, 0.2, 0.9 / count, power=5), marrow)
        paint(image, sheet.ellipse(x + 0.62, y + 0.06, 0.13, 0.06, turn=25), marrow * 0.9)
    return image


def _knee(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, _, cartilage, fluid = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, rng.uniform(0.6, 0.8), 1.5, power=3), fat)
    paint(image, sheet.ellipse(0.1, 0, 0.5, 1.5, power=3, soft=0.1), muscle)
    joint = rng.uniform(-0.1, 0.15)
    for start, wide in ((-1.3, -0.25), (1.3, 0.3)):
        paint(image, sheet.stroke([(0, start), (0, joint + wide)], 0.25), fat * 0.85)
        paint(image, sheet.ellipse(0, joint + wide, 0.42, 0.24), fat * 0.85)
    paint(image, sheet.ellipse(0, joint, 0.42, 0.035), fluid)
    paint(image, sheet.stroke([(-0.4, joint + 0.03), (-0.2, joint)], 0.035), 0.04)
    paint(image, sheet.stroke([(0.4, joint + 0.03), (0.2, joint)], 0.035), 0.04)
    if rng.random() < 0.5:
        paint(image, sheet.ellipse(-0.55, joint - 0.35, 0.11, 0.22), fat * 0.8)
        paint(image, sheet.stroke([(-0.56, joint - 0.1), (-0.4, joint + 0.6)], 0.03), 0.03)
    image += 0.04 * cartilage * sheet.noise(20)
    return image


def _joint_frontal(sheet: Sheet) -> Field:
    """A knee from the front: two bright condyles on a bright plateau, dark menisci and ligaments between them."""
    rng = sheet.rng
    fat, muscle, _, cartilage, fluid = contrasts(rng)
    image = sheet.flat(0.01)
    wide = rng.uniform(0.55, 0.9)
    paint(image, sheet.ellipse(0, 0, wide, 1.6, power=4), fat)
    for sign in (-1, 1):
        for _ in range(3):
            x = sign * rng.uniform(0.25, wide - 0.05)
            line = [(x, -1.5), (x + rng.uniform(-0.1, 0.1), 0), (x, 1.5)]
            paint(image, sheet.ellipse(0, 0, wide, 1.6, power=4) * sheet.stroke(line, rng.uniform(0.02, 0.12)), muscle)
    marrow = fat * rng.uniform(0.7, 1)
    joint, half = rng.uniform(-0.1, 0.25), rng.uniform(0.36, 0.48)
    for value, grow in ((0.04, 0.025), (marrow, 0.0)):  # the cortex, then what it holds
        paint(image, sheet.stroke([(0, joint - 1.6), (0, joint - 0.55)], half * 0.55 + grow), value)
        for sign in (-1, 1):
            condyle = (sign * half * 0.55, joint - 0.3, half * 0.5 + grow, 0.26 + grow)
            paint(image, sheet.ellipse(*condyle, power=2.6), value)
        paint(image, sheet.ellipse(0, joint + 0.2, half * 1.05 + grow, 0.15 + grow, power=3), value)
        paint(image, sheet.stroke([(0, joint + 0.3), (0, joint + 1.6)], half * 0.6 + grow), value)
        paint(image, sheet.ellipse(half * 1.15, joint + 0.5, 0.1 + grow, 0.2 + grow), value)
    paint(image, sheet.ellipse(0, joint - 0.14, 0.06, 0.16), rng.choice([0.05, muscle, fluid]))
    for sign in (-1, 1):
        paint(image, sheet.ellipse(sign * half * 0.55, joint - 0.01, half * 0.45, 0.02), cartilage)
        paint(image, sheet.stroke([(sign * half, joint), (sign * half * 0.7, joint)], 0.03), 0.03)
        paint(image, sheet.stroke([(sign * (half + 0.05), joint - 0.4), (sign * half, joint + 0.5)], 0.015), 0.04)
    return image * (1 + 0.12 * sheet.noise(35))


def _abdomen(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, liver, spleen, fluid = contrasts(rng)
    rx, ry = rng.uniform(0.84, 0.95), rng.uniform(0.58, 0.72)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, rx, ry, power=2.4), fat)
    edge = rng.uniform(0.04, 0.14)
    paint(image, sheet.ellipse(0, 0, rx - edge, ry - edge, power=2.4), muscle)
    paint(
        image,
        sheet.ellipse(0, -0.02, rx - edge - 0.05, ry - edge - 0.05, power=2.4),
        fat * rng.uniform(0.4, 1),
    )
    for _ in range(int(rng.integers(5, 14))):
        x, y, r = rng.uniform(-0.4, 0.55), rng.uniform(-0.4, 0.2), rng.uniform(0.06, 0.13)
        paint(image, sheet.ellipse(x, y, r, r * 0.7, turn=rng.uniform(0, 180)), rng.uniform(0.05, 0.9))
    paint(image, sheet.ellipse(-0.42, -0.12, 0.36, 0.38, turn=rng.uniform(-20, 20)), liver * 0.9)
    paint(image, sheet.ellipse(0.6, 0.0, 0.13, 0.22, turn=-15), spleen)
    paint(image, sheet.ellipse(rng.uniform(0.2, 0.4), -0.25, 0.2, 0.14), rng.choice([fluid, 0.03, muscle]))
    for sign in (-1, 1):
        paint(
            image,
            sheet.ellipse(sign * 0.4, 0.22, 0.13, 0.16, turn=sign * -20),
            spleen * rng.uniform(0.8, 1.4),
        )
        paint(image, sheet.ellipse(sign * 0.17, ry - 0.2, 0.14, 0.1), muscle)
    paint(image, sheet.ellipse(0, ry - 0.3, 0.12, 0.1), rng.uniform(0.2, 0.6))
    paint(image, sheet.ellipse(0, ry - 0.2, 0.045, 0.04), fluid)
    paint(image, sheet.ellipse(0.05, ry - 0.45, 0.055, 0.055), rng.choice([0.03, 0.95]))
    return image


def _coronal_trunk(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, liver, spleen, _ = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, rng.uniform(0.6, 0.8), 1.4, power=5), fat)
    paint(image, sheet.ellipse(0, 0, 0.6, 1.4, power=5), muscle)
    for sign in (-1, 1):
        paint(image, sheet.ellipse(sign * 0.3, -0.8, 0.22, 0.4), 0.03)
        paint(image, sheet.ellipse(sign * 0.27, 0.2, 0.1, 0.2, turn=sign * -12), spleen)
    paint(image, sheet.ellipse(-0.27, -0.2, 0.3, 0.25), liver)
    paint(image, sheet.ellipse(0.4, -0.2, 0.12, 0.18), spleen)
    for k in range(7):
        paint(image, sheet.ellipse(0, -0.7 + 0.25 * k, 0.1, 0.1, power=4), fat * 0.6)
    for _ in range(8):
        paint(
            image,
            sheet.ellipse(rng.uniform(-0.4, 0.4), rng.uniform(0.3, 1), 0.1, 0.06),
            rng.uniform(0.1, 0.9),
        )
    return image


def _pelvis(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, marrow, _, fluid = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, 0.92, 0.6, power=2.6), fat)
    for sign in (-1, 1):
        paint(image, sheet.ellipse(sign * 0.5, 0.3, 0.28, 0.17, turn=sign * -20), muscle)
        paint(image, sheet.ellipse(sign * 0.5, -0.15, 0.22, 0.25), muscle)
        paint(image, sheet.ellipse(sign * 0.52, 0.03, 0.13, 0.13), marrow)
    paint(image, sheet.ellipse(0, -0.1, rng.uniform(0.15, 0.26), rng.uniform(0.12, 0.2)), fluid)
    paint(image, sheet.ellipse(0, 0.15, 0.15, 0.1), muscle * 1.2)
    paint(image, sheet.ellipse(0, 0.32, 0.09, 0.08), rng.uniform(0.05, 0.7))
    return image


def _heart(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, _, wall, blood = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, 0.95, 0.68, power=2.5), fat)
    paint(image, sheet.ellipse(0, 0, 0.86, 0.58, power=2.5), muscle)
    for sign in (-1, 1):
        paint(image, sheet.ellipse(sign * 0.46, 0.02, 0.3, 0.42), 0.03)
    paint(image, sheet.ellipse(0.15, -0.08, 0.4, 0.32, turn=30), fat * 0.6)
    paint(image, sheet.ellipse(0.25, -0.02, 0.26, 0.2, turn=35), wall)
    paint(image, sheet.ellipse(0.26, -0.03, 0.18, 0.12, turn=35), max(blood, 0.6))
    paint(image, sheet.ellipse(-0.08, -0.14, 0.2, 0.13, turn=35), max(blood, 0.6))
    paint(image, sheet.ellipse(0.05, 0.35, 0.06, 0.06), blood)
    paint(image, sheet.ellipse(0, 0.45, 0.11, 0.09), rng.uniform(0.2, 0.6))
    return image


def _head_axial(sheet: Sheet) -> Field:
    """Axial slices of the face and skull base, and brains without a scalp: air, muscle, fat and fluid in islands."""
    rng = sheet.rng
    fat, muscle, white, grey, fluid = contrasts(rng)
    rx, ry = rng.uniform(0.55, 0.72), rng.uniform(0.68, 0.86)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, rx, ry, power=2.3, rough=0.05), fat * rng.uniform(0.3, 1))
    paint(image, sheet.ellipse(0, 0.02, rx - 0.06, ry - 0.06, power=2.3, rough=0.05), muscle)
    if rng.random() < 0.7:
        paint(image, sheet.ellipse(0, 0.3, rx * 0.8, ry * 0.55), 0.03)
        paint(image, sheet.ellipse(0, 0.3, rx * 0.72, ry * 0.48, rough=0.08), grey)
        paint(image, sheet.ellipse(0, 0.2, 0.14, 0.14), white)
        paint(image, sheet.ellipse(0, 0.34, 0.05, 0.05), fluid)
    for _ in range(int(rng.integers(4, 12))):
        x, y, r = rng.uniform(0.03, 0.5), rng.uniform(-0.6, 0.3), rng.uniform(0.03, 0.13)
        turn, ratio = rng.uniform(0, 180), rng.uniform(0.3, 1.0)
        value = float(rng.choice([0.02, 0.02, fat, fluid, muscle, 0.9]))
        for sign in (-1, 1):
            paint(image, sheet.ellipse(sign * x, y, r, r * ratio, turn=sign * turn, rough=0.2), value)
    for sign in (-1, 1):
        paint(image, sheet.ellipse(sign * 0.3, -0.6, 0.14, 0.13), fat)
        paint(image, sheet.ellipse(sign * 0.3, -0.62, 0.1, 0.1), fluid)
    return image


def _trunk_sagittal(sheet: Sheet) -> Field:
    rng = sheet.rng
    fat, muscle, marrow, organ, fluid = contrasts(rng)
    image = sheet.flat(0.01)
    paint(image, sheet.ellipse(0, 0, rng.uniform(0.42, 0.6), 1.4, power=4), fat)
    paint(image, sheet.ellipse(0.03, 0, 0.4, 1.4, power=3), muscle)
    paint(image, sheet.ellipse(-0.12, -0.75, 0.25, 0.45), 0.03)
    for _ in range(int(rng.integers(3, 9))):
        x, y, r = rng.uniform(-0.35, 0.05), rng.uniform(-0.3, 0.9), rng.uniform(0.06, 0.22)
        paint(
            image,
            sheet.ellipse(x, y, r, r * rng.uniform(0.5, 1.2), rough=0.1),
            float(rng.choice([organ, fluid, 0.04, fat])),
        )
    for k in range(11):
        y = -1.1 + 0.21 * k
        paint(image, sheet.ellipse(0.22, y, 0.08, 0.08, power=4), marrow)
    paint(image, sheet.stroke([(0.35, -1.2), (0.36, 1.2)], 0.035), fluid)
    return image


def _arms(sheet: Sheet, image: Field) -> None:
    """Arms beside a trunk, cut off by the coil's reach; in place."""
    rng = sheet.rng
    fat, muscle, marrow, _, _ = contrasts(rng)
    for sign in (-1, 1):
        if rng.random() < 0.75:
            x, y, r = sign * rng.uniform(1.1, 1.4), rng.uniform(-0.05, 0.4), rng.uniform(0.12, 0.2)
            fading = rng.uniform(0.3, 1)
            paint(image, sheet.ellipse(x, y, r, r * rng.uniform(0.7, 1.1)), fat * fading)
            paint(image, sheet.ellipse(x, y, r * 0.75, r * 0.7), muscle * fading)
            paint(image, sheet.ellipse(x, y, r * 0.25, r * 0.25), marrow * fading)


VIEWS: dict[str, tuple[Callable[[Sheet], Field], str]] = {
    "sagittal": (_head_sagittal, "head"),
    "coronal": (_head_coronal, "head"),
    "spine": (_spine, "spine"),
    "knee": (_knee, "limb"),
    "joint": (_joint_frontal, "limb"),
    "abdomen": (_abdomen, "abdomen"),
    "trunk": (_coronal_trunk, "abdomen"),
    "pelvis": (_pelvis, "pelvis"),
    "heart": (_heart, "chest"),
    "face": (_head_axial, "head"),
    "trunk_side": (_trunk_sagittal, "spine"),
}


def draw(rng: np.random.Generator, size: int) -> Scene:
    """An MR slice of another part or plane."""
    view = str(rng.choice(list(VIEWS), p=[0.14, 0.07, 0.11, 0.07, 0.07, 0.18, 0.09, 0.06, 0.05, 0.09, 0.07]))
    drawer, part = VIEWS[view]
    sheet = Sheet(rng, size, tilt=12, zoom=(0.75, 1.25), shift=0.1, wobble=0.045)
    if view in ("sagittal", "spine", "knee") and rng.random() < 0.5:
        sheet.u = -sheet.u
    across = view in ("abdomen", "pelvis", "heart") and rng.random() < 0.4  # with much air around, and arms
    if across:
        wide = rng.uniform(1.15, 1.6)
        sheet.u, sheet.v = sheet.u * wide, sheet.v * wide
    image = drawer(sheet)
    if across:
        _arms(sheet, image)
    image = image * (1 + rng.uniform(0, 0.15) * sheet.noise(14))
    none = np.zeros((size, size), bool)
    if rng.random() < 0.35:  # a surface coil's fall-off
        far = np.hypot(sheet.u - rng.uniform(-0.8, 0.8), sheet.v - rng.uniform(-0.8, 0.8))
        image = image * np.exp(-rng.uniform(0.3, 1.2) * far)
    if rng.random() < 0.2:  # only the bright tissues leave the dark
        image = np.clip(image, 0, 1) ** rng.uniform(1.5, 2.5)
    pixels = finish_mr(rng, image.astype(np.float32), faint=rng.random() < 0.05)
    if rng.random() < 0.1:
        axis = np.linspace(-1, 1, size)
        pixels[np.hypot(*np.meshgrid(axis, axis)) > rng.uniform(0.9, 1.1)] = 0
    pixels, none = capture.reframe(rng, pixels, none, most=0.2)
    return Scene(pixels, none, "mr", part)
