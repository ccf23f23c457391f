"""One compressed frame to an array, by what the bytes are and not by what the header calls them.

Knows codecs, no DICOM tag. Every codestream's own header has been compared with the expected size before a
decoder sees it (`decode_codestream`). Decoder packages are imported on first use: each costs start-up time.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom.codestream import Codestream, bare, read_codestream
from dicom.errors import DamagedFile, MissingDecoder, UnsupportedCompression
from dicom.layout import Layout

Array = NDArray[Any]


def decode_codestream(data: bytes, layout: Layout, *, rle: bool, at_least: int = 0) -> tuple[Array, Codestream]:
    """(rows, columns[, samples]) of the frame and its codestream header.

    `rle` is whether the transfer syntax says RLE, which has no signature. With `at_least` > 0 a JPEG 2000
    frame may come back reduced by a power of two, its longer side still at least that many pixels.
    Colour that was stored as YCbCr inside the codestream is RGB on return (`Codestream.transformed`).
    Raises `DamagedFile`, `UnsupportedCompression`, `MissingDecoder`.
    """
    data = bare(data)
    stream = read_codestream(data)
    if stream is None:
        if not (rle and _plausible_rle(data)):
            raise UnsupportedCompression("the compressed frame has no signature of a known codec")
        stream = Codestream("rle", layout.rows, layout.columns, layout.samples, layout.bits_allocated, lossless=True)
    samples = stream.samples or layout.samples
    if (stream.rows, stream.columns, samples) != (layout.rows, layout.columns, layout.samples):
        raise DamagedFile("the codestream's size differs from (0028,0010) Rows, (0028,0011) Columns or samples")
    array = _attempt(data, stream, layout, at_least)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    whole = array.shape[:2] == (layout.rows, layout.columns)
    if not (whole or at_least) or (array.ndim == 3) != (layout.samples > 1):
        raise DamagedFile("the decoded frame's shape differs from the header")
    return array, stream


def _attempt(data: bytes, stream: Codestream, layout: Layout, at_least: int) -> Array:
    """The first decoder of the codec that succeeds."""
    fault: BaseException | None = None
    for decoder in _decoders(stream, layout, at_least):
        try:
            return decoder(data)
        except ImportError as missing:
            fault = fault or MissingDecoder(f"the package {missing.name} is not installed")
        except (MemoryError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as failed:  # codec packages raise kinds of their own, Rust panics among them
            fault = failed
    if isinstance(fault, MissingDecoder):
        raise fault
    raise DamagedFile(f"no decoder opens this {stream.codec} frame") from fault


def _decoders(stream: Codestream, layout: Layout, at_least: int) -> list[Callable[[bytes], Array]]:
    if stream.codec == "jpeg":
        color = stream.samples == 3
        turbo = functools.partial(_jpeg_turbo, convert=color and _is_ycbcr(stream, layout))
        return [turbo]
    if stream.codec == "jpeg-lossless":
        return [_jpeg_lossless, _jpeg_lossless_fallback]
    if stream.codec == "jpeg-ls":
        return [lambda d: _jpeg_ls(d, stream)] if _has("jpeg_ls") else [_jpeg_ls_fallback]
    if stream.codec in ("jpeg-2000", "htj2k"):
        reduction = _reduction(stream, at_least)
        full: list[Callable[[bytes], Array]] = [lambda d: _openjpeg(d, stream), _jpeg2000_fallback]
        if reduction and stream.samples == 1 and stream.codec == "jpeg-2000":
            return [lambda d: _reduced(d, stream, reduction), lambda d: _reduced_by_pillow(d, stream, reduction), *full]
        return full
    if stream.codec == "jpeg-xl":
        return [_jpeg_xl]
    return [lambda d: _rle(d, layout), lambda d: _rle_fallback(d, layout)]


def _has(module: str) -> bool:
    """Whether a package is installed. Both JPEG-LS packages wrap CharLS: a second try would fail as slowly."""
    return importlib.util.find_spec(module) is not None


def _is_ycbcr(stream: Codestream, layout: Layout) -> bool:
    """Whether three JPEG components are YCbCr: the header says so, or the stream itself (T.872 6.5)."""
    if layout.photometric.startswith("YBR"):
        return True
    return stream.transformed is True


def _jpeg_turbo(data: bytes, *, convert: bool) -> Array:
    import imagecodecs

    if convert:
        return imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="RGB")
    if read_components(data) == 3:
        return imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB")
    return imagecodecs.jpeg8_decode(data)


def read_components(data: bytes) -> int:
    """Components of a JPEG stream; 0 when it is none."""
    stream = read_codestream(data)
    return stream.samples if stream else 0


def _jpeg_lossless(data: bytes) -> Array:
    import imagecodecs

    if read_components(data) == 3:
        return imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB")
    return imagecodecs.jpeg8_decode(data)


def _jpeg_lossless_fallback(data: bytes) -> Array:
    import imagecodecs

    return np.ascontiguousarray(imagecodecs.jpegsof3_decode(data))


def _jpeg_ls(data: bytes, stream: Codestream) -> Array:
    import jpeg_ls  # type: ignore[import-untyped]  # pyjpegls ships no types

    raw, meta = jpeg_ls.decode_pixel_data(data)
    dtype = np.dtype("<u2" if stream.bits > 8 else "u1")
    flat = np.frombuffer(raw, dtype)
    if stream.samples == 1:
        return flat.reshape(stream.rows, stream.columns)
    if meta.get("interleave_mode", 2) == 0:
        planes = flat.reshape(stream.samples, stream.rows, stream.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    return flat.reshape(stream.rows, stream.columns, stream.samples)


def _jpeg_ls_fallback(data: bytes) -> Array:
    import imagecodecs

    return imagecodecs.jpegls_decode(data)


def _openjpeg(data: bytes, stream: Codestream) -> Array:
    from openjpeg.utils import decode_pixel_data

    raw = decode_pixel_data(data, version=2)
    size = 1 if stream.bits <= 8 else 2 if stream.bits <= 16 else 4
    flat = np.frombuffer(raw, np.dtype(f"<{'i' if stream.signed else 'u'}{size}"))
    shape = (stream.rows, stream.columns) + ((stream.samples,) if stream.samples > 1 else ())
    return flat.reshape(shape)


def _jpeg2000_fallback(data: bytes) -> Array:
    import imagecodecs

    return imagecodecs.jpeg2k_decode(data)


def _reduction(stream: Codestream, at_least: int) -> int:
    """How many times the sides may be halved."""
    steps, side = 0, max(stream.rows, stream.columns)
    while at_least and side // 2 >= at_least and steps < 5:
        steps, side = steps + 1, (side + 1) // 2
    return steps


def _reduced(data: bytes, stream: Codestream, reduction: int) -> Array:
    """Reduced-resolution decode by imagecodecs' OpenJPEG."""
    from dicom.openjpeg import decode_reduced

    values = decode_reduced(data, reduction)
    size = 1 if stream.bits <= 8 else 2 if stream.bits <= 16 else 4
    return values.astype(f"{'i' if stream.signed else 'u'}{size}")


