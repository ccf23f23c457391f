"""CT of other parts and planes (chest, pelvis, spine, neck, limb, coronal trunk, bone windows): no findings."""

from collections.abc import Callable

import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, arc, paint
from model.demo.phantoms.abdomen_ct import body, spine
from model.demo.phantoms.head_ct import finish_ct
from model.demo.scene import Field, Scene


def _chest(sheet: Sheet) -> Field:
    rng = sheet.rng
    rx, ry = rng.uniform(0.84, 0.95), rng.uniform(0.58, 0.7)
    hu = body(sheet, rx, ry)
    if rng.random() < 0.5:
        _muscles(sheet, hu, sheet.ellipse(0, 0, rx - 0.04, ry - 0.04, power=2.4), int(rng.integers(4, 14)))
    paint(hu, sheet.ellipse(0, 0, rx - 0.12, ry - 0.1, power=2.4, soft=0.03), rng.uniform(30, 55))
    for sign in (-1, 1):
        lung = sheet.ellipse(
            sign * 0.42, -0.02, rng.uniform(0.28, 0.36), ry - 0.16, turn=sign * -8, soft=0.02, power=2.3
        )
        paint(hu, lung, rng.uniform(-900, -780))
        for _ in range(int(rng.integers(8, 24))):
            x, y = sign * rng.uniform(0.15, 0.7), rng.uniform(-0.4, 0.4)
            hu += lung * sheet.ellipse(x, y, 0.018, 0.018, soft=0.02) * 850
        for _ in range(5):
            end = (sign * rng.uniform(0.3, 0.7), rng.uniform(-0.4, 0.4))
            hu += lung * sheet.stroke([(sign * 0.12, 0), end], 0.01) * 700
    paint(
        hu,
        sheet.ellipse(rng.uniform(0.02, 0.16), -0.12, rng.uniform(0.2, 0.32), rng.uniform(0.22, 0.3)),
        rng.uniform(35, 170),
    )
    paint(hu, sheet.ellipse(0.12, ry - 0.42, 0.07, 0.07), rng.uniform(40, 220))
    paint(hu, sheet.ellipse(0, -0.02, 0.04, 0.045), -950)
    spine(sheet, hu, ry - 0.26)
    for k in range(10):
        angle = np.deg2rad(36 * k + rng.uniform(-10, 10))
        x, y = float((rx - 0.1) * np.cos(angle)), float((ry - 0.08) * np.sin(angle))
        paint(hu, sheet.ellipse(x, y, 0.06, 0.025, turn=float(np.rad2deg(angle)) + 90), rng.uniform(300, 700))
    return hu


def _pelvis(sheet: Sheet) -> Field:
    rng = sheet.rng
    rx, ry = rng.uniform(0.84, 0.96), rng.uniform(0.55, 0.66)
    hu = body(sheet, rx, ry)
    low = rng.random() < 0.5
    for sign in (-1, 1):
        if low:
            paint(hu, sheet.ellipse(sign * 0.5, 0.05, 0.13, 0.13), rng.uniform(250, 500))
            paint(
                hu,
                sheet.stroke(arc(sign * 0.5, 0.05, 0.17, 0.18, 90, 270 if sign > 0 else -90, 6), 0.04),
                600,
            )
        else:
            line = [(sign * 0.2, 0.3), (sign * 0.42, 0.12), (sign * 0.6, -0.2)]
            paint(hu, sheet.stroke(line, rng.uniform(0.04, 0.08)), rng.uniform(350, 700))
        paint(hu, sheet.ellipse(sign * 0.55, 0.36, 0.26, 0.14, turn=sign * -20), 55)
        paint(hu, sheet.ellipse(sign * 0.33, -0.16, 0.09, 0.13), 60)
    paint(hu, sheet.ellipse(0, -0.08, rng.uniform(0.16, 0.28), rng.uniform(0.13, 0.22)), rng.uniform(2, 25))
    paint(hu, sheet.ellipse(0, 0.22, 0.09, 0.08), rng.uniform(20, 50))
    paint(hu, sheet.ellipse(0, 0.4, 0.15, 0.08), rng.uniform(250, 450))
    return hu


