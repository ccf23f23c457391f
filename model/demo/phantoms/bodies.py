"""CT and MR slices of no particular anatomy: tissues in random shapes. Physics has to tell them apart, not form.

One layout of skin, fat, muscle, organs, vessels, bone and air is painted either with Hounsfield units or with the
signal of a random pulse sequence. Whatever a picture is of, cortical bone and metal are bright on CT and dark on MR.
"""

from collections.abc import Callable

import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, arc, paint
from model.demo.phantoms.brain_mr import contrasts, finish_mr
from model.demo.phantoms.head_ct import finish_ct
from model.demo.scene import Field, Modality, Scene

Look = Callable[[str], float]
EMPTY = 16.0  # standard deviation of the bytes of a picture with next to nothing in it
SOFT = ("fat", "muscle", "organ", "organ_two", "organ_three", "brain", "fluid", "blood")


def _blob(sheet: Sheet, x: float, y: float, r: float) -> Field:
    rng = sheet.rng
    return sheet.ellipse(
        x, y, r, r * rng.uniform(0.35, 1.0), turn=rng.uniform(0, 180), soft=rng.uniform(0.008, 0.04),
        power=rng.uniform(1.7, 3), rough=rng.uniform(0, 0.35) if rng.random() < 0.6 else 0.0,
    )  # fmt: skip


def _mirrored(sheet: Sheet, chance: float, draw_one: Callable[[float], None]) -> None:
    """Draw on one side or, as bodies mostly are, on both."""
    if sheet.rng.random() < chance:
        draw_one(1.0)
        draw_one(-1.0)
    else:
        draw_one(float(sheet.rng.choice([-1, 1])))


def _bone(sheet: Sheet, field: Field, look: Look, inside: Field, symmetry: float) -> None:
    """A cortex around spongy bone, or a thin bent plate; in place."""
    rng = sheet.rng
    x, y, r = rng.uniform(0, 0.65), rng.uniform(-0.75, 0.75), float(np.exp(rng.uniform(-3.3, -1.5)))
    turn, ratio, power = rng.uniform(0, 180), rng.uniform(0.4, 1), rng.uniform(2, 4)
    shell, wide = rng.uniform(0.55, 0.88), rng.uniform(0.012, 0.04)
    plate = rng.random() < 0.4

    def one(sign: float) -> None:
        if plate:
            ends = np.sort(rng.uniform(0, 360, 2))
            bow = arc(sign * x, y, r * 2.5, r * 2.5 * ratio, float(ends[0]), float(ends[1]))
            paint(field, inside * sheet.stroke(bow, wide), look("cortex"))
            return
        shape = {"turn": sign * turn, "power": power, "soft": 0.012}
        paint(field, inside * sheet.ellipse(sign * x, y, r, r * ratio, **shape), look("cortex"))
        paint(field, inside * sheet.ellipse(sign * x, y, r * shell, r * ratio * shell, **shape), look("spongy"))

    _mirrored(sheet, symmetry, one)


def _column(sheet: Sheet, field: Field, look: Look) -> None:
    """A vertebra seen from above, or a row of them seen from the side; in place."""
    rng = sheet.rng
    if rng.random() < 0.5:
        y, r = rng.uniform(0.1, 0.5), rng.uniform(0.09, 0.17)
        paint(field, sheet.ellipse(0, y, r, r * 0.8, soft=0.012), look("cortex"))
        paint(field, sheet.ellipse(0, y, r * 0.86, r * 0.67, soft=0.015), look("spongy"))
        for sign in (-1, 1):
            paint(field, sheet.stroke([(sign * r * 0.5, y + r * 0.8), (sign * r * 1.7, y + r)], 0.022), look("cortex"))
        paint(field, sheet.stroke([(0, y + r * 1.3), (0, y + r * 2.3)], 0.022), look("cortex"))
        paint(field, sheet.ellipse(0, y + r, r * 0.42, r * 0.36, soft=0.012), look("fluid"))
        paint(field, sheet.ellipse(0, y + r, r * 0.24, r * 0.18, soft=0.012), look("brain"))
        return
    x, bend, r = rng.uniform(-0.3, 0.4), rng.uniform(-0.2, 0.2), rng.uniform(0.07, 0.17)
    step = r * rng.uniform(1.5, 2.1)
    canal = [(x + bend * float(np.cos(1.6 * y)) + 1.5 * r, float(y)) for y in np.linspace(-1.5, 1.5, 9)]
    if rng.random() < 0.7:
        paint(field, sheet.stroke(canal, r * 0.5), look("fluid"))
        paint(field, sheet.stroke(canal, r * 0.25), look("brain"))
    for y in np.arange(-1.5, 1.5, step):
        at = x + bend * float(np.cos(1.6 * y))
        paint(field, sheet.ellipse(at, float(y + step / 2), r, step * 0.16), look("organ_three"))
        paint(field, sheet.ellipse(at, float(y), r, step * 0.4, power=5, soft=0.012), look("cortex"))
        paint(field, sheet.ellipse(at, float(y), r * 0.9, step * 0.35, power=5, soft=0.015), look("spongy"))


