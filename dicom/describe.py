"""A dataset to `Facts`: the one place that decides what may be said. Knows tags; passes on no free text."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydicom.dataset import Dataset

from dicom import elements, ultrasound, vocabulary, voi
from dicom.cine import frame_times_ms
from dicom.facts import Facts, age_band, measurement, orientation, plausible_window, trimmed
from dicom.groups import FrameGroups
from dicom.layout import Layout
from dicom.spacing import Spacing, spacing_of
from dicom.vocabulary import code

_DESCRIPTIONS = (
    "SeriesDescription",
    "ProtocolName",
    "StudyDescription",
    "AcquisitionDeviceProcessingDescription",
)


def describe(ds: Dataset, index: int, layout: Layout) -> Facts:
    """Facts of frame `index`, but for its position. Free text is only searched for words of `vocabulary`."""
    return _of_frame(_of_file(ds, layout), ds, FrameGroups(ds, index), layout)


def describe_frames(ds: Dataset, layout: Layout) -> tuple[Facts, ...]:
    """Facts of every frame, as `describe`. Frames that do not differ share one value: ten thousand weigh like one."""
    whole = _of_file(ds, layout)
    each = [whole] * layout.frames
    if FrameGroups(ds).apart and elements.integer(ds, "TotalPixelMatrixColumns") is None:
        each = [_of_frame(whole, ds, FrameGroups(ds, index), layout) for index in range(layout.frames)]
    timed: dict[tuple[Facts, float | None], Facts] = {}
    found = []
    for key in zip(each, frame_times_ms(ds, layout.frames), strict=True):
        if key not in timed:
            timed[key] = dataclasses.replace(key[0], frame_time_ms=measurement("frame_time_ms", key[1]))
        found.append(timed[key])
    return tuple(found)


def _of_file(ds: Dataset, layout: Layout) -> Facts:
    """What an instance says of all its frames."""
    groups = FrameGroups(ds)
    facts = Facts(
        kind="dicom",
        modality=vocabulary.modality(elements.text(ds, "Modality")),
        view=_view(ds),
        rows=layout.rows,
        columns=layout.columns,
        frames=layout.frames,
        sequence=_sequence(ds),
        sex=_sex(ds),
        age_band=age_band(_age(ds)),
        magnification=measurement("magnification", _magnification(ds)),
        stain=_stain(ds),
        photometric=layout.photometric if layout.photometric in vocabulary.PHOTOMETRICS else "",
        localizer=is_localizer(ds),
        burned_in=ultrasound.may_be_burned_in(ds),
    )
    return _with(facts, set(_SAID_IN.values()), ds, groups, layout)


def _of_frame(whole: Facts, ds: Dataset, groups: FrameGroups, layout: Layout) -> Facts:
    """`whole` with what the frame's own functional groups say, PS3.3 C.7.6.16."""
    readers = {reader for macro, reader in _SAID_IN.items() if groups.own(macro)}
    return _with(whole, readers, ds, groups, layout) if readers else whole


Said = dict[str, Any]
"""Fields of `Facts` by name."""
Reader = Callable[[Dataset, FrameGroups, Layout], Said]


def _with(facts: Facts, readers: Iterable[Reader], ds: Dataset, groups: FrameGroups, layout: Layout) -> Facts:
    said: Said = {}
    for reader in readers:
        said |= reader(ds, groups, layout)
    return dataclasses.replace(facts, **said)


