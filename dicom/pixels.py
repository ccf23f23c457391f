"""Stored values of one frame, from native or encapsulated pixel data (PS3.5 8 and A.4). Knows no window.

Steps: locate → read → decode → mask, shift and sign-extend (PS3.5 8.1.1: HighBit and BitsStored, which
pydicom leaves out) → array. Colour comes out as stored, except that JPEG and JPEG 2000 undo their own
transform.
"""

from __future__ import annotations

import dataclasses
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicom import elements
from dicom.codestream import Codestream, read_codestream
from dicom.decoders import decode_codestream
from dicom.errors import DamagedFile, FrameMissing, TruncatedFile, UnsupportedCompression, UnsupportedPixels
from dicom.fragments import Fragments, locate_frames
from dicom.held import layout_of
from dicom.layout import Layout
from dicom.limits import Limits
from dicom.source import PixelElement, Source, read_at

RLE = "1.2.840.10008.1.2.5"
GE_PRIVATE = "1.2.840.113619.5.2"
"""GE: implicit little endian with big endian pixel data."""
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.98")
"""Uncompressed syntaxes; frames in fragments are what PS3.5 A.4.11 (.98) asks for, and others do too."""
_DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""PS3.5 A.4.13: every frame by itself a deflate stream."""


@dataclass(frozen=True)
class Stored:
    """Stored values of one frame and whether they are RGB already."""

    values: NDArray[Any]
    """(rows, columns) integers or floats, or (rows, columns, samples) integers."""
    rgb: bool
    lossy: bool
    words: NDArray[Any] | None = None
    """Undecoded words of a losslessly stored frame, whose unused bits may hold overlays."""


class PixelReader:
    """Frames of one open source, in any order; the places of compressed frames are found once."""

    def __init__(self, source: Source, limits: Limits) -> None:
        if source.pixels is None:
            raise FrameMissing("there is no pixel element")
        self.layout: Layout = layout_of(source, limits)
        self._source, self._limits = source, limits
        self._element: PixelElement = source.pixels
        self._fragments: Fragments | None = None
        self._tiled = elements.integer(source.dataset, "TotalPixelMatrixColumns") is not None

    @property
    def encapsulated(self) -> bool:
        return self._element.length is None

    def read(self, index: int, *, at_least: int = 0) -> Stored:
        """Stored values of frame `index`; see `decode_codestream` for `at_least`."""
        if not 0 <= index < self.layout.frames:
            raise FrameMissing("the frame index is outside (0028,0008) NumberOfFrames")
        return self._compressed(index, at_least) if self.encapsulated else self._native(index)

    def _compressed(self, index: int, at_least: int) -> Stored:
        layout, syntax = self.layout, self._source.syntax
        if self._fragments is None:
            self._fragments = locate_frames(
                self._source.stream, self._element.offset, layout.frames, self._source.dataset
            )
        data = self._fragments.read(self._source.stream, index, self._limits)
        if syntax in _PLAIN and not data.startswith(b"\xff\xd8\xff"):
            return self._plain(data, "<")
        if syntax == _DEFLATED_FRAMES:
            return self._plain(_inflated(data, self._frame_bytes()), "<")
        if layout.bits_allocated < 8:
            raise UnsupportedCompression("compressed one-bit pixel data")
        rle = self._source.syntax == RLE
        tile = self._tile(data)
        cut = tile is not layout
        array, stream = decode_codestream(data, tile, rle=rle, at_least=0 if cut else at_least)
        values, rgb = _conformed(array, tile, stream), _is_rgb(stream, layout)
        if cut:
            return Stored(_filled_up(values, layout, rgb=rgb), rgb, not stream.lossless)
        words = array if stream.lossless and array.ndim == 2 else None
        return Stored(values, rgb, not stream.lossless, words)

    def _tile(self, data: bytes) -> Layout:
        """The layout of one compressed frame: smaller for a tile that was cut off at the edge of its slide.

        Tiles are to be filled up (PS3.3 C.7.6.17.3); some writers store only the part that lies on the slide. A
        codestream larger than Rows x Columns is left for `decode_codestream` to refuse.
        """
        layout = self.layout
        stream = read_codestream(data) if self._tiled else None
        if stream is None or stream.rows > layout.rows or stream.columns > layout.columns:
            return layout
        if (stream.rows, stream.columns) == (layout.rows, layout.columns):
            return layout
        return dataclasses.replace(layout, rows=stream.rows, columns=stream.columns)

    def _native(self, index: int) -> Stored:
        layout = self.layout
        if layout.bits_allocated in (1, 12):
            return self._packed(index)
        length = self._frame_bytes()
        return self._plain(self._raw(index * length, length), ">" if self._big_endian() else "<")

    def _frame_bytes(self) -> int:
        """Bytes of one uncompressed frame that begins at a byte."""
        layout = self.layout
        if self._subsampled():
            return layout.pixels * 2
        return (layout.frame_bits + 7) // 8

    def _plain(self, raw: bytes, order: str) -> Stored:
        """Stored values of one uncompressed frame's bytes, words in `order` ("<" or ">")."""
        layout = self.layout
        length = self._frame_bytes()
        if len(raw) < length:
            raise TruncatedFile("(7FE0,0010) PixelData ends within a frame")
        raw = raw[:length]
        if layout.bits_allocated in (1, 12):
            return Stored(_unpacked(raw, 0, layout), False, False)
        if self._subsampled():
            return Stored(_spread_422(np.frombuffer(raw, np.uint8), layout), False, True)
        width = layout.bits_allocated // 8
        if self._element.keyword != "PixelData":
            floats = np.frombuffer(raw, f"{order}f{width}")
            return Stored(floats.astype(np.float32).reshape(layout.rows, layout.columns), False, False)
        shaped = _shaped(_words(raw, width, order), layout)
        return Stored(masked(shaped, layout), False, False, shaped)

    def _raw(self, start: int, length: int) -> bytes:
        """`length` bytes of native pixel data from `start`, in the order of little endian words where packed."""
        element, stream = self._element, self._source.stream
        if element.words and element.big_endian and self.layout.bits_allocated in (1, 8):
            return self._swapped(start, length)
        raw = read_at(stream, element.offset + start, length)
        if len(raw) < length:
            raise TruncatedFile(f"(7FE0,0010) {element.keyword} ends within a frame")
        return raw

    def _swapped(self, start: int, length: int) -> bytes:
        """Bytes of big endian words, put back in order."""
        first, last = start // 2 * 2, (start + length + 1) // 2 * 2
        raw = read_at(self._source.stream, self._element.offset + first, last - first)
        words = np.frombuffer(raw.ljust(last - first, b"\0"), ">u2")
        if self._element.length is not None and start + length > self._element.length:
            raise TruncatedFile("(7FE0,0010) PixelData ends within a frame")
        return words.astype("<u2").tobytes()[start - first : start - first + length]

    def _subsampled(self) -> bool:
        """Whether uncompressed 4:2:2 really has two bytes a pixel; some writers keep three."""
        layout = self.layout
        if not layout.photometric.endswith("_422") or layout.samples != 3 or layout.bits_allocated != 8:
            return False
        return self._element.length is None or self._element.length < layout.pixels * 3 * layout.frames

    def _big_endian(self) -> bool:
        if self._source.syntax == GE_PRIVATE:
            implicit, _ = self._source.dataset.original_encoding
            if not implicit:
                raise UnsupportedPixels("GE private transfer syntax on explicit data: byte order unknown")
            return True
        return self._element.big_endian

    def _packed(self, index: int) -> Stored:
        """1-bit (PS3.5 8.1.1, frames not byte-aligned) or 12-bit packed values (ACR-NEMA)."""
        size = self.layout.pixels * self.layout.bits_allocated
        first, last = index * size, (index + 1) * size
        raw = self._raw(first // 8, (last + 7) // 8 - first // 8)
        return Stored(_unpacked(raw, first % 8, self.layout), False, False)


def _filled_up(values: NDArray[Any], layout: Layout, *, rgb: bool) -> NDArray[Any]:
    """A cut tile in the upper left corner of Rows x Columns; the rest white, as glass is, black in grey pictures."""
    blank: int | list[int] = 0
    if values.ndim == 3:
        top = (1 << layout.bits_stored) - 1
        middle = top if rgb or not layout.photometric.startswith("YBR") else (top + 1) // 2
        blank = [top, middle, middle, *[top] * (values.shape[2] - 3)]
    whole = np.empty((layout.rows, layout.columns, *values.shape[2:]), values.dtype)
    whole[...] = blank
    whole[: values.shape[0], : values.shape[1]] = values
    return whole


def _unpacked(raw: bytes, first: int, layout: Layout) -> NDArray[Any]:
    """(rows, columns) of packed values, the lowest bit first, beginning at bit `first`."""
    if layout.samples != 1:
        raise UnsupportedPixels("(0028,0100) BitsAllocated of less than 8 with several samples")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[first:]
    bits = bits[: layout.pixels * layout.bits_allocated]
    if layout.bits_allocated == 1:
        return bits.reshape(layout.rows, layout.columns)
    weights = 1 << np.arange(12, dtype=np.uint16)
    return (bits.reshape(-1, 12).astype(np.uint16) @ weights).reshape(layout.rows, layout.columns)


def _inflated(data: bytes, length: int) -> bytes:
    """At most `length` bytes of a deflate stream: no frame can grow beyond what its header announces."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, length)
    except zlib.error as fault:
        raise DamagedFile("a deflated frame (PS3.5 A.4.13) cannot be inflated") from fault


def _words(raw: bytes, width: int, order: str) -> NDArray[Any]:
    if width == 3:
        three = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.uint32)
        if order == ">":
            three = three[:, ::-1]
        words: NDArray[Any] = three[:, 0] | three[:, 1] << 8 | three[:, 2] << 16
        return words
    found = np.frombuffer(raw, f"{order}u{width}")
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _shaped(flat: NDArray[Any], layout: Layout) -> NDArray[Any]:
    if layout.samples == 1:
        return flat.reshape(layout.rows, layout.columns)
    if layout.planar:
        return flat.reshape(layout.samples, layout.rows, layout.columns).transpose(1, 2, 0)
    return flat.reshape(layout.rows, layout.columns, layout.samples)


def masked(words: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Unsigned words to stored values: bits above HighBit and below the value dropped, sign extended."""
    size = words.dtype.itemsize * 8
    shift = layout.high_bit + 1 - layout.bits_stored
    if shift:
        words = words >> shift
    if layout.high_bit + 1 < size:
        words = words & words.dtype.type((1 << layout.bits_stored) - 1)
    if not layout.signed:
        return words
    spare = size - layout.bits_stored
    signed = words.view(np.dtype(f"i{words.dtype.itemsize}"))
    extended: NDArray[Any] = (signed << spare) >> spare if spare else signed
    return extended


def _conformed(array: NDArray[Any], layout: Layout, stream: Codestream) -> NDArray[Any]:
    """Decoded values as (0028,0103) PixelRepresentation says, unused high bits dropped where bits are exact.

    JPEG 2000 and lossy values may overshoot BitsStored: masking would wrap them, so they are kept.
    """
    if array.dtype.kind == "f":
        return array
    bits = stream.bits or layout.bits_stored
    words = array.view(np.dtype(f"u{array.dtype.itemsize}"))
    exact = stream.lossless and stream.codec not in ("jpeg-2000", "htj2k")
    if exact and array.ndim == 2 and bits >= layout.high_bit + 1:
        return masked(words, layout)
    if layout.signed == stream.signed:
        return array
    if layout.signed:
        return _extended(words, min(bits, layout.bits_stored) if stream.lossless else bits)
    unsigned: NDArray[Any] = words & words.dtype.type((1 << bits) - 1)
    return unsigned


def _extended(words: NDArray[Any], bits: int) -> NDArray[Any]:
    spare = words.dtype.itemsize * 8 - bits
    signed = words.view(np.dtype(f"i{words.dtype.itemsize}"))
    return (signed << spare) >> spare if spare else signed


def _is_rgb(stream: Codestream, layout: Layout) -> bool:
    """Whether colour left the decoder as RGB: DCT JPEG and JPEG 2000 with a component transform."""
    if stream.samples != 3 and stream.codec != "jpeg-xl":
        return False
    if stream.codec == "jpeg-xl" or stream.codec == "jpeg":
        return True
    if stream.codec in ("jpeg-2000", "htj2k"):
        return stream.transformed is True or layout.photometric in ("YBR_RCT", "YBR_ICT")
    return False


def _spread_422(raw: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Y1 Y2 Cb Cr per two pixels (PS3.3 C.7.6.3.1.2) to three samples a pixel."""
    pairs = raw[: layout.pixels * 2].reshape(layout.rows, -1, 4)
    out = np.empty((layout.rows, pairs.shape[1] * 2, 3), np.uint8)
    out[:, 0::2, 0], out[:, 1::2, 0] = pairs[:, :, 0], pairs[:, :, 1]
    out[:, :, 1] = np.repeat(pairs[:, :, 2], 2, axis=1)
    out[:, :, 2] = np.repeat(pairs[:, :, 3], 2, axis=1)
    return out[:, : layout.columns]