def _outline(sheet: Sheet) -> tuple[Field, float, float]:
    """(cover, half width, half height) of the body; now and then it fills the picture."""
    rng = sheet.rng
    dice = rng.random()
    rx, ry = rng.uniform(0.42, 0.97), rng.uniform(0.42, 0.97)
    if dice < 0.2:
        rx, ry = rng.uniform(1.2, 2, 2)
    elif dice < 0.4:  # cut off above and below
        ry = rng.uniform(1.2, 1.8)
    elif dice < 0.52:
        r = rng.uniform(0.28, 0.46)
        cover = np.maximum(*(sheet.ellipse(s * 0.5, 0, r, r * rng.uniform(0.8, 1.3), rough=0.05) for s in (-1, 1)))
        return cover, 0.9, 0.5
    rough = rng.uniform(0, 0.12)
    return sheet.ellipse(0, 0, rx, ry, power=rng.uniform(1.9, 3.5), soft=0.012, rough=rough), rx, ry


def compose(sheet: Sheet, look: Look) -> Field:
    """A random body in the values that `look` gives for air, lung, the SOFT tissues, spongy, cortex and metal."""
    rng = sheet.rng
    field = sheet.flat(look("air"))
    inside, rx, ry = _outline(sheet)
    symmetry = float(rng.choice([0.2, 0.85]))
    paint(field, inside, look("muscle"))
    depth = rng.uniform(0.01, 0.04)
    fat = rng.uniform(0, 0.16)
    for tissue, thickness in (("fat", depth), ("muscle", fat), (str(rng.choice(["fat", "organ", "brain"])), 0.06)):
        if rng.random() < 0.85:
            depth += thickness
            layer = sheet.ellipse(0, 0, max(rx - depth, 0.1), max(ry - depth, 0.1), power=2.4, soft=0.02, rough=0.04)
            paint(field, inside * layer, look(tissue))
    if rng.random() < 0.38:  # a skull
        thick = rng.uniform(0.025, 0.11)
        shape = (rx - depth, ry - depth)
        paint(field, inside * sheet.ellipse(0, 0, *np.maximum(shape, 0.15), soft=0.012), look("cortex"))
        if rng.random() < 0.4:
            half = [max(v - thick / 3, 0.12) for v in shape]
            paint(field, inside * sheet.ellipse(0, 0, *half, soft=0.012), look("spongy"))
            paint(field, inside * sheet.ellipse(0, 0, *[max(v - thick / 3, 0.1) for v in half]), look("cortex"))
        paint(field, inside * sheet.ellipse(0, 0, *[max(v - thick, 0.08) for v in shape], soft=0.012), look("brain"))
        folds = np.clip(np.abs(sheet.noise(int(rng.integers(8, 22)))) * 3, 0, 1)
        brain = inside * sheet.ellipse(0, 0, *[max(v - thick - 0.02, 0.07) for v in shape], soft=0.02)
        paint(field, brain * np.clip(0.7 - 2 * folds, 0, 1) * rng.uniform(0, 1), look("fluid"))
    for _ in range(int(rng.integers(2, 16))):
        x, y, r = rng.uniform(0, 0.75), rng.uniform(-0.8, 0.8), float(np.exp(rng.uniform(-3.2, -1.0)))
        tissue = str(rng.choice(SOFT)) if rng.random() < 0.85 else str(rng.choice(["air", "lung"]))
        value = look(tissue)
        _mirrored(sheet, symmetry, lambda s: paint(field, inside * _blob(sheet, s * x, y, r), value))  # noqa: B023  # called at once
    if rng.random() < 0.2:
        _mirrored(sheet, 0.9, lambda s: paint(field, inside * sheet.ellipse(s * 0.42, 0, 0.3, 0.42), look("lung")))
    if rng.random() < 0.4:
        _column(sheet, field, look)
    for _ in range(int(rng.choice([0, 1, 2, 4, 8, 14]))):
        _bone(sheet, field, look, inside, symmetry)
    for _ in range(int(rng.choice([0, 0, 2, 5, 10]))):
        a, b = (rng.uniform(-0.7, 0.7, 2) for _ in range(2))
        line = [(float(a[0]), float(a[1])), (float(b[0]), float(b[1]))]
        paint(field, inside * sheet.stroke(line, rng.uniform(0.005, 0.025)), look(str(rng.choice(["blood", "fat"]))))
    for _ in range(int(rng.choice([0, 0, 0, 3, 7]))):
        x, y = rng.uniform(-0.6, 0.6, 2)
        paint(field, inside * _blob(sheet, x, y, float(rng.uniform(0.02, 0.1))), look("air"))
    if rng.random() < 0.05:
        x, y = rng.uniform(-0.5, 0.5, 2)
        paint(field, inside * _blob(sheet, x, y, 0.04), look("metal"))
    return field


