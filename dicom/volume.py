"""A series as a volume, and its three planes at true spacing. Knows frames and positions; reads no file.

Axes of `Volume.values`: (z, y, x) = (towards the head, towards the back, towards the patient's left), the
patient axes of PS3.3 C.7.6.2.1.1 with z as stacked, each within 45 degrees of the scanner's own.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dicom.errors import DicomError, FrameMissing, NoVolume, TooManyBytes
from dicom.limits import Limits
from dicom.series import Series
from dicom.values import Frame

Plane = Literal["axial", "coronal", "sagittal"]
_REPEATED = 0.05  # of the distance between slices: what lies closer is a slice twice
_AXIS = {"axial": 0, "coronal": 1, "sagittal": 2}
_EDGES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "H", "F"), "sagittal": ("A", "P", "H", "F")}


@dataclasses.dataclass(frozen=True, eq=False)
class Volume:
    """Modality values on an even grid."""

    values: NDArray[Any]
    """(z, y, x) int16, uint16 or float32, modality values (HU for CT)."""
    spacing_mm: tuple[float, float, float]
    """Between neighbours along z, y and x."""
    template: Frame
    """Window, unit and polarity of the series' middle frame."""

    def count(self, plane: Plane) -> int:
        """Slices in a plane."""
        return int(self.values.shape[_AXIS[plane]])

    def plane(self, plane: Plane, index: int) -> Frame:
        """Slice `index` of a plane as radiologists hang it: right on the left, front or head on top."""
        if not 0 <= index < self.count(plane):
            raise FrameMissing("there is no such slice in this plane")
        samples: NDArray[Any] = np.take(self.values, index, axis=_AXIS[plane])
        if plane != "axial":
            samples = samples[::-1]
        z, y, x = self.spacing_mm
        rows, columns = {"axial": (y, x), "coronal": (z, x), "sagittal": (z, y)}[plane]
        return dataclasses.replace(
            self.template,
            samples=np.ascontiguousarray(samples),
            slope=1.0,
            intercept=0.0,
            padding=None,
            overlays=None,
            edges=_EDGES[plane],
            pixel_spacing_mm=(rows, columns),
            pixel_aspect=rows / columns,
        )


def volume(series: Series, *, limits: Limits | None = None) -> Volume:
    """The volume of a CT or MR stack. Raises `NoVolume`, `TooManyBytes` or a frame's own error.

    Gantry tilt is undone by shifting each slice within its plane; uneven distances (up to three times the
    median) are interpolated to the median. Memory: at most twice the volume.
    """
    places, spacing = series.geometry.places, series.geometry.spacing
    if series.color or spacing is None or len(places) < 3:
        raise NoVolume("fewer than three slices with (0020,0032) ImagePositionPatient")
    along = np.asarray([place.along for place in places], np.float64)
    steps = np.diff(along)
    if steps.min() <= _REPEATED * spacing or steps.max() > 3 * spacing:
        raise NoVolume("slices repeat or leave gaps of more than three times their distance")
    stack, template = _stack(series, limits or Limits())
    pixel = template.pixel_spacing_mm
    if pixel is None:
        raise NoVolume("(0028,0030) PixelSpacing is absent")
    _undo_tilt(stack, series, pixel)
    if steps.max() > 1.01 * steps.min():
        stack = _evened(stack, along, spacing)
    return _oriented(stack, series, (spacing, *pixel), template)