def _reduced_by_pillow(data: bytes, stream: Codestream, reduction: int) -> Array:
    """The same by Pillow's, which is slower, widens to 16 bits and biases signed values."""
    from PIL import Image, Jpeg2KImagePlugin

    image = Jpeg2KImagePlugin.Jpeg2KImageFile(io.BytesIO(data))
    image.reduce = reduction
    image.load()
    if not isinstance(image, Image.Image) or image.mode not in ("L", "I;16"):
        raise DamagedFile("unexpected mode of a reduced JPEG 2000 frame")
    array = np.asarray(image)
    wide = 8 if image.mode == "L" else 16
    values = (array >> (wide - stream.bits)) if stream.bits < wide else array
    if not stream.signed:
        return values
    return (values.astype(np.int32) - (1 << (stream.bits - 1))).astype(np.int16)


def _jpeg_xl(data: bytes) -> Array:
    import imagecodecs

    return imagecodecs.jpegxl_decode(data)


def _plausible_rle(data: bytes) -> bool:
    """The 64-byte header of PS3.5 G.5: up to 15 segments, offsets ascending from 64."""
    if len(data) < 66:
        return False
    count, *offsets = struct.unpack("<16L", data[:64])
    used = offsets[:count]
    return 1 <= count <= 15 and used[0] == 64 and used == sorted(used) and used[-1] < len(data)


def _rle(data: bytes, layout: Layout) -> Array:
    import rle

    raw = rle.rle.decode_frame(data, layout.pixels, layout.bits_allocated, "<")
    return _unplaned(np.frombuffer(raw, _unsigned(layout)), layout)


def _rle_fallback(data: bytes, layout: Layout) -> Array:
    import imagecodecs

    raw = imagecodecs.dicomrle_decode(data, _unsigned(layout))
    flat = np.frombuffer(raw, _unsigned(layout))[: layout.pixels * layout.samples]
    return _unplaned(flat, layout)


def _unsigned(layout: Layout) -> np.dtype[Any]:
    return np.dtype(f"<u{layout.bits_allocated // 8}")


def _unplaned(flat: Array, layout: Layout) -> Array:
    if layout.samples == 1:
        return flat.reshape(layout.rows, layout.columns)
    planes = flat.reshape(layout.samples, layout.rows, layout.columns)
    return np.ascontiguousarray(planes.transpose(1, 2, 0))
