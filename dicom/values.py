"""What crosses the border of this package: frames, windows, pictures. Knows no file and no dataset."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dicom.errors import InvalidWindow

if TYPE_CHECKING:
    from dicom.facts import Facts

Function = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
Region = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in pixels of the displayed picture, x1 and y1 exclusive."""


@dataclass(frozen=True)
class Window:
    """A VOI window in modality values (HU for CT), PS3.3 C.11.2.

    `width` is at least 1 for LINEAR and greater than 0 for LINEAR_EXACT and SIGMOID. `explanation` is a
    code word of a closed list ("" when the file's own words are not in it).
    """

    center: float
    width: float
    function: Function = "LINEAR"
    explanation: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.center) and math.isfinite(self.width)):
            raise InvalidWindow("(0028,1050) WindowCenter or (0028,1051) WindowWidth is not a finite number")
        if self.width <= 0 or (self.function == "LINEAR" and self.width < 1):
            raise InvalidWindow(f"(0028,1051) WindowWidth is too small for {self.function}")


@dataclass(frozen=True, eq=False)
class VoiLut:
    """A VOI LUT sequence item (0028,3010), PS3.3 C.11.2.1.1, already scaled to 0..255.

    Modality value `v` shows as `table[clip(floor(v + 0.5) - first_mapped, 0, len(table) - 1)]`.
    """

    first_mapped: int
    table: NDArray[np.uint8]
    explanation: str = ""


@dataclass(frozen=True)
class Preset:
    """A window or table offered by name. `key` is a code word: "file-1", "table-1", "brain", "automatic"."""

    key: str
    window: Window | VoiLut


Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Plane:
    """Where a frame lies in the patient, PS3.3 C.7.6.2.1.1; axes to the patient's left, back and head."""

    position: Vector
    """(0020,0032) centre of the first pixel, mm."""
    row: Vector
    """(0020,0037) direction cosines along a row: to the next column."""
    column: Vector
    """Direction cosines down a column: to the next row."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame at full depth: what a viewer needs to show it at any window.

    `samples` is C-contiguous: (rows, columns) int16, uint16 or float32, or (rows, columns, 3) uint8 sRGB.
    """

    samples: NDArray[Any]
    slope: float = 1.0
    intercept: float = 0.0
    """Modality value = samples * slope + intercept, PS3.3 C.7.6.16.2.9; 1 and 0 when samples already are."""
    unit: str = ""
    """"HU", "Gy", "SUV" or "" (arbitrary)."""
    invert: bool = False
    """Show 255 - y: MONOCHROME1 or PresentationLUTShape INVERSE, applied once. Never true for colour."""
    padding: tuple[float, float] | None = None
    """Inclusive range of samples outside the acquired picture, painted black after inversion."""
    windows: tuple[Window, ...] = ()
    """The file's own windows in file order; may be empty."""
    voi_luts: tuple[VoiLut, ...] = ()
    """The file's own VOI LUTs in file order, e.g. normal, harder and softer of a radiograph; may be empty."""
    default_window: Window = field(default_factory=lambda: Window(128.0, 256.0))
    """Shown first: the file's first window, a preset of the modality, or percentiles 0.5-99.5."""
    pixel_aspect: float = 1.0
    """Row spacing / column spacing. The displayed height is rows * pixel_aspect when > 1, and the displayed
    width columns / pixel_aspect when < 1 (pixels are only ever enlarged)."""
    edges: tuple[str, str, str, str] = ("", "", "", "")
    """Patient letters at left, right, top, bottom of the picture, e.g. ("R", "L", "A", "P"), or ""."""
    pixel_spacing_mm: tuple[float, float] | None = None
    """(between rows, between columns) in mm, where `spacing_at` says."""
    spacing_at: str = ""
    """As in `Facts`: "patient", "detector", "film", "uncalibrated" or ""."""
    plane: Plane | None = None
    """Where it lies; None where the file does not say."""
    overlays: NDArray[np.uint8] | None = None
    """(rows, columns) of 0 and 1: all overlay planes of this frame (PS3.3 C.9.2), drawn apart."""

    @property
    def color(self) -> bool:
        """Whether samples are RGB; windows then do not apply."""
        return self.samples.ndim == 3

    @property
    def rows(self) -> int:
        return int(self.samples.shape[0])

    @property
    def columns(self) -> int:
        return int(self.samples.shape[1])


@dataclass(frozen=True)
class TextBox:
    """Where letters or digits seem to stand in the pixels of a frame; what they say nobody has read.

    Columns `left` up to but without `right` and rows `top` up to but without `bottom` of `Frame.samples`.
    """

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, eq=False)
class Picture:
    """What was seen: 8-bit pixels (L or RGB), the facts that go with them, and a fingerprint."""

    image: Image.Image
    facts: Facts
    sha256: str

    @classmethod
    def of(cls, image: Image.Image, facts: Facts) -> Picture:
        """A picture with the fingerprint of `image` (mode, width, height and pixels; no metadata)."""
        return cls(image, facts, fingerprint(image))


def fingerprint(image: Image.Image) -> str:
    """Hexadecimal SHA-256 over mode, size and pixels: equal pixels give equal fingerprints."""
    digest = hashlib.sha256(f"{image.mode} {image.width} {image.height}\n".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()
