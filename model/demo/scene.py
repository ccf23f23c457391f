"""What is known about a drawn picture: the facts every answer is built from. Knows no drawing and no words."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[Any]  # float32; numpy types its mixed arithmetic too loosely to say so
Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

Modality = Literal["xray", "ct", "mr", "histology", "other"]
Side = Literal["none", "right", "left"]

MODALITIES: tuple[str, ...] = ("xray", "ct", "mr", "histology", "other")
PARTS: tuple[str, ...] = ("chest", "head", "abdomen", "pelvis", "spine", "limb", "tissue", "other")
FINDINGS: tuple[str, ...] = (
    "none",
    "opacity",
    "effusion",
    "pneumothorax",
    "bleed",
    "liver_lesion",
    "stone",
    "brain_lesion",
    "cluster",
)
QUADRANTS: tuple[str, ...] = ("upper_left", "upper_right", "lower_left", "lower_right")


@dataclass(frozen=True)
class Scene:
    """One picture and its facts.

    image: (rows, columns) or (rows, columns, 3) uint8, as a reader would see it.
    mask: (rows, columns) bool, the pixels of the finding (all False without one).
    assessed: whether findings are drawn at all in this kind of view; where they are not,
        the model must say it was not trained for it instead of "no finding".
    side: the patient's side in radiological convention (patient's right at the picture's left).
    """

    image: Pixels
    mask: Mask
    modality: Modality
    part: str
    assessed: bool = False
    finding: str = "none"
    side: Side = "none"
    stain: str = ""
    density: str = ""

    def quadrant(self) -> str:
        """Quarter of the picture that holds the finding's centre; "" without one or too near a midline."""
        if not self.mask.any():
            return ""
        rows, columns = np.nonzero(self.mask)
        y = float(rows.mean()) / self.mask.shape[0] - 0.5
        x = float(columns.mean()) / self.mask.shape[1] - 0.5
        if min(abs(x), abs(y)) < 0.035:
            return ""
        return ("upper_" if y < 0 else "lower_") + ("left" if x < 0 else "right")


def side_of(x: float) -> Side:
    """Patient's side of a horizontal position (negative: the picture's left half)."""
    return "right" if x < 0 else "left"
