"""Builders of DICOM and raster files, real ones written by pydicom and Pillow, and the place of the corpus."""

from __future__ import annotations

import functools
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from dicom import Frame, Limits, Sandbox
from dicom.sandbox import shared_sandbox

SHARED = Path(__file__).resolve().parents[2] / "shared"
CORPUS = SHARED / "dicom-corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="the shared DICOM corpus is not on this machine")

IDENTITY: Mapping[str, str] = {
    "PatientName": "Planted^Identity",
    "PatientID": "PLANTED-0815",
    "PatientBirthDate": "19010203",
    "InstitutionName": "Planted Hospital",
    "ReferringPhysicianName": "Planted^Referrer",
    "AccessionNumber": "PLANTED-ACC",
    "StudyDate": "19990102",
    "StudyDescription": "Planted description of a CHEST",
}
"""Identities planted in every built file; none may come out again."""


def ramp(rows: int = 64, columns: int = 256, *, top: int = 4095) -> NDArray[np.uint16]:
    """Columns rise evenly from 0 to `top`."""
    return np.tile(np.linspace(0, top, columns).round().astype(np.uint16), (rows, 1))


def make_dataset(
    pixels: NDArray[Any] | None = None,
    *,
    photometric: str = "MONOCHROME2",
    window: tuple[float, float] | None = None,
    bits_stored: int | None = None,
    **elements: Any,
) -> Dataset:
    """A CT-like dataset around `pixels` ((rows, columns[, 3]) or with frames first); `elements` override."""
    array = ramp() if pixels is None else pixels
    color = array.ndim >= 3 and array.shape[-1] == 3
    frames = array.shape[0] if array.ndim == (4 if color else 3) else 1
    rows, columns = array.shape[-3:-1] if color else array.shape[-2:]
    bits = array.dtype.itemsize * 8
    ds = Dataset()
    for keyword, text in IDENTITY.items():
        setattr(ds, keyword, text)
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.Modality, ds.InstanceNumber = "CT", 1
    ds.Rows, ds.Columns, ds.SamplesPerPixel = int(rows), int(columns), 3 if color else 1
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated, ds.BitsStored = bits, bits_stored or bits
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(array.dtype.kind == "i")
    if color:
        ds.PlanarConfiguration = 0
    if frames > 1:
        ds.NumberOfFrames = frames
    if window is not None:
        ds.WindowCenter, ds.WindowWidth = window
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.PixelData = np.ascontiguousarray(array).tobytes()
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"
    return ds


def to_bytes(ds: Dataset, *, syntax: str = ExplicitVRLittleEndian, preamble: bool = True) -> bytes:
    """The dataset as a file."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    out = io.BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue() if preamble else out.getvalue()[132:]


def make_dicom(path: Path, pixels: NDArray[Any] | None = None, **elements: Any) -> Path:
    """Write `make_dataset(pixels, **elements)` to `path`."""
    path.write_bytes(to_bytes(make_dataset(pixels, **elements)))
    return path


def make_stack(
    folder: Path,
    positions: Sequence[float],
    *,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    series: str | None = None,
    numbers: Sequence[int] | None = None,
    **elements: Any,
) -> list[Path]:
    """One file per position along z, whose every sample is its rank by position; names say nothing of the order."""
    folder.mkdir(parents=True, exist_ok=True)
    series = series or generate_uid()
    ranks = {p: i for i, p in enumerate(sorted(set(positions)))}
    paths = []
    for i, position in enumerate(positions):
        ds = make_dataset(np.full((8, 8), ranks[position], np.int16), **elements)
        ds.SeriesInstanceUID, ds.StudyInstanceUID = series, "1.2.3"
        ds.InstanceNumber = numbers[i] if numbers else i + 1
        ds.ImageOrientationPatient = list(orientation)
        ds.ImagePositionPatient = [0.0, 0.0, float(position)]
        ds.PixelSpacing, ds.SliceThickness = [1.0, 1.0], 1.0
        path = folder / f"{generate_uid()[-12:]}"
        path.write_bytes(to_bytes(ds))
        paths.append(path)
    return paths


def make_ct(folder: Path, slices: int, *, side: int = 512) -> list[Path]:
    """One axial CT series, `side` x `side` with noise that does not compress; names in the order of the slices."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(slices)
    common = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid()}
    paths = []
    for number in range(1, slices + 1):
        pixels = random.integers(0, 2000, (side, side)).astype(np.int16)
        pixels[: side // 2] //= 8  # so that a picture shows which way up it is
        paths.append(
            make_dicom(
                folder / f"slice-{number:04d}.dcm",
                pixels,
                window=(0, 2000),
                InstanceNumber=number,
                ImagePositionPatient=[-128.0, -128.0, float(number)],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                PixelSpacing=[0.5, 0.5],
                RescaleSlope=1,
                RescaleIntercept=-1024,
                **common,
            )
        )
    return paths


def item(**elements: Any) -> Dataset:
    """A sequence item."""
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def sequence(*items: Dataset) -> DicomSequence:
    return DicomSequence(items)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A ZIP of these members, deflated."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


@functools.cache
def sandbox() -> Sandbox:
    """The workers all DICOM tests share."""
    return shared_sandbox(Limits())


def read_frame(path: Path, index: int = 0, *, keep_burned_in: bool = False) -> Frame:
    """One frame of one file through the sandbox."""
    header = sandbox().call("scan", str(path))
    frame: Frame = sandbox().call("frame", str(path), header.reader, index, 0, keep_burned_in)
    return frame
