"""Frontal chest radiographs with an opacity, an effusion, a pneumothorax or nothing."""

import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, arc, solid
from model.demo.scene import Field, Scene, side_of


def _lungs(sheet: Sheet) -> tuple[dict[int, Field], dict[int, tuple[float, float, float, float]]]:
    rng = sheet.rng
    width, height = rng.uniform(0.28, 0.37), rng.uniform(0.55, 0.72)
    middle = rng.uniform(-0.16, 0.02)
    power = rng.uniform(2.0, 3.0)
    covers, boxes = {}, {}
    for sign in (-1, 1):
        x = sign * (width + rng.uniform(0.09, 0.15))
        w, h = width * rng.uniform(0.92, 1.06), height * rng.uniform(0.93, 1.05)
        cover = sheet.ellipse(x, middle, w, h, turn=sign * rng.uniform(-9, -1), power=power, soft=0.04)
        dome = middle + h * rng.uniform(0.52, 0.72) + (0.05 if sign < 0 else 0.09) * rng.uniform(-0.6, 0.6)
        cover = cover * (1 - sheet.ellipse(x, dome + 0.42, w * 1.25, 0.42, soft=0.04))
        covers[sign], boxes[sign] = cover, (x, middle, w, h)
    return covers, boxes


def _skeleton(sheet: Sheet, boxes: dict[int, tuple[float, float, float, float]]) -> Field:
    rng = sheet.rng
    bones = sheet.flat(0)
    ribs, thin = int(rng.integers(6, 10)), rng.uniform(0.012, 0.024)
    strength = rng.uniform(0.03, 0.14)
    for sign, (x, y, w, h) in boxes.items():
        for k in range(ribs):
            top = y - h * 0.9 + 1.75 * h * k / ribs
            ends = (180, 350) if sign > 0 else (190, 360)
            curve = arc(x, top + 0.12, w * 1.08, 0.16, *ends, steps=6)
            bones += strength * sheet.stroke(curve, thin)
            if rng.random() < 0.7:
                front = arc(x, top + 0.1, w * 1.05, 0.2, 10, 120 if sign > 0 else 170, steps=5)
                bones += 0.5 * strength * sheet.stroke(front, thin)
        start = (sign * rng.uniform(0.06, 0.12), y - h * rng.uniform(0.62, 0.75))
        end = (sign * rng.uniform(0.62, 0.85), y - h * rng.uniform(0.8, 1.05))
        bones += rng.uniform(0.08, 0.22) * sheet.stroke([start, end], rng.uniform(0.025, 0.045))
    bones += rng.uniform(0.05, 0.2) * sheet.ellipse(0, 0.1, rng.uniform(0.07, 0.11), 1.4, power=4)
    return bones


