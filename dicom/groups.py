"""Where an attribute of one frame lives: its own functional group, the shared one, or the top level.

Enhanced objects (PS3.3 C.7.6.16) keep window, rescale, spacing and position in functional groups; classic
ones at the top level. Knows where, not what it means.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from dicom import elements


class FrameGroups:
    """The attributes of frame `index` of one dataset; None: those it states for all of its frames."""

    def __init__(self, ds: Dataset, index: int | None = None) -> None:
        self.top = ds
        self._index = 0 if index is None else index
        shared = elements.first_item(ds, "SharedFunctionalGroupsSequence")
        self._own = None if index is None else elements.item(ds, "PerFrameFunctionalGroupsSequence", index)
        self._groups: Sequence[Dataset] = [group for group in (self._own, shared) if group is not None]

    @property
    def apart(self) -> bool:
        """Whether the file says things of its frames one by one."""
        return "PerFrameFunctionalGroupsSequence" in self.top

    def own(self, macro: str) -> bool:
        """Whether this frame has a `macro` that is not the one of all frames."""
        return self._own is not None and macro in self._own

    def holder(self, macro: str, keyword: str) -> Dataset:
        """The dataset that holds `keyword`: the macro sequence of the frame, of all frames, else the top."""
        for group in self._groups:
            item = elements.first_item(group, macro)
            if item is not None and elements.value(item, keyword) is not None:
                return item
        return self.top

    def decimals(self, macro: str, keyword: str) -> list[float]:
        return elements.decimals(self.holder(macro, keyword), keyword)

    def decimal(self, macro: str, keyword: str) -> float | None:
        return elements.decimal(self.holder(macro, keyword), keyword)

    def text(self, macro: str, keyword: str) -> str:
        return elements.text(self.holder(macro, keyword), keyword)

    @property
    def orientation(self) -> tuple[float, ...] | None:
        """Six direction cosines of (0020,0037) ImageOrientationPatient, PS3.3 C.7.6.2.1.1."""
        found = self.decimals("PlaneOrientationSequence", "ImageOrientationPatient")
        return tuple(found) if len(found) == 6 and any(found) else None

    @property
    def position(self) -> tuple[float, ...] | None:
        """(0020,0032) ImagePositionPatient: x, y, z in mm of the first pixel's centre.

        Of a frame of a dose grid it is that of the first frame moved by (3004,000C) GridFrameOffsetVector.
        """
        found = self.decimals("PlanePositionSequence", "ImagePositionPatient")
        if len(found) != 3:
            return None
        return self._of_grid(found) if "GridFrameOffsetVector" in self.top else tuple(found)

    def _of_grid(self, first: list[float]) -> tuple[float, ...]:
        """PS3.3 C.8.8.3.2: offsets along the normal when the first is zero, else the z coordinates of axial planes."""
        raw = elements.numbers(self.top, "GridFrameOffsetVector")
        start, own = (raw[0], raw[self._index]) if self._index < len(raw) else (None, None)
        o = self.orientation
        if start is None or own is None or o is None:
            return tuple(first)
        normal = (o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3])
        if start == 0:
            return tuple(at + own * along for at, along in zip(first, normal, strict=True))
        return (first[0], first[1], own) if abs(normal[2]) > 0.999 else tuple(first)

    @property
    def thickness(self) -> float | None:
        return self.decimal("PixelMeasuresSequence", "SliceThickness")
