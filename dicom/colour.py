"""Colour to 8-bit sRGB: palettes, YCbCr, planes deeper than 8 bits, ICC. Knows one dataset at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom.dataset import Dataset

from dicom import elements
from dicom.errors import DamagedFile, UnsupportedPixels
from dicom.layout import Layout
from dicom.pixels import Stored

RGB = NDArray[np.uint8]


def to_rgb(stored: Stored, layout: Layout, ds: Dataset) -> RGB:
    """(rows, columns, 3) uint8 of a colour frame, C-contiguous."""
    photometric = layout.photometric
    if photometric == "PALETTE COLOR" or (layout.samples == 1 and "RedPaletteColorLookupTableData" in ds):
        return corrected(palette(stored.values, ds), _profile(ds))
    values = _eight_bits(stored.values, layout)
    if values.ndim != 3 or values.shape[2] < 3:
        raise UnsupportedPixels("(0028,0004) PhotometricInterpretation is colour but there is one sample")
    if photometric in _RETIRED:
        return _RETIRED[photometric](values)
    values = values[:, :, :3]
    if photometric.startswith("YBR") and not stored.rgb:
        values = ybr_partial(values) if photometric.startswith("YBR_PARTIAL") else ybr_full(values)
    return np.ascontiguousarray(corrected(np.ascontiguousarray(values), _profile(ds)))


def _eight_bits(values: NDArray[Any], layout: Layout) -> RGB:
    if values.dtype == np.uint8 and layout.bits_stored >= 8:
        return values
    if values.dtype.kind == "f":
        scaled: RGB = np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
        return scaled
    bits = min(layout.bits_stored, values.dtype.itemsize * 8)
    unsigned = values.view(np.dtype(f"u{values.dtype.itemsize}"))
    if bits > 8:
        deep: RGB = (unsigned >> (bits - 8)).astype(np.uint8)
        return deep
    shallow: RGB = (unsigned.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)
    return shallow


def ybr_full(ybr: RGB) -> RGB:
    """YBR_FULL to RGB, PS3.3 C.7.6.3.1.2: Y 0..255, Cb and Cr about 128."""
    y = ybr[:, :, 0].astype(np.float32)
    cb, cr = ybr[:, :, 1].astype(np.float32) - 128, ybr[:, :, 2].astype(np.float32) - 128
    return _stacked(y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)


def ybr_partial(ybr: RGB) -> RGB:
    """YBR_PARTIAL (retired, CCIR 601): Y 16..235, Cb and Cr 16..240."""
    y = (ybr[:, :, 0].astype(np.float32) - 16) * np.float32(255 / 219)
    cb = (ybr[:, :, 1].astype(np.float32) - 128) * np.float32(255 / 224)
    cr = (ybr[:, :, 2].astype(np.float32) - 128) * np.float32(255 / 224)
    return _stacked(y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb)


def _stacked(*planes: NDArray[np.float32]) -> RGB:
    rgb: RGB = np.floor(np.clip(np.stack(planes, axis=2), 0, 255) + 0.5).astype(np.uint8)
    return rgb


def _hsv(values: RGB) -> RGB:
    """Hue, saturation and value, each 0..255 (PS3.3-2000 C.7.6.3.1.2)."""
    image = Image.frombytes("HSV", (values.shape[1], values.shape[0]), np.ascontiguousarray(values[:, :, :3]).tobytes())
    return np.asarray(image.convert("RGB"))


def _cmyk(values: RGB) -> RGB:
    """Cyan, magenta, yellow and black, 0 for no ink."""
    _demand_four(values)
    ink = values.astype(np.uint16)
    rgb: RGB = (255 - np.minimum(255, ink[:, :, :3] + ink[:, :, 3:])).astype(np.uint8)
    return rgb


def _argb(values: RGB) -> RGB:
    """Alpha first; what it would be blended with (a palette) is never shown by itself."""
    _demand_four(values)
    return np.ascontiguousarray(values[:, :, 1:4])


def _demand_four(values: RGB) -> None:
    if values.shape[2] != 4:
        raise UnsupportedPixels("(0028,0002) SamplesPerPixel is not the 4 of this photometric interpretation")


_RETIRED: Mapping[str, Callable[[RGB], RGB]] = {"HSV": _hsv, "CMYK": _cmyk, "ARGB": _argb}
"""Photometric interpretations retired in 2000, which old secondary captures still have."""


def palette(indices: NDArray[Any], ds: Dataset) -> RGB:
    """Palette colour, PS3.3 C.7.6.3.1.5 and C.7.9; 16-bit entries keep their high byte."""
    planes = []
    for name in ("Red", "Green", "Blue"):
        entries, first, bits, table = _palette_plane(ds, name)
        index = np.clip(indices.astype(np.int64) - first, 0, entries - 1)
        planes.append((table >> (bits - 8) if bits > 8 else table).astype(np.uint8)[index])
    return np.ascontiguousarray(np.stack(planes, axis=2))


def _palette_plane(ds: Dataset, name: str) -> tuple[int, int, int, NDArray[np.uint16]]:
    described = [int(n) for n in elements.decimals(ds, f"{name}PaletteColorLookupTableDescriptor")]
    if len(described) != 3:
        raise DamagedFile(f"(0028,1101..1103) {name}PaletteColorLookupTableDescriptor is missing")
    entries, first, bits = (described[0] % 65536) or 65536, described[1], described[2]
    if first > 32767 and elements.integer(ds, "PixelRepresentation") == 1:
        first -= 65536  # US where SS belongs
    raw = elements.value(ds, f"{name}PaletteColorLookupTableData")
    if raw is not None and not isinstance(raw, bytes):
        numbers = elements.decimals(ds, f"{name}PaletteColorLookupTableData")
        table = np.asarray([int(n) & 0xFFFF for n in numbers], np.uint16)
    elif raw is not None:
        table = _table(raw, entries, ds, f"{name}PaletteColorLookupTableData")
        if bits == 8 and table.size and int(table.max()) > 255:
            bits = 16  # 8-bit entries left in the high byte of words, a frequent reading of C.7.6.3.1.6
    else:
        segments = elements.value(ds, f"Segmented{name}PaletteColorLookupTableData")
        if not isinstance(segments, bytes):
            raise DamagedFile(f"(0028,1201..1203) {name}PaletteColorLookupTableData is missing")
        words = np.frombuffer(segments[: len(segments) // 2 * 2], _word(ds))
        table = segmented(np.frombuffer(segments, np.uint8) if bits == 8 else words, entries)
    if bits > 8 and table.size and int(table.max()) < 256 and int(table.max()) > 0:
        bits = 8  # 16 announced, but entries never leave the low byte
    if len(table) < entries:
        table = np.pad(table, (0, entries - len(table)), mode="edge") if len(table) else np.zeros(entries, np.uint16)
    return entries, first, bits, table


def _word(ds: Dataset) -> np.dtype[Any]:
    _, little = ds.original_encoding
    return np.dtype(">u2" if little is False else "<u2")


def _table(raw: bytes, entries: int, ds: Dataset, keyword: str) -> NDArray[np.uint16]:
    """Entries of a table written as bytes or as words."""
    if len(raw) < 2 * entries:
        packed = elements.packed_bytes(ds, ds[keyword])
        return np.frombuffer(packed, np.uint8)[:entries].astype(np.uint16)
    return np.frombuffer(raw[: 2 * entries], _word(ds)).astype(np.uint16)


def segmented(words: NDArray[Any], entries: int) -> NDArray[np.uint16]:
    """Expand discrete (0), linear (1) and indirect (2) segments, PS3.3 C.7.9.2."""
    out: list[int] = []
    at = 0
    while at + 1 < len(words) and len(out) < entries:
        at = _segment(words, at, out, entries)
    return np.asarray(out[:entries], np.uint16)


def _segment(words: NDArray[Any], at: int, out: list[int], entries: int) -> int:
    """Expand the segment at `at` onto `out`, no further once `entries` are there; the place of the next one."""
    kind, count = int(words[at]), int(words[at + 1])
    if kind == 0:
        out.extend(int(w) for w in words[at + 2 : at + 2 + count])
        return at + 2 + count
    if kind == 1 and at + 2 < len(words):
        begin, end = (out[-1] if out else 0), int(words[at + 2])
        out.extend(round(begin + (end - begin) * (i + 1) / count) for i in range(count))
        return at + 3
    size = words.dtype.itemsize
    width = 4 // size  # the offset of an indirect segment takes four bytes
    if kind == 2 and at + 1 + width < len(words):
        offset = sum(int(words[at + 2 + i]) << (8 * size * i) for i in range(width))
        here = offset // size
        for _ in range(count):
            if here + 1 >= len(words) or int(words[here]) == 2 or len(out) >= entries:
                break
            here = _segment(words, here, out, entries)
        return at + 2 + width
    raise DamagedFile("(0028,1221..1223) SegmentedPaletteColorLookupTableData has an unknown segment")


def _profile(ds: Dataset) -> bytes | None:
    """(0028,2000) ICCProfile, in slides within (0048,0105) OpticalPathSequence."""
    found = elements.value(ds, "ICCProfile")
    if found is None and (path := elements.first_item(ds, "OpticalPathSequence")) is not None:
        found = elements.value(path, "ICCProfile")
    return found if isinstance(found, bytes) and len(found) > 128 else None


def corrected(rgb: RGB, profile: bytes | None) -> RGB:
    """`rgb` in sRGB through its ICC profile; unchanged without one, when unusable or sRGB itself."""
    if profile is None:
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in (ImageCms.getProfileDescription(source) or ""):
            return rgb
        target = ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(Image.fromarray(rgb), source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return rgb
    return rgb if image is None else np.asarray(image)