def _trunk_coronal(sheet: Sheet) -> Field:
    rng = sheet.rng
    hu = sheet.flat(-1000)
    rx = rng.uniform(0.55, 0.75)
    paint(hu, sheet.ellipse(0, 0, rx, 1.3, power=5), -100)
    paint(hu, sheet.ellipse(0, 0, rx - rng.uniform(0.03, 0.1), 1.3, power=5), rng.uniform(0, 50))
    for sign in (-1, 1):
        paint(hu, sheet.ellipse(sign * 0.32, -0.75, 0.24, 0.45, soft=0.02), -840)
        paint(hu, sheet.ellipse(sign * 0.28, 0.2, 0.1, 0.2, turn=sign * -12), rng.uniform(30, 170))
        paint(hu, sheet.ellipse(sign * 0.35, 0.85, 0.15, 0.28, turn=sign * 15), 300)
    paint(hu, sheet.ellipse(-0.28, -0.18, 0.32, 0.26, turn=10), rng.uniform(55, 120))
    paint(hu, sheet.ellipse(0.42, -0.2, 0.12, 0.18), rng.uniform(55, 130))
    for k in range(8):
        paint(hu, sheet.ellipse(0, -0.9 + 0.25 * k, 0.1, 0.1, power=4), rng.uniform(180, 400))
    return hu


def _spine_sagittal(sheet: Sheet) -> Field:
    rng = sheet.rng
    hu = sheet.flat(rng.uniform(-100, 40))
    paint(hu, sheet.ellipse(0.9, 0, 0.4, 2.0), -1000 if rng.random() < 0.6 else -90)
    bend, count = rng.uniform(-0.2, 0.2), int(rng.integers(5, 9))
    for k in range(count):
        y = -1.1 + 2.3 * (k + 0.5) / count
        x = bend * np.cos(y * 1.6) - 0.1
        paint(hu, sheet.ellipse(x, y, 0.2, 0.9 / count, power=5), rng.uniform(180, 400))
        paint(hu, sheet.stroke([(x + 0.4, y), (x + 0.6, y + 0.12)], 0.05), rng.uniform(250, 500))
    return hu


def _head_bone_sagittal(sheet: Sheet) -> Field:
    rng = sheet.rng
    hu = sheet.flat(-1000)
    paint(hu, sheet.ellipse(0.05, -0.15, 0.82, 0.76, turn=-6), 20)
    paint(hu, sheet.ellipse(0.05, -0.15, 0.76, 0.7, turn=-6), rng.uniform(700, 1400))
    paint(hu, sheet.ellipse(0.05, -0.15, 0.7, 0.63, turn=-6), rng.uniform(28, 38))
    paint(hu, sheet.ellipse(-0.4, 0.5, 0.4, 0.45), rng.uniform(-60, 60))
    paint(hu, sheet.ellipse(-0.5, 0.45, 0.16, 0.2), -950)
    paint(hu, sheet.stroke([(-0.75, 0.7), (-0.2, 0.75)], 0.05), 900)
    paint(hu, sheet.ellipse(0.25, 0.9, 0.25, 0.5), 40)
    paint(hu, sheet.ellipse(0.05, -0.15, 0.18, 0.06), 8)
    return hu


def _limb_axial(sheet: Sheet) -> Field:
    rng = sheet.rng
    hu = sheet.flat(-1000)
    centres = [0.0] if rng.random() < 0.5 else [-0.48, 0.48]
    for x in centres:
        r = rng.uniform(0.32, 0.44) * (1.4 if len(centres) == 1 else 1)
        paint(hu, sheet.ellipse(x, 0, r, r * rng.uniform(0.9, 1.1)), -95)
        paint(hu, sheet.ellipse(x, 0, r * 0.85, r * 0.87), rng.uniform(40, 65))
        paint(hu, sheet.ellipse(x + 0.03, -0.05, r * 0.3, r * 0.3), 1000)
        paint(hu, sheet.ellipse(x + 0.03, -0.05, r * 0.2, r * 0.2), -40)
        for _ in range(4):
            a = rng.uniform(0, 6.28)
            paint(hu, sheet.stroke([(x, 0.05), (x + r * np.cos(a), r * np.sin(a))], 0.01), -80)
    return hu