def _anatomy(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    return {"body_part": body_part(ds, groups), "laterality": _laterality(ds, groups)}


def _agent(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    return {"contrast": _contrast(ds, groups)}


def _geometry(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    found, spacing = groups.orientation, spacing_of(ds, groups)
    return {
        "orientation": orientation(found[:3], found[3:]) if found else "",
        "pixel_spacing_mm": None if spacing is None else (trimmed(spacing.rows), trimmed(spacing.columns)),
        "spacing_at": "" if spacing is None else spacing.at,
        "slice_thickness_mm": measurement("slice_thickness_mm", groups.thickness),
        "microns_per_pixel": _microns(ds, spacing),
    }


def _voi(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    first = next(iter(voi.windows(groups)), None) if layout.samples == 1 else None
    return {"window": plausible_window(first.center, first.width) if first is not None else None}


def _tube(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    return {"kvp": measurement("kvp", groups.decimal("CTXRayDetailsSequence", "KVP"))}


def _timing(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    repetition = groups.decimal("MRTimingAndRelatedParametersSequence", "RepetitionTime")
    return {"repetition_time_ms": measurement("repetition_time_ms", repetition)}


def _echo(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    return {"echo_time_ms": measurement("echo_time_ms", echo_time(ds, groups))}


def _diffusion(ds: Dataset, groups: FrameGroups, layout: Layout) -> Said:
    return {"b_value": measurement("b_value", b_value(ds, groups))}


_SAID_IN: Mapping[str, Reader] = {
    "FrameAnatomySequence": _anatomy,
    "ContrastBolusUsageSequence": _agent,
    "PlaneOrientationSequence": _geometry,
    "PixelMeasuresSequence": _geometry,
    "FramePixelDataPropertiesSequence": _geometry,
    "ProjectionPixelCalibrationSequence": _geometry,
    "FrameVOILUTSequence": _voi,
    "CTXRayDetailsSequence": _tube,
    "MRTimingAndRelatedParametersSequence": _timing,
    "MREchoSequence": _echo,
    "MRDiffusionSequence": _diffusion,
}
"""The macros in which frames of one file may differ, and what reads them."""


def is_localizer(ds: Dataset) -> bool:
    """(0008,0008) ImageType value 3 LOCALIZER or SCOUT, PS3.3 C.8.2.1.1.1."""
    return any(t.upper() in ("LOCALIZER", "SCOUT", "TOPOGRAM") for t in elements.texts(ds, "ImageType"))


def echo_time(ds: Dataset, groups: FrameGroups) -> float | None:
    effective = groups.decimal("MREchoSequence", "EffectiveEchoTime")
    return effective if effective is not None else elements.decimal(ds, "EchoTime")


_PRIVATE_B_VALUES = (
    (0x0019, "SIEMENS MR HEADER", 0x0C),
    (0x0043, "GEMS_PARM_01", 0x39),  # GE adds a thousand million
    (0x2001, "Philips Imaging DD 001", 0x03),
)
"""Where scanners put the b-value before the standard had a place for it."""


def b_value(ds: Dataset, groups: FrameGroups) -> float | None:
    """(0018,9087) DiffusionBValue, s/mm2, else the private element of the three large makers, which is one for a whole
    file and so says nothing of the frames of an enhanced one."""
    found = groups.decimal("MRDiffusionSequence", "DiffusionBValue")
    if found is None and not groups.apart and elements.text(ds, "Modality").upper() == "MR":
        places = (elements.private_decimal(ds, *place) for place in _PRIVATE_B_VALUES)
        found = next((b % 1_000_000 for b in places if b is not None), None)
    return found


def body_part(ds: Dataset, groups: FrameGroups) -> str:
    """From (0018,0015), the coded region, and only then from words in descriptions."""
    words = vocabulary.BODY_PARTS
    found = code(elements.text(ds, "BodyPartExamined"), words)
    for holder in (ds, groups.holder("FrameAnatomySequence", "AnatomicRegionSequence")):
        region = elements.first_item(holder, "AnatomicRegionSequence")
        if not found and region is not None:
            found = code(elements.text(region, "CodeMeaning"), words)
    for keyword in _DESCRIPTIONS:
        found = found or code(elements.text(ds, keyword), words)
    if not found and elements.text(ds, "Modality").upper() == "MG":
        found = "BREAST"
    return found


def _view(ds: Dataset) -> str:
    found = code(elements.text(ds, "ViewPosition"), vocabulary.VIEWS)
    item = elements.first_item(ds, "ViewCodeSequence")
    if not found and item is not None:
        meaning = elements.text(item, "CodeMeaning").lower()
        for words, view in _VIEW_MEANINGS:
            if words in meaning:
                return view
    return found


_VIEW_MEANINGS = (
    ("exaggerated laterally", "XCCL"), ("exaggerated medially", "XCCM"),
    ("superolateral to inferomedial", "SIO"), ("inferomedial to superolateral", "ISO"),
    ("medio-lateral oblique", "MLO"), ("latero-medial oblique", "LMO"),
    ("cranio-caudal", "CC"), ("medio-lateral", "ML"), ("latero-medial", "LM"),
    ("postero-anterior", "PA"), ("antero-posterior", "AP"), ("lateral", "LATERAL"), ("oblique", "OBLIQUE"),
)  # fmt: skip


def _laterality(ds: Dataset, groups: FrameGroups) -> str:
    """Of the frame, else of the image, else of the series: the nearest that says anything, PS3.3 C.7.3.1.

    "U" (unpaired) says that there is no side, whatever a farther one says.
    """
    for found in (
        groups.text("FrameAnatomySequence", "FrameLaterality"),
        elements.text(ds, "ImageLaterality"),
        elements.text(ds, "Laterality"),
    ):
        if found:
            return letter if (letter := found.upper()[:1]) in ("L", "R", "B") else ""
    return ""


def _sequence(ds: Dataset) -> str:
    if elements.text(ds, "Modality").upper() != "MR":
        return ""
    found = ""
    for keyword in ("SeriesDescription", "ProtocolName", "AcquisitionContrast"):
        found = found or code(elements.text(ds, keyword).replace("_", " "), vocabulary.SEQUENCES)
    return found


def _contrast(ds: Dataset, groups: FrameGroups) -> str:
    """Of the frame by (0018,9344) and (0018,9342) of its ContrastBolusUsageSequence, else of the whole file."""
    usage = "ContrastBolusUsageSequence"
    phase = code(groups.text(usage, "ContrastBolusAgentPhase").replace("_", " "), vocabulary.PHASES)
    administered = groups.text(usage, "ContrastBolusAgentAdministered").upper()
    if administered == "NO" or phase:
        return "NONE" if administered == "NO" else phase
    phase = code(elements.text(ds, "SeriesDescription").replace("_", " "), vocabulary.PHASES)
    agent = elements.text(ds, "ContrastBolusAgent").upper()
    if phase:
        return phase
    if agent in ("NONE", "NO", "N"):
        return "NONE"
    told = agent or administered == "YES" or elements.items(ds, "ContrastBolusAgentSequence")
    return "YES" if told else ""


def _sex(ds: Dataset) -> str:
    found = elements.text(ds, "PatientSex").upper()
    return found if found in ("M", "F", "O") else ""


def _age(ds: Dataset) -> float | None:
    """Years from (0010,1010) PatientAge such as 034Y, 006M, 010D; dates of birth are not looked at.

    000Y is what de-identified files carry: it says nothing.
    """
    text = elements.text(ds, "PatientAge").upper()
    per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}.get(text[-1:], 0.0)
    if not per_year or not text[:-1].isdigit() or text == "000Y":
        return None
    return int(text[:-1]) / per_year


def _magnification(ds: Dataset) -> float | None:
    path = elements.first_item(ds, "OpticalPathSequence")
    return None if path is None else elements.decimal(path, "ObjectiveLensPower")


def _microns(ds: Dataset, spacing: Spacing | None) -> float | None:
    if elements.text(ds, "Modality").upper() != "SM" or spacing is None:
        return None
    return measurement("microns_per_pixel", statistics.fmean(spacing.pair) * 1000)


def _stain(ds: Dataset) -> str:
    """A stain named in (0040,0560) SpecimenDescriptionSequence's preparation steps."""
    for specimen in elements.items(ds, "SpecimenDescriptionSequence"):
        for step in elements.items(specimen, "SpecimenPreparationSequence"):
            for content in elements.items(step, "SpecimenPreparationStepContentItemSequence"):
                value = elements.first_item(content, "ConceptCodeSequence")
                found = "" if value is None else code(elements.text(value, "CodeMeaning"), vocabulary.STAINS)
                if found:
                    return found
    return ""
