"""How many frames a file holds, whatever (0028,0008) NumberOfFrames says of it. Knows pixel data; decodes nothing."""

from __future__ import annotations

import dataclasses

from dicom import elements
from dicom.errors import DicomError, FrameMissing
from dicom.fragments import locate_frames
from dicom.layout import Layout, check_size, read_layout
from dicom.limits import Limits
from dicom.source import PixelElement, Source, size_of


def layout_of(source: Source, limits: Limits) -> Layout:
    """The layout of a file's frames, with as many frames as there are where that is more than the header says.

    Raises what `read_layout` does and `FrameMissing` without a pixel element.
    """
    if source.pixels is None:
        raise FrameMissing("there is no pixel element")
    layout = read_layout(source.dataset, source.pixels.keyword, limits)
    held = _held(source, source.pixels, layout)
    if held <= layout.frames:  # frames that are not there are refused when they are asked for
        return layout
    more = dataclasses.replace(layout, frames=held)
    check_size(more, limits)
    return more


def _held(source: Source, element: PixelElement, layout: Layout) -> int:
    if elements.integer(source.dataset, "TotalPixelMatrixColumns") is not None:
        return layout.frames  # tiles of a slide, counted by its matrix
    if element.length is not None:
        return _native(source, element.length, element.offset, layout)
    try:
        return len(locate_frames(source.stream, element.offset, layout.frames, source.dataset).frames)
    except DicomError:
        return layout.frames


def _native(source: Source, length: int, offset: int, layout: Layout) -> int:
    """As many as fill the element but for the byte that makes its length even; else what is stated."""
    if layout.photometric.endswith("_422") and layout.samples == 3:
        return layout.frames  # two bytes a pixel or three: only their number tells which
    length = min(length, size_of(source.stream) - offset)
    held = length * 8 // layout.frame_bits
    beyond = length - (layout.frames * layout.frame_bits + 7) // 8
    left = length - (held * layout.frame_bits + 7) // 8
    return held if beyond > 1 and left <= 1 else layout.frames