def _stack(series: Series, limits: Limits) -> tuple[NDArray[Any], Frame]:
    stack: NDArray[Any] | None = None
    template: Frame | None = None
    for index, frame in enumerate(series.frames()):
        if isinstance(frame, DicomError):
            raise frame
        if stack is None:
            dtype = _smallest(frame)
            shape = (len(series), *frame.samples.shape)
            if int(np.prod(shape)) * dtype.itemsize > limits.volume_bytes:
                raise TooManyBytes("Limits.volume_bytes")
            stack = np.empty(shape, dtype)
        elif stack.dtype != np.float32 and _smallest(frame) != stack.dtype:
            stack = stack.astype(np.float32)  # a slope of its own for every slice, as PET has
        if frame.samples.shape != stack.shape[1:]:
            raise NoVolume("slices differ in (0028,0010) Rows or (0028,0011) Columns")
        if index == len(series) // 2:
            template = frame
        if (frame.slope, frame.intercept) == (1, 0):
            stack[index] = frame.samples
        else:
            values = frame.samples * np.float32(frame.slope) + np.float32(frame.intercept)
            stack[index] = np.clip(values, -32768, 32767) if stack.dtype == np.int16 else values
    if stack is None or template is None:
        raise NoVolume("the series is empty")
    return stack, template


def _smallest(frame: Frame) -> np.dtype[Any]:
    """The type that holds this frame's modality values: Hounsfield units need 16 bits."""
    if frame.samples.dtype.kind in "iu" and frame.slope % 1 == 0 and frame.intercept % 1 == 0:
        if (frame.slope, frame.intercept) == (1, 0):
            return frame.samples.dtype
        if frame.unit == "HU":
            return np.dtype(np.int16)
    return np.dtype(np.float32)


def _undo_tilt(stack: NDArray[Any], series: Series, pixel: tuple[float, float]) -> None:
    """Shift slices whose origins drift within the plane (gantry tilt, shear) back over each other."""
    first = series.geometry.places[0].slot
    for index, place in enumerate(series.geometry.places):
        here, orientation = place.slot.position, place.slot.orientation
        if here is None or orientation is None or first.position is None:
            continue
        moved = [a - b for a, b in zip(here, first.position, strict=True)]
        right = sum(m * o for m, o in zip(moved, orientation[:3], strict=True)) / pixel[1]
        down = sum(m * o for m, o in zip(moved, orientation[3:], strict=True)) / pixel[0]
        if abs(right) > 0.25 or abs(down) > 0.25:
            matrix = np.asarray([[1, 0, right], [0, 1, down]], np.float32)
            size = (stack.shape[2], stack.shape[1])
            low = float(stack[index].min())
            stack[index] = cv2.warpAffine(stack[index], matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=low)


def _evened(stack: NDArray[Any], along: NDArray[np.float64], spacing: float) -> NDArray[Any]:
    """Linear interpolation between neighbouring slices onto an even grid."""
    wanted = np.arange(along[0], along[-1] + spacing / 2, spacing)
    right = np.clip(np.searchsorted(along, wanted), 1, len(along) - 1)
    weight = np.clip((wanted - along[right - 1]) / (along[right] - along[right - 1]), 0, 1)
    out = np.empty((len(wanted), *stack.shape[1:]), stack.dtype)
    for i, (r, w) in enumerate(zip(right, weight, strict=True)):
        mixed = stack[r - 1] * np.float32(1 - w) + stack[r] * np.float32(w)
        out[i] = np.round(mixed) if out.dtype.kind in "iu" else mixed
    return out


def _oriented(stack: NDArray[Any], series: Series, spacing: tuple[float, float, float], template: Frame) -> Volume:
    """Axes permuted and flipped to (z, y, x) of the patient, the nearest of the 48 ways."""
    o = series.geometry.places[0].slot.orientation
    if o is None:
        raise NoVolume("(0020,0037) ImageOrientationPatient is absent")
    normal = np.cross(o[:3], o[3:])
    directions = np.asarray([normal, o[3:], o[:3]])  # of stack axes 0, 1, 2 in patient x, y, z
    order = [int(np.argmax(np.abs(directions[:, axis]))) for axis in (2, 1, 0)]
    if sorted(order) != [0, 1, 2]:
        raise NoVolume("the slices are too oblique for the patient's planes")
    turned = stack.transpose(order)
    for target, (axis, patient) in enumerate(zip(order, (2, 1, 0), strict=True)):
        if directions[axis, patient] < 0:
            turned = np.flip(turned, target)
    even = spacing[order[0]], spacing[order[1]], spacing[order[2]]
    return Volume(turned, even, template)
