"""What kind of file some bytes are, by content and never by name."""

from __future__ import annotations

import struct
import zlib
from typing import Literal

from dicom.errors import DicomError, DisguisedFile, EmptyFile, EncryptedFile, PackedFile, UnknownFile
from dicom.source import refuse_disguise

Kind = Literal["dicom", "raster", "tiff", "slide", "zip", "nifti"]

HEAD_BYTES = 512
_RASTERS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"\x00\x00\x00\x0cjP  ",
    b"\xff\x4f\xff\x51",
)
_TIFFS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_MIRAX_OR_HAMAMATSU = (b"[HEADER]", b"[General]", b"[Virtual Microscope Specimen]")
_CMS_OID = bytes.fromhex("2a864886f70d0107")
"""1.2.840.113549.1.7: CMS, the envelope of PS3.15's secure files."""
_FIRST_GROUPS = (0x0002, 0x0008, 0x0004, 0x0010)


def sniff(head: bytes) -> Kind:
    """The kind of a file from its first `HEAD_BYTES` bytes. Raises `EmptyFile`, `DisguisedFile`,
    `EncryptedFile`, `PackedFile` or `UnknownFile`."""
    if not head:
        raise EmptyFile("the file has no bytes")
    if head[128:132] == b"DICM":
        refuse_disguise(head)
        return "dicom"
    found = _by_signature(head)
    if found is not None:
        return found
    if head[:2] == b"\x1f\x8b":
        if _is_nifti(_gunzipped(head)):
            return "nifti"  # whose readers all take it packed
        raise PackedFile("gzip (RFC 1952) around something other than a NIfTI volume")
    if head[:1] == b"\x30" and _CMS_OID in head[:64]:
        raise EncryptedFile("CMS envelope (PS3.15 B)")
    if _starts_like_dicom(head):
        return "dicom"
    raise _why_not(head)


def _by_signature(head: bytes) -> Kind | None:
    if head.startswith(_RASTERS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "raster"
    if head.startswith(_TIFFS):
        return "tiff"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(_MIRAX_OR_HAMAMATSU):
        return "slide"
    return "nifti" if _is_nifti(head) else None


def _is_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\x00", b"ni1\x00") or head[4:7] == b"n+2"


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
    if b"DICM" in head:
        return DisguisedFile("DICM stands where no DICOM file has it")
    return UnknownFile("no signature of a supported kind of file")
