"""How far apart the pixels of one frame are, and where that distance was measured. Knows tags; draws no bar.

A projection is larger on the detector than in the patient. PS3.3 10.7.1 has (0018,1164) ImagerPixelSpacing for
the detector, (0018,2010) NominalScannedPixelSpacing for a film, and (0028,0030) PixelSpacing for the patient, but
only where it differs from those or (0028,0A02) PixelSpacingCalibrationType says that it was corrected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pydicom.dataset import Dataset

from dicom import elements, ultrasound
from dicom.groups import FrameGroups

SpacingAt = Literal["", "patient", "detector", "film", "uncalibrated"]
"""Where a spacing holds: in the patient, at the detector, on the film; "uncalibrated" where a projection does not say;
"" for pictures that are none of a patient."""

_PROJECTIONS = frozenset(("CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA"))
_STRONGEST = 20.0
"""The largest magnification believed: the object would stand a twentieth of the way to the detector."""


@dataclass(frozen=True)
class Spacing:
    """Distances between the centres of neighbouring pixels, mm."""

    rows: float
    """Between rows: down the picture."""
    columns: float
    """Between columns: across the picture."""
    at: SpacingAt
    stated: bool = True
    """Whether an element of the pixels themselves says it; False for an ultrasound region's calibration."""

    @property
    def pair(self) -> tuple[float, float]:
        return self.rows, self.columns


def spacing_of(ds: Dataset, groups: FrameGroups) -> Spacing | None:
    """The spacing of the frame of `groups`; None where the file gives none."""
    region = ultrasound.spacing_mm(ds)
    if region is not None:
        return Spacing(*region, "patient", stated=False)
    pixel = _pair(groups, "PixelMeasuresSequence", "PixelSpacing")
    detector = _pair(groups, "FramePixelDataPropertiesSequence", "ImagerPixelSpacing")
    film = _pair(groups, "FramePixelDataPropertiesSequence", "NominalScannedPixelSpacing")
    known = detector or film
    calibrated = bool(elements.text(ds, "PixelSpacingCalibrationType"))
    if pixel is not None and (known is None or calibrated or not _same(known, pixel)):
        in_patient = known is not None or calibrated or not _is_projection(ds, groups)
        return Spacing(*pixel, "patient" if in_patient else "uncalibrated")
    if detector is None:
        return Spacing(*film, "film") if film is not None else None
    return _in_patient(ds, groups, detector) or Spacing(*detector, "detector")


def _in_patient(ds: Dataset, groups: FrameGroups, detector: tuple[float, float]) -> Spacing | None:
    """At the object: by (0018,9404) of an enhanced angiogram, or divided by (0018,1114), PS3.3 C.8.11.2 and 10.7.1."""
    calibrated = _pair(groups, "ProjectionPixelCalibrationSequence", "ObjectPixelSpacingInCenterOfBeam")
    if calibrated is not None:
        return Spacing(*calibrated, "patient")
    factor = elements.decimal(ds, "EstimatedRadiographicMagnificationFactor")
    if factor is None or not 1 <= factor <= _STRONGEST:
        return None
    return Spacing(detector[0] / factor, detector[1] / factor, "patient")


def _is_projection(ds: Dataset, groups: FrameGroups) -> bool:
    """Shadows cast on a plane, not a section reconstructed in the patient's space."""
    return elements.text(ds, "Modality").upper() in _PROJECTIONS and groups.orientation is None


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Equal but for the digits a writer spared: half a percent is no magnification."""
    return all(math.isclose(a, b, rel_tol=0.005) for a, b in zip(one, other, strict=True))


def _pair(groups: FrameGroups, macro: str, keyword: str) -> tuple[float, float] | None:
    found = groups.decimals(macro, keyword)
    return (found[0], found[1]) if len(found) == 2 and all(0 < s < 1000 for s in found) else None
