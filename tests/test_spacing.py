"""How far apart pixels are, and where that holds: in the patient, at the detector, on the film (PS3.3 10.7.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.captions import caption
from app.locale import Locale
from app.told import prompt
from dicom import open_study
from tests.dicom_files import item, make_dicom, read_frame, sequence

MAGNIFIED = {"EstimatedRadiographicMagnificationFactor": 1.8}
DETECTOR = {"Modality": "MG", "ImagerPixelSpacing": [0.1, 0.1]}


def region(delta: float, *, units: int = 3, x1: int = 255) -> Any:
    """An ultrasound region with a calibration, in cm per pixel when `units` are 3."""
    return item(
        RegionSpatialFormat=1, RegionDataType=1, RegionLocationMinX0=0, RegionLocationMinY0=0, RegionLocationMaxX1=x1,
        RegionLocationMaxY1=63, PhysicalUnitsXDirection=units, PhysicalUnitsYDirection=units, PhysicalDeltaX=delta,
        PhysicalDeltaY=delta,
    )  # fmt: skip


CASES: list[tuple[str, dict[str, Any], tuple[float, float] | None, str]] = [
    ("a detector alone", DETECTOR, (0.1, 0.1), "detector"),
    ("a known magnification", {**DETECTOR, **MAGNIFIED}, (0.0555555556, 0.0555555556), "patient"),
    ("no magnification at all", {**DETECTOR, "EstimatedRadiographicMagnificationFactor": 1}, (0.1, 0.1), "patient"),
    ("a factor that is none", {**DETECTOR, "EstimatedRadiographicMagnificationFactor": 0}, (0.1, 0.1), "detector"),
    ("a factor that shrinks", {**DETECTOR, "EstimatedRadiographicMagnificationFactor": 0.5}, (0.1, 0.1), "detector"),
    ("the detector's repeated", {**DETECTOR, "PixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "detector"),
    ("repeated with fewer digits", {**DETECTOR, "PixelSpacing": [0.1001, 0.1001]}, (0.1, 0.1), "detector"),
    (
        "repeated and magnified",
        {**DETECTOR, **MAGNIFIED, "PixelSpacing": [0.1, 0.1]},
        (0.0555555556, 0.0555555556),
        "patient",
    ),
    (
        "calibrated, so not divided again",
        {**DETECTOR, **MAGNIFIED, "PixelSpacing": [0.08, 0.08], "PixelSpacingCalibrationType": "GEOMETRY"},
        (0.08, 0.08),
        "patient",
    ),
    ("another than the detector's", {**DETECTOR, **MAGNIFIED, "PixelSpacing": [0.08, 0.08]}, (0.08, 0.08), "patient"),
    (
        "the detector's, said to be calibrated",
        {**DETECTOR, "PixelSpacing": [0.1, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"},
        (0.1, 0.1),
        "patient",
    ),
    ("a projection that does not say", {"Modality": "CR", "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "uncalibrated"),
    (
        "a projection that says",
        {"Modality": "DX", "PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
        (0.2, 0.2),
        "patient",
    ),
    ("a section", {"Modality": "CT", "PixelSpacing": [0.5, 0.7]}, (0.5, 0.7), "patient"),
    (
        "a section made by an angiography machine",
        {"Modality": "XA", "PixelSpacing": [0.5, 0.5], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        (0.5, 0.5),
        "patient",
    ),
    ("a film", {"Modality": "CR", "NominalScannedPixelSpacing": [0.15, 0.15]}, (0.15, 0.15), "film"),
    (
        "an enhanced angiogram at its detector",
        {
            "Modality": "XA",
            "SharedFunctionalGroupsSequence": sequence(
                item(FramePixelDataPropertiesSequence=sequence(item(ImagerPixelSpacing=[0.3, 0.3])))
            ),
        },
        (0.3, 0.3),
        "detector",
    ),
    (
        "an enhanced angiogram at its object",
        {
            "Modality": "XA",
            "SharedFunctionalGroupsSequence": sequence(
                item(
                    FramePixelDataPropertiesSequence=sequence(item(ImagerPixelSpacing=[0.3, 0.3])),
                    ProjectionPixelCalibrationSequence=sequence(item(ObjectPixelSpacingInCenterOfBeam=[0.2, 0.2])),
                )
            ),
        },
        (0.2, 0.2),
        "patient",
    ),
    ("ultrasound", {"Modality": "US", "SequenceOfUltrasoundRegions": sequence(region(0.03))}, (0.3, 0.3), "patient"),
    (
        "ultrasound of two scales",
        {"Modality": "US", "SequenceOfUltrasoundRegions": sequence(region(0.03), region(0.01, x1=20))},
        None,
        "",
    ),
    ("seconds", {"Modality": "US", "SequenceOfUltrasoundRegions": sequence(region(0.03, units=4))}, None, ""),
    ("nothing", {"Modality": "DX"}, None, ""),
]


@pytest.mark.parametrize(("elements", "spacing", "at"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_facts_and_frame_say_the_spacing_and_where_it_holds(
    tmp_path: Path, elements: dict[str, Any], spacing: tuple[float, float] | None, at: str
) -> None:
    path = make_dicom(tmp_path / "a", np.zeros((64, 256), np.uint16), **elements)
    with open_study([path]) as study:
        facts = study.series[0].facts
    frame = read_frame(path)
    assert (facts.spacing_at, frame.spacing_at) == (at, at)
    assert facts.pixel_spacing_mm == (None if spacing is None else pytest.approx(spacing))
    assert frame.pixel_spacing_mm == (None if spacing is None else pytest.approx(spacing))
    said = caption(facts)["en"] + prompt("?", [(facts, None)], "en")
    assert ("at the detector" in said, "on the film" in said, "uncalibrated" in said) == (
        at == "detector", at == "film", at == "uncalibrated",
    )  # fmt: skip


def test_a_calibrated_ultrasound_picture_keeps_its_shape(tmp_path: Path) -> None:
    """Only the pixels' own spacing or ratio makes them oblong (PS3.3 C.7.6.3.1.7)."""
    oblong = region(0.03)
    oblong.PhysicalDeltaY = 0.06
    path = make_dicom(tmp_path / "a", Modality="US", SequenceOfUltrasoundRegions=sequence(oblong))
    frame = read_frame(path)
    assert (frame.pixel_spacing_mm, frame.pixel_aspect) == ((0.6, 0.3), 1.0)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_words_for_where_a_spacing_holds_are_in_both_languages(language: str) -> None:
    assert all(Locale(language).has(f"spacing-at-{at}") for at in ("detector", "film", "uncalibrated"))
    assert not Locale(language).has("spacing-at-patient"), "what everybody expects needs no word"
