"""An ordered series whose frames are decoded on demand in the sandbox. Knows places and facts, no bytes."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from dicom import presets
from dicom.errors import DicomError, FrameMissing
from dicom.facts import Facts, measurement, plausible_window, shared
from dicom.grouping import Group
from dicom.headers import Header, Place
from dicom.limits import Limits
from dicom.render import automatic, first_view, render
from dicom.sandbox import Sandbox
from dicom.values import Frame, Picture, Preset, Region, VoiLut, Window

if TYPE_CHECKING:
    from dicom.volume import Volume


_AHEAD_PIXELS = 32_000_000  # of frames that are decoded ahead of who asked for them, where one has not more


class Series:
    """Frames in reading order. `len(series)` frames; indices start at 0. Safe to use from several threads.

    The original files must stay where they were while frames are still being asked for.
    """

    def __init__(
        self,
        group: Group,
        headers: Sequence[Header],
        files: Sequence[Path],
        sandbox: Sandbox,
        kept: object = None,
        name_indices: Sequence[int] = (),
        at_hand: Mapping[int, Frame] = MappingProxyType({}),
    ) -> None:
        self._kept = kept  # whatever must live as long as the files are needed
        self.id: str = uuid.uuid4().hex
        """Random; says nothing about the file."""
        self._group, self._sandbox = group, sandbox
        self._headers = {place.file: headers[place.file] for place in group.places}
        self._files = {place.file: files[place.file] for place in group.places}
        self._at_hand = {place.file: at_hand[place.file] for place in group.places if place.file in at_hand}
        self.name_indices: tuple[int, ...] = tuple(name_indices[p.file] for p in group.places) if name_indices else ()
        """For each frame the place of its file (or of the archive it came in) in the paths given to `open_study`."""
        self.warnings: tuple[str, ...] = group.warnings
        """Codes of `grouping.WARNINGS`."""
        self.study: int = group.study
        """Number of the study this series belongs to among those opened together, from 0; 0 for most."""
        first = self._headers[group.places[0].file]
        self.unit: str = first.unit
        self.color: bool = first.color
        self._each = self._described()
        self.facts: Facts = shared(self._each)
        """What all pictures of the series say alike; anything else is said by `facts_of` alone."""

    def __len__(self) -> int:
        return len(self._group.places)

    @property
    def pixels(self) -> int:
        """Rows x columns of its largest frame as the headers state them; at least 1."""
        facts = [header.facts for header in self._headers.values()]
        return max(1, *((own.rows or 0) * (own.columns or 0) for own in facts))

    @property
    def reader(self) -> str:
        """ "dicom", "raster", "slide" or "nifti"."""
        return self._header(0).reader

    @property
    def encoding(self) -> str:
        """Transfer syntax UID or raster format of the first file."""
        return self._header(0).syntax

    @property
    def levels(self) -> tuple[tuple[int, int, float], ...]:
        """Slides only: (width, height, downsample) per level, largest first; else ()."""
        return self._header(0).levels

    @property
    def middle(self) -> int:
        """The frame to show first: the middle of a stack with positions, else the first."""
        return len(self) // 2 if self._group.spacing is not None else 0

    def facts_of(self, index: int) -> Facts:
        """Facts of one frame, by its own file and place; how many there are and how far apart is the series' own."""
        self._place(index)
        return self._each[index]

    def _described(self) -> tuple[Facts, ...]:
        """`facts_of` every frame; those that differ in nothing, ten thousand tiles at times, share one value."""
        known: dict[tuple[int, float | None], Facts] = {}
        found = []
        for place in self._group.places:
            own = self._headers[place.file].facts_at(place.slot.frame)
            key = id(own), place.along
            if key not in known:
                known[key] = dataclasses.replace(
                    own,
                    frames=len(self),
                    slice_position_mm=measurement("slice_position_mm", place.along),
                    slice_spacing_mm=measurement("slice_spacing_mm", self._group.spacing),
                )
            found.append(known[key])
        return tuple(found)

    @property
    def continuous(self) -> bool:
        """Whether neighbouring frames are parts of one thing: slices of a stack, or frames of one file."""
        return self._group.spacing is not None or len(self._headers) == 1

    def frame(self, index: int, *, at_least: int = 0, keep_burned_in: bool = False) -> Frame:
        """Frame `index` at full depth.

        `at_least` > 0 allows a JPEG 2000 frame to come reduced by a power of two, its longer side still at
        least that long. `keep_burned_in` shows ultrasound outside its calibrated regions too: for rendering
        on the owner's own disk, never for the model or another person. Raises `DicomError`.
        """
        came = self._at_hand.pop(self._place(index).file, None)  # with the header; given away once, not kept twice
        if came is not None and not keep_burned_in:
            return came
        result: Frame = self._sandbox.call("frame", *self._request(index, at_least, keep_burned_in))
        return result

    def frames(self, indices: Sequence[int] | None = None, *, at_least: int = 0) -> Iterator[Frame | DicomError]:
        """Frames in the order of `indices` (default: all), decoded ahead in all workers.

        A frame that cannot be decoded comes as its error, so that one bad slice does not end the series.
        Memory: a few frames at a time, one where they are large.
        """
        wanted = range(len(self)) if indices is None else indices
        self._at_hand.clear()  # all are read anew
        requests = (self._request(i, at_least, keep_burned_in=False) for i in wanted)
        ahead = min(2 * self._sandbox.limits.workers, max(1, _AHEAD_PIXELS // self.pixels))
        return self._sandbox.map("frame", requests, ahead=ahead)

    def picture(
        self,
        index: int,
        *,
        window: Window | VoiLut | None = None,
        region: Region | None = None,
        overlays: bool = False,
    ) -> Picture:
        """What is seen of frame `index`: see `render` for `window` and `region`. Raises `DicomError`."""
        frame = self.frame(index)
        image = render(frame, window, region=region, overlays=overlays)
        return Picture.of(image, dataclasses.replace(self.facts_of(index), window=seen_window(frame, window)))

    def presets(self, frame: Frame | None = None) -> tuple[Preset, ...]:
        """Windows by name that suit the modality and body part; () for colour and for unknown units.

        With `frame`, its own windows ("file-1", …) and VOI LUTs ("table-1", …) come first and "automatic" for its
        values last.
        """
        if self.color or (frame is not None and frame.color):
            return ()
        if frame is None:
            return presets.named(self.facts, self.unit)
        return presets.offered(self.facts, self.unit, frame, automatic(frame))

    def volume(self, *, limits: Limits | None = None) -> Volume:
        """The stack as one array with true spacing and its three planes: see `dicom.volume`."""
        from dicom.volume import volume

        return volume(self, limits=limits)

    def region(
        self,
        box: Region,
        *,
        microns_per_pixel: float | None = None,
        magnification: float | None = None,
        side: int | None = None,
    ) -> Picture:
        """A slide's region `box` (x0, y0, x1, y1 in full-resolution pixels) at a chosen scale.

        Give `microns_per_pixel` or `magnification` (objective power; each needs a slide that states its own) or
        the longest `side` in pixels; none means full resolution, beyond which nothing is enlarged. The picture's
        facts state the microns per pixel and the magnification. Raises `FrameMissing`.
        """
        if self.reader != "slide":
            raise FrameMissing("only slides have regions at a magnification")
        scale = self._scale(box, microns_per_pixel, magnification, side)
        rgb = self._sandbox.call("region", str(self._files[self._place(0).file]), box, scale)
        own = self.facts.microns_per_pixel
        facts = dataclasses.replace(
            self.facts,
            rows=int(rgb.shape[0]),
            columns=int(rgb.shape[1]),
            microns_per_pixel=measurement("microns_per_pixel", own * scale if own else None),
            pixel_spacing_mm=(own * scale / 1000, own * scale / 1000) if own else None,
            magnification=measurement(
                "magnification", self.facts.magnification / scale if self.facts.magnification else None
            ),
        )
        return Picture.of(Image.fromarray(np.asarray(rgb)), facts)

    def tile(self, level: int, column: int, row: int, *, size: int = 512) -> Image.Image:
        """The tile of a slide's level at (column, row), RGB, smaller at the right and bottom edge."""
        if not 0 <= level < len(self.levels):
            raise FrameMissing("there is no such level")
        width, height, down = self.levels[level]
        x0, y0 = column * size, row * size
        if not (0 <= x0 < width and 0 <= y0 < height):
            raise FrameMissing("there is no such tile")
        x1, y1 = min(width, x0 + size), min(height, y0 + size)
        box = (round(x0 * down), round(y0 * down), round(x1 * down), round(y1 * down))
        rgb = self._sandbox.call("region", str(self._files[self._place(0).file]), box, down)
        return Image.fromarray(np.asarray(rgb))

    def _scale(self, box: Region, microns: float | None, magnification: float | None, side: int | None) -> float:
        if microns is not None:
            if not self.facts.microns_per_pixel or not microns > 0:
                raise FrameMissing("the slide does not state its microns per pixel")
            return max(1.0, microns / self.facts.microns_per_pixel)
        if magnification is not None:
            if not self.facts.magnification or not magnification > 0:
                raise FrameMissing("the slide does not state its magnification")
            return max(1.0, self.facts.magnification / magnification)
        return max(1.0, max(box[2] - box[0], box[3] - box[1]) / side) if side else 1.0

    def _place(self, index: int) -> Place:
        if not 0 <= index < len(self):
            raise FrameMissing("the frame index is outside the series")
        return self._group.places[index]

    def _header(self, index: int) -> Header:
        return self._headers[self._place(index).file]

    def _request(self, index: int, at_least: int, keep_burned_in: bool) -> tuple[Any, ...]:
        place = self._place(index)
        reader = self._headers[place.file].reader
        return str(self._files[place.file]), reader, place.slot.frame, at_least, keep_burned_in

    @property
    def geometry(self) -> Group:
        """Places and spacing; stays inside this package."""
        return self._group


def seen_window(frame: Frame, window: Window | VoiLut | None) -> tuple[float, float] | None:
    """Centre and width of the window a picture of `frame` is made with; None for tables and colour."""
    if frame.color:
        return None
    shown = window if window is not None else first_view(frame)
    return plausible_window(shown.center, shown.width) if isinstance(shown, Window) else None
