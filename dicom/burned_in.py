"""Text burned into the pixels of frames: where it seems to stand, and painting over it. Knows no file and no reader.

A frame is looked at as it is first shown, with its overlay planes, by the detector in a worker
(`dicom.text_detector`). What a box covers is overwritten for good in the samples and in the overlays.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom.render import displayed_size, render
from dicom.sandbox import Sandbox
from dicom.text_detector import Corners, shrunk
from dicom.values import Frame, TextBox

BAND = (0.4, 0.15)
"""Width and height of a corner band as shares of the frame's: where devices write names, dates and numbers."""
MARGIN = 0.25  # of a box's height, added on every side before painting: accents and shadows of letters


FEW = 8
"""Series of as many frames are looked at whole: they may be pictures of their own. In longer ones what devices write
stands on every frame, and the first, the middle and the last are looked at."""


def frames_to_look_at(count: int) -> list[int]:
    """The indices of those frames of a series of `count` that are looked at for text."""
    return list(range(count)) if count <= FEW else [0, count // 2, count - 1]


def look(frames: Iterable[Frame], sandbox: Sandbox) -> tuple[tuple[TextBox, ...], ...]:
    """For each frame the boxes in which text seems to stand. Raises `DetectorMissing`, `DecoderCrashed`,
    `TookTooLong`, `TookTooMuchMemory`.

    One frame at a time, each within the bounds of one step: the machine may be busy with something else.
    """
    return tuple(_seen(frame, sandbox) for frame in frames)


def _seen(frame: Frame, sandbox: Sandbox) -> tuple[TextBox, ...]:
    lines = sandbox.call("text", shrunk(np.asarray(render(frame, overlays=True))))
    shape = _Shape(frame.columns, frame.rows, *displayed_size(frame))
    return tuple(_box(shape, corners) for corners in lines)


@dataclasses.dataclass(frozen=True)
class _Shape:
    """Samples of a frame across and down, and pixels of its displayed picture."""

    columns: int
    rows: int
    width: int
    height: int


def _box(shape: _Shape, corners: Corners) -> TextBox:
    """Shares of the displayed picture, whose pixels are square, to samples, with a margin."""
    left, top, right, bottom = corners
    margin = MARGIN * min((right - left) * shape.width, (bottom - top) * shape.height)
    across, down = margin / shape.width, margin / shape.height
    return TextBox(
        max(0, math.floor((left - across) * shape.columns)),
        max(0, math.floor((top - down) * shape.rows)),
        min(shape.columns, math.ceil((right + across) * shape.columns)),
        min(shape.rows, math.ceil((bottom + down) * shape.rows)),
    )


def corner_bands(rows: int, columns: int) -> tuple[TextBox, ...]:
    """The four bands, in samples of a frame of that size."""
    width, height = math.ceil(columns * BAND[0]), math.ceil(rows * BAND[1])
    return tuple(
        TextBox(left, top, left + width, top + height) for top in (0, rows - height) for left in (0, columns - width)
    )


def masked(frame: Frame, boxes: Iterable[TextBox]) -> Frame:
    """`frame` with `boxes` painted over: with its padding where it has one, else with what shows darkest, and no
    overlay there. The given frame is not changed."""
    samples = frame.samples.copy()
    overlays = None if frame.overlays is None else frame.overlays.copy()
    darkest = _darkest(frame)
    for box in boxes:
        part = np.s_[box.top : box.bottom, box.left : box.right]
        samples[part] = darkest
        if overlays is not None:
            overlays[part] = 0
    return dataclasses.replace(frame, samples=samples, overlays=overlays)


def _darkest(frame: Frame) -> Any:
    if frame.color:
        return 0
    if frame.padding is not None and _holds(frame.samples.dtype, low := frame.padding[0]):
        return low
    finite: NDArray[Any] = frame.samples[np.isfinite(frame.samples)]
    if not finite.size:
        return 0
    rising = frame.slope >= 0
    return finite.max() if frame.invert == rising else finite.min()


def _holds(kind: np.dtype[Any], value: float) -> bool:
    """Whether samples of this kind can be `value`: padding may be declared outside what is stored."""
    return kind.kind == "f" or (value.is_integer() and np.iinfo(kind).min <= value <= np.iinfo(kind).max)