def _skull_base(sheet: Sheet) -> Field:
    """Face, orbits, mastoids or jaw: islands of bone and air in an oval of soft tissue."""
    rng = sheet.rng
    hu = sheet.flat(-1000)
    rx, ry = rng.uniform(0.55, 0.72), rng.uniform(0.65, 0.85)
    paint(hu, sheet.ellipse(0, 0, rx, ry, power=rng.uniform(2, 2.8), rough=0.04), rng.uniform(-30, 40))
    inner = sheet.ellipse(0, 0.05, rx * 0.92, ry * 0.92, power=2.4)
    if rng.random() < 0.6:  # posterior fossa with its ring of bone
        paint(hu, sheet.ellipse(0, 0.3, rx * 0.85, ry * 0.62, soft=0.02), rng.uniform(700, 1400))
        paint(hu, sheet.ellipse(0, 0.3, rx * 0.75, ry * 0.52, soft=0.02), rng.uniform(28, 40))
    for _ in range(int(rng.integers(4, 14))):
        x, y, r = rng.uniform(0.03, 0.5), rng.uniform(-0.6, 0.3), rng.uniform(0.02, 0.12)
        turn, ratio, value = (
            rng.uniform(0, 180),
            rng.uniform(0.3, 1.0),
            rng.choice([-900.0, 500.0, 900.0, 1300.0, 50.0]),
        )
        for sign in (-1, 1):
            paint(hu, inner * sheet.ellipse(sign * x, y, r, r * ratio, turn=sign * turn, rough=0.2), float(value))
    for sign in (-1, 1):
        if rng.random() < 0.5:
            paint(hu, sheet.ellipse(sign * 0.3, -0.58, 0.15, 0.14), rng.uniform(-60, 20))
            paint(hu, sheet.ellipse(sign * 0.3, -0.62, 0.1, 0.1), 15)
        paint(
            hu, sheet.stroke([(sign * 0.1, -0.2), (sign * 0.45, 0.12)], rng.uniform(0.02, 0.06)), rng.uniform(500, 1300)
        )
        paint(hu, sheet.ellipse(sign * (rx + 0.02), 0.1, 0.05, 0.1), -40)
    paint(hu, sheet.ellipse(0, rng.uniform(-0.7, -0.1), 0.08, rng.uniform(0.06, 0.2)), -950)
    return hu


def _muscles(sheet: Sheet, hu: Field, inside: Field, count: int) -> None:
    """Flat bundles of muscle side by side, fat in the planes between them; in place."""
    rng = sheet.rng
    for _ in range(count):
        x, y, r = rng.uniform(0.08, 1.0), rng.uniform(-0.35, 0.4), rng.uniform(0.08, 0.28)
        ratio, turn, value = rng.uniform(0.25, 0.8), rng.uniform(0, 180), rng.uniform(45, 75)
        for sign in (-1, 1):
            rim = sheet.ellipse(sign * x, y, r + 0.025, r * ratio + 0.025, turn=sign * turn, rough=0.1, soft=0.015)
            paint(hu, inside * rim, -90)
            bundle = sheet.ellipse(sign * x, y, r, r * ratio, turn=sign * turn, rough=0.1, soft=0.015)
            paint(hu, inside * bundle, value)


def _shoulders(sheet: Sheet) -> Field:
    rng = sheet.rng
    hu = sheet.flat(-1000)
    skin = sheet.ellipse(0, 0.05, rng.uniform(0.95, 1.25), rng.uniform(0.38, 0.52), power=3, rough=0.05)
    paint(hu, skin, rng.uniform(-110, -80) if rng.random() < 0.7 else rng.uniform(-80, 10))
    inside = sheet.ellipse(0, 0.05, 0.95, 0.36, power=2.6, rough=0.1)
    paint(hu, inside, rng.uniform(40, 70) if rng.random() < 0.5 else -90)
    _muscles(sheet, hu, skin * inside, int(rng.integers(6, 22)))
    spine(sheet, hu, 0.12)
    for _ in range(int(rng.integers(2, 8))):  # vessels, brighter when contrast medium was given
        x, y, r = rng.uniform(-0.35, 0.35), rng.uniform(-0.25, 0.1), rng.uniform(0.02, 0.06)
        paint(hu, sheet.ellipse(x, y, r, r), rng.uniform(50, 300))
    paint(hu, sheet.ellipse(0, -0.12, 0.07, 0.06), -950)
    for sign in (-1, 1):
        x, y, r = rng.uniform(0.65, 0.85), rng.uniform(-0.1, 0.1), rng.uniform(0.08, 0.14)
        paint(hu, sheet.ellipse(sign * x, y, r, r * 0.92), rng.uniform(600, 1100))
        paint(hu, sheet.ellipse(sign * x, y, r - 0.025, r * 0.92 - 0.025, rough=0.1), rng.uniform(150, 500))
        paint(hu, sheet.stroke([(sign * 0.15, -0.2), (sign * 0.6, -0.25)], 0.04), rng.uniform(300, 800))
        paint(hu, sheet.stroke([(sign * 0.4, 0.3), (sign * 0.65, 0.12)], 0.03), rng.uniform(300, 700))
        paint(hu, sheet.ellipse(sign * 0.15, -0.12, 0.05, 0.05), rng.uniform(60, 260))
        if rng.random() < 0.5:
            paint(hu, sheet.ellipse(sign * 0.28, 0.08, 0.14, 0.13), -850)
    return hu


