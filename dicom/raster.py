"""PNG, JPEG, TIFF, WebP, GIF, BMP and JPEG 2000 pictures to frames. Knows Pillow, knows no DICOM.

Only these Pillow plugins are ever asked; sizes are checked before anything is decoded.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from dicom.colour import corrected
from dicom.errors import (
    DamagedFile,
    FrameMissing,
    RawPhoto,
    TooManyFrames,
    TooManyPixels,
    TruncatedFile,
    UnsupportedPixels,
    WithheldImage,
)
from dicom.facts import Facts
from dicom.headers import Header, Slot
from dicom.limits import Limits
from dicom.render import automatic
from dicom.values import Frame, Window

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000")
_DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_WHOLE = Window(127.5, 255.0, "LINEAR_EXACT")
"""8-bit pictures as they are."""


def open_raster(stream: BinaryIO, limits: Limits) -> Image.Image:
    """A Pillow image, header read only. Raises `DamagedFile`, `TooManyPixels`, `TooManyFrames`."""
    Image.MAX_IMAGE_PIXELS = None  # our own bound, checked below before any pixel is decoded
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        image = Image.open(stream, formats=FORMATS)
    except UnidentifiedImageError as fault:
        raise DamagedFile("the picture's header cannot be read") from fault
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError) as fault:
        raise DamagedFile("the picture's header contradicts itself") from fault
    if image.width * image.height > limits.raster_pixels:
        raise TooManyPixels("Limits.raster_pixels: width x height of the picture")
    return image


def scan_raster(stream: BinaryIO, limits: Limits) -> Header:
    """Size, pages and mode of a picture."""
    image = open_raster(stream, limits)
    if _is_raw(image):
        raise RawPhoto("a TIFF of a camera: its first page is a thumbnail")
    pages = _pages(image, limits)
    turned = _orientation(image) in (5, 6, 7, 8)
    rows, columns = (image.width, image.height) if turned else (image.height, image.width)
    facts = Facts(kind="raster", rows=rows, columns=columns, frames=pages)
    slots = tuple(Slot(i, None, None) for i in range(pages))
    color = image.mode not in ("1", "L", "LA", *_DEEP)
    return Header("raster", facts, "", "", "", 0, color, "", slots, syntax=str(image.format))


def is_turned(stream: BinaryIO) -> bool:
    """Whether a picture's metadata asks for it to be turned or mirrored. Reads the header only."""
    try:
        return _orientation(Image.open(stream, formats=FORMATS)) != 1
    except (OSError, ValueError, SyntaxError, TypeError, KeyError):
        return False


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8; 1 when the metadata is broken."""
    try:
        found = image.getexif().get(0x0112, 1)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, AttributeError, EOFError):
        return 1
    return found if isinstance(found, int) else 1


def _pages(image: Image.Image, limits: Limits) -> int:
    """Pages of a TIFF; animations (GIF, WebP, PNG, JPEG with depth map) count as their first picture."""
    if image.format != "TIFF":
        return 1
    try:
        pages = int(getattr(image, "n_frames", 1))
    except (OSError, EOFError, ValueError, SyntaxError, KeyError, TypeError) as fault:
        raise DamagedFile("the TIFF's page list is broken") from fault
    if pages > limits.frames:
        raise TooManyFrames("Limits.frames: pages of a TIFF")
    return pages


def raster_frame(stream: BinaryIO, index: int, limits: Limits) -> Frame:
    """Page `index` with its EXIF orientation applied, its colour in sRGB and no metadata."""
    image = open_raster(stream, limits)
    try:
        if index:
            image.seek(index)
            if image.width * image.height > limits.raster_pixels:
                raise TooManyPixels("Limits.raster_pixels: a page of the TIFF")
        if _names_a_label(image):
            raise WithheldImage("a TIFF page whose ImageDescription says label or macro")
        if _misread(image) and (deep := _deep_tiff(stream, index, image)) is not None:
            return frame_of(deep)
        image.load()
    except EOFError as fault:
        raise FrameMissing("there is no such page") from fault
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError) as fault:
        deep = _deep_tiff(stream, index, image) if image.format == "TIFF" else None
        if deep is not None:
            return frame_of(deep)
        if "truncated" in str(fault):
            raise TruncatedFile("the picture ends before its last row") from fault
        raise DamagedFile("the picture's pixels cannot be decoded") from fault
    return frame_of(_samples(image))


def frame_of(samples: NDArray[Any]) -> Frame:
    """A frame of plain pixels: grey of any depth or RGB."""
    if samples.ndim == 3:
        return Frame(np.ascontiguousarray(samples))
    if samples.dtype == np.uint8:
        return Frame(samples.astype(np.uint16), default_window=_WHOLE)
    frame = Frame(np.ascontiguousarray(samples))
    return Frame(frame.samples, default_window=automatic(frame))


def _samples(image: Image.Image) -> NDArray[Any]:
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode in _DEEP:
        values = narrowed(np.asarray(image))
        bits = _tag(image, 258, 16)
        return values.dtype.type((1 << bits) - 1) - values if _white_is_zero(image) and bits <= 16 else values
    if image.mode == "1":
        return np.asarray(image.convert("L"))
    if image.mode in ("LA", "La"):
        return np.asarray(_on_white(image.convert("RGBA")).convert("L"))
    if image.mode == "L" and "transparency" not in image.info:
        return np.asarray(image)
    return np.asarray(_rgb(image))


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Pillow's 32-bit containers back to 16 bits where nothing is lost."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    if values.dtype.itemsize == 2:
        return values.astype(np.uint16)
    low, high = int(values.min()), int(values.max())
    if low >= 0 and high <= 65535:
        return values.astype(np.uint16)
    return values.astype(np.int16 if low >= -32768 and high <= 32767 else np.float32)


def _rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode == "CMYK":
        return _from_cmyk(image, profile)
    if image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        image = _on_white(image.convert("RGBA"))
    elif image.mode != "RGB":
        image = image.convert("RGB")
    return Image.fromarray(corrected(np.asarray(image), profile)) if isinstance(profile, bytes) else image


def _on_white(image: Image.Image) -> Image.Image:
    """Transparent parts as white, as on paper and on every slide viewer."""
    page = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(page, image).convert("RGB")


def _from_cmyk(image: Image.Image, profile: Any) -> Image.Image:
    if isinstance(profile, bytes):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if found is not None:
                return found
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # an unusable profile: the plain conversion below is what every viewer does
    return image.convert("RGB")


def _tag(image: Image.Image, number: int, otherwise: int) -> int:
    """First value of a TIFF tag."""
    found = getattr(image, "tag_v2", {}).get(number, otherwise)
    found = found[0] if isinstance(found, tuple) and found else found
    return found if isinstance(found, int) else otherwise


def _names_a_label(image: Image.Image) -> bool:
    """Whether a TIFF page is a slide's label or macro picture, as scanners describe them (Aperio: "label 387x463").

    OpenSlide keeps these pages apart; this is for slides that it does not recognise.
    """
    found = getattr(image, "tag_v2", {}).get(270, "")
    words = str(found).lower().replace("\r", "\n").split("\n")[:3]
    return any(line.strip().startswith(("label", "macro")) for line in words)


def _is_raw(image: Image.Image) -> bool:
    """DNG by (50706) DNGVersion; NEF, ARW and others by a reduced first page, a (271) Make and (330) SubIFDs."""
    tags = getattr(image, "tag_v2", {})
    return 50706 in tags or (271 in tags and 330 in tags and _tag(image, 254, 0) & 1 == 1)


def _white_is_zero(image: Image.Image) -> bool:
    """TIFF 6.0 PhotometricInterpretation 0, which Pillow heeds up to 8 bits only."""
    return image.format == "TIFF" and _tag(image, 262, 1) == 0


def _misread(image: Image.Image) -> bool:
    """Layouts of TIFF that Pillow opens but shows wrongly: 16-bit planes apart, unsigned 32 bits."""
    if image.format != "TIFF":
        return False
    bits, samples = _tag(image, 258, 1), _tag(image, 277, 1)
    return (bits > 8 and samples >= 3) or (bits == 32 and _tag(image, 339, 1) == 1)


_UPRIGHT: Mapping[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr, 3: lambda v: np.rot90(v, 2), 4: np.flipud, 5: lambda v: np.swapaxes(v, 0, 1),
    6: lambda v: np.rot90(v, -1), 7: lambda v: np.swapaxes(np.rot90(v, 2), 0, 1), 8: np.rot90,
}  # fmt: skip
"""TIFF 6.0 Orientation to what puts the first row on top and the first column to the left."""


def _deep_tiff(stream: BinaryIO, index: int, image: Image.Image) -> NDArray[Any] | None:
    """16-bit RGB and other layouts Pillow refuses or misreads, upright; colour as `_rgb` would give it.

    `image` is Pillow's view of the same page, for its tags and its profile.
    """
    try:
        import imagecodecs

        stream.seek(0)
        values = np.asarray(imagecodecs.tiff_decode(stream.read(), index=index))
    except (ImportError, OSError, ValueError, RuntimeError, IndexError, TypeError):
        return None
    if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[2] not in (3, 4):
        values = values.transpose(1, 2, 0)
    values = np.ascontiguousarray(_UPRIGHT.get(_orientation(image), np.asarray)(values))
    if values.ndim == 3 and values.shape[2] in (3, 4) and values.dtype.kind == "u":
        return np.asarray(_rgb(_shallow(values, image)))
    if values.ndim != 2:
        raise UnsupportedPixels("the TIFF's samples are neither grey nor RGB")
    return values if values.dtype == np.uint8 else narrowed(values.astype(values.dtype.newbyteorder("="), copy=False))


def _shallow(values: NDArray[Any], page: Image.Image) -> Image.Image:
    """The upper 8 bits of deep colour in the mode Pillow has for such pages of 8 bits, with the page's profile.

    A fourth sample is ink (PhotometricInterpretation 5) or what (338) ExtraSamples says: 1 transparency already
    multiplied in, 2 transparency, else nothing that is seen.
    """
    eight = (values >> 8 * (values.dtype.itemsize - 1)).astype(np.uint8)
    mode = "RGB"
    if eight.shape[2] == 4:
        mode = "CMYK" if _tag(page, 262, 2) == 5 else {1: "RGBa", 2: "RGBA"}.get(_tag(page, 338, 0), "RGB")
    made = Image.frombytes(mode, (eight.shape[1], eight.shape[0]), eight[:, :, : len(mode)].tobytes())
    if isinstance(profile := page.info.get("icc_profile"), bytes):
        made.info["icc_profile"] = profile
    return made
