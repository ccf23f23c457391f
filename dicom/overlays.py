"""Overlay planes (60xx), PS3.3 C.9.2: packed bits of their own or unused bits of the pixel words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicom import elements
from dicom.layout import Layout

Mask = NDArray[np.uint8]
_GROUPS = range(0x6000, 0x6020, 2)
_MARKS = frozenset(Tag(group, element) for group in _GROUPS for element in (0x0010, 0x3000))


def overlay_mask(ds: Dataset, layout: Layout, index: int, words: NDArray[Any] | None) -> Mask | None:
    """(rows, columns) of 0 and 1 for frame `index`: the union of all planes, or None without any.

    `words` are the undecoded pixel words, needed for overlays in their unused bits (retired in 2004).
    """
    mask: Mask | None = None
    if ds.keys().isdisjoint(_MARKS):  # as of most files, and sooner said than group by group
        return mask
    for group in _GROUPS:
        if Tag(group, 0x0010) not in ds and Tag(group, 0x3000) not in ds:
            continue
        plane = _plane(ds, group, layout, index, words)
        if plane is not None and plane.any():
            mask = plane if mask is None else mask | plane
    return mask


def _number(ds: Dataset, group: int, element: int, default: int) -> int:
    try:
        found = ds[group, element].value
        return int(found)
    except (KeyError, TypeError, ValueError):
        return default


def _plane(ds: Dataset, group: int, layout: Layout, index: int, words: NDArray[Any] | None) -> Mask | None:
    rows, columns = _number(ds, group, 0x0010, layout.rows), _number(ds, group, 0x0011, layout.columns)
    if rows <= 0 or columns <= 0 or rows * columns > 4 * layout.pixels:
        return None
    if Tag(group, 0x3000) in ds:
        bits = _packed(ds, group, rows * columns, index)
        return None if bits is None else _placed(bits.reshape(rows, columns), ds, group, layout)
    position = _number(ds, group, 0x0102, 0)
    if words is None or _number(ds, group, 0x0100, 1) <= 1 or words.ndim != 2:
        return None
    if layout.high_bit - layout.bits_stored < position <= layout.high_bit:
        return None  # a bit of the pixel value itself
    unsigned = words.view(np.dtype(f"u{words.dtype.itemsize}"))
    return ((unsigned >> position) & 1).astype(np.uint8)


def _packed(ds: Dataset, group: int, count: int, index: int) -> Mask | None:
    """Bits of the plane for frame `index`, PS3.3 C.9.3: as many frames as (60xx,0015) says from (60xx,0051) on, which
    may be one; with neither the plane lies on every frame."""
    raw = elements.packed_bytes(ds, ds[group, 0x3000])
    frames = max(1, _number(ds, group, 0x0015, 1))
    first = _number(ds, group, 0x0051, 0)
    which = index + 1 - max(1, first) if frames > 1 or first > 0 else 0
    if not 0 <= which < frames:
        return None
    start = which * count
    bits = np.unpackbits(np.frombuffer(raw[start // 8 : (start + count + 7) // 8], np.uint8), bitorder="little")
    bits = bits[start % 8 :][:count]
    return bits if len(bits) == count else None


def _placed(plane: Mask, ds: Dataset, group: int, layout: Layout) -> Mask:
    """The plane at its origin (60xx,0050), 1-based, cut to the picture."""
    try:
        origin = [int(v) for v in ds[group, 0x0050].value]
    except (KeyError, TypeError, ValueError):
        origin = [1, 1]
    row, column = [*origin, 1, 1][:2]
    out = np.zeros((layout.rows, layout.columns), np.uint8)
    top, left = row - 1, column - 1
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(layout.rows, top + plane.shape[0]), min(layout.columns, left + plane.shape[1])
    if y1 > y0 and x1 > x0:
        out[y0:y1, x0:x1] = plane[y0 - top : y1 - top, x0 - left : x1 - left]
    return out
