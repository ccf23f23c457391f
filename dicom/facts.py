"""What may be said about a picture: an allow-list with no field able to hold an identity. Knows no dataset.

Every text is a code word of `vocabulary`; every number is a bounded measurement. There is no field for a
name, number, date, place, description, identifier or maker.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dicom import vocabulary

Kind = Literal["dicom", "raster", "slide", "volume"]
ORIENTATIONS = ("", "axial", "coronal", "sagittal", "oblique")
AGE_BANDS = ("", "under-1", "1-4", "5-11", "12-17", "18-39", "40-64", "65-89", "90-plus")


@dataclass(frozen=True)
class Facts:
    """Facts of one picture, or what all pictures of a series share (`shared`). "" or None: the file does not say,
    or the pictures differ."""

    kind: Kind = "dicom"
    modality: str = ""
    """Defined term of (0008,0060); "" for rasters."""
    body_part: str = ""
    """Code of `vocabulary.BODY_PARTS`, e.g. "CHEST"."""
    view: str = ""
    """Code of `vocabulary.VIEWS`, e.g. "PA"."""
    laterality: str = ""
    """"L", "R" or "B" (both): the patient's side, (0020,0060) or (0020,0062)."""
    orientation: str = ""
    """"axial", "coronal", "sagittal" or "oblique" (more than 30 degrees off every axis)."""
    rows: int = 0
    columns: int = 0
    frames: int = 1
    """Pictures in the series."""
    pixel_spacing_mm: tuple[float, float] | None = None
    """(between rows, between columns), mm, where `spacing_at` says."""
    spacing_at: str = ""
    """"patient", "detector" (a projection, larger than what it shows), "film" (digitised) or "uncalibrated" (a
    projection that does not say which); "" where there is no spacing or no patient. PS3.3 10.7.1."""
    slice_thickness_mm: float | None = None
    slice_spacing_mm: float | None = None
    """Median distance between neighbouring slices along their normal, mm."""
    slice_position_mm: float | None = None
    """Position along the slice normal, mm from the frame of reference's origin."""
    window: tuple[float, float] | None = None
    """(centre, width) in modality values (HU for CT): the file's first window, or the one a picture is seen
    with; None for colour, look-up tables and files without one."""
    sequence: str = ""
    """MR weighting: code of `vocabulary.SEQUENCES`."""
    contrast: str = ""
    """"NONE", "YES", "ARTERIAL", "VENOUS" or "DELAYED"."""
    sex: str = ""
    """"M", "F" or "O"."""
    age_band: str = ""
    """One of `AGE_BANDS`, years."""
    kvp: float | None = None
    """Tube voltage, kV."""
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    b_value: float | None = None
    """Diffusion weighting, s/mm2."""
    frame_time_ms: float | None = None
    """How long the frame of a loop stays when it plays, ms; PS3.3 C.7.6.5."""
    magnification: float | None = None
    """Objective power of a slide, e.g. 40."""
    microns_per_pixel: float | None = None
    stain: str = ""
    """Code of `vocabulary.STAINS`."""
    photometric: str = ""
    """Defined term of (0028,0004), PS3.3 C.7.6.3.1.2."""
    localizer: bool = False
    """A scout: (0008,0008) value 3 is LOCALIZER."""
    burned_in: bool = False
    """Text may be burned into the pixels (declared, or usual for this kind of picture)."""

    def __post_init__(self) -> None:
        for name, allowed in _CODES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"Facts.{name} is not a code word")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"Facts.{name} is out of range")
        if self.window is not None and self.window != plausible_window(*self.window):
            raise ValueError("Facts.window is out of range")

    def beyond(self, common: Facts) -> Facts:
        """What this picture says and `common`, its series, does not: fields in which both agree say nothing."""
        same: dict[str, Any] = {
            f.name: f.default
            for f in dataclasses.fields(self)
            if getattr(self, f.name) == getattr(common, f.name) and f.name != "kind"
        }
        return dataclasses.replace(self, **same)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; fields that say nothing are left out."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in plain.items()
            if not (value is None or value is False or value == "")  # a zero is a value: `0 in ("", False)` is true
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Facts:
        """The inverse of `to_dict`; unknown keys and values outside the allow-list raise ValueError."""
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := set(plain) - known:
            raise ValueError(f"{len(unknown)} unknown keys for Facts")
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in plain.items()}
        return cls(**values)


