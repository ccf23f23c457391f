"""Frame and window to an 8-bit picture, as PS3.3 C.11.2 says. Knows no file and no tag.

The order is fixed: modality values, VOI LUT or window, rounding to 0..255, inversion, padding black,
region, aspect. A viewer that repeats these formulas in float64 shows the same grey levels:

    LINEAR        t = (v - (center - 0.5)) / (width - 1) + 0.5      C.11.2.1.2.1
    LINEAR_EXACT  t = (v - center) / width + 0.5                     C.11.2.1.3.2
    SIGMOID       t = 1 / (1 + exp(-4 * (v - center) / width))       C.11.2.1.3.1
    grey          y = floor(clip(t, 0, 1) * 255 + 0.5)

LINEAR with width 1 is a threshold: t = 0 where v <= center - 0.5, else 1. The standard's comparisons
(`x <= c - 0.5 - (w-1)/2` gives the minimum) are what the clip does for every other width.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom.errors import FrameMissing
from dicom.values import Frame, Region, VoiLut, Window

_TABLE_WORTH = 4096  # below this many samples the formula itself is cheaper than a table


def windowed(values: NDArray[Any], window: Window) -> NDArray[np.uint8]:
    """Grey levels 0..255 of modality values under `window`; NaN shows as 0. Any shape, float64 arithmetic."""
    v = np.asarray(values, dtype=np.float64)
    if window.function == "SIGMOID":
        exponent = np.clip(-4.0 * (v - window.center) / window.width, -700.0, 700.0)
        t = 1.0 / (1.0 + np.exp(exponent))
    elif window.function == "LINEAR_EXACT":
        t = (v - window.center) / window.width + 0.5
    elif window.width == 1:
        t = (v > window.center - 0.5).astype(np.float64)
    else:
        t = (v - (window.center - 0.5)) / (window.width - 1.0) + 0.5
    return _to_grey(t)


def _to_grey(t: NDArray[np.float64]) -> NDArray[np.uint8]:
    finite = np.nan_to_num(t, nan=0.0, posinf=1.0, neginf=0.0)
    grey: NDArray[np.uint8] = np.floor(np.clip(finite, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return grey


def looked_up(values: NDArray[Any], lut: VoiLut) -> NDArray[np.uint8]:
    """Grey levels of modality values under a VOI LUT; values outside take its first or last entry."""
    index = np.floor(np.nan_to_num(np.asarray(values, np.float64)) + 0.5) - lut.first_mapped
    grey: NDArray[np.uint8] = lut.table[np.clip(index, 0, len(lut.table) - 1).astype(np.int64)]
    return grey


def grey_levels(frame: Frame, window: Window | VoiLut) -> NDArray[np.uint8]:
    """(rows, columns) uint8 of a monochrome frame, inverted, padding black, before aspect and region."""
    samples = frame.samples
    if samples.dtype.kind in "iu" and samples.dtype.itemsize == 2 and samples.size > _TABLE_WORTH:
        return _by_table(frame, window)
    grey = _shown(samples.astype(np.float64), frame, window)
    if frame.padding is not None:
        low, high = frame.padding
        grey[(samples >= low) & (samples <= high)] = 0
    return grey


def _shown(samples: NDArray[np.float64], frame: Frame, window: Window | VoiLut) -> NDArray[np.uint8]:
    values = samples * frame.slope + frame.intercept
    grey = looked_up(values, window) if isinstance(window, VoiLut) else windowed(values, window)
    return 255 - grey if frame.invert else grey


def _by_table(frame: Frame, window: Window | VoiLut) -> NDArray[np.uint8]:
    """The same through a table of every possible 16-bit sample: exact, and one pass over the pixels."""
    samples = frame.samples
    low, high, _, _ = cv2.minMaxLoc(samples)
    first, last = int(low), int(high)
    span = np.arange(first, last + 1, dtype=np.float64)
    grey = _shown(span, frame, window)
    if frame.padding is not None:
        grey[(span >= frame.padding[0]) & (span <= frame.padding[1])] = 0
    table = np.zeros(65536, np.uint8)
    table[span.astype(np.int64) & 0xFFFF] = grey
    unsigned = samples.view(np.uint16)
    shown: NDArray[np.uint8] = cv2.LUT(unsigned, table).reshape(samples.shape)  # type: ignore[assignment]  # cv2 names no dtype
    return shown


def full_range(frame: Frame) -> Window:
    """The window from the smallest to the largest modality value of the frame, padding excluded."""
    samples = frame.samples if frame.padding is None else _unpadded(frame)
    finite = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    if finite.size == 0:
        return Window(0.5, 1.0, "LINEAR_EXACT")
    ends = [
        float(finite.min()) * frame.slope + frame.intercept,
        float(finite.max()) * frame.slope + frame.intercept,
    ]
    return between(min(ends), max(ends))


def between(low: float, high: float) -> Window:
    """The LINEAR_EXACT window that shows `low` as 0 and `high` as 255."""
    width = high - low
    if not width > 0:
        return Window(low + 0.5, 1.0, "LINEAR_EXACT")
    return Window(low + width / 2, width, "LINEAR_EXACT")


def automatic(frame: Frame) -> Window:
    """Percentiles 0.5 to 99.5 of the frame without padding; the full range when those coincide."""
    samples = _unpadded(frame).ravel()
    step = max(1, samples.size // 262_144)
    values = samples[::step].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return full_range(frame)
    low, high = np.percentile(values, (0.5, 99.5)) * frame.slope + frame.intercept
    low, high = min(low, high), max(low, high)
    return between(float(low), float(high)) if high > low else full_range(frame)


def _unpadded(frame: Frame) -> NDArray[Any]:
    if frame.padding is None:
        return frame.samples
    low, high = frame.padding
    inside = frame.samples[(frame.samples < low) | (frame.samples > high)]
    return inside if inside.size else frame.samples


def displayed_size(frame: Frame) -> tuple[int, int]:
    """(width, height) of the displayed picture: pixels made square by enlarging the shorter side."""
    aspect = frame.pixel_aspect
    if aspect > 1:
        return frame.columns, max(1, round(frame.rows * aspect))
    return max(1, round(frame.columns / aspect)), frame.rows


def render(
    frame: Frame,
    window: Window | VoiLut | None = None,
    *,
    region: Region | None = None,
    overlays: bool = False,
    square: bool = True,
) -> Image.Image:
    """The 8-bit picture (mode L or RGB) of `frame` under `window`.

    `window` None means the frame's default: its first VOI LUT if it has one and no window, else `default_window`.
    Colour frames ignore it. `region` is in pixels of the displayed (square-pixel) picture. `overlays` paints
    overlay planes white; `square` False leaves non-square pixels as they are. Raises `FrameMissing` when the
    region is empty or outside.
    """
    if frame.color:
        pixels: NDArray[np.uint8] = frame.samples
    else:
        pixels = grey_levels(frame, window if window is not None else first_view(frame))
    if overlays and frame.overlays is not None:
        pixels = pixels.copy()
        pixels[frame.overlays > 0] = 255
    image = square_pixels(pixels, frame) if square else Image.fromarray(np.ascontiguousarray(pixels))
    if region is not None:
        image = image.crop(_inside(region, image.size))
    return image


def first_view(frame: Frame) -> Window | VoiLut:
    """What a monochrome frame is shown with when nothing else is asked for."""
    return frame.voi_luts[0] if frame.voi_luts and not frame.windows else frame.default_window


def square_pixels(pixels: NDArray[np.uint8], frame: Frame) -> Image.Image:
    """Pillow image of `pixels`, resampled (linear) when the frame's pixels are not square."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    size = displayed_size(frame)
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def _inside(region: Region, size: tuple[int, int]) -> Region:
    x0, y0, x1, y1 = region
    x0, y0, x1, y1 = max(0, x0), max(0, y0), min(size[0], x1), min(size[1], y1)
    if x1 <= x0 or y1 <= y0:
        raise FrameMissing("the region is empty or outside the picture")
    return x0, y0, x1, y1
