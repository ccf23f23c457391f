"""Stored values to a `Frame`: modality, windows, padding, polarity, geometry (PS3.3 C.11.1, C.11.2, C.7.6.3).

Knows datasets; knows no file and no process. Ends where `render` begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom import elements, presets, vocabulary
from dicom.colour import to_rgb
from dicom.describe import describe
from dicom.errors import InvalidWindow
from dicom.facts import edge_letters
from dicom.groups import FrameGroups
from dicom.layout import Layout
from dicom.overlays import overlay_mask
from dicom.pixels import PixelReader, Stored
from dicom.render import automatic
from dicom.source import Source
from dicom.ultrasound import outside_regions
from dicom.values import Frame, Function, VoiLut, Window

_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_FUNCTIONS: dict[str, Function] = {"LINEAR": "LINEAR", "LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


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
    values = stored.values
    lut = elements.first_item(ds, "ModalityLUTSequence")
    if lut is not None and (mapped := _modality_lut(values, lut, layout)) is not None:
        samples, slope, intercept, padding = mapped, 1.0, 0.0, None
    else:
        samples, padding = _container(values), _padding(ds, layout)
        slope, intercept = _rescale(groups)
    return Frame(
        samples=np.ascontiguousarray(samples),
        slope=slope,
        intercept=intercept,
        unit=unit_of(ds, groups),
        invert=_inverted(ds, layout),
        padding=padding,
        windows=_windows(groups),
        voi_lut=_voi_lut(ds, groups, layout, slope),
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


def _rescale(groups: FrameGroups) -> tuple[float, float]:
    """(0028,1053) RescaleSlope and (0028,1052) RescaleIntercept, PS3.3 C.11.1.1.2; slope 0 is ignored."""
    macro = "PixelValueTransformationSequence"
    slope = groups.decimal(macro, "RescaleSlope")
    intercept = groups.decimal(macro, "RescaleIntercept")
    return (slope if slope else 1.0), (intercept or 0.0)


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
    """Once, whether by (0028,0004) MONOCHROME1 or (2050,0020) PresentationLUTShape INVERSE."""
    shape = elements.text(ds, "PresentationLUTShape").upper()
    return layout.photometric == "MONOCHROME1" or shape == "INVERSE"


def _padding(ds: Dataset, layout: Layout) -> tuple[float, float] | None:
    """(0028,0120) PixelPaddingValue to (0028,0121) RangeLimit, PS3.3 C.7.5.1.1.2, in stored values."""
    first = elements.integer(ds, "PixelPaddingValue")
    if first is None:
        return None
    last = elements.integer(ds, "PixelPaddingRangeLimit")
    ends = [_as_stored(v, layout) for v in (first, first if last is None else last)]
    return float(min(ends)), float(max(ends))


def _as_stored(value: int, layout: Layout) -> int:
    """Padding read with the wrong sign (US for SS or the reverse) put right."""
    if layout.signed and value > (1 << (layout.bits_allocated - 1)) - 1:
        return value - (1 << layout.bits_allocated)
    if not layout.signed and value < 0:
        return value + (1 << layout.bits_allocated)
    return value


def _descriptor(item: Dataset, *, signed: bool) -> tuple[int, int, int] | None:
    """(entries, first value mapped, bits) of (0028,3002) LUTDescriptor, PS3.3 C.11.1.1.1."""
    numbers = [int(n) for n in elements.decimals(item, "LUTDescriptor")]
    if len(numbers) != 3:
        return None
    first = numbers[1]
    if signed and first > 32767:
        first -= 65536
    return (numbers[0] % 65536) or 65536, first, numbers[2]


def _lut_data(item: Dataset, entries: int) -> NDArray[np.int64] | None:
    raw = elements.value(item, "LUTData")
    if isinstance(raw, bytes):
        _, little = item.original_encoding if item.original_encoding[1] is not None else (False, True)
        wide = len(raw) >= 2 * entries
        dtype = np.dtype((">u2" if little is False else "<u2") if wide else "u1")
        data = np.frombuffer(raw[: len(raw) // dtype.itemsize * dtype.itemsize], dtype).astype(np.int64)
    else:
        data = np.asarray([int(v) & 0xFFFF for v in elements.decimals(item, "LUTData")], np.int64)
    return data[:entries] if len(data) else None


def _modality_lut(values: NDArray[Any], item: Dataset, layout: Layout) -> NDArray[np.uint16] | None:
    """(0028,3000) ModalityLUTSequence, PS3.3 C.11.1.1."""
    described = _descriptor(item, signed=layout.signed)
    data = None if described is None else _lut_data(item, described[0])
    if described is None or data is None:
        return None
    index = np.clip(values.astype(np.int64) - described[1], 0, len(data) - 1)
    return data.astype(np.uint16)[index]


def _voi_lut(ds: Dataset, groups: FrameGroups, layout: Layout, slope: float) -> VoiLut | None:
    """First item of (0028,3010) VOILUTSequence, scaled by its known number of bits (PS3.3 C.11.2.1.1)."""
    item = elements.first_item(groups.holder("FrameVOILUTSequence", "VOILUTSequence"), "VOILUTSequence")
    if item is None:
        return None
    described = _descriptor(item, signed=layout.signed or slope < 0 or _rescale(groups)[1] < 0)
    data = None if described is None else _lut_data(item, described[0])
    if described is None or data is None:
        return None
    bits = described[2] if 1 <= described[2] <= 16 else 16
    top = (1 << bits) - 1
    if data.max() > top:  # the announced depth is wrong; the next sensible one is what the data need
        top = (1 << int(data.max()).bit_length()) - 1
    table = np.floor(np.clip(data / top, 0, 1) * 255 + 0.5).astype(np.uint8)
    words = vocabulary.code(elements.text(item, "LUTExplanation"), vocabulary.WINDOW_WORDS)
    return VoiLut(described[1], table, words)


def _windows(groups: FrameGroups) -> tuple[Window, ...]:
    """All usable pairs of (0028,1050) and (0028,1051). Width 0 is dropped, LINEAR below 1 LINEAR_EXACT."""
    holder = groups.holder("FrameVOILUTSequence", "WindowCenter")
    centers, widths = elements.decimals(holder, "WindowCenter"), elements.decimals(holder, "WindowWidth")
    words = elements.texts(holder, "WindowCenterWidthExplanation")
    function = _FUNCTIONS.get(elements.text(holder, "VOILUTFunction").upper(), "LINEAR")
    found = []
    for i, (center, width) in enumerate(zip(centers, widths, strict=False)):
        exact: Function = "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function
        code = vocabulary.code(words[i], vocabulary.WINDOW_WORDS) if i < len(words) else ""
        try:
            found.append(Window(center, width, exact, code))
        except InvalidWindow:
            continue
    return tuple(found)


def _geometry(frame: Frame, ds: Dataset, groups: FrameGroups, layout: Layout, index: int, stored: Stored) -> Frame:
    full = stored.values.shape[:2] == (layout.rows, layout.columns)
    spacing = groups.spacing
    if spacing is not None and not full:
        scale = layout.rows / stored.values.shape[0]
        spacing = spacing[0] * scale, spacing[1] * scale
    return _replaced(
        frame,
        pixel_aspect=_aspect(ds, spacing),
        pixel_spacing_mm=spacing,
        edges=_edges(ds, groups),
        overlays=overlay_mask(ds, layout, index, stored.words) if full else None,
    )


def _aspect(ds: Dataset, spacing: tuple[float, float] | None) -> float:
    """(0028,0034) PixelAspectRatio (vertical, horizontal) or the spacing's own ratio, PS3.3 C.7.6.3.1.7."""
    ratio = elements.decimals(ds, "PixelAspectRatio")
    if spacing is not None:
        aspect = spacing[0] / spacing[1]
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
