"""Frames for a model: which slices of a stack, three-window composites, squares. Knows no model."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom.render import between, displayed_size, first_view, grey_levels, square_pixels
from dicom.values import Frame, VoiLut, Window

CT_COMPOSITE: tuple[Window, Window, Window] = (between(-1024, 1024), between(-135, 215), between(0, 80))
"""Red, green and blue ranges in HU that MedGemma 1.5 was trained on."""
CT_SLICES = 85
"""The most slices MedGemma 1.5 was trained on, uniformly sampled."""


def sample(length: int, count: int, *, around: int | None = None) -> tuple[int, ...]:
    """`count` frame indices of a stack of `length`: evenly spaced with both ends, or `count` neighbours.

    With `around`, the run of neighbours is centred on that index as far as the ends allow. Fewer when the
    stack is shorter. Raises ValueError for counts below 1.
    """
    if count < 1 or length < 1:
        raise ValueError("sample needs at least one frame of a stack that is not empty")
    count = min(count, length)
    if around is not None:
        first = min(max(0, around - count // 2), length - count)
        return tuple(range(first, first + count))
    if count == 1:
        return (length // 2,)
    return tuple(round(i * (length - 1) / (count - 1)) for i in range(count))


def composite(frame: Frame, windows: tuple[Window, Window, Window] = CT_COMPOSITE) -> Image.Image:
    """RGB picture of a monochrome frame, one window per channel, aspect corrected; colour as it is."""
    if frame.color:
        return square_pixels(frame.samples, frame)
    channels = [grey_levels(frame, window) for window in windows]
    return square_pixels(np.stack(channels, axis=2), frame)


def model_array(frame: Frame, side: int, window: Window | VoiLut | None = None) -> NDArray[np.uint8]:
    """(side, side) or (side, side, 3) uint8 of a whole frame, as `square(render(frame, window), side)`.

    Skips the pictures in between; pixels are made square by the same single resampling.
    """
    pixels = frame.samples if frame.color else grey_levels(frame, window or first_view(frame))
    width, height = displayed_size(frame)
    return _fitted(pixels, width, height, side)


def square(image: Image.Image, side: int) -> Image.Image:
    """`image` scaled to fit `side` x `side` and centred on black; nothing is cut off."""
    return Image.fromarray(_fitted(np.asarray(image), image.width, image.height, side))


def _fitted(pixels: NDArray[np.uint8], width: int, height: int, side: int) -> NDArray[np.uint8]:
    """`pixels`, to be seen as width x height, scaled into the middle of a black square."""
    scale = side / max(width, height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    small = _resized(pixels, width, height)
    if small.shape[:2] == (side, side):
        return np.ascontiguousarray(small)
    out = np.zeros((side, side, *pixels.shape[2:]), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    out[top : top + height, left : left + width] = small
    return out


def _resized(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[Any]:
    """Area mean by the whole factor, then linear for what is left: as even as area alone, ten times as fast."""
    factor = min(pixels.shape[1] // width, pixels.shape[0] // height)
    if factor >= 2:
        size = (pixels.shape[1] // factor, pixels.shape[0] // factor)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    if pixels.shape[:2] == (height, width):
        return pixels
    left = pixels.shape[0] / height
    method = cv2.INTER_AREA if left > 1.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method))
