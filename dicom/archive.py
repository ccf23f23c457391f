"""ZIP archives and folders of files, within bounds. Knows paths and bytes; knows no picture."""

from __future__ import annotations

import contextlib
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dicom.errors import DamagedFile, EncryptedFile, InflatesTooMuch, OfficeDocument, TooManyBytes, TooManyFiles
from dicom.facts import Facts
from dicom.headers import Header
from dicom.limits import MIB, Limits
from dicom.litter import is_litter

_COPIED = MIB
_DOCUMENT = frozenset(("[Content_Types].xml", "mimetype", "Index/Document.iwa"))
"""Members that make a ZIP a document: ISO/IEC 29500-2, OpenDocument 1.3 part 2, Apple's iWork."""
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)
"""What zipfile raises for bytes it cannot read, an unknown compression (NotImplementedError) among them."""


def scan_zip(stream: BinaryIO) -> Header:
    """Marks a ZIP as such; `unpack` does the work. Raises `OfficeDocument` for one that is a document."""
    if not zipfile.is_zipfile(stream):
        raise DamagedFile("the ZIP has no central directory")
    with contextlib.suppress(*_BROKEN, OSError), zipfile.ZipFile(stream) as archive:
        if _DOCUMENT.intersection(archive.namelist()):
            raise OfficeDocument("Office Open XML, OpenDocument or EPUB")
    return Header("zip", Facts(), "", "", "", 0, False, "", ())


def sizes(path: Path, room: int, limits: Limits) -> tuple[int, ...]:
    """Bytes that each member announces, in the order of `unpack`, which raises the same."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(member.file_size for member in _members(archive, path.stat().st_size, room, limits))
    except _BROKEN as fault:
        raise DamagedFile("the ZIP is broken") from fault


def unpack(path: Path, folder: Path, room: int, limits: Limits) -> tuple[int | tuple[str, str], ...]:
    """Write the members as folder/000000, … (names are not trusted), `room` bytes at most. What stands there already is
    written to: see `originals`.

    For every member its bytes, or (class name, message) of the error when it is broken: the others are still good.
    Raises `EncryptedFile`, `TooManyFiles`, `TooManyBytes`, `InflatesTooMuch`, `DamagedFile`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            packed = path.stat().st_size
            members = _members(archive, packed, room, limits)
            room = min(room, int(max(packed, MIB) * limits.zip_ratio))
            written: list[int | tuple[str, str]] = []
            for number, member in enumerate(members):
                found = _attempt(archive, member, folder / f"{number:06d}", room)
                written.append(found)
                if isinstance(found, int):
                    room -= found
            return tuple(written)
    except _BROKEN as fault:
        raise DamagedFile("the ZIP is broken") from fault
    except OSError as fault:
        raise DamagedFile("the ZIP cannot be unpacked") from fault


def _members(archive: zipfile.ZipFile, packed: int, room: int, limits: Limits) -> list[zipfile.ZipInfo]:
    members = [m for m in archive.infolist() if not m.is_dir() and not is_litter(m.filename)]
    _check(members, packed, room, limits)
    return members


def _check(members: list[zipfile.ZipInfo], packed: int, room: int, limits: Limits) -> None:
    if any(member.flag_bits & 0x1 for member in members):
        raise EncryptedFile("a member of the ZIP is encrypted")
    if len(members) > limits.zip_members:
        raise TooManyFiles("Limits.zip_members")
    announced = sum(member.file_size for member in members)
    if announced > room:
        raise TooManyBytes("Limits.upload_bytes: ZIP members together")
    if announced > 16 * MIB and announced > limits.zip_ratio * packed:
        raise InflatesTooMuch("Limits.zip_ratio")


def _attempt(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int | tuple[str, str]:
    """Bytes written, or the error of a broken member, of which nothing is left."""
    try:
        return _copy(archive, member, target, room)
    except _BROKEN:
        pass
    except OSError as fault:
        if fault.errno is not None:  # the disk's; bz2 raises a bare one for broken data
            raise
    target.unlink(missing_ok=True)
    return DamagedFile.__name__, "the member of the ZIP is broken or of an unknown compression"


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Bytes written; stops with an error when the member grows beyond `room` whatever it announced."""
    written = 0
    with archive.open(member) as source, target.open("wb") as out:
        while piece := source.read(_COPIED):
            written += len(piece)
            if written > room:
                raise InflatesTooMuch("Limits.zip_ratio or upload_bytes: a member grows beyond what it announced")
            out.write(piece)
    return written


def walk(folder: Path, limits: Limits) -> Iterator[Path]:
    """Files below a folder in a stable order, links not followed. Raises `TooManyFiles`."""
    count = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for name in sorted(names):
            if is_litter(name):
                continue
            count += 1
            if count > limits.files:
                raise TooManyFiles("Limits.files: files of a folder")
            yield Path(root) / name
