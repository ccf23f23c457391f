"""The same pixels by somebody else's decoder: dcmtk, pydicom, Pillow, imagecodecs, SimpleITK, nibabel.

Decoders that are not the package we decode with ourselves come first; the last resort, our own package called by
pydicom, is named as that. A frame is compared with the first decoder that opens it. Used by `tests.conformance`.
"""

from __future__ import annotations

import functools
import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import pixel_array

from dicom import Frame, Sandbox
from dicom.headers import Header
from dicom.inspection import native

_JPEG = "1.2.840.10008.1.2.4."
LOSSY = tuple(f"{_JPEG}{n}" for n in (50, 51, 53, 55, 81, 91, 111, 112, 203))
RLE = "1.2.840.10008.1.2.5"
DCMTK = {
    RLE: "dcmdrle",
    **{f"{_JPEG}{n}": "dcmdjpeg" for n in (50, 51, 53, 55, 57, 70)},
    **{f"{_JPEG}{n}": "dcmdjpls" for n in (80, 81)},
}
"""Transfer syntax to the tool of dcmtk that undoes it: IJG's JPEG, dcmtk's own RLE, its own copy of CharLS."""
PILLOW = tuple(f"{_JPEG}{n}" for n in (50, 51, 90, 91))
"""What pydicom can hand to Pillow, which brings builds of libjpeg-turbo and OpenJPEG of its own."""
IMAGECODECS = {f"{_JPEG}{n}": "jpegls" for n in (80, 81)} | {f"{_JPEG}{n}": "htj2k" for n in (201, 202, 203)}
"""What imagecodecs undoes by CharLS and OpenJPH, where we use pyjpegls and OpenJPEG."""
FAULTS = (
    ValueError, RuntimeError, NotImplementedError, AttributeError, TypeError, OSError, LookupError, InvalidDicomError,
    subprocess.SubprocessError, ImportError,
)  # fmt: skip
"""What the other decoders raise for what they do not open."""

Read = Callable[[int], NDArray[Any]]
"""Frame number to stored values, colour as RGB. Raises one of `FAULTS`."""


@dataclass(frozen=True)
class Comparison:
    """Frames of one file beside other decoders; `difference` and `allowed` are of the frame that is worst off."""

    against: str
    difference: float
    """The largest, in grey levels, stored or modality values."""
    allowed: float
    reference: bool = False
    """Whether it was the corpus's own rendering."""
    frames: tuple[int, ...] = (0,)

    @property
    def agrees(self) -> bool:
        return self.difference <= self.allowed


@dataclass(frozen=True)
class _Way:
    """One other decoder: `difference` of a frame of ours from its own. Raises one of `FAULTS`."""

    name: str
    allowed: float
    difference: Callable[[int, Frame], float]


def against_rendering(png: Path, command: str, frame: Frame, *, lossy: bool) -> Comparison:
    """A grey rendering of the first frame by the corpus's dcmj2pnm."""
    with Image.open(png) as image:
        wanted = np.asarray(image.convert("L"), int)
    found = np.asarray(native(frame, "minmax" if "+Wm" in command else "first"), int)
    return Comparison(command, largest(found, wanted), 3 if lossy else 1, reference=True)


def by_second_decoder(path: Path, frames: Mapping[int, Frame], header: Header, sandbox: Sandbox) -> Comparison | None:
    """Each frame beside the first decoder that opens it; None where none opens any."""
    pending = dict(frames)
    found: list[tuple[int, str, float, float]] = []
    for way in _ways(path, next(iter(frames.values())), header, sandbox):
        for index in list(pending):
            try:
                difference = way.difference(index, pending[index])
            except FAULTS:
                continue
            found.append((index, way.name, difference, way.allowed))
            del pending[index]
        if not pending:
            break
    if not found:
        return None
    _, _, difference, allowed = max(found, key=lambda one: one[2] - one[3])
    names = " + ".join(dict.fromkeys(name for _, name, _, _ in found))
    return Comparison(names, difference, allowed, frames=tuple(sorted(one[0] for one in found)))


def opening(path: Path, index: int, like: Frame, header: Header, sandbox: Sandbox) -> str:
    """The first other decoder that opens a frame which we refuse; "" when none does. `like` is another frame of it."""
    for way in _ways(path, like, header, sandbox):
        try:
            way.difference(index, like)
        except FAULTS:
            continue
        return way.name
    return ""