def _neck(sheet: Sheet) -> Field:
    rng = sheet.rng
    hu = sheet.flat(-1000)
    r = rng.uniform(0.5, 0.75)
    paint(hu, sheet.ellipse(0, 0, r, r * rng.uniform(0.85, 1.05)), -90)
    paint(hu, sheet.ellipse(0, 0, r * 0.88, r * 0.86), rng.uniform(30, 60))
    spine(sheet, hu, 0.05)
    paint(hu, sheet.ellipse(0, -r * 0.4, 0.1, 0.09), -950)
    for sign in (-1, 1):
        paint(hu, sheet.ellipse(sign * 0.25, -0.12, 0.06, 0.06), rng.uniform(40, 250))
    return hu


def _trunk_scan(sheet: Sheet) -> Field:
    """Any slice of the trunk between the organs: an oval of tissues with a spine, bowel, bones in odd places."""
    rng = sheet.rng
    hu = body(sheet, rng.uniform(0.6, 0.95), rng.uniform(0.42, 0.72))
    for _ in range(int(rng.integers(4, 18))):
        x, y, r = rng.uniform(-0.55, 0.55), rng.uniform(-0.35, 0.3), rng.uniform(0.04, 0.2)
        value = float(rng.choice([40.0, 55.0, 100.0, 20.0, -900.0, 130.0]))
        paint(hu, sheet.ellipse(x, y, r, r * rng.uniform(0.5, 1), turn=rng.uniform(0, 180), rough=0.1), value)
    spine(sheet, hu, rng.uniform(0.2, 0.4))
    return hu


VIEWS: dict[str, tuple[Callable[[Sheet], Field], str]] = {
    "chest": (_chest, "chest"),
    "pelvis": (_pelvis, "pelvis"),
    "coronal": (_trunk_coronal, "abdomen"),
    "spine": (_spine_sagittal, "spine"),
    "head": (_head_bone_sagittal, "head"),
    "limb": (_limb_axial, "limb"),
    "neck": (_neck, "spine"),
    "base": (_skull_base, "head"),
    "shoulders": (_shoulders, "chest"),
    "scan": (_trunk_scan, "abdomen"),
}


def draw(rng: np.random.Generator, size: int) -> Scene:
    """A CT slice of another part or plane."""
    view = str(rng.choice(list(VIEWS), p=[0.24, 0.1, 0.08, 0.07, 0.06, 0.06, 0.05, 0.2, 0.08, 0.06]))
    drawer, part = VIEWS[view]
    cut = rng.random() < 0.15  # the body reaches over the reconstructed circle
    sheet = Sheet(rng, size, tilt=10, zoom=(1.2, 1.8) if cut else (0.7, 1.2), shift=0.09, wobble=0.04)
    if rng.random() < 0.12:  # lying on a side, or prone
        turns = int(rng.integers(1, 4))
        sheet.u, sheet.v = (np.ascontiguousarray(np.rot90(f, turns)) for f in (sheet.u, sheet.v))
    hu = drawer(sheet)
    dice = rng.random()
    if view == "chest" and dice < 0.45:
        center, width = rng.uniform(-650, -450), rng.uniform(1000, 1800)
    elif view == "base" and dice < 0.5:
        center, width = rng.uniform(30, 50), rng.uniform(70, 200)
    elif dice > 0.92:
        center, width = rng.uniform(-100, 180), rng.uniform(20, 160)
    elif dice > (0.7 if cut else 0.85):  # everything the apparatus stores, hardly windowed
        center, width = rng.uniform(-300, 300), rng.uniform(2500, 4500)
    elif dice < 0.68:
        center, width = rng.uniform(-20, 80), rng.uniform(200, 500)
    else:
        center, width = rng.uniform(150, 600), rng.uniform(900, 2800)
    grain, head = rng.uniform(0, 0.05) * width, view in ("base", "head")
    metal = rng.random() < (0.25 if head else 0.05)
    pixels = finish_ct(sheet, hu, center, width, noise_hu=grain, head=head, metal=metal)
    if cut:
        axis = np.linspace(-1, 1, size)
        pixels[np.hypot(*np.meshgrid(axis, axis)) > rng.uniform(0.96, 1.02)] = rng.choice([0, 0, 0, 128, 255])
    none = np.zeros((size, size), bool)
    pixels, none = capture.reframe(rng, pixels, none, most=0.2)
    return Scene(pixels, none, "ct", part)
