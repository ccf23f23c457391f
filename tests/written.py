"""Pictures with lines written into them, as devices burn names and dates in. Knows Pillow and our own font."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).resolve().parents[1] / "assets" / "fonts" / "IBMPlexSansArabic-Regular.woff2"
LATIN, ARABIC = "KHAN, MARIA 03.09.1962", "الاسم: مريم الحربي"
EASTERN, WESTERN = "تاريخ الميلاد ٠٣/٠٩/١٩٦٢", "MRN 48661401"


def ground(width: int = 512, height: int = 400) -> NDArray[np.uint8]:
    """A soft bright body on black, with noise: nothing that could be read."""
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    body = 150 * np.clip(1.3 - 2 * (across**2 + down**2), 0, 1)
    noise = np.random.default_rng(3).normal(0, 5, (height, width))
    return np.clip(body + noise, 0, 255).astype(np.uint8)


def written(
    *lines: str, size: int = 18, at: tuple[int, int] = (8, 6), on: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """`lines` one under another in white, the first at (left, top) `at`; (height, width) uint8."""
    image = Image.fromarray(ground() if on is None else on)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONT), size)
    for number, line in enumerate(lines):
        draw.text((at[0], at[1] + number * size * 3 // 2), line, fill=255, font=font)
    return np.asarray(image)


def extent(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what was written."""
    rows, columns = np.nonzero(before != after)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1
