"""Where each frame's bytes lie in encapsulated pixel data, PS3.5 A.4. Knows codecs by first bytes only."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.dataset import Dataset

from dicom import elements
from dicom.errors import DamagedFile, TooManyBytes, TruncatedFile
from dicom.limits import Limits
from dicom.source import read_at, size_of

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_STARTS = (
    b"\xff\xd8\xff",
    b"\xff\x4f\xff\x51",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x0a",
    b"\x00\x00\x00\x0cJXL ",
)


@dataclass(frozen=True)
class Fragments:
    """The pieces of every frame as (offset, length) in the stream."""

    frames: tuple[tuple[tuple[int, int], ...], ...]

    def read(self, stream: BinaryIO, index: int, limits: Limits) -> bytes:
        """The compressed bytes of frame `index`."""
        if not 0 <= index < len(self.frames):
            raise TruncatedFile("(7FE0,0010) PixelData has fewer frames than (0028,0008) NumberOfFrames says")
        pieces = self.frames[index]
        if sum(length for _, length in pieces) > limits.codestream_bytes:
            raise TooManyBytes("Limits.codestream_bytes: one compressed frame")
        joined = b"".join(read_at(stream, offset, length) for offset, length in pieces)
        if not joined:
            raise TruncatedFile("a frame of (7FE0,0010) PixelData has no bytes")
        return joined


def locate_frames(stream: BinaryIO, offset: int, count: int, ds: Dataset) -> Fragments:
    """Walk the items from `offset` and group them into `count` frames (by offset table, else by content)."""
    table, pieces = walk_fragments(stream, offset)
    if not pieces:
        raise TruncatedFile("(7FE0,0010) PixelData has no fragments")
    if count == 1:
        return Fragments((tuple(pieces),))
    starts = _extended_starts(ds, count) or _basic_starts(table, count)
    if starts:
        base = pieces[0][0] - 8
        found = _by_start(pieces, [base + start for start in starts])
        if found is not None:
            return Fragments(found)
    if len(pieces) == count:
        return Fragments(tuple((piece,) for piece in pieces))
    return Fragments(_by_content(stream, pieces))


def walk_fragments(stream: BinaryIO, offset: int) -> tuple[bytes, list[tuple[int, int]]]:
    """The basic offset table's bytes and the fragments after it."""
    end = size_of(stream)
    stream.seek(offset)
    table: bytes | None = None
    pieces: list[tuple[int, int]] = []
    while True:
        head = stream.read(8)
        if len(head) < 8 or head[:4] == _END:
            break
        if head[:4] != _ITEM:
            if table is None:
                raise DamagedFile("(7FE0,0010) PixelData does not begin with an item")
            break
        length = struct.unpack("<L", head[4:])[0]
        here = stream.tell()
        length = min(length, end - here)
        if table is None:
            table = stream.read(min(length, 4 * 1_000_000))
        elif length:
            pieces.append((here, length))
        stream.seek(here + length)
    return table or b"", pieces


def _basic_starts(table: bytes, count: int) -> list[int]:
    numbers = list(struct.unpack(f"<{len(table) // 4}L", table[: len(table) // 4 * 4]))
    return numbers if len(numbers) == count else []


def _extended_starts(ds: Dataset, count: int) -> list[int]:
    """(7FE0,0001) ExtendedOffsetTable, PS3.3 C.7.6.3.1.8."""
    raw = elements.value(ds, "ExtendedOffsetTable")
    if not isinstance(raw, bytes) or len(raw) != 8 * count:
        return []
    return list(struct.unpack(f"<{count}Q", raw))


def _by_start(pieces: list[tuple[int, int]], starts: list[int]) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """Group by item positions; None when a table entry points at no item (some writers get it wrong)."""
    at = {piece[0] - 8: i for i, piece in enumerate(pieces)}
    if any(start not in at for start in starts) or sorted(starts) != starts:
        return None
    firsts = [at[start] for start in starts]
    ends = [*firsts[1:], len(pieces)]
    return tuple(tuple(pieces[a:b]) for a, b in zip(firsts, ends, strict=True))


def _by_content(stream: BinaryIO, pieces: list[tuple[int, int]]) -> tuple[tuple[tuple[int, int], ...], ...]:
    """A new frame begins where a fragment starts like a codestream."""
    groups: list[list[tuple[int, int]]] = []
    for piece in pieces:
        stream.seek(piece[0])
        head = stream.read(12)
        if not groups or head.startswith(_STARTS):
            groups.append([])
        groups[-1].append(piece)
    return tuple(tuple(group) for group in groups)
