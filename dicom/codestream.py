"""What a compressed frame's own header says, read before any decoder is called. Knows no DICOM tag.

JPEG (ITU-T T.81 B.2), JPEG-LS (T.87 C), JPEG 2000 (T.800 A.5, also inside JP2 boxes), JPEG XL (18181-1).
A decoder that trusts a codestream claiming 60000 x 60000 takes gigabytes; this reads the claim in
microseconds. Boxes around a codestream are taken off here and never reach a decoder, which might find in them
another codestream than the one that was looked at.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dicom.errors import DamagedFile

Codec = Literal["jpeg", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k", "jpeg-xl", "rle"]


@dataclass(frozen=True)
class Codestream:
    """The header of one compressed frame."""

    codec: Codec
    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool = False
    lossless: bool = False
    transformed: bool | None = None
    """Whether three components were stored as YCbCr; None when the stream does not say."""


def read_codestream(data: bytes) -> Codestream | None:
    """The header of `data`, or None when it is none of the known kinds. Raises `DamagedFile`."""
    data = bare(data)
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        if data.startswith(_JPEG2000):
            return _jpeg2000(data)
        if data.startswith(_JPEG_XL):
            return _jpeg_xl(data)
    except (struct.error, IndexError) as fault:
        raise DamagedFile("the compressed frame ends within its own header") from fault
    return None


_JPEG2000 = b"\xff\x4f\xff\x51"  # SOC and SIZ, which always follows
_JPEG_XL = b"\xff\x0a"


def bare(data: bytes) -> bytes:
    """The codestream in the boxes of a JP2 (T.800 Annex I) or JPEG XL file (ISO/IEC 18181-2), else `data` itself.

    Raises `DamagedFile` where boxes hold no codestream or several.
    """
    if data[:8] == b"\0\0\0\x0cjP  ":
        found = [data[start:end] for kind, start, end in _boxes(data) if kind == b"jp2c"]
        signature = _JPEG2000
    elif data[:8] == b"\0\0\0\x0cJXL ":
        boxes = list(_boxes(data))
        found = [data[start:end] for kind, start, end in boxes if kind == b"jxlc"]
        parts = [data[start + 4 : end] for kind, start, end in boxes if kind == b"jxlp"]  # 4 bytes of numbering
        found += [b"".join(parts)] if parts else []
        signature = _JPEG_XL
    else:
        return data
    if len(found) != 1:
        raise DamagedFile("the boxes around the compressed frame do not hold exactly one codestream")
    if not found[0].startswith(signature):
        raise DamagedFile("the box for the codestream holds something else")
    return found[0]


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the contents of all boxes, the last cut at the end of the data; T.800 I.4."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">L4s", data, at)
        start = at + 8
        if length == 1 and at + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        end = at + length if length else len(data)  # 0: up to the end of the file
        if end < start:
            raise DamagedFile("a box around the compressed frame is shorter than its own header")
        yield kind, start, min(end, len(data))
        at = end


_FRAME_HEADERS = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7))
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))


def _jpeg(data: bytes) -> Codestream:
    """Walk the markers to SOF; note Adobe APP14 and JFIF on the way."""
    at, adobe, jfif = 2, None, False
    lossless_ls, found = False, None
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if marker == 0xFF or marker == 0x00:
            at += 1
            continue
        if marker in _BARE:
            at += 2
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        body = data[at + 4 : at + 2 + length]
        if marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif marker == 0xE0 and body[:4] == b"JFIF":
            jfif = True
        elif marker in _FRAME_HEADERS and found is None:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", body)
            ids = bytes(body[6 + 3 * i] for i in range(samples) if 6 + 3 * i < len(body))
            found = (marker, bits, rows, columns, samples, ids)
        elif marker == 0xDA:
            lossless_ls = bool(body) and len(body) > 1 + 2 * body[0] and body[1 + 2 * body[0]] == 0
            break
        at += 2 + length
    if found is None:
        raise DamagedFile("the JPEG stream has no frame header (SOF)")
    marker, bits, rows, columns, samples, ids = found
    transformed = None
    if samples == 3:
        if adobe is not None:
            transformed = adobe != 0
        elif ids in (b"RGB", b"rgb"):
            transformed = False
        elif jfif:
            transformed = True
    if marker == 0xF7:
        return Codestream("jpeg-ls", rows, columns, samples, bits, lossless=lossless_ls, transformed=transformed)
    codec: Codec = "jpeg-lossless" if marker in (0xC3, 0xC7, 0xCB, 0xCF) else "jpeg"
    return Codestream(codec, rows, columns, samples, bits, lossless=codec == "jpeg-lossless", transformed=transformed)


def _jpeg2000(data: bytes) -> Codestream:
    """SIZ is always the first marker segment; CAP (FF50) marks high throughput; COD names the transform."""
    _, _, xsize, ysize, x0, y0 = struct.unpack_from(">HHLLLL", data, 4)
    samples, depth = struct.unpack_from(">HB", data, 40)
    if xsize <= x0 or ysize <= y0:
        raise DamagedFile("the JPEG 2000 stream has an empty image area (SIZ)")
    codec: Codec = "jpeg-2000"
    multi: bool | None = None
    lossless = False
    here = 2
    while here + 4 <= len(data) and data[here] == 0xFF and data[here + 1] not in (0x90, 0x93, 0xD9):
        marker, length = data[here + 1], struct.unpack_from(">H", data, here + 2)[0]
        if marker == 0x50:
            codec = "htj2k"
        elif marker == 0x52:
            multi = data[here + 8] != 0
            lossless = data[here + 13] == 1
        here += 2 + length
    return Codestream(codec, ysize - y0, xsize - x0, samples, (depth & 0x7F) + 1, bool(depth & 0x80), lossless, multi)


_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def _jpeg_xl(data: bytes) -> Codestream:
    """SizeHeader of ISO/IEC 18181-1 D.2, least significant bit first; samples are left to the decoder."""
    bits = int.from_bytes(data[2:18], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def side() -> int:
        return 1 + take((9, 13, 18, 30)[take(2)])

    small = take(1)
    rows = (take(5) + 1) * 8 if small else side()
    ratio = take(3)
    if ratio:
        over, under = _RATIOS[ratio]
        columns = rows * over // under
    else:
        columns = (take(5) + 1) * 8 if small else side()
    return Codestream("jpeg-xl", rows, columns, 0, 0)
