"""Whole-slide pictures through OpenSlide: levels, regions, overview. Runs in a worker.

OpenSlide's associated images (label, macro, thumbnail) are never opened: they may show a name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom.colour import corrected
from dicom.errors import DamagedFile, FrameMissing, MissingDecoder
from dicom.facts import Facts, measurement
from dicom.headers import Header, Slot
from dicom.limits import Limits
from dicom.values import Frame

RGB = NDArray[np.uint8]
_TRIED_PIXELS = 25_000_000


def detect(path: Path) -> str | None:
    """The vendor name OpenSlide gives this file, or None. None too when OpenSlide is not installed."""
    try:
        import openslide
    except ImportError:
        return None
    return openslide.OpenSlide.detect_format(str(path))


def is_mirax(path: Path) -> bool:
    """Whether this is the file beside a MIRAX folder: a JPEG to look at, but the slide is in the folder."""
    return (path.parent / path.stem / "Slidedat.ini").is_file() and detect(path) == "mirax"


def open_slide(path: Path) -> Any:
    """An OpenSlide handle. Raises `MissingDecoder` or `DamagedFile`."""
    try:
        import openslide
    except ImportError as missing:
        raise MissingDecoder("openslide-python and openslide-bin") from missing
    try:
        return openslide.OpenSlide(str(path))
    except (openslide.OpenSlideError, OSError) as fault:
        raise DamagedFile("OpenSlide cannot open the slide") from fault


def scan_slide(path: Path, known: Header | None = None) -> Header:
    """Levels, magnification and microns per pixel of a slide; `known` is what its DICOM header said."""
    slide = open_slide(path)
    width, height = slide.dimensions
    levels = tuple(
        (int(w), int(h), float(d)) for (w, h), d in zip(slide.level_dimensions, slide.level_downsamples, strict=True)
    )
    mpp = [_number(slide.properties.get(f"openslide.mpp-{axis}")) for axis in "yx"]
    microns = [m for m in mpp if m]
    base = known.facts if known else Facts()
    syntax = known.syntax if known else "slide"
    described = Facts(
        kind="slide",
        modality="SM",
        body_part=base.body_part,
        stain=base.stain,
        rows=height,
        columns=width,
        pixel_spacing_mm=(mpp[0] / 1000, mpp[1] / 1000) if mpp[0] and mpp[1] else None,
        magnification=measurement("magnification", _number(slide.properties.get("openslide.objective-power"))),
        microns_per_pixel=measurement("microns_per_pixel", sum(microns) / len(microns) if microns else None),
    )
    slide.close()
    study, series = (known.study, known.series) if known else ("", "")
    slots = (Slot(0, None, None),)
    return Header("slide", described, study, series, "", 0, True, "", slots, syntax=syntax, levels=levels)


def try_out(path: Path, header: Header) -> None:
    """Read the coarsest level once, unless it is huge. Raises `DamagedFile` when a tile of it is broken."""
    width, height, down = header.levels[-1]
    if width * height <= _TRIED_PIXELS:
        slide = open_slide(path)
        try:
            region(
                slide,
                (0, 0, header.facts.columns, header.facts.rows),
                max(down, max(width, height) * down / 64),
            )
        finally:
            slide.close()


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value > 0 else None


def overview(slide: Any, limits: Limits) -> Frame:
    """The whole slide, its longer side at most `limits.slide_side` pixels, on white."""
    width, height = slide.dimensions
    side = min(limits.slide_side, max(width, height))
    scale = max(width, height) / side
    rgb = region(slide, (0, 0, width, height), scale)
    return Frame(rgb, pixel_spacing_mm=_spacing(slide, scale))


def _spacing(slide: Any, scale: float) -> tuple[float, float] | None:
    mpp = [_number(slide.properties.get(f"openslide.mpp-{axis}")) for axis in "yx"]
    return (mpp[0] * scale / 1000, mpp[1] * scale / 1000) if mpp[0] and mpp[1] else None


def region(slide: Any, box: tuple[int, int, int, int], scale: float) -> RGB:
    """(height, width, 3) of `box` (x0, y0, x1, y1 in full-resolution pixels) reduced by `scale`.

    Read from the nearest level that is at least as fine, in strips, then resampled (area mean).
    """
    import cv2

    x0, y0, x1, y1 = box
    width, height = slide.dimensions
    x0, y0, x1, y1 = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    if x1 <= x0 or y1 <= y0:
        raise FrameMissing("the region is empty or outside the slide")
    level = slide.get_best_level_for_downsample(scale * 1.001)
    down = float(slide.level_downsamples[level])
    columns, rows = max(1, round((x1 - x0) / down)), max(1, round((y1 - y0) / down))
    out_w, out_h = max(1, round((x1 - x0) / scale)), max(1, round((y1 - y0) / scale))
    strips = []
    strip = max(1, min(rows, 16_000_000 // columns))
    for top in range(0, rows, strip):
        count = min(strip, rows - top)
        part = _on_white(_read(slide, (x0, round(y0 + top * down)), level, (columns, count)))
        target = max(1, round((top + count) * out_h / rows) - round(top * out_h / rows))
        strips.append(
            part if rows * columns <= 16_000_000 else cv2.resize(part, (out_w, target), interpolation=cv2.INTER_AREA)
        )
    rgb = np.concatenate(strips)
    if rgb.shape[:2] != (out_h, out_w):
        rgb = cv2.resize(rgb, (out_w, out_h), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(corrected(np.ascontiguousarray(rgb), _profile(slide)))


def _read(slide: Any, origin: tuple[int, int], level: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    import openslide

    try:
        return np.asarray(slide.read_region(origin, level, size))
    except openslide.OpenSlideError as fault:
        raise DamagedFile("OpenSlide cannot read a tile of the slide") from fault


def _profile(slide: Any) -> bytes | None:
    profile = getattr(slide, "color_profile", None)
    return profile.tobytes() if profile is not None else None


def _on_white(rgba: NDArray[np.uint8]) -> RGB:
    alpha = rgba[:, :, 3:4].astype(np.uint16)
    if int(alpha.min()) == 255:
        return rgba[:, :, :3]
    rgb: RGB = ((rgba[:, :, :3].astype(np.uint16) * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)
    return rgb
