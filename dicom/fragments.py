"""Where each frame's bytes lie in encapsulated pixel data, PS3.5 A.4. Knows codecs by first bytes only."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
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

Piece = tuple[int, int]
"""(offset, length) in the stream."""
Frames = tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True)
class Fragments:
    """The pieces of every frame."""

    frames: Frames

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
    """Walk the items from `offset` and group them into frames: `count` of them as (0028,0008) says, or as many more as
    there are.

    Codestreams and RLE frames tell by their first bytes where a frame begins. An offset table, which some writers get
    wrong, decides only where those tell of fewer frames than there should be, or where frames have no such beginning.
    """
    table, every = walk_fragments(stream, offset)
    pieces = [piece for piece in every if piece[1]]
    if not pieces:
        raise TruncatedFile("(7FE0,0010) PixelData has no fragments")
    heads = [read_at(stream, piece[0], 12) for piece in pieces]
    known = _by_content(pieces, heads)
    if len(every) == count > len(known):  # an empty fragment stands for a frame that is missing
        return Fragments(tuple((piece,) for piece in every))
    if len(known) >= count and (count > 1 or _begins(heads[0])):
        return Fragments(known)
    if count == 1:
        return Fragments((tuple(pieces),))
    stated = _by_table(every, _extended_starts(ds), count) or _by_table(every, _basic_starts(table), count)
    if stated is not None:
        return Fragments(stated)
    return Fragments(tuple((piece,) for piece in pieces) if len(pieces) == count else known)


def walk_fragments(stream: BinaryIO, offset: int) -> tuple[bytes, list[Piece]]:
    """The basic offset table's bytes and the fragments after it, empty ones too."""
    end = size_of(stream)
    stream.seek(offset)
    table: bytes | None = None
    pieces: list[Piece] = []
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
        else:
            pieces.append((here, length))
        stream.seek(here + length)
    return table or b"", pieces


def _basic_starts(table: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(table) // 4}L", table[: len(table) // 4 * 4]))


def _extended_starts(ds: Dataset) -> list[int]:
    """(7FE0,0001) ExtendedOffsetTable, PS3.3 C.7.6.3.1.8."""
    raw = elements.value(ds, "ExtendedOffsetTable")
    return list(struct.unpack(f"<{len(raw) // 8}Q", raw[: len(raw) // 8 * 8])) if isinstance(raw, bytes) else []


def _by_table(pieces: Sequence[Piece], starts: Sequence[int], count: int) -> Frames | None:
    """Group by the positions of items; None for a table that is too short, points at no item or skips some."""
    at = {piece[0] - pieces[0][0]: i for i, piece in enumerate(pieces)}
    firsts = [at.get(start, -1) for start in starts]
    if len(starts) < count or firsts[:1] != [0] or sorted(set(firsts)) != firsts:
        return None
    return tuple(tuple(pieces[a:b]) for a, b in itertools.pairwise([*firsts, len(pieces)]))


def _by_content(pieces: Sequence[Piece], heads: Sequence[bytes]) -> Frames:
    """A new frame begins where a fragment starts like a codestream; RLE has a fragment a frame (PS3.5 A.4.2)."""
    if all(_is_rle(head) for head in heads):
        return tuple((piece,) for piece in pieces)
    groups: list[list[Piece]] = []
    for piece, head in zip(pieces, heads, strict=True):
        if not groups or head.startswith(_STARTS):
            groups.append([])
        groups[-1].append(piece)
    return tuple(tuple(group) for group in groups)


def _begins(head: bytes) -> bool:
    return head.startswith(_STARTS) or _is_rle(head)


def _is_rle(head: bytes) -> bool:
    """An RLE header: the number of segments, 1 to 15, and the offset of the first, which is always 64; PS3.5 G.5."""
    return len(head) >= 8 and 1 <= int.from_bytes(head[:4], "little") <= 15 and head[4:8] == b"\x40\0\0\0"
