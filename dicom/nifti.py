"""NIfTI volumes as axial slices when nibabel is installed. Knows nibabel, no DICOM."""

from __future__ import annotations

import dataclasses
import gzip
import importlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom.errors import (
    DamagedFile,
    FrameMissing,
    MissingDecoder,
    TooManyFrames,
    TooManyPixels,
    TruncatedFile,
    UnsupportedPixels,
)
from dicom.facts import Facts, edge_letters, orientation
from dicom.headers import SPLITS, Header, Slot
from dicom.limits import Limits
from dicom.raster import frame_of, narrowed
from dicom.sniff import is_nifti_2
from dicom.values import Frame

_MILLIMETRES = {"meter": 1000.0, "micron": 0.001}
_ROW, _COLUMN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Nifti:
    """An open volume. Stored axes are named by what they are nearest to: x (left to right of the patient), y
    (back to front), z (feet to head); `flipped` where they run the other way."""

    image: Any
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @property
    def size(self) -> tuple[int, int, int, int]:
        """(rows, columns, slices, volumes) of what is shown: y, x, z and everything after."""
        shape = (*self.image.shape, 1, 1, 1)
        x, y, z = (int(shape[axis]) for axis in self.axes)
        return y, x, z, int(np.prod(self.image.shape[3:], dtype=np.int64))

    @property
    def zooms(self) -> tuple[float, float, float]:
        """Distances along x, y and z, mm; 0 when not stated."""
        try:
            unit = self.image.header.get_xyzt_units()[0]
        except KeyError:  # a code that the standard does not have
            unit = ""
        found = [float(z) * _MILLIMETRES.get(unit, 1.0) for z in self.image.header.get_zooms()[:3]] + [0.0] * 3
        x, y, z = (found[axis] if 0 < found[axis] < 1000 else 0.0 for axis in self.axes)
        return x, y, z

    @property
    def color(self) -> bool:
        """Whether voxels are RGB24 or RGBA32, which nibabel gives as records of bytes."""
        return self.image.get_data_dtype().names is not None


def open_nifti(path: Path, limits: Limits) -> Nifti:
    """The header of a volume, plain or gzipped. Raises `MissingDecoder`, `DamagedFile`, `TooManyPixels`."""
    try:
        nibabel: Any = importlib.import_module("nibabel")  # optional, so not a plain import
    except ImportError as missing:
        raise MissingDecoder("nibabel") from missing
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    opened: Any = (gzip.open if packed else open)(path, "rb")  # slices are read from it later
    handle = nibabel.fileholders.FileHolder(fileobj=opened)
    files = {"header": handle, "image": handle}
    try:
        head = opened.read(8)
        image = (nibabel.Nifti2Image if is_nifti_2(head) else nibabel.Nifti1Image).from_file_map(files)
        turned = nibabel.io_orientation(image.affine)
    except (
        nibabel.spatialimages.HeaderDataError,
        nibabel.filebasedimages.ImageFileError,
        np.linalg.LinAlgError,
        OSError,
        ValueError,
        EOFError,
        zlib.error,
    ) as fault:
        raise DamagedFile("the NIfTI header cannot be read") from fault
    found = Nifti(image, *_named(turned))
    rows, columns, slices, volumes = found.size
    if min(rows, columns, slices, volumes) < 1:
        raise DamagedFile("a NIfTI dimension is not positive")
    if rows * columns > limits.frame_pixels or rows * columns * slices * volumes > limits.file_pixels:
        raise TooManyPixels("Limits.frame_pixels or file_pixels: NIfTI dimensions")
    if slices * volumes > limits.frames:
        raise TooManyFrames("Limits.frames: NIfTI slices")
    return found


