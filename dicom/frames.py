"""Stored values to a `Frame`: modality, windows, padding, polarity, geometry (PS3.3 C.11.1, C.11.2, C.7.6.3).

Knows datasets; knows no file and no process. Ends where `render` begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom import elements, presets, voi
from dicom.colour import to_rgb
from dicom.describe import describe
from dicom.facts import edge_letters
from dicom.groups import FrameGroups
from dicom.layout import Layout
from dicom.overlays import overlay_mask
from dicom.pixels import PixelReader, Stored
from dicom.render import automatic
from dicom.source import Source
from dicom.spacing import Spacing, spacing_of
from dicom.ultrasound import outside_regions
from dicom.values import Frame, Plane, Window

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")


def build_frame(
    source: Source, reader: PixelReader, index: int, *, at_least: int = 0, keep_burned_in: bool = False
) -> Frame:
    """Frame `index` of an open source at full depth. Ultrasound outside its regions is black unless kept."""
    ds, layout = source.dataset, reader.layout
    groups = FrameGroups(ds, index)
    stored = reader.read(index, at_least=at_least)
    hidden = None if keep_burned_in else outside_regions(ds, stored.values.shape[0], stored.values.shape[1])
    if is_color(layout, ds):
        samples: NDArray[Any] = to_rgb(stored, layout, ds)
        if hidden is not None:
            samples = samples.copy()
            samples[hidden] = 0
        return _geometry(Frame(samples), ds, groups, layout, index, stored)
    frame = _monochrome(stored, ds, groups, layout)
    if hidden is not None:
        values = frame.samples.copy()
        values[hidden] = _darkest(layout, invert=frame.invert)
        frame = _replaced(frame, samples=values)
    frame = _geometry(frame, ds, groups, layout, index, stored)
    return _replaced(frame, default_window=_default_window(frame, ds, layout, index))


def is_color(layout: Layout, ds: Dataset) -> bool:
    """Whether the frame is shown in colour. MONOCHROME2 with supplemental palette stays grey (C.7.6.19)."""
    return layout.samples >= 3 or layout.photometric not in _MONOCHROME


def _replaced(frame: Frame, **changes: Any) -> Frame:
    import dataclasses

    return dataclasses.replace(frame, **changes)


def _monochrome(stored: Stored, ds: Dataset, groups: FrameGroups, layout: Layout) -> Frame:
    values, padding = stored.values, _padding(ds, layout, floating=stored.values.dtype.kind == "f")
    lut = elements.first_item(ds, "ModalityLUTSequence")
    samples: NDArray[Any]
    if lut is not None and (mapped := _modality_lut(values, lut, layout)) is not None:
        (samples, padding), slope, intercept = _mapped_padding(mapped, values, padding), 1.0, 0.0
    else:
        samples = _container(values)
        slope, intercept = voi.rescale(groups)
    return Frame(
        samples=np.ascontiguousarray(samples),
        slope=slope,
        intercept=intercept,
        unit=unit_of(ds, groups),
        invert=_inverted(ds, layout),
        padding=padding,
        windows=voi.windows(groups),
        voi_luts=voi.voi_luts(groups, signed=layout.signed),
    )


def _darkest(layout: Layout, *, invert: bool) -> int:
    """The stored value that no window shows brighter than another."""
    low = -(1 << (layout.bits_stored - 1)) if layout.signed else 0
    return low + (1 << layout.bits_stored) - 1 if invert else low


def _container(values: NDArray[Any]) -> NDArray[Any]:
    """The smallest of int16, uint16 and float32 that holds the type."""
    if values.dtype.kind == "f" or values.dtype.itemsize > 2:
        return values.astype(np.float32)
    return values.astype(np.int16 if values.dtype.kind == "i" else np.uint16, copy=False)


def unit_of(ds: Dataset, groups: FrameGroups) -> str:
    kind = groups.text("PixelValueTransformationSequence", "RescaleType").upper()
    modality = elements.text(ds, "Modality").upper()
    localizer = "LOCALIZER" in (t.upper() for t in elements.texts(ds, "ImageType"))
    if modality == "CT" and kind in ("", "HU", "US") and not localizer:
        slope = groups.decimal("PixelValueTransformationSequence", "RescaleIntercept")
        return "HU" if kind == "HU" or slope is not None else ""
    if kind == "HU":
        return "HU"
    return "Gy" if elements.text(ds, "DoseUnits").upper() == "GY" else ""


def _inverted(ds: Dataset, layout: Layout) -> bool:
    """Once: by (2050,0020) PresentationLUTShape where it is given, else by (0028,0004) MONOCHROME1.

    PS3.3 C.11.6 makes the shape the last word; files that contradict it (MONOCHROME1 with IDENTITY) are shown
    as dcmtk and dcm4che show them.
    """
    shape = elements.text(ds, "PresentationLUTShape").upper()
    if shape in ("IDENTITY", "INVERSE"):
        return shape == "INVERSE"
    return layout.photometric == "MONOCHROME1"


def _padding(ds: Dataset, layout: Layout, *, floating: bool) -> tuple[float, float] | None:
    """(0028,0120) PixelPaddingValue to (0028,0121) RangeLimit, PS3.3 C.7.5.1.1.2, in stored values."""
    if floating:
        return _float_padding(ds)
    first = elements.integer(ds, "PixelPaddingValue")
    if first is None:
        return None
    last = elements.integer(ds, "PixelPaddingRangeLimit")
    ends = [_as_stored(v, layout) for v in (first, first if last is None else last)]
    return float(min(ends)), float(max(ends))


def _float_padding(ds: Dataset) -> tuple[float, float] | None:
    """(0028,0122) FloatPixelPaddingValue to (0028,0124) its limit, or (0028,0123) to (0028,0125) of doubles.

    Rounded to 32 bits as the samples are, so that they still meet; PS3.3 C.7.6.24 and C.7.6.25.
    """
    for kind in ("Float", "DoubleFloat"):
        first = elements.decimal(ds, f"{kind}PixelPaddingValue")
        if first is not None:
            last = elements.decimal(ds, f"{kind}PixelPaddingRangeLimit")
            with np.errstate(over="ignore"):  # the lowest double is a usual choice and becomes -infinity
                ends = [float(np.float32(v)) for v in (first, first if last is None else last)]
            return min(ends), max(ends)
    return None


def _as_stored(value: int, layout: Layout) -> int:
    """Padding read with the wrong sign (US for SS or the reverse) put right."""
    if layout.signed and value > (1 << (layout.bits_allocated - 1)) - 1:
        return value - (1 << layout.bits_allocated)
    if not layout.signed and value < 0:
        return value + (1 << layout.bits_allocated)
    return value


def _modality_lut(values: NDArray[Any], item: Dataset, layout: Layout) -> NDArray[np.uint16] | None:
    """(0028,3000) ModalityLUTSequence, PS3.3 C.11.1.1."""
    described = voi.descriptor(item, signed=layout.signed)
    data = None if described is None else voi.lut_data(item, described[0])
    if described is None or data is None:
        return None
    index = np.clip(values.astype(np.int64) - described[1], 0, len(data) - 1)
    return data.astype(np.uint16)[index]


def _mapped_padding(
    mapped: NDArray[np.uint16], values: NDArray[Any], padding: tuple[float, float] | None
) -> tuple[NDArray[Any], tuple[float, float] | None]:
    """Samples after a modality LUT that still tell padding from picture, and which sample is padding.

    The table maps pixels to what padding is mapped to as well. A quarter above it lies what no entry is: no window
    shows the difference, and rounding to a VOI LUT's index removes it.
    """
    outside = None if padding is None else (values >= padding[0]) & (values <= padding[1])
    if outside is None or not outside.any():
        return mapped, None
    samples = mapped.astype(np.float32)
    mark = float(mapped[outside][0]) + 0.25
    samples[outside] = mark
    return samples, (mark, mark)


def _geometry(frame: Frame, ds: Dataset, groups: FrameGroups, layout: Layout, index: int, stored: Stored) -> Frame:
    full = stored.values.shape[:2] == (layout.rows, layout.columns)
    spacing = spacing_of(ds, groups)
    coarser = layout.rows / stored.values.shape[0]  # 1 unless the frame came reduced
    return _replaced(
        frame,
        pixel_aspect=_aspect(ds, spacing),
        pixel_spacing_mm=None if spacing is None else (spacing.rows * coarser, spacing.columns * coarser),
        spacing_at="" if spacing is None else spacing.at,
        edges=_edges(ds, groups),
        plane=_plane(groups) if full else None,
        overlays=overlay_mask(ds, layout, index, stored.words) if full else None,
    )


def _plane(groups: FrameGroups) -> Plane | None:
    position, o = groups.position, groups.orientation
    if position is None or o is None:
        return None
    return Plane((position[0], position[1], position[2]), (o[0], o[1], o[2]), (o[3], o[4], o[5]))


def _aspect(ds: Dataset, spacing: Spacing | None) -> float:
    """(0028,0034) PixelAspectRatio (vertical, horizontal) or the spacing's own ratio, PS3.3 C.7.6.3.1.7."""
    ratio = elements.decimals(ds, "PixelAspectRatio")
    if spacing is not None and spacing.stated:
        aspect = spacing.rows / spacing.columns
    elif len(ratio) == 2 and min(ratio) > 0:
        aspect = ratio[0] / ratio[1]
    else:
        return 1.0
    return aspect if 0.05 < aspect < 20 and abs(aspect - 1) > 1e-3 else 1.0


def _edges(ds: Dataset, groups: FrameGroups) -> tuple[str, str, str, str]:
    orientation = groups.orientation
    if orientation is not None:
        return edge_letters(orientation[:3], orientation[3:])
    letters = [t[:1].upper() for t in elements.texts(ds, "PatientOrientation")]
    opposite = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
    if len(letters) != 2 or any(letter not in opposite for letter in letters):
        return "", "", "", ""
    return opposite[letters[0]], letters[0], opposite[letters[1]], letters[1]


def _default_window(frame: Frame, ds: Dataset, layout: Layout, index: int) -> Window:
    if frame.windows:
        return frame.windows[0]
    usual = presets.usual(describe(ds, index, layout), frame.unit)
    if usual is not None:
        return usual
    plain = frame.slope == 1 and frame.intercept == 0 and "ModalityLUTSequence" not in ds
    if layout.bits_stored == 8 and not layout.signed and plain:
        return Window(127.5, 255.0, "LINEAR_EXACT")  # already meant for an 8-bit display
    return automatic(frame)