def _sheet(rng: np.random.Generator, size: int) -> Sheet:
    """A whole view, or a close one that shows no outline; any way up."""
    close = rng.random() < 0.35
    zoom, shift = ((1.3, 3.2), 1.0) if close else ((0.6, 1.25), 0.12)
    sheet = Sheet(rng, size, tilt=20, zoom=zoom, shift=shift, wobble=0.06)
    if rng.random() < 0.5:
        turns = int(rng.integers(1, 4))
        sheet.u, sheet.v = (np.ascontiguousarray(np.rot90(f, turns)) for f in (sheet.u, sheet.v))
    return sheet


def hounsfield(rng: np.random.Generator) -> dict[str, float]:
    """HU of every tissue of one imagined patient, with or without contrast medium."""
    enhanced = rng.random() < 0.5
    return {
        "air": -1000.0, "lung": rng.uniform(-920, -700), "fat": rng.uniform(-120, -70), "muscle": rng.uniform(40, 70),
        "organ": rng.uniform(30, 140 if enhanced else 70), "organ_two": rng.uniform(20, 180 if enhanced else 60),
        "organ_three": rng.uniform(30, 110), "brain": rng.uniform(26, 40), "fluid": rng.uniform(-5, 18),
        "blood": rng.uniform(120, 350) if enhanced else rng.uniform(35, 60), "spongy": rng.uniform(120, 600),
        "cortex": rng.uniform(600, 1700), "metal": 3000.0,
    }  # fmt: skip


def display(rng: np.random.Generator) -> tuple[float, float]:
    """(centre, width) of a window as people and files set it: by organ, by accident, or over everything."""
    dice = rng.random()
    if dice < 0.3:
        return float(rng.uniform(25, 50)), float(rng.uniform(60, 160))
    if dice < 0.6:
        return float(rng.uniform(-20, 90)), float(rng.uniform(200, 500))
    if dice < 0.75:
        return float(rng.uniform(200, 700)), float(rng.uniform(1000, 3500))
    if dice < 0.87:
        return float(rng.uniform(-700, -350)), float(rng.uniform(900, 2000))
    return float(rng.uniform(-300, 300)), float(rng.uniform(60, 2500))


