"""Where an ultrasound picture may carry burned-in text: outside its calibrated regions (PS3.3 C.8.5.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom import elements

_BURNED_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.6.",  # ultrasound (also .6.1, .6.2)
    "1.2.840.10008.5.1.4.1.1.3.",  # ultrasound multi-frame (also .3.1)
    "1.2.840.10008.5.1.4.1.1.7.",  # secondary capture (also .7.1 to .7.4), not the photographs of .77
    "1.2.840.10008.5.1.4.1.1.12.",  # angiography and fluoroscopy
)
_BURNED_MODALITIES = frozenset(("US", "SC", "XC", "XA", "OT", "RF", "ES"))


def regions(ds: Dataset) -> list[tuple[int, int, int, int]]:
    """(x0, y0, x1, y1) of (0018,6011) SequenceOfUltrasoundRegions, ends exclusive, usable ones only."""
    found = []
    for item in elements.items(ds, "SequenceOfUltrasoundRegions"):
        corners = [elements.integer(item, f"RegionLocation{name}") for name in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
        if all(c is not None for c in corners):
            x0, y0, x1, y1 = (int(c) for c in corners if c is not None)
            if 0 <= x0 < x1 and 0 <= y0 < y1:
                found.append((x0, y0, x1 + 1, y1 + 1))
    return found


def outside_regions(ds: Dataset, rows: int, columns: int) -> NDArray[np.bool_] | None:
    """(rows, columns) true where the picture lies outside every region; None without regions."""
    if elements.text(ds, "Modality").upper() not in ("US", "IVUS"):
        return None
    found = regions(ds)
    if not found:
        return None
    outside = np.ones((rows, columns), np.bool_)
    for x0, y0, x1, y1 in found:
        outside[y0:y1, x0:x1] = False
    return None if outside.all() else outside


def may_be_burned_in(ds: Dataset) -> bool:
    """(0028,0301) BurnedInAnnotation YES, or absent where this kind of picture usually carries text."""
    stated = elements.text(ds, "BurnedInAnnotation").upper()
    if stated in ("YES", "NO"):
        return stated == "YES"
    usual = f"{elements.text(ds, 'SOPClassUID')}.".startswith(_BURNED_CLASSES)
    return usual or elements.text(ds, "Modality").upper() in _BURNED_MODALITIES


def spacing_mm(ds: Dataset) -> tuple[float, float] | None:
    """(between rows, between columns) in mm when every spatial region has the same one (units 3 are cm)."""
    found = set()
    for item in elements.items(ds, "SequenceOfUltrasoundRegions"):
        units = [elements.integer(item, f"PhysicalUnits{axis}Direction") for axis in "XY"]
        if elements.integer(item, "RegionSpatialFormat") in (1, 2, 3) and units == [3, 3]:
            deltas = [elements.decimal(item, f"PhysicalDelta{axis}") for axis in "YX"]
            found.add(tuple(round(abs(d) * 10, 6) for d in deltas if d))
    if len(found) != 1 or len(spacing := found.pop()) != 2:
        return None
    return spacing[0], spacing[1]
