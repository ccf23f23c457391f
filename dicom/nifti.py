"""NIfTI volumes as axial slices when nibabel is installed. Knows nibabel, no DICOM."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom.errors import DamagedFile, FrameMissing, MissingDecoder, TooManyFrames, TooManyPixels
from dicom.facts import Facts, edge_letters, orientation
from dicom.headers import Header, Slot
from dicom.limits import Limits
from dicom.raster import frame_of
from dicom.values import Frame


def _open(path: Path, limits: Limits) -> Any:
    try:
        nibabel: Any = importlib.import_module("nibabel")  # optional, so not a plain import
    except ImportError as missing:
        raise MissingDecoder("nibabel") from missing
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        handle = nibabel.fileholders.FileHolder(fileobj=_stream(path, packed))
    try:
        image = nibabel.Nifti1Image.from_file_map({"header": handle, "image": handle})
    except (
        nibabel.spatialimages.HeaderDataError,
        nibabel.filebasedimages.ImageFileError,
        OSError,
        ValueError,
        EOFError,
    ) as fault:
        raise DamagedFile("the NIfTI header cannot be read") from fault
    rows, columns, slices = _size(image.shape)
    if rows * columns > limits.frame_pixels or rows * columns * slices > limits.file_pixels:
        raise TooManyPixels("Limits.frame_pixels or file_pixels: NIfTI dimensions")
    if slices > limits.frames:
        raise TooManyFrames("Limits.frames: NIfTI slices")
    return nibabel.as_closest_canonical(image) if image.ndim >= 3 else image


def _stream(path: Path, packed: bool) -> Any:
    import gzip

    return gzip.open(path, "rb") if packed else path.open("rb")


def _size(shape: tuple[int, ...]) -> tuple[int, int, int]:
    full = (*shape, 1, 1, 1)
    return int(full[1]), int(full[0]), int(np.prod(full[2:]))


def scan_nifti(path: Path, limits: Limits) -> Header:
    """Slices in the order foot to head, volume after volume; right-anterior-superior turned to LPS."""
    image = _open(path, limits)
    rows, columns, slices = _size(image.shape)
    zooms = [float(z) for z in image.header.get_zooms()[:3]]
    spacing = (zooms[1], zooms[0]) if len(zooms) >= 2 and min(zooms[:2]) > 0 else None
    thickness = zooms[2] if len(zooms) > 2 and 0 < zooms[2] < 1000 else None
    depth = int((*image.shape, 1, 1, 1)[2])
    facts = Facts(
        kind="volume", rows=rows, columns=columns, frames=slices, pixel_spacing_mm=spacing,
        slice_thickness_mm=thickness, orientation=orientation(_ROW, _COLUMN),
    )  # fmt: skip
    slots = tuple(
        Slot(
            i,
            _ROW + _COLUMN,
            (0.0, 0.0, (i % depth) * (thickness or 1.0)),
            (None, None, None, float(i // depth)),
        )
        for i in range(slices)
    )
    return Header("nifti", facts, "", "", "", 0, False, "", slots, syntax="nifti")


_ROW, _COLUMN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def nifti_frame(path: Path, index: int, limits: Limits) -> Frame:
    """One slice as a radiologist sees it: patient's right on the left, front on top."""
    import dataclasses

    image = _open(path, limits)
    rows, columns, slices = _size(image.shape)
    if not 0 <= index < slices:
        raise FrameMissing("there is no such slice")
    depth = int((*image.shape, 1, 1, 1)[2])
    where = (
        slice(None),
        slice(None),
        *((index % depth,) if image.ndim > 2 else ()),
        *_later(image.shape, index // depth),
    )
    plane: NDArray[Any] = np.asarray(image.dataobj[where], np.float32).reshape(columns, rows)
    frame = frame_of(np.ascontiguousarray(np.nan_to_num(plane.T[::-1, ::-1])))
    zooms = [float(z) for z in image.header.get_zooms()[:2]]
    spacing = (zooms[1], zooms[0]) if min(zooms) > 0 else None
    aspect = spacing[0] / spacing[1] if spacing else 1.0
    return dataclasses.replace(frame, edges=edge_letters(_ROW, _COLUMN), pixel_spacing_mm=spacing, pixel_aspect=aspect)


def _later(shape: tuple[int, ...], index: int) -> tuple[int, ...]:
    """Indices of the dimensions after the third."""
    found = []
    for size in shape[3:]:
        found.append(index % size)
        index //= size
    return tuple(found)
