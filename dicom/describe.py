"""A dataset to `Facts`: the one place that decides what may be said. Knows tags; passes on no free text."""

from __future__ import annotations

import statistics

from pydicom.dataset import Dataset

from dicom import elements, ultrasound, vocabulary, voi
from dicom.facts import Facts, age_band, measurement, orientation, plausible_window, trimmed
from dicom.groups import FrameGroups
from dicom.layout import Layout
from dicom.vocabulary import code

_DESCRIPTIONS = (
    "SeriesDescription",
    "ProtocolName",
    "StudyDescription",
    "AcquisitionDeviceProcessingDescription",
)


def describe(ds: Dataset, index: int, layout: Layout) -> Facts:
    """Facts of frame `index`. Free text is only searched for words of `vocabulary`."""
    groups = FrameGroups(ds, index)
    found = groups.orientation
    spacing = groups.spacing or ultrasound.spacing_mm(ds)
    return Facts(
        kind="dicom",
        modality=vocabulary.modality(elements.text(ds, "Modality")),
        body_part=body_part(ds, groups),
        view=_view(ds),
        laterality=_laterality(ds, groups),
        orientation=orientation(found[:3], found[3:]) if found else "",
        rows=layout.rows,
        columns=layout.columns,
        frames=layout.frames,
        pixel_spacing_mm=None if spacing is None else (trimmed(spacing[0]), trimmed(spacing[1])),
        slice_thickness_mm=measurement("slice_thickness_mm", groups.thickness),
        slice_position_mm=measurement("slice_position_mm", along_normal(groups)),
        window=_window(groups, layout),
        sequence=_sequence(ds),
        contrast=_contrast(ds),
        sex=_sex(ds),
        age_band=age_band(_age(ds)),
        kvp=measurement("kvp", elements.decimal(ds, "KVP")),
        repetition_time_ms=measurement(
            "repetition_time_ms", groups.decimal("MRTimingAndRelatedParametersSequence", "RepetitionTime")
        ),
        echo_time_ms=measurement("echo_time_ms", echo_time(ds, groups)),
        b_value=measurement("b_value", b_value(ds, groups)),
        magnification=measurement("magnification", _magnification(ds)),
        microns_per_pixel=_microns(ds, groups),
        stain=_stain(ds),
        photometric=layout.photometric if layout.photometric in vocabulary.PHOTOMETRICS else "",
        localizer=is_localizer(ds),
        burned_in=ultrasound.may_be_burned_in(ds),
    )


def _window(groups: FrameGroups, layout: Layout) -> tuple[float, float] | None:
    first = next(iter(voi.windows(groups)), None) if layout.samples == 1 else None
    return plausible_window(first.center, first.width) if first is not None else None


def is_localizer(ds: Dataset) -> bool:
    """(0008,0008) ImageType value 3 LOCALIZER or SCOUT, PS3.3 C.8.2.1.1.1."""
    return any(t.upper() in ("LOCALIZER", "SCOUT", "TOPOGRAM") for t in elements.texts(ds, "ImageType"))


def along_normal(groups: FrameGroups) -> float | None:
    """Position of the slice along its own normal, mm: what slices are sorted by."""
    o, p = groups.orientation, groups.position
    if o is None or p is None:
        return None
    normal = (o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3])
    return sum(n * c for n, c in zip(normal, p, strict=True))


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
    """(0018,9087) DiffusionBValue, s/mm2, else the private element of the three large makers."""
    found = groups.decimal("MRDiffusionSequence", "DiffusionBValue")
    if found is None and elements.text(ds, "Modality").upper() == "MR":
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
    ("medio-lateral oblique", "MLO"), ("cranio-caudal", "CC"), ("medio-lateral", "ML"),
    ("latero-medial", "LM"),
    ("postero-anterior", "PA"), ("antero-posterior", "AP"), ("lateral", "LATERAL"), ("oblique", "OBLIQUE"),
)  # fmt: skip


def _laterality(ds: Dataset, groups: FrameGroups) -> str:
    for keyword in ("ImageLaterality", "Laterality"):
        found = elements.text(ds, keyword).upper()[:1]
        if found in ("L", "R", "B"):
            return found
    found = groups.text("FrameAnatomySequence", "FrameLaterality").upper()[:1]
    return found if found in ("L", "R", "B") else ""


def _sequence(ds: Dataset) -> str:
    if elements.text(ds, "Modality").upper() != "MR":
        return ""
    found = ""
    for keyword in ("SeriesDescription", "ProtocolName", "AcquisitionContrast"):
        found = found or code(elements.text(ds, keyword).replace("_", " "), vocabulary.SEQUENCES)
    return found


def _contrast(ds: Dataset) -> str:
    phase = code(elements.text(ds, "SeriesDescription").replace("_", " "), vocabulary.PHASES)
    agent = elements.text(ds, "ContrastBolusAgent").upper()
    if phase:
        return phase
    if agent in ("NONE", "NO", "N"):
        return "NONE"
    return "YES" if agent or elements.items(ds, "ContrastBolusAgentSequence") else ""


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


def _microns(ds: Dataset, groups: FrameGroups) -> float | None:
    if elements.text(ds, "Modality").upper() != "SM" or groups.spacing is None:
        return None
    return measurement("microns_per_pixel", statistics.fmean(groups.spacing) * 1000)


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
