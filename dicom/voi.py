"""Windows, look-up tables and rescale as a dataset states them (PS3.3 C.11.1, C.11.2). Applies none of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from dicom import elements, vocabulary
from dicom.errors import InvalidWindow
from dicom.groups import FrameGroups
from dicom.values import Function, VoiLut, Window

_MOST = 16  # windows, and tables, of one frame: more than anybody can choose from
FUNCTIONS: dict[str, Function] = {"LINEAR": "LINEAR", "LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}


def windows(groups: FrameGroups) -> tuple[Window, ...]:
    """All usable pairs of (0028,1050) and (0028,1051) among the first 16.

    Width 0 is dropped; LINEAR below 1 becomes LINEAR_EXACT.
    """
    holder = groups.holder("FrameVOILUTSequence", "WindowCenter")
    centers, widths = elements.numbers(holder, "WindowCenter"), elements.numbers(holder, "WindowWidth")
    words = elements.texts(holder, "WindowCenterWidthExplanation")
    function = FUNCTIONS.get(elements.text(holder, "VOILUTFunction").upper(), "LINEAR")
    found = []
    for i, (center, width) in enumerate(zip(centers[:_MOST], widths, strict=False)):
        if center is None or width is None:
            continue
        exact: Function = "LINEAR_EXACT" if function == "LINEAR" and width < 1 else function
        code = vocabulary.code(words[i], vocabulary.WINDOW_WORDS) if i < len(words) else ""
        try:
            found.append(Window(center, width, exact, code))
        except InvalidWindow:
            continue
    return tuple(found)


def rescale(groups: FrameGroups) -> tuple[float, float]:
    """(0028,1053) RescaleSlope and (0028,1052) RescaleIntercept, PS3.3 C.11.1.1.2; slope 0 is ignored.

    Of a dose (3004,000E) DoseGridScaling, PS3.3 C.8.8.3, which makes stored values Gy.
    """
    macro = "PixelValueTransformationSequence"
    slope = groups.decimal(macro, "RescaleSlope") or elements.decimal(groups.top, "DoseGridScaling")
    intercept = groups.decimal(macro, "RescaleIntercept")
    return (slope if slope else 1.0), (intercept or 0.0)


def voi_luts(groups: FrameGroups, *, signed: bool) -> tuple[VoiLut, ...]:
    """All usable items of (0028,3010) VOILUTSequence among the first 16, in file order.

    `signed` is whether stored values or the rescale can be negative: a first value above 32767 is then negative.
    """
    items = elements.items(groups.holder("FrameVOILUTSequence", "VOILUTSequence"), "VOILUTSequence")
    slope, intercept = rescale(groups)
    below = signed or slope < 0 or intercept < 0
    found = (_voi_lut(item, signed=below) for item in items[:_MOST])
    return tuple(lut for lut in found if lut is not None)


def _voi_lut(item: Dataset, *, signed: bool) -> VoiLut | None:
    """One table, scaled by its known number of bits (PS3.3 C.11.2.1.1)."""
    described = descriptor(item, signed=signed)
    data = None if described is None else lut_data(item, described[0])
    if described is None or data is None:
        return None
    bits = described[2] if 1 <= described[2] <= 16 else 16
    top = (1 << bits) - 1
    if data.max() > top:  # the announced depth is wrong; the next sensible one is what the data need
        top = (1 << int(data.max()).bit_length()) - 1
    table = np.floor(np.clip(data / top, 0, 1) * 255 + 0.5).astype(np.uint8)
    words = vocabulary.code(elements.text(item, "LUTExplanation"), vocabulary.WINDOW_WORDS)
    return VoiLut(described[1], table, words)


def descriptor(item: Dataset, *, signed: bool) -> tuple[int, int, int] | None:
    """(entries, first value mapped, bits) of (0028,3002) LUTDescriptor, PS3.3 C.11.1.1.1."""
    numbers = [int(n) for n in elements.decimals(item, "LUTDescriptor")]
    if len(numbers) != 3:
        return None
    first = numbers[1]
    if signed and first > 32767:
        first -= 65536
    return (numbers[0] % 65536) or 65536, first, numbers[2]


def lut_data(item: Dataset, entries: int) -> NDArray[np.int64] | None:
    raw = elements.value(item, "LUTData")
    if isinstance(raw, bytes):
        _, little = item.original_encoding if item.original_encoding[1] is not None else (False, True)
        wide = len(raw) >= 2 * entries
        dtype = np.dtype((">u2" if little is False else "<u2") if wide else "u1")
        data = np.frombuffer(raw[: len(raw) // dtype.itemsize * dtype.itemsize], dtype).astype(np.int64)
    else:
        data = np.asarray([int(v) & 0xFFFF for v in elements.decimals(item, "LUTData")], np.int64)
    return data[:entries] if len(data) else None