def ct(rng: np.random.Generator, size: int) -> Scene:
    """A CT slice of no particular place; its body part is left open."""
    sheet = _sheet(rng, size)
    table = hounsfield(rng)
    hu = compose(sheet, table.__getitem__)
    hu += (hu > -300) * rng.uniform(0, 12) * sheet.noise(int(rng.integers(8, 30)))
    center, width = display(rng)
    grain = rng.uniform(0, 0.07) * width if rng.random() < 0.8 else rng.uniform(0, 0.2) * width
    head, metal = rng.random() < 0.4, rng.random() < 0.06
    pixels = finish_ct(sheet, hu, center, width, noise_hu=float(grain), head=head, metal=metal)
    if pixels.std() < EMPTY:
        return ct(rng, size)
    return _scene(rng, pixels, "ct")


def signals(rng: np.random.Generator) -> dict[str, float]:
    """Brightness of every tissue in one imagined sequence: bone's cortex, air and metal give none."""
    fat, muscle, white, grey, fluid = contrasts(rng)
    organs = rng.uniform(0.1, 0.9, 4)
    if rng.random() < 0.35:
        fat, muscle, grey, fluid = (float(v) for v in rng.uniform(0.05, 1, 4))
    return {
        "air": rng.uniform(0, 0.02), "lung": rng.uniform(0.01, 0.06), "fat": fat, "muscle": muscle,
        "organ": float(organs[0]), "organ_two": float(organs[1]), "organ_three": float(organs[2]), "brain": grey,
        "fluid": fluid, "blood": float(rng.choice([0.03, 0.95, float(organs[3])])),
        "spongy": fat * rng.uniform(0.5, 1) + 0.05 * white, "cortex": rng.uniform(0.01, 0.06), "metal": 0.0,
    }  # fmt: skip


def _bottle(sheet: Sheet) -> Field:
    """A test object: a bottle of fluid with rods and plates in it."""
    rng = sheet.rng
    image = sheet.flat(0.01)
    r, level = rng.uniform(0.3, 0.8), rng.uniform(0.5, 1)
    inside = sheet.ellipse(0, 0, r, r * rng.uniform(0.4, 1.2), power=float(rng.choice([2, 2, 8])), soft=0.012)
    paint(image, inside, level)
    for _ in range(int(rng.integers(0, 6))):
        x, y, size = *rng.uniform(-0.6 * r, 0.6 * r, 2), rng.uniform(0.04, 0.4) * r
        shape = {"turn": rng.uniform(0, 90), "power": float(rng.choice([2, 10])), "soft": 0.012}
        rod = sheet.ellipse(x, y, size, size * rng.uniform(0.2, 1), **shape)
        paint(image, inside * rod, level * rng.choice([0.02, 0.02, rng.uniform(0, 1.2)]))
    return image


def mr(rng: np.random.Generator, size: int) -> Scene:
    """An MR slice of no particular place; its body part is left open."""
    sheet = _sheet(rng, size)
    image = compose(sheet, signals(rng).__getitem__) if rng.random() < 0.95 else _bottle(sheet)
    image = image * (1 + rng.uniform(0, 0.3) * sheet.noise(int(rng.integers(8, 30))))
    if rng.random() < 0.4:  # a surface coil's fall-off
        far = np.hypot(sheet.u - rng.uniform(-0.9, 0.9), sheet.v - rng.uniform(-0.9, 0.9))
        image = image * np.exp(-rng.uniform(0.3, 1.6) * far)
    if rng.random() < 0.25:
        image = np.clip(image, 0, 1) ** rng.uniform(1.3, 2.5)
    pixels = finish_mr(rng, image.astype(np.float32), faint=rng.random() < 0.05)
    if rng.random() < 0.2:  # a round field of view
        axis = np.linspace(-1, 1, size)
        pixels[np.hypot(*np.meshgrid(axis, axis)) > rng.uniform(0.85, 1.1)] = 0
    if pixels.std() < EMPTY / 2:
        return mr(rng, size)
    return _scene(rng, pixels, "mr")


def _scene(rng: np.random.Generator, pixels: np.ndarray, modality: Modality) -> Scene:
    none = np.zeros(pixels.shape, bool)
    pixels, none = capture.reframe(rng, pixels, none, most=0.3)
    return Scene(pixels, none, modality, "")
