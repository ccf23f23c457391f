"""Axial brain MR with arbitrary tissue contrasts, with a lesion or nothing."""

import cv2
import numpy as np

from model.demo import capture
from model.demo.canvas import Sheet, paint, solid
from model.demo.scene import Field, Mask, Scene, Side, side_of

# fat, muscle, white matter, grey matter, fluid: usual brightness per weighting, varied around it
WEIGHTINGS: dict[str, tuple[float, float, float, float, float]] = {
    "t1": (0.95, 0.4, 0.68, 0.5, 0.14),
    "t2": (0.7, 0.2, 0.32, 0.5, 0.98),
    "flair": (0.6, 0.3, 0.42, 0.58, 0.1),
    "pd": (0.7, 0.45, 0.55, 0.72, 0.8),
    "dwi": (0.05, 0.1, 0.45, 0.55, 0.1),
    "stir": (0.12, 0.3, 0.4, 0.55, 0.98),
}


def contrasts(rng: np.random.Generator) -> tuple[float, float, float, float, float]:
    """Brightness of (fat, muscle, white matter, grey matter, fluid) of one imagined sequence."""
    base = np.array(WEIGHTINGS[str(rng.choice(list(WEIGHTINGS)))])
    fat, muscle, white, grey, fluid = np.clip(base + rng.normal(0, 0.07, 5), 0.02, 1)
    return float(fat), float(muscle), float(white), float(grey), float(fluid)


def _lesion(sheet: Sheet, image: Field, brain: Field, rx: float, ry: float, white: float) -> tuple[Field, float]:
    rng = sheet.rng
    sign = float(rng.choice([-1, 1]))
    r = rng.uniform(0.11, 0.25)
    x = sign * rng.uniform(0.18, max(0.22, rx - r * 0.9))
    y = rng.uniform(-0.55, 0.55) * ry
    shape = (x, y, r, r * rng.uniform(0.7, 1.3))
    turn, rough = rng.uniform(0, 180), rng.uniform(0, 0.3)
    cover = brain * sheet.ellipse(*shape, turn=turn, soft=rng.uniform(0.02, 0.06), rough=rough)
    gap = rng.uniform(0.28, 0.6)
    value = white + gap if rng.random() < 0.75 or white < 0.5 else white - gap
    paint(image, cover, float(np.clip(value, 0.02, 1.15)))
    if rng.random() < 0.35:  # a ring: dark or grey centre
        core = brain * sheet.ellipse(x, y, r * 0.6, shape[3] * 0.6, turn=turn, soft=0.04)
        paint(image, core, float(np.clip(value - np.sign(value - white) * rng.uniform(0.25, 0.5), 0.02, 1)))
    return cover, sign


def _anatomy(sheet: Sheet, level: str) -> tuple[Field, Field, float, float, float]:
    rng = sheet.rng
    fat, muscle, white, grey, fluid = contrasts(rng)
    rx, ry = rng.uniform(0.58, 0.7), rng.uniform(0.72, 0.86)
    power = rng.uniform(2.0, 2.4)
    image = sheet.flat(rng.uniform(0, 0.02))
    scalp = rng.uniform(0.04, 0.09)
    paint(image, sheet.ellipse(0, 0, rx + scalp, ry + scalp, power=power, soft=0.02), fat * rng.uniform(0.5, 1))
    paint(image, sheet.ellipse(0, 0, rx + 0.01, ry + 0.01, power=power, soft=0.02), rng.uniform(0.01, 0.1))
    paint(image, sheet.ellipse(0, 0, rx - 0.035, ry - 0.035, power=power, soft=0.02), fluid)
    brain = sheet.ellipse(0, 0, rx - 0.06, ry - 0.06, power=power, soft=0.02, rough=0.03)
    paint(image, brain, grey)
    folds = np.clip(np.abs(sheet.noise(int(rng.integers(12, 20)))) * 3, 0, 1)
    core = sheet.ellipse(0, 0, rx - 0.15, ry - 0.16, power=power, soft=0.12, rough=0.15)
    paint(image, brain * np.clip(core + 0.25 * folds, 0, 1), white)
    rim = brain * (1 - core)
    paint(image, rim * np.clip(1 - folds * 2, 0, 1) * rng.uniform(0.3, 0.9), fluid)
    size = rng.uniform(0.6, 1.5)
    if level == "middle":
        for sign in (-1, 1):
            paint(image, sheet.ellipse(sign * 0.2, 0.0, 0.1, 0.16, turn=sign * -10, soft=0.04), grey)
            front = sheet.ellipse(sign * 0.1, -0.2, 0.05 * size, 0.15 * size, turn=sign * 20, soft=0.02)
            back = sheet.ellipse(sign * 0.17, 0.24, 0.05 * size, 0.15 * size, turn=sign * -25, soft=0.02)
            paint(image, np.maximum(front, back), fluid)
    elif level == "high":
        for sign in (-1, 1):
            paint(
                image,
                sheet.ellipse(sign * 0.11, 0.02, 0.035 * size, 0.3 * size, turn=sign * 8, soft=0.02),
                fluid,
            )
    else:
        for sign in (-1, 1):
            eye = sheet.ellipse(sign * 0.28, -ry * 0.86, 0.13, 0.12, soft=0.02)
            paint(image, eye, fluid if rng.random() < 0.8 else muscle)
            paint(image, sheet.ellipse(sign * 0.5, 0.2, 0.1, 0.08, soft=0.03), 0.05)
        paint(image, sheet.ellipse(0, -0.6, 0.1, 0.15, soft=0.03), 0.03)
        paint(image, sheet.ellipse(0, 0.1, 0.13, 0.12, soft=0.03), white)
        paint(image, sheet.ellipse(0, 0.26, 0.05, 0.06, soft=0.03), fluid)
    gap = sheet.stroke([(0, -ry), (0, -0.32)], 0.012) + sheet.stroke([(0, 0.36), (0, ry)], 0.012)
    paint(image, brain * np.clip(gap, 0, 1) * 0.8, fluid)
    return image, brain, rx - 0.1, ry - 0.1, white


