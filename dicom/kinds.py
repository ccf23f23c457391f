"""Which DICOM objects are pictures, and what the others are (PS3.4 B.5, PS3.6 A). Knows UIDs, no pixels."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.uid import UID

from dicom import elements
from dicom.errors import (
    Annotations,
    EncapsulatedDocument,
    HeaderOnly,
    NotAnImage,
    OtherObject,
    PresentationState,
    RadiotherapyObject,
    Segmentation,
    StructuredReport,
    TruncatedFile,
    VideoObject,
    Waveform,
    WithheldImage,
)
from dicom.source import Source

_ROOT = "1.2.840.10008.5.1.4.1.1."
DIRECTORY = "1.2.840.10008.1.3.10"

_OBJECTS: Mapping[str, type[NotAnImage]] = {
    "88.": StructuredReport,
    "66.4": Segmentation,
    "66.5": Segmentation,
    "66.7": Segmentation,
    "66.8": Segmentation,
    "66.1": Annotations,
    "66.2": Annotations,
    "66.3": Annotations,
    "66.6": OtherObject,  # tractography
    "91.1": Annotations,
    "11.": PresentationState,
    "9.": Waveform,
    "4.2": OtherObject,  # MR spectroscopy: Rows and Columns, but spectra
    "104.": EncapsulatedDocument,
    "481.3": RadiotherapyObject,
    "481.4": RadiotherapyObject,
    "481.5": RadiotherapyObject,
    "481.6": RadiotherapyObject,
    "481.7": RadiotherapyObject,
    "481.8": RadiotherapyObject,
    "481.9": RadiotherapyObject,
    "481.1": RadiotherapyObject,
}
"""Suffix of the SOP class to the error; looked at in this order, for objects that are never a picture."""
_PICTURES_DESPITE = frozenset(("481.1", "481.2"))  # RT image, RT dose
_MODALITIES: Mapping[str, type[NotAnImage]] = {
    "SR": StructuredReport, "KO": StructuredReport, "SEG": Segmentation, "PR": PresentationState,
    "ECG": Waveform, "EPS": Waveform, "HD": Waveform, "AU": Waveform, "RESP": Waveform,
    "DOC": EncapsulatedDocument,
    "M3D": EncapsulatedDocument, "RTSTRUCT": RadiotherapyObject, "RTPLAN": RadiotherapyObject,
    "RTRECORD": RadiotherapyObject, "ANN": Annotations, "REG": Annotations, "FID": Annotations,
}  # fmt: skip
_VIDEO = tuple(f"1.2.840.10008.1.2.4.{n}" for n in range(100, 109))
_VIDEO_OVER_IP = "1.2.840.10008.1.2.7."


def refuse_non_images(source: Source) -> None:
    """Raise what says why there is no picture: `NotAnImage`, `TruncatedFile` or `WithheldImage`."""
    ds = source.dataset
    error = _object(ds)
    if error is not None:
        raise error("(0008,0016) SOPClassUID or (0008,0060) Modality names an object without pictures")
    if source.syntax.startswith((*_VIDEO, _VIDEO_OVER_IP)):
        raise VideoObject("(0002,0010) TransferSyntaxUID is a video")
    if source.pixels is None or source.pixels.length == 0:
        raise _without_pixels(source)
    if is_withheld(ds):
        raise WithheldImage("(0008,0008) ImageType is LABEL or OVERVIEW, or (0048,0010) SpecimenLabelInImage is YES")


def _object(ds: Dataset) -> type[NotAnImage] | None:
    uid = elements.text(ds, "SOPClassUID")
    if uid.startswith(_ROOT):
        suffix = uid[len(_ROOT) :]
        if suffix not in _PICTURES_DESPITE:
            for start, error in _OBJECTS.items():
                if suffix == start or (suffix + ".").startswith(start if start.endswith(".") else start + "."):
                    return error
    return _MODALITIES.get(elements.text(ds, "Modality").upper())


def _without_pixels(source: Source) -> Exception:
    ds = source.dataset
    if source.truncated:
        return TruncatedFile("the header ends within an element")
    if elements.value(ds, "EncapsulatedDocument") is not None:
        return EncapsulatedDocument("(0042,0011) EncapsulatedDocument")
    if "Rows" in ds or elements.text(ds, "PhotometricInterpretation"):
        return HeaderOnly("(7FE0,0010) PixelData is absent")
    if _is_image_class(ds):
        return HeaderOnly("(0028,0010) Rows and (7FE0,0010) PixelData are absent")
    return OtherObject("neither (7FE0,0010) PixelData nor a kind of object we can name")


def _is_image_class(ds: Dataset) -> bool:
    """Whether the SOP class, of the data set or of the file meta group, is one of images by its name."""
    meta = getattr(ds, "file_meta", None)
    named = elements.text(ds, "SOPClassUID")
    if not named and meta is not None:
        named = elements.text(meta, "MediaStorageSOPClassUID")
    return "Image Storage" in UID(named, validation_mode=IGNORE).name


def is_withheld(ds: Dataset) -> bool:
    """A slide's picture that may show a name: its label or overview by ImageType value 3 (PS3.3 C.8.12.4.1.1), or any
    that says (0048,0010) SpecimenLabelInImage YES (C.8.12.4)."""
    if elements.text(ds, "SpecimenLabelInImage").upper() == "YES":
        return True
    return any(t.upper() in ("LABEL", "OVERVIEW") for t in elements.texts(ds, "ImageType")[2:3])


def is_directory(ds: Dataset) -> bool:
    """A DICOMDIR: (0002,0002) or the directory record sequence itself."""
    meta = getattr(ds, "file_meta", None)
    named = "" if meta is None else elements.text(meta, "MediaStorageSOPClassUID")
    return named == DIRECTORY or "DirectoryRecordSequence" in ds
