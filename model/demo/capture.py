"""What an apparatus adds: window, noise, blur, borders, markers, compression. Knows no anatomy and no words."""

import cv2
import numpy as np

from model.demo.canvas import smooth_noise
from model.demo.scene import Field, Mask, Pixels

CLIP_MEAN = (122, 116, 104)  # the image processor's mean colour x 255, which fills a non-square picture


def window(values: Field, center: float, width: float) -> Field:
    """Linear window to 0…1."""
    return np.clip((values - center) / width + 0.5, 0, 1).astype(np.float32)


def grain(rng: np.random.Generator, image: Field, most: float) -> Field:
    """Blur, then noise of a random texture; `most` is the largest standard deviation."""
    size = image.shape[0]
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.1) * size / 128)).astype(np.float32)
    sigma = most * rng.random() ** 1.7
    if sigma > 0.002:
        noise = rng.standard_normal(image.shape).astype(np.float32)
        if rng.random() < 0.4:
            noise = cv2.GaussianBlur(noise, (0, 0), float(rng.uniform(0.5, 1.2))).astype(np.float32)
            noise /= noise.std() + 1e-6
        image = image + np.float32(sigma) * noise
    return image


def tone(rng: np.random.Generator, image: Field) -> Field:
    """Random gamma, contrast and brightness that never turn light and dark over."""
    image = np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.28)))
    gain = rng.uniform(0.65, 1.1)
    return np.clip(image * gain + rng.uniform(0, 0.12), 0, 1).astype(np.float32)


def letters(rng: np.random.Generator, image: Pixels, most: int = 4) -> None:
    """Burned-in writing in corners and along edges; in place."""
    h, w = image.shape[:2]
    for _ in range(int(rng.integers(1, most + 1))):
        text = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTU0123456789:. -")) for _ in range(rng.integers(2, 12)))
        scale = float(rng.uniform(0.22, 0.42) * h / 128)
        x = int(rng.choice([0.02, 0.02, 0.6, 0.72, 0.4]) * w)
        y = int(rng.choice([0.05, 0.1, 0.15, 0.9, 0.97, 0.5]) * h)
        colour = (255, 255, 255) if image.ndim == 3 else 255
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, max(1, h // 200), cv2.LINE_AA)


def side_marker(rng: np.random.Generator, image: Pixels) -> None:
    """A radiographer's R (picture's left) or L (picture's right); in place."""
    h, w = image.shape[:2]
    right = rng.random() < 0.5
    x = int((rng.uniform(0.02, 0.12) if right else rng.uniform(0.82, 0.92)) * w)
    y = int(rng.uniform(0.08, 0.22) * h)
    scale = float(rng.uniform(0.35, 0.6) * h / 128)
    cv2.putText(
        image,
        "R" if right else "L",
        (x, y),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        255,
        max(1, h // 110),
        cv2.LINE_AA,
    )


def collimate(rng: np.random.Generator, image: Field, level: float = 0.0) -> Field:
    """Shutter borders of one level on one to four edges."""
    h, w = image.shape
    out = image.copy()
    for edge in range(4):
        if rng.random() < 0.5:
            d = int(rng.uniform(0.01, 0.1) * h)
            view = (out[:d], out[h - d :], out[:, :d], out[:, w - d :])[edge] if d else out[:0]
            view[...] = level
    return out


def to_bytes(image: Field) -> Pixels:
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


def compress(rng: np.random.Generator, image: Pixels, chance: float = 0.25) -> Pixels:
    """JPEG artefacts now and then."""
    if rng.random() >= chance:
        return image
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))])
    flag = cv2.IMREAD_COLOR if image.ndim == 3 else cv2.IMREAD_GRAYSCALE
    return np.asarray(cv2.imdecode(data, flag), np.uint8)


def reframe(
    rng: np.random.Generator, image: Pixels, mask: Mask, *, most: float = 0.16, keep: bool = True
) -> tuple[Pixels, Mask]:
    """Crop to, or pad to, a random aspect. With `keep`, a crop never touches the finding."""
    h, w = mask.shape
    dice = rng.random()
    if dice < 0.35:
        top, bottom = (int(rng.uniform(0, most / 2) * h) for _ in range(2))
        left, right = (int(rng.uniform(0, most) * w) for _ in range(2))
        if rng.random() < 0.5:
            top, bottom, left, right = left, right, top, bottom
        area = np.s_[top : h - bottom, left : w - right]
        if not keep or mask[area].sum() >= 0.97 * mask.sum():
            return np.ascontiguousarray(image[area]), np.ascontiguousarray(mask[area])
    elif dice < 0.5:
        d = int(rng.uniform(0.03, 0.22) * h)
        pads = ((d, d), (0, 0)) if rng.random() < 0.5 else ((0, 0), (d, d))
        deep = (*pads, (0, 0)) if image.ndim == 3 else pads
        level = int(image[0, 0].mean()) if rng.random() < 0.5 else 0
        return np.pad(image, deep, constant_values=level), np.pad(mask, pads)
    return image, mask


def shading(rng: np.random.Generator, size: int, depth: float) -> Field:
    """A slow multiplicative brightness change around 1."""
    return np.clip(1 + depth * smooth_noise(rng, size, 1), 0.3, 1.7).astype(np.float32)
