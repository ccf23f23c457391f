"""A parsed DICOM file to its `Header`: what grouping and sorting need. Decodes nothing."""

from __future__ import annotations

import datetime
import re

from pydicom.dataset import Dataset

from dicom import elements, kinds
from dicom.describe import b_value, describe_frames, echo_time
from dicom.errors import DirectoryFile
from dicom.facts import Facts
from dicom.frames import is_color, unit_of
from dicom.groups import FrameGroups
from dicom.headers import Header, Slot
from dicom.held import layout_of
from dicom.limits import Limits
from dicom.source import Source

_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d(?:\.\d*)?))?)?")
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
    layout = layout_of(source, limits)
    each = describe_frames(ds, layout)
    return Header(
        reader="dicom",
        facts=each[0],
        study=elements.text(ds, "StudyInstanceUID"),
        series=elements.text(ds, "SeriesInstanceUID"),
        instance=elements.text(ds, "SOPInstanceUID"),
        number=elements.integer(ds, "InstanceNumber"),
        color=is_color(layout, ds),
        unit=unit_of(ds, FrameGroups(ds, 0)),
        slots=_slots(ds, layout.frames),
        syntax=source.syntax,
        notes=("more-frames",) if layout.frames > max(1, elements.integer(ds, "NumberOfFrames") or 1) else (),
        each=each if len(set(each)) > 1 else (),
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
    in_stack = groups.decimal("FrameContentSequence", "InStackPositionNumber")
    number = None if in_stack is None else int(in_stack)
    return Slot(index, groups.orientation, groups.position, _splits(ds, groups), number)


def _splits(ds: Dataset, groups: FrameGroups) -> tuple[float | str | None, ...]:
    """In the order of `headers.SPLITS`."""
    return (
        groups.text("FrameContentSequence", "StackID") or None,
        echo_time(ds, groups),
        b_value(ds, groups),
        _direction(groups),
        _first(
            groups.decimal("TemporalPositionSequence", "TemporalPositionTimeOffset"),
            groups.decimal("FrameContentSequence", "TemporalPositionIndex"),
            elements.decimal(ds, "TemporalPositionIdentifier"),
            elements.decimal(ds, "FrameReferenceTime"),
        ),
        _first(
            groups.decimal("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
            groups.decimal("RespiratorySynchronizationSequence", "NominalPercentageOfRespiratoryPhase"),
            groups.decimal("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
            elements.decimal(ds, "TriggerTime"),
        ),
        _component(ds, groups),
        _first(groups.decimal("MRModifierSequence", "InversionTimes"), elements.decimal(ds, "InversionTime")),
        groups.decimal("MRTimingAndRelatedParametersSequence", "FlipAngle"),
        groups.decimal("CTXRayDetailsSequence", "KVP"),
        _first(
            groups.decimal("FrameContentSequence", "FrameAcquisitionNumber"), elements.decimal(ds, "AcquisitionNumber")
        ),
        _first(
            _moment(groups.text("FrameContentSequence", "FrameAcquisitionDateTime")),
            _moment(groups.text("FrameContentSequence", "FrameReferenceDateTime")),
            _moment(elements.text(ds, "AcquisitionDateTime")),
            _moment(elements.text(ds, "AcquisitionDate") + elements.text(ds, "AcquisitionTime")),
            _seconds(elements.text(ds, "AcquisitionTime")),
        ),
        _first(
            _moment(elements.text(ds, "ContentDate") + elements.text(ds, "ContentTime")),
            _seconds(elements.text(ds, "ContentTime")),
        ),
    )


def _moment(text: str) -> float | None:
    """Seconds of a DT such as 20261122101500.25+0100 from some day on, the offset left out, PS3.5 6.2; None when it has
    no time of day."""
    try:
        day = datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
    seconds = _seconds(text[8:])
    return None if seconds is None else day.toordinal() * 86400.0 + seconds


def _seconds(text: str) -> float | None:
    """Seconds of a TM such as 101500.25 since midnight, PS3.5 6.2."""
    found = _TIME.match(text)
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


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
