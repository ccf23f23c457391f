"""Headers a parser gives up on, repaired by leaving out what no picture needs. Knows encodings, no meaning.

One repair: in Explicit VR Big Endian files an element of unknown VR and undefined length holds Implicit VR
Little Endian items (PS3.5 6.2.2 note 2), which confuses pydicom; such elements are cut out.
"""

from __future__ import annotations

import struct

_LONG = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_ITEM_END = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"


def without_foreign_sequences(data: bytes, start: int) -> bytes | None:
    """`data` of an Explicit VR Big Endian file, its data set at `start`, without UN elements of undefined length.

    None when there is none or the top level cannot be walked.
    """
    kept, at, copied = [], start, 0
    while at + 12 <= len(data):
        group, vr = struct.unpack_from(">H", data, at)[0], data[at + 4 : at + 6]
        if group >= 0x7FE0:
            break
        long = vr in _LONG
        length = struct.unpack_from(">L", data, at + 8)[0] if long else struct.unpack_from(">H", data, at + 6)[0]
        if length == _UNDEFINED:
            if vr != b"UN":
                return None
            end = _after_items(data, at + 12)
            if end is None:
                return None
            kept.append(data[copied:at])
            at = copied = end
            continue
        at += (12 if long else 8) + length
    return b"".join([*kept, data[copied:]]) if kept else None


def _after_items(data: bytes, at: int) -> int | None:
    """The place after a little endian sequence that begins at `at`."""
    while at + 8 <= len(data):
        tag, length = data[at : at + 4], struct.unpack_from("<L", data, at + 4)[0]
        if tag == _SEQUENCE_END:
            return at + 8
        if tag != _ITEM:
            return None
        if length == _UNDEFINED:
            end = data.find(_ITEM_END, at)
            if end < 0:
                return None
            at = end + 8
        else:
            at += 8 + length
    return None