def _named(turned: NDArray[np.float64]) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which stored axis is x, y and z, and which of them run backwards; as stored when the header does not say."""
    if turned.shape != (3, 2) or not np.isfinite(turned).all():
        return (0, 1, 2), (False, False, False)
    order = [int(np.argmax(turned[:, 0] == wanted)) for wanted in range(3)]
    x, y, z = order
    return (x, y, z), (bool(turned[x, 1] < 0), bool(turned[y, 1] < 0), bool(turned[z, 1] < 0))


def scan_nifti(path: Path, limits: Limits) -> Header:
    """Slices in the order foot to head, volume after volume; right-anterior-superior turned to LPS."""
    volume = open_nifti(path, limits)
    rows, columns, depth, volumes = volume.size
    x, y, z = volume.zooms
    facts = Facts(
        kind="volume", rows=rows, columns=columns, frames=depth * volumes,
        pixel_spacing_mm=(y, x) if x and y else None, slice_thickness_mm=z or None,
        orientation=orientation(_ROW, _COLUMN),
    )  # fmt: skip
    slots = tuple(
        Slot(i, _ROW + _COLUMN, (0.0, 0.0, (i % depth) * (z or 1.0)), _volume(i // depth))
        for i in range(depth * volumes)
    )
    return Header("nifti", facts, "", "", "", 0, volume.color, "", slots, syntax="nifti")


def _volume(number: int) -> tuple[float | None, ...]:
    """In the order of `headers.SPLITS`: which volume of a file of several."""
    return tuple(float(number) if name == "temporal" else None for name in SPLITS)


def nifti_frame(volume: Nifti, index: int) -> Frame:
    """One slice as a radiologist sees it: patient's right on the left, front on top."""
    _, _, depth, volumes = volume.size
    if not 0 <= index < depth * volumes:
        raise FrameMissing("there is no such slice")
    plane = _plane(volume, index % depth, index // depth)
    shown = plane[::-1, ::-1]
    if volume.color:
        return _placed(frame_of(_rgb(shown)), volume)
    if plane.dtype.kind not in "iuf":
        raise UnsupportedPixels("NIfTI datatype is neither integer nor real nor RGB")
    whole = shown.dtype.kind in "iu"
    frame = frame_of(np.ascontiguousarray(narrowed(shown) if whole else np.nan_to_num(shown.astype(np.float32))))
    return _placed(frame, volume)


def _placed(frame: Frame, volume: Nifti) -> Frame:
    x, y, _ = volume.zooms
    spacing = (y, x) if x and y else None
    aspect = spacing[0] / spacing[1] if spacing else 1.0
    return dataclasses.replace(frame, edges=edge_letters(_ROW, _COLUMN), pixel_spacing_mm=spacing, pixel_aspect=aspect)


def _rgb(records: NDArray[Any]) -> NDArray[np.uint8]:
    """(rows, columns, 3) of records of R, G, B and perhaps A, which stands on white as in other pictures."""
    planes = [np.asarray(records[name]) for name in records.dtype.names or ()]
    if len(planes) not in (3, 4) or any(plane.dtype != np.uint8 for plane in planes):
        raise UnsupportedPixels("a NIfTI record is neither RGB24 nor RGBA32")
    color = np.stack(planes[:3], axis=-1)
    if len(planes) == 3 or not planes[3].any():  # nothing at all to be seen: the fourth byte is not used
        return color
    alpha = planes[3][..., None].astype(np.float32) / 255
    return np.asarray(np.round(color * alpha + 255 * (1 - alpha)), np.uint8)


def _plane(volume: Nifti, z: int, later: int) -> NDArray[Any]:
    """(y, x) of one slice, both ascending; only this slice is read."""
    image, (x_axis, y_axis, z_axis) = volume.image, volume.axes
    if volume.flipped[2]:
        z = volume.size[2] - 1 - z
    where: list[Any] = [slice(None)] * min(3, image.ndim)
    if z_axis < image.ndim:
        where[z_axis] = z
    try:
        plane = np.asarray(image.dataobj[(*where, *_later(image.shape, later))])
    except (EOFError, OSError, ValueError) as fault:
        raise TruncatedFile("the NIfTI file ends within its values") from fault
    if plane.ndim == 1:
        plane = plane[:, None]
    if x_axis < y_axis:
        plane = plane.T
    return plane[:: -1 if volume.flipped[1] else 1, :: -1 if volume.flipped[0] else 1]


def _later(shape: tuple[int, ...], index: int) -> tuple[int, ...]:
    """Indices of the dimensions after the third."""
    found = []
    for size in shape[3:]:
        found.append(index % size)
        index //= size
    return tuple(found)