def draw(rng: np.random.Generator, size: int) -> Scene:
    """An axial brain slice; a lesion in 58 %."""
    sheet = Sheet(rng, size, tilt=14, zoom=(0.8, 1.18), shift=0.08, wobble=0.025)
    level = str(rng.choice(["middle", "high", "low"], p=[0.5, 0.28, 0.22]))
    image, brain, rx, ry, white = _anatomy(sheet, level)
    mask: Mask = np.zeros((size, size), bool)
    side: Side = "none"
    if rng.random() < 0.58:
        cover, x = _lesion(sheet, image, brain, rx, ry, white)
        mask, side = solid(cover), side_of(x)
        if mask.sum() < 0.007 * size * size:
            return draw(rng, size)
    pixels = finish_mr(rng, image)
    pixels, mask = capture.reframe(rng, pixels, mask, most=0.07)
    return Scene(pixels, mask, "mr", "head", True, "brain_lesion" if side != "none" else "none", side)


def finish_mr(rng: np.random.Generator, image: Field, *, faint: bool = False) -> np.ndarray:
    """Coil shading, ghosting, Rician noise, a random display window."""
    size = image.shape[0]
    image = image * capture.shading(rng, size, rng.uniform(0, 0.22))
    if rng.random() < 0.15:
        shift = int(rng.uniform(0.2, 0.6) * size)
        image = image + rng.uniform(0, 0.08) * np.roll(image, shift, axis=int(rng.integers(2)))
    if rng.random() < 0.3:  # low matrix
        small = int(rng.uniform(0.45, 0.8) * size)
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.0) * size / 128))
    sigma: float | Field = 0.045 * rng.random() ** 1.5
    if faint:  # hardly any signal, and the coils' correction lifts the noise outwards
        axis = np.linspace(-1, 1, size, dtype=np.float32)
        x, y = np.meshgrid(axis - np.float32(rng.uniform(-0.5, 0.5)), axis - np.float32(rng.uniform(-0.7, 0.3)))
        image = image * rng.uniform(0.3, 0.8)
        sigma = np.asarray(rng.uniform(0.03, 0.12) * np.hypot(x, y) ** rng.uniform(0.3, 1.5), np.float32)
    real = image + sigma * rng.standard_normal(image.shape)
    image = np.sqrt(real**2 + (sigma * rng.standard_normal(image.shape)) ** 2).astype(np.float32)
    top = float(np.percentile(image, rng.uniform(97, 99.9)))
    image = np.clip(image / max(top, 0.05), 0, 1) * np.float32(rng.uniform(0.75, 1.1))
    if rng.random() < 0.08:  # a bright spot elsewhere has set the display
        image = image * np.float32(rng.uniform(0.4, 0.8))
    image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.2)))
    pixels = capture.to_bytes(image)
    if rng.random() < 0.12:
        capture.letters(rng, pixels)
    return capture.compress(rng, pixels, 0.2)
