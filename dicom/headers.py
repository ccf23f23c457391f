"""What a worker reports about one file: enough to group, sort and show it. Stays inside this package.

Unique identifiers live here for grouping only and never leave `dicom/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dicom.facts import Facts

Reader = Literal["dicom", "raster", "slide", "nifti", "directory", "zip"]


@dataclass(frozen=True)
class Slot:
    """One frame's place: what sorts it and what tells it from others at the same position."""

    frame: int
    orientation: tuple[float, ...] | None
    position: tuple[float, ...] | None
    splits: tuple[float | str | None, ...] = ()
    """Values of `SPLITS`: what a series of several stacks varies by."""
    in_stack: int | None = None
    """(0020,9057) InStackPositionNumber."""


SPLITS = (
    "stack",
    "echo",
    "b-value",
    "direction",
    "temporal",
    "phase",
    "component",
    "inversion",
    "flip",
    "voltage",
    "acquisition",
    "time",
    "content",
)
"""What tells pictures at one site apart, the surest first."""


@dataclass(frozen=True)
class Place:
    """One frame of a series: which file, which frame in it, where along the normal of its plane (mm) or None."""

    file: int
    slot: Slot
    along: float | None


@dataclass(frozen=True)
class Header:
    """One file as the scan saw it."""

    reader: Reader
    facts: Facts
    """Of the first frame."""
    study: str
    series: str
    instance: str
    number: int | None
    """(0020,0013) InstanceNumber."""
    color: bool
    unit: str
    slots: tuple[Slot, ...]
    references: tuple[tuple[str, ...], ...] = ()
    """Path parts of the file each record of a DICOMDIR names, () where it names none, PS3.3 F.3.2.2."""
    syntax: str = ""
    """Transfer syntax UID or raster format."""
    levels: tuple[tuple[int, int, float], ...] = ()
    """Slides: (width, height, downsample) per level, largest first."""
    notes: tuple[str, ...] = ()
    """Codes of `grouping.WARNINGS` that the file itself gives rise to."""
    each: tuple[Facts, ...] = ()
    """Facts of every frame where they differ; () where `facts` holds for all."""

    def facts_at(self, frame: int) -> Facts:
        """Facts of frame `frame` of the file."""
        return self.each[frame] if self.each else self.facts