def largest(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest difference; infinite when the shapes differ."""
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found.astype(np.float64) - wanted).max()) if found.size else 0.0


def _ways(path: Path, frame: Frame, header: Header, sandbox: Sandbox) -> Iterator[_Way]:
    """Everybody who may open this kind of file, the most independent first."""
    lossy = header.syntax.startswith(LOSSY)
    if header.reader == "raster":
        yield _Way("Pillow", 1, functools.partial(_pillow, path))
    elif header.syntax == "slide":
        yield _Way("Pillow", 8, lambda _index, _frame: _slide(path, sandbox))
    elif header.reader == "nifti":
        yield _Way("nibabel", 0, functools.partial(_nibabel, path))
    else:
        allowed = (8 if lossy else 1) if frame.color else (3 if lossy else 0)
        ds = _header(path)
        for name, read in _stored_values(path, header.syntax, ds, color=frame.color):
            yield _Way(name, allowed, functools.partial(_from_stored, read, ds))
        if header.syntax == "1.2.840.10008.1.2.4.111":
            yield _Way("the JPEG inside, by Pillow", 12, functools.partial(_jpeg_inside, path))
        rendered = (8 if frame.color else 3) if lossy else 1
        yield _Way("dcmj2pnm here", rendered, functools.partial(_dcmj2pnm, path))
        yield _Way("SimpleITK", allowed, functools.partial(_simpleitk, path))
        if header.syntax.startswith((_JPEG, RLE)) and _is_plain(ds, color=frame.color):
            ours = functools.partial(_by_pydicom, path, "")
            yield _Way("pydicom with our own decoder", allowed, functools.partial(_from_stored, ours, ds))


def _header(path: Path) -> Dataset:
    """The header by pydicom; empty where it cannot read it, so that others are asked."""
    try:
        return pydicom.dcmread(path, force=True, stop_before_pixels=True)
    except FAULTS:
        return Dataset()


def _is_plain(ds: Dataset, *, color: bool) -> bool:
    """Whether stored values are what we publish: no modality table, and no HighBit that pydicom would overlook."""
    return "ModalityLUTSequence" not in ds and (color or int(ds.get("HighBit", 0)) + 1 == int(ds.get("BitsStored", 1)))


def _stored_values(path: Path, syntax: str, ds: Dataset, *, color: bool) -> Iterator[tuple[str, Read]]:
    """Decoders that give stored values and are none of those `dicom.decoders` calls first for this syntax."""
    if not _is_plain(ds, color=color):
        return
    if "TotalPixelMatrixColumns" in ds and syntax in PILLOW:
        yield "Pillow alone", functools.partial(_cut_tile, path)
    tool = DCMTK.get(syntax, "")
    if shutil.which(tool) is not None:
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder) / "plain.dcm"
            # a JFIF marker says YCbCr whatever the header says; +cg has dcmtk heed it
            jfif = tool == "dcmdjpeg" and b"\xff\xd8\xff\xe0" in path.read_bytes()
            command = [tool, *(["+cg"] if jfif else []), str(path), str(plain)]
            done = subprocess.run(command, capture_output=True, check=False, timeout=60)
            if not done.returncode and plain.exists():
                yield tool, functools.partial(_by_pydicom, plain, "")
    if syntax in PILLOW:
        yield "Pillow", functools.partial(_by_pydicom, path, "pillow")
    if syntax in IMAGECODECS:
        yield "imagecodecs", functools.partial(_by_imagecodecs, path, IMAGECODECS[syntax])
    if syntax == RLE:
        yield "pydicom", functools.partial(_by_pydicom, path, "pydicom")
    if not syntax.startswith((_JPEG, RLE)):
        yield "pydicom", functools.partial(_by_pydicom, path, "")


def _cut_tile(path: Path, index: int) -> NDArray[Any]:
    """A tile of a slide whose codestream is smaller than Rows x Columns: dcmtk lays its rows end to end."""
    ds = pydicom.dcmread(path)
    data = get_frame(ds.PixelData, index, number_of_frames=int(ds.get("NumberOfFrames", 1) or 1))
    with Image.open(io.BytesIO(data)) as image:
        if image.size == (ds.Columns, ds.Rows):
            raise ValueError("a whole tile is compared by others")
        return np.asarray(image.convert("RGB"))


def _by_pydicom(path: Path, plugin: str, index: int) -> NDArray[Any]:
    """Frame `index` by pydicom: read from the file, so that what is missing behind it does not matter."""
    ds = _header(path)
    try:
        values = pixel_array(path, index=index, decoding_plugin=plugin)
    except FAULTS:  # no preamble, no meta group to name the transfer syntax, or a header in another encoding
        whole = pydicom.dcmread(path, force=True)
        if "TransferSyntaxUID" not in whole.file_meta:
            whole.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        values = pixel_array(whole, index=index, decoding_plugin=plugin)
    return apply_color_lut(values, ds) if ds.PhotometricInterpretation == "PALETTE COLOR" else values


def _by_imagecodecs(path: Path, codec: str, index: int) -> NDArray[Any]:
    """Frame `index` by imagecodecs from its codestream alone."""
    ds = pydicom.dcmread(path)
    data = get_frame(ds.PixelData, index, number_of_frames=int(ds.get("NumberOfFrames", 1) or 1))
    values: NDArray[Any] = getattr(imagecodecs, f"{codec}_decode")(data)
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        return apply_color_lut(values, ds)
    if ds.PhotometricInterpretation.startswith("YBR_FULL") and codec == "jpegls":
        return convert_color_space(values, ds.PhotometricInterpretation, "RGB")
    return values


def _from_stored(read: Read, ds: Dataset, index: int, frame: Frame) -> float:
    wanted = read(index)
    if not frame.color:
        return largest(frame.samples, wanted.astype(np.float32) if frame.samples.dtype.kind == "f" else wanted)
    if wanted.dtype.itemsize > 1 and wanted.max() > 255:
        wanted = wanted >> (8 * wanted.dtype.itemsize - 8)
    rows, columns = _on_slide(ds, index)
    return largest(frame.samples[:rows, :columns], wanted[:rows, :columns])


def _on_slide(ds: Dataset, index: int) -> tuple[int, int]:
    """Rows and columns of a tile that lie on its slide: what a writer put beyond its edge is nobody's to agree on."""
    rows, columns = int(ds.Rows), int(ds.Columns)
    if "TotalPixelMatrixColumns" not in ds or ds.get("DimensionOrganizationType") != "TILED_FULL":
        return rows, columns
    across = -(-int(ds.TotalPixelMatrixColumns) // columns)
    down = -(-int(ds.TotalPixelMatrixRows) // rows)
    row, column = divmod(index % (across * down), across)
    return (
        min(rows, int(ds.TotalPixelMatrixRows) - row * rows),
        min(columns, int(ds.TotalPixelMatrixColumns) - column * columns),
    )


def _dcmj2pnm(path: Path, index: int, frame: Frame) -> float:
    """A rendering by a dcmj2pnm installed here: grey over the full range, colour as it is."""
    tool = shutil.which("dcmj2pnm")
    if tool is None:
        raise OSError("dcmtk is not installed")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "a.pnm"
        options = [*([] if frame.color else ["+Wm"]), "+F", str(index + 1)]
        subprocess.run([tool, *options, str(path), str(out)], capture_output=True, check=True, timeout=60)
        with Image.open(out) as image:
            wanted = np.asarray(image)
    return largest(np.asarray(native(frame, "minmax")), wanted)


def _simpleitk(path: Path, index: int, frame: Frame) -> float:
    """Modality values by GDCM inside SimpleITK."""
    import SimpleITK

    wanted = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    if frame.color:
        return largest(frame.samples, wanted[index] if wanted.ndim == 4 else wanted)
    wanted = wanted[index] if wanted.ndim == 3 else wanted
    return largest(frame.samples * frame.slope + frame.intercept, wanted)


def _jpeg_inside(path: Path, index: int, frame: Frame) -> float:
    """A JPEG packed without loss into JPEG XL (PS3.5 A.4.12): the JPEG itself, decoded by Pillow.

    libjxl spreads half-resolution colour by another filter than libjpeg, which shows at edges.
    """
    ds = pydicom.dcmread(path)
    data = imagecodecs.jpegxl_decode_jpeg(get_frame(ds.PixelData, index, number_of_frames=int(ds.NumberOfFrames)))
    with Image.open(io.BytesIO(data)) as image:
        return largest(frame.samples, np.asarray(image.convert("RGB" if frame.color else "L")))


def _pillow(path: Path, index: int, frame: Frame) -> float:
    """Pillow's own conversion of a page, upright, transparency on white, colour by its profile."""
    with Image.open(path) as opened:
        opened.seek(index)
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
    return largest(frame.samples, wanted)


def _slide(path: Path, sandbox: Sandbox) -> float:
    """The upper left corner of a TIFF slide by Pillow."""
    with Image.open(path) as page:
        wanted = np.asarray(page.convert("RGB").crop((0, 0, 256, 256)))
    return largest(sandbox.call("region", str(path), (0, 0, 256, 256), 1.0), wanted)


def _nibabel(path: Path, index: int, frame: Frame) -> float:
    """A slice, feet first, right and front where radiologists look for them."""
    import nibabel

    image = nibabel.as_closest_canonical(nibabel.load(path))
    values = np.asarray(image.dataobj)
    stack = values.reshape((*(*values.shape, 1)[:3], -1), order="F")
    wanted = stack[:, :, index % stack.shape[2], index // stack.shape[2]]
    return largest(frame.samples, np.nan_to_num(wanted.T[::-1, ::-1].astype(np.float32)))
