"""Changes a drawn picture may take on its way to a reader and still be the same picture: fresh ones at every step.

Pictures whose findings are asked for change mildly, so that every finding stays visible and on its side; `free`
ones, of which only the kind is asked, are also turned over, and some of them (WILD) stretched, saturated and blurred
until hardly more than the kind is left.
"""

import cv2
import numpy as np
import numpy.typing as npt

from model.demo.canvas import smooth_noise
from model.demo.scene import Field, Pixels

WILD = 0.25  # share of the free pictures
TINT = 24  # difference of channels above which a pixel has a colour of its own; the grey of a padding has less


def _placed(rng: np.random.Generator, image: Field, *, free: bool) -> Field:
    """Turned, shifted and scaled a little; a free one also mirrored and laid on any side."""
    if free and rng.random() < 0.5:
        image = np.rot90(image, int(rng.integers(4)))
        image = np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)
    if rng.random() < 0.5:
        side = image.shape[0]
        scale, turn, far = (rng.uniform(0.8, 1.4), 15.0, 0.08) if free else (rng.uniform(0.94, 1.06), 3.0, 0.015)
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.uniform(-turn, turn)), float(scale))
        matrix[:, 2] += rng.uniform(-far, far, 2) * side
        border = cv2.BORDER_REPLICATE if not free or rng.random() < 0.5 else cv2.BORDER_CONSTANT
        image = np.asarray(cv2.warpAffine(image, matrix, (side, side), borderMode=border), np.float32)
    return image


def _coarser(rng: np.random.Generator, image: Field, *, wild: bool) -> Field:
    """As if from a smaller matrix, or blurred, or sharpened."""
    side = image.shape[0]
    dice = rng.random()
    if dice < 0.25:
        small = int(rng.uniform(24 if wild else 84, 136))
        way = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST]))
        tiny = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(tiny, (side, side), interpolation=way), np.float32)
    if dice < 0.4:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 2.0 if wild else 0.9))), np.float32)
    if dice < 0.6:
        soft = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.7, 1.6)))
        return np.asarray(image + rng.uniform(0.2, 1.2) * (image - soft), np.float32)
    return image


def _toned(rng: np.random.Generator, image: Field, *, wild: bool) -> Field:
    """Brightness, contrast, gamma; a wild one also with parts of its range cut off or hardly used."""
    spread = 0.35 if wild else 0.2
    image = np.clip(image, 0, 255)
    if wild and rng.random() < 0.2:
        low, high = np.percentile(image, [rng.uniform(0, 35), rng.uniform(70, 99.5)])
        image = np.clip((image - low) * (255 / max(float(high - low), 20.0)), 0, 255)
    if rng.random() < 0.5:
        image = 255 * (image / 255) ** np.float32(np.exp(rng.normal(0, spread)))
    if rng.random() < 0.7:
        gain = rng.uniform(0.25, 1.2) if wild and rng.random() < 0.4 else rng.uniform(0.82, 1.15)
        middle = float(rng.choice([0, 110]))
        image = (image - middle) * gain + middle + rng.uniform(-12, 12)
    if rng.random() < 0.15:
        image = image * _across(1 + rng.uniform(0, 0.25) * smooth_noise(rng, image.shape[0], 1), image)
    return np.asarray(image, np.float32)


def _across(field: Field, image: Field) -> Field:
    return np.asarray(field if image.ndim == 2 else field[..., None], np.float32)


def _grainy(rng: np.random.Generator, image: Field, *, wild: bool) -> Field:
    if rng.random() < 0.6:
        noise = rng.standard_normal(image.shape[:2], np.float32)
        if rng.random() < 0.3:
            noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.8) * 2.2, np.float32)
        image = image + _across(noise * np.float32((18 if wild else 10) * rng.random() ** 2), image)
    return image


def _framed(rng: np.random.Generator, image: Field) -> Field:
    """Bars over opposite or neighbouring edges, in black, grey or white."""
    side = image.shape[0]
    level = float(rng.choice([0, 0, 0, 116, 255]))
    a, b = (int(side * rng.uniform(0, 0.25)) for _ in range(2))
    out = image.copy()
    if rng.random() < 0.5:
        out[:a], out[side - b :] = level, level
    else:
        out[:, :a], out[:, side - b :] = level, level
    return out


def changed(rng: np.random.Generator, picture: Pixels, *, free: bool) -> Pixels:
    """One picture, (side, side, 3) uint8, as another apparatus might have shown it."""
    grey = bool((picture[::5, ::5, 0] == picture[::5, ::5, 2]).all())
    image: Field = (picture[..., 0] if grey else picture).astype(np.float32)
    image = _placed(rng, image, free=free)
    wild = free and rng.random() < WILD
    image = _coarser(rng, image, wild=wild)
    if (np.ptp(picture[::5, ::5], -1) > TINT).mean() > 0.02:
        mean = image.mean(-1, keepdims=True)
        image = (mean + (image - mean) * rng.uniform(0.65, 1.25)) * (1 + rng.normal(0, 0.03, 3).astype(np.float32))
    image = _grainy(rng, _toned(rng, image, wild=wild), wild=wild)
    if free and rng.random() < 0.15:
        image = _framed(rng, image)
    done = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.1:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 92))]
        done = np.asarray(cv2.imdecode(cv2.imencode(".jpg", done, quality)[1], cv2.IMREAD_UNCHANGED), np.uint8)
    return np.repeat(done[..., None], 3, 2) if grey else done


def jitter(rng: np.random.Generator, images: Pixels, free: npt.NDArray[np.bool_]) -> Pixels:
    """(n, side, side, 3) uint8, every picture changed in its own way; `free` (n,) as above."""
    pairs = zip(images, free, strict=True)
    return np.stack([changed(rng, image, free=bool(loose)) for image, loose in pairs])