def _finding(sheet: Sheet, kind: str, sign: int, lung: Field, box: tuple[float, ...]) -> tuple[Field, Field]:
    """(what to add to the brightness, the cover of the finding)."""
    rng = sheet.rng
    x, y, w, h = box
    if kind == "opacity":
        r = rng.uniform(0.14, 0.27)
        cover = sheet.ellipse(
            x + rng.uniform(-0.4, 0.4) * w,
            y + rng.uniform(-0.6, 0.42) * h,
            r,
            r * rng.uniform(0.7, 1.4),
            turn=rng.uniform(0, 180),
            soft=rng.uniform(0.04, 0.12),
            rough=rng.uniform(0.1, 0.4),
        )
        cover = cover * np.clip(lung * 1.2, 0, 1)
        texture = 1 + rng.uniform(0, 0.35) * sheet.noise(12)
        return rng.uniform(0.26, 0.5) * cover * texture, cover
    if kind == "effusion":
        level = y + h * rng.uniform(-0.1, 0.32)
        outward = sign * (sheet.u - x) / w
        surface = level - rng.uniform(0.05, 0.3) * np.clip(outward, -1, 1.2) * h
        cover = lung * np.clip((sheet.v - surface) / rng.uniform(0.03, 0.1) + 0.5, 0, 1)
        cover = cover.astype(np.float32)
        return rng.uniform(0.32, 0.5) * cover, cover
    inner = sheet.ellipse(
        x - sign * w * rng.uniform(0.28, 0.48),
        y + h * rng.uniform(0.16, 0.32),
        w * rng.uniform(0.78, 0.94),
        h * rng.uniform(0.86, 0.98),
        soft=0.03,
    )
    cover = lung * (1 - inner)
    edge = np.clip(1 - np.abs(inner - 0.5) * 2.2, 0, 1) * lung
    change = -rng.uniform(0.13, 0.22) * cover + rng.uniform(0.12, 0.25) * edge
    return change + rng.uniform(0.03, 0.12) * lung * inner, cover


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A frontal chest radiograph; about 70 % carry one finding on one side."""
    sheet = Sheet(rng, size, tilt=9, zoom=(0.8, 1.12))
    trunk = sheet.ellipse(0, 0.35, rng.uniform(0.8, 1.02), 1.35, power=rng.uniform(3, 6), soft=0.05)
    neck = sheet.ellipse(0, -1.0, rng.uniform(0.2, 0.32), 0.5, power=3, soft=0.06)
    shoulders = sheet.ellipse(0, -0.62, rng.uniform(0.85, 1.2), 0.3, soft=0.1)
    body = np.maximum(np.maximum(trunk, neck), shoulders)
    image = rng.uniform(0.5, 0.66) * body + rng.uniform(0, 0.06)
    covers, boxes = _lungs(sheet)
    both = np.maximum(covers[-1], covers[1])
    depth = rng.uniform(0.26, 0.46)
    image -= depth * both
    image += both * rng.uniform(0.03, 0.12) * sheet.noise(int(rng.integers(9, 22)))
    for sign in (-1, 1):  # hilar vessels
        for _ in range(int(rng.integers(3, 9))):
            end = (sign * rng.uniform(0.25, 0.6), rng.uniform(-0.5, 0.4))
            image += rng.uniform(0.02, 0.08) * sheet.stroke([(sign * 0.12, -0.05), end], rng.uniform(0.008, 0.02))
    image += _skeleton(sheet, boxes)
    heart = sheet.ellipse(
        rng.uniform(0.08, 0.2), rng.uniform(0.14, 0.32), rng.uniform(0.22, 0.36), rng.uniform(0.22, 0.32),
        turn=rng.uniform(15, 45), soft=0.05,
    )  # fmt: skip
    vessel = sheet.ellipse(rng.uniform(0, 0.08), -0.22, rng.uniform(0.09, 0.15), 0.4, power=3, soft=0.05)
    image += depth * rng.uniform(0.75, 1.0) * np.maximum(heart * both, vessel * both)
    image -= rng.uniform(0.03, 0.12) * sheet.ellipse(0.0, -0.62, 0.045, 0.4, power=3)
    if rng.random() < 0.3:  # gastric bubble under the patient's left dome
        image -= rng.uniform(0.05, 0.2) * sheet.ellipse(0.38, rng.uniform(0.72, 0.85), 0.14, 0.09, soft=0.05)
    kind = str(rng.choice(["none", "opacity", "effusion", "pneumothorax"], p=[0.34, 0.22, 0.22, 0.22]))
    mask = np.zeros((size, size), bool)
    side = side_of(0)
    if kind != "none":
        sign = int(rng.choice([-1, 1]))
        change, cover = _finding(sheet, kind, sign, covers[sign], boxes[sign])
        image = image + change
        mask, side = solid(cover), side_of(sign)
        if mask.sum() < 0.008 * size * size:
            return draw(rng, size)
    if rng.random() < 0.3:  # tubes, wires, buttons
        points = [(rng.uniform(-0.7, 0.7), y) for y in (-1.1, -0.4, rng.uniform(0, 1))]
        image += rng.uniform(0.1, 0.4) * sheet.stroke(points, 0.01)
    return finish(rng, image, mask, "chest", kind, side if kind != "none" else "none", assessed=True)


def finish(
    rng: np.random.Generator,
    image: Field,
    mask: np.ndarray,
    part: str,
    finding: str,
    side: str,
    *,
    assessed: bool,
) -> Scene:
    """The film: exposure, noise, shutters, markers."""
    size = image.shape[0]
    image = image * capture.shading(rng, size, rng.uniform(0, 0.12))
    low, high = np.percentile(image, [1, 99.5])
    image = (image - low) / max(high - low, 0.05) * rng.uniform(0.85, 1.05) + rng.uniform(-0.03, 0.03)
    image = capture.tone(rng, capture.grain(rng, image.astype(np.float32), 0.035))
    if rng.random() < 0.25:
        image = capture.collimate(rng, image, float(rng.choice([0.0, 0.0, 0.05, 1.0])))
    pixels = capture.to_bytes(image)
    if rng.random() < 0.35:
        capture.side_marker(rng, pixels)
    if rng.random() < 0.15:
        capture.letters(rng, pixels)
    pixels, mask = capture.reframe(rng, capture.compress(rng, pixels), mask, most=0.12)
    return Scene(pixels, mask, "xray", part, assessed, finding, side)  # type: ignore[arg-type]  # Literal values
