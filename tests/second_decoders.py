"""The same pixels by somebody else's decoder: pydicom, Pillow, dcmtk, SimpleITK, nibabel, JPEG from JPEG XL.

Each comparison is None where that decoder does not open the file. Used by `tests.conformance`.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from dicom import Frame, Sandbox
from dicom.headers import Header
from dicom.inspection import native

LOSSY = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 53, 55, 81, 91, 111, 112, 203))
Comparison = tuple[str, float, float, bool]
"""(against what, largest difference, allowed, whether it is the corpus's rendering)."""


def against_rendering(png: Path, command: str, frame: Frame, *, lossy: bool) -> Comparison:
    """A grey rendering by the corpus's dcmj2pnm."""
    with Image.open(png) as image:
        wanted = np.asarray(image.convert("L"), int)
    found = np.asarray(native(frame, "minmax" if "+Wm" in command else "first"), int)
    return command, largest(found, wanted), 3 if lossy else 1, True


def by_second_decoder(path: Path, frame: Frame, header: Header, sandbox: Sandbox) -> Comparison | None:
    """The first comparison that can be made for this kind of file."""
    if header.reader == "raster":
        return _pillow(path, frame)
    if header.reader == "slide":
        return _slide(path, header, sandbox)
    if header.reader == "nifti":
        return _nibabel(path, frame)
    lossy = header.syntax.startswith(LOSSY)
    found = _pydicom(path, frame, lossy=lossy) or _dcmtk(path, frame, lossy=lossy)
    return found or _jpeg_inside(path, frame, header) or _simpleitk(path, frame, lossy=lossy)


def largest(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest difference; infinite when the shapes differ."""
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted).max()) if found.size else 0.0


def _pydicom(path: Path, frame: Frame, *, lossy: bool) -> Comparison | None:
    """Stored values of a grey frame exactly, RGB within the rounding of two decoders."""
    try:
        ds = pydicom.dcmread(path, force=True)
    except (OSError, ValueError):
        return None
    if "ModalityLUTSequence" in ds:
        return None
    if not getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None):
        ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    try:
        wanted: NDArray[Any] = pixel_array(ds, index=0)
        if frame.color and ds.PhotometricInterpretation == "PALETTE COLOR":
            wanted = apply_color_lut(wanted, ds)
    except (ValueError, RuntimeError, NotImplementedError, AttributeError, TypeError, OSError, KeyError):
        return None
    if not frame.color:
        if int(ds.get("HighBit", 0)) + 1 != int(ds.get("BitsStored", 1)):
            return None  # pydicom ignores HighBit
        exact = wanted.astype(frame.samples.dtype) if frame.samples.dtype.kind == "f" else wanted
        return "pydicom", largest(frame.samples, exact), 3 if lossy else 0, False
    if wanted.dtype.itemsize > 1 and wanted.max() > 255:
        wanted = wanted >> (8 * wanted.dtype.itemsize - 8)
    return "pydicom", largest(frame.samples, wanted), 8 if lossy else 1, False


def _dcmtk(path: Path, frame: Frame, *, lossy: bool) -> Comparison | None:
    """A rendering by a dcmj2pnm installed here: grey over the full range, colour as it is."""
    tool = shutil.which("dcmj2pnm")
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "a.pnm"
        option = [] if frame.color else ["+Wm"]
        done = subprocess.run([tool, *option, str(path), str(out)], capture_output=True, check=False, timeout=60)
        if done.returncode or not out.exists():
            return None
        with Image.open(out) as image:
            wanted = np.asarray(image)
    found = np.asarray(native(frame, "minmax"))
    return "dcmj2pnm here", largest(found, wanted), (8 if frame.color else 3) if lossy else 1, False


def _simpleitk(path: Path, frame: Frame, *, lossy: bool) -> Comparison | None:
    """Modality values by GDCM inside SimpleITK, grey frames only."""
    try:
        import SimpleITK
    except ImportError:
        return None
    if frame.color:
        return None
    try:
        wanted = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except RuntimeError:
        return None
    wanted = wanted[0] if wanted.ndim == 3 else wanted
    found = frame.samples * frame.slope + frame.intercept
    return "SimpleITK", largest(found, wanted), 3 if lossy else 0, False


def _jpeg_inside(path: Path, frame: Frame, header: Header) -> Comparison | None:
    """A JPEG packed without loss into JPEG XL (PS3.5 A.4.12): the JPEG itself, decoded by Pillow.

    libjxl spreads half-resolution colour by another filter than libjpeg, which shows at edges.
    """
    if header.syntax != "1.2.840.10008.1.2.4.111":
        return None
    import imagecodecs

    ds = pydicom.dcmread(path)
    data = imagecodecs.jpegxl_decode_jpeg(get_frame(ds.PixelData, 0, number_of_frames=int(ds.NumberOfFrames)))
    with Image.open(io.BytesIO(data)) as image:
        wanted = np.asarray(image.convert("RGB" if frame.color else "L"))
    return "the JPEG inside", largest(frame.samples, wanted), 12, False


def _pillow(path: Path, frame: Frame) -> Comparison | None:
    """Pillow's own conversion of the first page, upright, transparency on white, colour by its profile."""
    with Image.open(path) as opened:
        profile = opened.info.get("icc_profile")
        image = ImageOps.exif_transpose(opened)
        if image.mode == "1":
            image = image.convert("L")
        elif image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            clear = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
        elif image.mode not in ("L", "I;16"):
            image = image.convert("RGB")
        if profile and image.mode == "RGB":
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.applyTransform(
                image, ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB")
            )
        wanted = np.asarray(image)
    return "Pillow", largest(frame.samples, wanted), 1 if profile else 0, False


def _slide(path: Path, header: Header, sandbox: Sandbox) -> Comparison | None:
    """A DICOM slide's first tile by pydicom, as `render` writes it; a TIFF's upper left corner by Pillow."""
    try:
        if header.syntax == "slide":
            with Image.open(path) as page:
                wanted = np.asarray(page.convert("RGB").crop((0, 0, 256, 256)))
            found = sandbox.call("region", str(path), (0, 0, 256, 256), 1.0)
            return "Pillow", largest(found, wanted), 8, False
        wanted = pixel_array(pydicom.dcmread(path), index=0)
    except (OSError, ValueError, RuntimeError, Image.DecompressionBombError):
        return None
    return "pydicom", largest(sandbox.call("frame", str(path), "dicom", 0, 0, True).samples, wanted), 8, False


def _nibabel(path: Path, frame: Frame) -> Comparison | None:
    """The first slice, feet first, right and front where radiologists look for them."""
    try:
        import nibabel
    except ImportError:
        return None
    image = nibabel.as_closest_canonical(nibabel.load(path))
    wanted = np.asarray(image.dataobj)[(slice(None), slice(None), *(0,) * (image.ndim - 2))]
    upright = np.nan_to_num(wanted.T[::-1, ::-1].astype(np.float32))
    return "nibabel", largest(frame.samples, upright), 0, False
