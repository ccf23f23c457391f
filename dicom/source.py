"""A DICOM file to its header and the place of its pixels, within bounds. Knows no meaning of the pixels.

Bounded here and not by pydicom: what a deflated data set inflates to (PS3.5 A.5), nesting, element count.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError

from dicom.errors import (
    DamagedFile,
    DisguisedFile,
    EmptyFile,
    InflatesTooMuch,
    TooComplex,
    TruncatedFile,
    UnknownFile,
)
from dicom.limits import MIB, Limits
from dicom.salvage import without_foreign_sequences

DEFLATED = {"1.2.840.10008.1.2.1.99"}
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_HEADER_BYTES = 8  # of an element or an item, PS3.5 7.1 and 7.5; long value lengths come as four more
_REPEATS = 2  # an element is often read as two eight bytes: with the header of its item, or with a value of eight
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"ox"}
_PIXEL_KEYWORDS = {0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData", 0x0010: "PixelData"}
_DISGUISES = (
    b"MZ",
    b"PK",
    b"<",
    b"\x7fELF",
    b"%PDF",
    b"#!",
    b"\xca\xfe\xba\xbe",
    b"GIF8",
    b"\x89PNG",
    b"\xff\xd8\xff",
)


@dataclass
class PixelElement:
    """Where (7FE0,0010), (7FE0,0008) or (7FE0,0009) lies in the stream."""

    keyword: str
    offset: int
    length: int | None
    """Bytes of native data; None for encapsulated data (undefined length, PS3.5 A.4)."""
    big_endian: bool
    words: bool
    """OW: 8-bit samples of big endian files come in swapped pairs (PS3.5 A.2, 8.1.2)."""


@dataclass
class Source:
    """A parsed header with the still open stream it came from."""

    dataset: Dataset
    stream: BinaryIO
    syntax: str
    """Transfer syntax UID as stated, or as inferred from the encoding when not stated."""
    pixels: PixelElement | None
    truncated: bool
    """The last element of the header announces more bytes than there are."""

    def close(self) -> None:
        self.stream.close()


def open_source(stream: BinaryIO, limits: Limits) -> Source:
    """Parse the header of an open DICOM file up to its pixels.

    Raises `EmptyFile`, `DisguisedFile`, `InflatesTooMuch`, `TooComplex`, `DamagedFile`, `UnknownFile`.
    """
    head = stream.read(132)
    if not head:
        raise EmptyFile("the file has no bytes")
    refuse_disguise(head)
    stream.seek(0)
    syntax = stated_syntax(stream)
    if syntax in DEFLATED:
        stream = _inflated(stream, limits)
    start = stream.tell()
    stream.seek(0)
    try:
        dataset = _parse(stream, limits)
    except DamagedFile:
        stream = _repaired(stream, syntax, start)
        dataset = _parse(stream, limits)
    _check_complexity(dataset, limits)
    pixels, big = _locate(stream, dataset)
    implicit, little = _encoding(dataset)
    if not syntax:
        inferred = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)[implicit] if little and not big else EXPLICIT_BIG
        syntax = inferred
    return Source(dataset, stream, syntax, pixels, _ends_early(dataset))


def refuse_disguise(head: bytes) -> None:
    """Raise `DisguisedFile` when the 128-byte preamble starts another kind of file but TIFF, PS3.10 7.1."""
    if head[128:132] == b"DICM" and head.startswith(_DISGUISES):
        raise DisguisedFile("the preamble before DICM starts another kind of file")


def stated_syntax(stream: BinaryIO) -> str:
    """(0002,0010) of the file meta group, PS3.10 7.1, or ""; leaves the stream after the group."""
    start = stream.tell()
    head = stream.read(132)
    stream.seek(start + (132 if head[128:132] == b"DICM" else 0))
    syntax = ""
    for _ in range(64):
        here = stream.tell()
        tag = stream.read(8)
        if len(tag) < 8 or tag[:2] != b"\x02\x00":
            stream.seek(here)
            break
        if tag[4:6] in _LONG_VRS:
            length = struct.unpack("<L", stream.read(4).ljust(4, b"\0"))[0]
        else:
            length = struct.unpack("<H", tag[6:8])[0]
        if length > MIB:
            break
        data = stream.read(length)
        if tag[2:4] == b"\x10\x00":
            syntax = data.decode("latin-1").strip(" \x00")
    return syntax


def _inflated(stream: BinaryIO, limits: Limits) -> BinaryIO:
    """The same file with its data set inflated and its meta group naming Explicit VR Little Endian."""
    packed = stream.read()
    stream.close()
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    out = bytearray()
    feed = packed
    while feed and not inflater.eof:
        try:
            out += inflater.decompress(feed, 4 * MIB)
        except zlib.error as fault:
            if not out:
                raise DamagedFile("the deflated data set (PS3.5 A.5) cannot be inflated") from fault
            break
        feed = inflater.unconsumed_tail
        suspicious = len(out) > 16 * MIB and len(out) > limits.inflated_ratio * len(packed)
        if len(out) > limits.inflated_bytes or suspicious:
            raise InflatesTooMuch("Limits.inflated_bytes or inflated_ratio: deflated data set")
    uid = EXPLICIT_LITTLE.encode()
    uid += b"\0" * (len(uid) % 2)
    element = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(uid)) + uid
    group_length = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<L", len(element))
    return io.BytesIO(b"\0" * 128 + b"DICM" + group_length + element + bytes(out))


def _repaired(stream: BinaryIO, syntax: str, start: int) -> BinaryIO:
    """The stream without what made it unreadable. Raises `DamagedFile` when nothing can be done."""
    stream.seek(0)
    data = without_foreign_sequences(stream.read(), start) if syntax == EXPLICIT_BIG else None
    if data is None:
        raise DamagedFile("the header cannot be parsed")
    stream.close()
    return io.BytesIO(data)


class _Counting:
    """A stream that refuses to go on after too many reads of eight bytes, which is how pydicom reads headers.

    `_check_complexity` cannot see them all: of an element that is repeated a million times one is left.
    """

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self._read, self._left = stream.read, most
        self.seek, self.tell = stream.seek, stream.tell

    @property
    def exhausted(self) -> bool:
        return self._left < 0

    def read(self, size: int = -1) -> bytes:
        if size == _HEADER_BYTES:
            self._left -= 1
            if self._left < 0:
                raise TooComplex("Limits.elements")
        return self._read(size)


def _parse(stream: BinaryIO, limits: Limits) -> FileDataset:
    counting: _Counting | None = None
    if size_of(stream) > limits.elements * _HEADER_BYTES:  # else it cannot hold that many
        counting = _Counting(stream, limits.elements * _REPEATS)
    try:
        return pydicom.dcmread(cast(BinaryIO, counting or stream), stop_before_pixels=True, force=True)
    except MemoryError:
        raise
    except RecursionError as fault:
        raise TooComplex("Limits.nesting: sequences nested too deeply") from fault
    except EOFError as fault:
        raise TruncatedFile("the header ends within an element") from fault
    except InvalidDicomError as fault:
        raise UnknownFile("not a DICOM file") from fault
    except Exception as fault:  # pydicom raises a dozen kinds on damaged headers, some of its own
        if counting is not None and counting.exhausted:  # pydicom hides some refusals behind its own errors
            raise TooComplex("Limits.elements") from fault
        raise DamagedFile("the header cannot be parsed") from fault


def _encoding(dataset: Dataset) -> tuple[bool, bool]:
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False


def _check_complexity(dataset: Dataset, limits: Limits) -> None:
    """Depth and count of what was parsed; sequences pydicom left raw cost nothing until they are used, within the time
    of that task."""
    count = 0
    level: list[Dataset] = [dataset]
    for _ in range(limits.nesting + 1):
        deeper: list[Dataset] = []
        for ds in level:
            count += len(ds)
            deeper.extend(_parsed_items(ds))
        if count > limits.elements:
            raise TooComplex("Limits.elements")
        if not deeper:
            return
        level = deeper
    raise TooComplex("Limits.nesting")


def _parsed_items(ds: Dataset) -> list[Dataset]:
    found: list[Dataset] = []
    for element in ds.values():
        if not isinstance(element, RawDataElement) and element.VR == "SQ" and element.value:
            found.extend(element.value)
    return found


def _locate(stream: BinaryIO, dataset: Dataset) -> tuple[PixelElement | None, bool]:
    """The pixel element at the stream's position, where pydicom stopped."""
    here = stream.tell()
    head = stream.read(12)
    if len(head) < 8:
        return None, False
    for order in "<>":
        group, element = struct.unpack(order + "HH", head[:4])
        if group == 0x7FE0 and element in _PIXEL_KEYWORDS:
            break
    else:
        return None, False
    big = order == ">"
    if head[4:6] in _LONG_VRS:
        length, offset = struct.unpack(order + "L", head[8:12].ljust(4, b"\0"))[0], here + 12
    else:
        length, offset = struct.unpack(order + "L", head[4:8])[0], here + 8
    known = None if length == 0xFFFFFFFF else int(length)
    return PixelElement(_PIXEL_KEYWORDS[element], offset, known, big, head[4:6] == b"OW"), big


def _ends_early(dataset: Dataset) -> bool:
    """Whether the last top-level element holds fewer bytes than its length says."""
    elements: list[Any] = list(dataset.values())
    if not elements:
        return True
    last = elements[-1]
    if isinstance(last, RawDataElement) and last.value is not None and last.length not in (0xFFFFFFFF, -1):
        return len(last.value) < last.length
    return False


def mapped(path: Path) -> BinaryIO:
    """A file as a stream over mapped memory: reading past its end costs nothing, whatever a length claims."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise EmptyFile("the file has no bytes")
        return cast(BinaryIO, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def read_at(stream: BinaryIO, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`, fewer at the end, none beyond it (where mapped memory refuses to seek)."""
    try:
        stream.seek(offset)
    except ValueError:
        return b""
    return stream.read(length)


def size_of(stream: BinaryIO) -> int:
    """Bytes of a seekable stream; keeps its position."""
    here = stream.tell()
    stream.seek(0, io.SEEK_END)
    end = stream.tell()
    stream.seek(here)
    return end
