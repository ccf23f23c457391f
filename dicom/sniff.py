"""What kind of file some bytes are, by content and never by name."""

from __future__ import annotations

import struct
import zlib
from typing import Literal

from dicom.errors import (
    DicomError,
    DisguisedFile,
    EmptyFile,
    EncryptedFile,
    PackedFile,
    RawPhoto,
    UnknownFile,
    VolumeInTwoFiles,
)
from dicom.foreign import foreign, is_half_volume
from dicom.source import refuse_disguise

Kind = Literal["dicom", "raster", "tiff", "slide", "zip", "nifti"]

HEAD_BYTES = 0x8806
"""As far as the first volume descriptor of a disc's image (ECMA-119), which begins last of all signatures."""
_RASTERS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
_TIFFS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_MIRAX_OR_HAMAMATSU = (b"[HEADER]", b"[General]", b"[Virtual Microscope Specimen]")
_CMS_OID = bytes.fromhex("2a864886f70d0107")
"""1.2.840.113549.1.7: CMS, the envelope of PS3.15's secure files."""
_FIRST_GROUPS = (0x0002, 0x0008, 0x0004, 0x0010)


def sniff(head: bytes) -> Kind:
    """The kind of a file from its first `HEAD_BYTES` bytes.

    Raises `EmptyFile`, `DisguisedFile`, `EncryptedFile`, `UnknownFile`, or what `foreign` says of it.
    """
    if not head:
        raise EmptyFile("the file has no bytes")
    if head[128:132] == b"DICM":
        refuse_disguise(head)
        return "dicom"
    found = _by_signature(head)
    if found is not None:
        return found
    if head[:2] == b"\x1f\x8b":
        inside = _gunzipped(head)
        if is_half_volume(inside):
            raise VolumeInTwoFiles("half of a volume, packed")
        if _is_nifti(inside):
            return "nifti"  # whose readers all take it packed
        raise PackedFile("gzip (RFC 1952) around something other than a NIfTI volume")
    if head[:1] == b"\x30" and _CMS_OID in head[:64]:
        raise EncryptedFile("CMS envelope (PS3.15 B)")
    if _starts_like_dicom(head):
        return "dicom"
    raise _why_not(head)


def _by_signature(head: bytes) -> Kind | None:
    if head.startswith(_RASTERS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or _is_bitmap(head):
        return "raster"
    if head.startswith(_TIFFS):
        if head[8:10] == b"CR":
            raise RawPhoto("CR2")
        return "tiff"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(_MIRAX_OR_HAMAMATSU):
        return "slide"
    return "nifti" if _is_nifti(head) else None


def _is_bitmap(head: bytes) -> bool:
    """A BMP: two letters, and the size of the header that follows, of which there are few; texts begin with BM too."""
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def _is_nifti(head: bytes) -> bool:
    return head[344:348] == b"n+1\x00" or is_nifti_2(head)


def is_nifti_2(head: bytes) -> bool:
    """Whether the header is of NIfTI-2, whose magic stands behind its length."""
    return head[4:8] == b"n+2\x00"


def _gunzipped(head: bytes) -> bytes:
    """The beginning of what a gzip file holds; b"" when it is damaged."""
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _starts_like_dicom(head: bytes) -> bool:
    """Old files without preamble: a low group, a small even length or a known value representation."""
    if len(head) < 16:
        return False
    for order in "<>":
        group, element = struct.unpack(order + "HH", head[:4])
        if group not in _FIRST_GROUPS or element > 0x1200:
            continue
        if head[4:6].isalpha() and head[4:6].isupper():
            return True
        length = struct.unpack(order + "L", head[4:8])[0]
        if length <= 1024 and group in (0x0002, 0x0008):
            return True
    return False


def _why_not(head: bytes) -> DicomError:
    if b"DICM" in head[:512]:
        return DisguisedFile("DICM stands where no DICOM file has it")
    return foreign(head) or UnknownFile("no signature of a kind of file we know")
