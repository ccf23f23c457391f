"""How the stored values lie in a frame: the elements of PS3.3 C.7.6.3, checked. Knows no decoder."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom import elements
from dicom.errors import DamagedFile, TooManyFrames, TooManyPixels, UnsupportedPixels
from dicom.limits import Limits


@dataclass(frozen=True)
class Layout:
    """Rows, columns, samples and bits of one frame, with defaults filled in."""

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str

    @property
    def pixels(self) -> int:
        return self.rows * self.columns

    @property
    def frame_bits(self) -> int:
        """Of one uncompressed frame that is not subsampled."""
        return self.pixels * self.samples * self.bits_allocated


def read_layout(ds: Dataset, keyword: str, limits: Limits) -> Layout:
    """The layout of the pixel element named `keyword`. Raises errors naming the tag that is wrong."""
    rows, columns = _one(ds, "Rows", "(0028,0010)"), _one(ds, "Columns", "(0028,0011)")
    photometric = elements.text(ds, "PhotometricInterpretation").upper() or "MONOCHROME2"
    samples = elements.integer(ds, "SamplesPerPixel") or (1 if _single(photometric) else 3)
    allocated, stored, high = _bits(ds, keyword)
    frames = elements.integer(ds, "NumberOfFrames") or 1
    if samples not in (1, 3, 4):
        raise UnsupportedPixels("(0028,0002) SamplesPerPixel is not 1, 3 or 4")
    layout = Layout(
        rows, columns, samples, frames, allocated, stored, high,
        signed=elements.integer(ds, "PixelRepresentation") == 1,
        planar=elements.integer(ds, "PlanarConfiguration") == 1 and samples > 1,
        photometric=photometric,
    )  # fmt: skip
    check_size(layout, limits)
    return layout


def check_size(layout: Layout, limits: Limits) -> None:
    """Raises `TooManyFrames` or `TooManyPixels`."""
    if layout.frames > limits.frames or layout.frames < 0:
        raise TooManyFrames("Limits.frames: (0028,0008) NumberOfFrames")
    if layout.pixels > limits.frame_pixels:
        raise TooManyPixels("Limits.frame_pixels: (0028,0010) Rows x (0028,0011) Columns")
    if layout.pixels * layout.frames > limits.file_pixels:
        raise TooManyPixels("Limits.file_pixels: Rows x Columns x NumberOfFrames")


def _single(photometric: str) -> bool:
    return photometric.startswith(("MONOCHROME", "PALETTE"))


def _one(ds: Dataset, keyword: str, tag: str) -> int:
    found = elements.values(ds, keyword)
    number = elements.integer(ds, keyword)
    if len(found) != 1 or number is None or number <= 0:
        raise DamagedFile(f"{tag} {keyword} is missing, zero or has several values")
    return number


def _bits(ds: Dataset, keyword: str) -> tuple[int, int, int]:
    if keyword != "PixelData":
        width = 32 if keyword == "FloatPixelData" else 64
        return width, width, width - 1
    allocated = elements.integer(ds, "BitsAllocated") or 0
    if allocated not in (1, 8, 12, 16, 24, 32, 64):
        raise UnsupportedPixels("(0028,0100) BitsAllocated is not 1, 8, 12, 16, 24, 32 or 64")
    stored = elements.integer(ds, "BitsStored") or allocated
    if not 1 <= stored <= allocated:
        stored = allocated
    high = elements.integer(ds, "HighBit")
    if high is None or not stored - 1 <= high < allocated:
        high = stored - 1
    return allocated, stored, high
