"""A parsed DICOM file to its `Header`: what grouping and sorting need. Decodes nothing."""

from __future__ import annotations

from pydicom.dataset import Dataset

from dicom import elements, kinds
from dicom.describe import b_value, describe, echo_time
from dicom.errors import DirectoryFile
from dicom.facts import Facts
from dicom.frames import is_color, unit_of
from dicom.groups import FrameGroups
from dicom.headers import Header, Slot
from dicom.layout import read_layout
from dicom.limits import Limits
from dicom.source import Source

_COMPONENTS = {
    "M",
    "P",
    "R",
    "I",
    "MAGNITUDE",
    "PHASE",
    "REAL",
    "IMAGINARY",
    "IN_PHASE",
    "OUT_PHASE",
    "WATER",
    "FAT",
}


def scan_dicom(source: Source, limits: Limits) -> Header:
    """The header of an image object. Raises the `NotAnImage` that says what any other object is."""
    ds = source.dataset
    if kinds.is_directory(ds):
        return _directory(ds)
    kinds.refuse_non_images(source)
    if source.pixels is None:
        raise DirectoryFile("unreachable: refuse_non_images names objects without pixels")
    layout = read_layout(ds, source.pixels.keyword, limits)
    facts = describe(ds, 0, layout)
    return Header(
        reader="dicom",
        facts=facts,
        study=elements.text(ds, "StudyInstanceUID"),
        series=elements.text(ds, "SeriesInstanceUID"),
        instance=elements.text(ds, "SOPInstanceUID"),
        number=elements.integer(ds, "InstanceNumber") or 0,
        color=is_color(layout, ds),
        unit=unit_of(ds, FrameGroups(ds, 0)),
        slots=_slots(ds, layout.frames),
        syntax=source.syntax,
    )


def is_tiled_slide(ds: Dataset) -> bool:
    """VL whole slide microscopy, PS3.3 A.32.8: frames are tiles of one matrix."""
    return elements.integer(ds, "TotalPixelMatrixColumns") is not None


def _directory(ds: Dataset) -> Header:
    """One entry per directory record, so that a missing file can be told by its record's number."""
    records = elements.items(ds, "DirectoryRecordSequence")
    references = tuple(tuple(elements.texts(record, "ReferencedFileID")) for record in records)
    return Header("directory", Facts(), "", "", "", 0, False, "", (), references)


def _slots(ds: Dataset, frames: int) -> tuple[Slot, ...]:
    """The places of all frames; tiles of a slide, ten thousand at times, are not sorted by position."""
    if is_tiled_slide(ds):
        return tuple(Slot(i, None, None) for i in range(frames))
    return tuple(_slot(ds, i) for i in range(frames))


def _slot(ds: Dataset, index: int) -> Slot:
    groups = FrameGroups(ds, index)
    return Slot(index, groups.orientation, groups.position, _splits(ds, groups))


def _splits(ds: Dataset, groups: FrameGroups) -> tuple[float | str | None, ...]:
    """In the order of `headers.SPLITS`."""
    return (
        echo_time(ds, groups),
        b_value(ds, groups),
        _direction(groups),
        _first(
            groups.decimal("TemporalPositionSequence", "TemporalPositionTimeOffset"),
            groups.decimal("FrameContentSequence", "TemporalPositionIndex"),
            elements.decimal(ds, "TemporalPositionIdentifier"),
        ),
        _first(
            groups.decimal("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
            elements.decimal(ds, "TriggerTime"),
        ),
        _component(ds, groups),
        elements.decimal(ds, "AcquisitionNumber"),
        elements.text(ds, "AcquisitionTime") or None,
    )


def _first(*numbers: float | None) -> float | None:
    return next((number for number in numbers if number is not None), None)


def _direction(groups: FrameGroups) -> str | None:
    holder = groups.holder("MRDiffusionSequence", "DiffusionGradientDirectionSequence")
    item = elements.first_item(holder, "DiffusionGradientDirectionSequence")
    numbers = elements.decimals(item or holder, "DiffusionGradientOrientation")
    return " ".join(f"{n:.4f}" for n in numbers) or None


def _component(ds: Dataset, groups: FrameGroups) -> str | None:
    """Magnitude, phase and the like among the values of (0008,0008) ImageType or (0008,9007) FrameType."""
    own = elements.texts(groups.holder("MRImageFrameTypeSequence", "FrameType"), "FrameType")
    own += elements.texts(groups.holder("MRImageFrameTypeSequence", "ComplexImageComponent"), "ComplexImageComponent")
    types = own or elements.texts(ds, "ImageType")[2:]
    found = {t.upper() for t in types if t.upper() in _COMPONENTS}
    return " ".join(sorted(found)) or None