def _codes(words: Mapping[str, str]) -> frozenset[str]:
    return frozenset(words.values()) | {""}


_CODES: Mapping[str, frozenset[str]] = {
    "kind": frozenset(("dicom", "raster", "slide", "volume")),
    "modality": vocabulary.MODALITIES | {""},
    "body_part": _codes(vocabulary.BODY_PARTS),
    "view": _codes(vocabulary.VIEWS),
    "laterality": frozenset(("", "L", "R", "B")),
    "orientation": frozenset(ORIENTATIONS),
    "sequence": _codes(vocabulary.SEQUENCES),
    "contrast": frozenset(("", "NONE", "YES", "ARTERIAL", "VENOUS", "DELAYED")),
    "sex": frozenset(("", "M", "F", "O")),
    "age_band": frozenset(AGE_BANDS),
    "stain": _codes(vocabulary.STAINS),
    "photometric": vocabulary.PHOTOMETRICS | {""},
    "spacing_at": frozenset(("", "patient", "detector", "film", "uncalibrated")),
}

_RANGES: Mapping[str, tuple[float, float]] = {
    "rows": (0, 10_000_000),
    "columns": (0, 10_000_000),
    "frames": (0, 10_000_000),
    "slice_thickness_mm": (0, 1000),
    "slice_spacing_mm": (0, 1000),
    "slice_position_mm": (-10_000, 10_000),
    "kvp": (0, 1000),
    "repetition_time_ms": (0, 100_000),
    "echo_time_ms": (0, 10_000),
    "b_value": (0, 50_000),
    "frame_time_ms": (0, 3_600_000),
    "magnification": (0, 400),
    "microns_per_pixel": (0, 1000),
}


def shared(each: Iterable[Facts]) -> Facts:
    """What all of `each` (at least one) say alike; a field in which any two differ says nothing."""
    different = list(dict.fromkeys(each))
    first = different[0]
    differing: dict[str, Any] = {
        f.name: f.default
        for f in dataclasses.fields(Facts)
        if any(getattr(other, f.name) != getattr(first, f.name) for other in different)
    }
    return dataclasses.replace(first, **differing)


def measurement(name: str, value: float | None) -> float | None:
    """`value` (see `trimmed`) if it is plausible for the field `name`, else None."""
    if value is None or not math.isfinite(value):
        return None
    low, high = _RANGES[name]
    return trimmed(value) if low <= value <= high else None


def trimmed(value: float) -> float:
    """`value` to ten significant figures and no finer than 1e-12: no dust of arithmetic, and nothing small is lost."""
    return round(float(f"{value:.10g}"), 12)


def plausible_window(center: float, width: float) -> tuple[float, float] | None:
    """Both `trimmed`; None beyond what 16-bit pixels can mean, and for a width that is none."""
    if not (abs(center) <= 100_000 and trimmed(width) > 0 and width <= 200_000):
        return None
    return trimmed(center), trimmed(width)


def age_band(years: float | None) -> str:
    """The band of an age in years; ages are never passed on exactly."""
    if years is None or not 0 <= years < 150:
        return ""
    bounds = (1, 5, 12, 18, 40, 65, 90)
    return AGE_BANDS[1 + sum(years >= bound for bound in bounds)]


def orientation(row: tuple[float, ...], column: tuple[float, ...]) -> str:
    """Plane of a picture from the direction cosines of (0020,0037); PS3.3 C.7.6.2.1.1."""
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    length = math.sqrt(sum(n * n for n in normal))
    if not length > 0.5:
        return ""
    strongest = max(range(3), key=lambda axis: abs(normal[axis]))
    if abs(normal[strongest]) / length < math.cos(math.radians(30)):
        return "oblique"
    return ("sagittal", "coronal", "axial")[strongest]


def edge_letters(row: tuple[float, ...], column: tuple[float, ...]) -> tuple[str, str, str, str]:
    """Patient letters at (left, right, top, bottom) of a picture with these direction cosines (LPS axes)."""
    right, bottom = _letter(row), _letter(column)
    opposite = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H", "": ""}
    return opposite[right], right, opposite[bottom], bottom


def _letter(direction: tuple[float, ...]) -> str:
    axis = max(range(3), key=lambda i: abs(direction[i]))
    if abs(direction[axis]) < 0.5:
        return ""
    return (("R", "L"), ("A", "P"), ("F", "H"))[axis][direction[axis] > 0]
