"""ZIP archives and folders of files, within bounds. Knows paths and bytes; knows no picture."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dicom.errors import DamagedFile, EncryptedFile, InflatesTooMuch, TooManyBytes, TooManyFiles
from dicom.facts import Facts
from dicom.headers import Header
from dicom.limits import MIB, Limits

_COPIED = MIB


def scan_zip(stream: BinaryIO) -> Header:
    """Marks a ZIP as such; `unpack` does the work."""
    if not zipfile.is_zipfile(stream):
        raise DamagedFile("the ZIP has no central directory")
    return Header("zip", Facts(), "", "", "", 0, False, "", ())


def unpack(path: Path, folder: Path, limits: Limits) -> int:
    """Write every member as folder/000000, … (names are not trusted) and return how many there are.

    Raises `EncryptedFile`, `TooManyFiles`, `TooManyBytes`, `InflatesTooMuch`, `DamagedFile`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not _litter(m.filename)]
            _check(members, path.stat().st_size, limits)
            room = min(limits.upload_bytes, int(max(path.stat().st_size, MIB) * limits.zip_ratio))
            for number, member in enumerate(members):
                room -= _copy(archive, member, folder / f"{number:06d}", room)
            return len(members)
    except zipfile.BadZipFile as fault:
        raise DamagedFile("the ZIP is broken") from fault
    except (zlib.error, EOFError, OSError) as fault:
        raise DamagedFile("a member of the ZIP cannot be inflated") from fault
    except NotImplementedError as fault:
        raise DamagedFile("a member of the ZIP uses an unknown compression") from fault


def _litter(name: str) -> bool:
    """Folders and hidden files that operating systems add."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1] in ("Thumbs.db", "desktop.ini")


def _check(members: list[zipfile.ZipInfo], packed: int, limits: Limits) -> None:
    if any(member.flag_bits & 0x1 for member in members):
        raise EncryptedFile("a member of the ZIP is encrypted")
    if len(members) > limits.zip_members:
        raise TooManyFiles("Limits.zip_members")
    announced = sum(member.file_size for member in members)
    if announced > limits.upload_bytes:
        raise TooManyBytes("Limits.upload_bytes: ZIP members together")
    if announced > 16 * MIB and announced > limits.zip_ratio * packed:
        raise InflatesTooMuch("Limits.zip_ratio")


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
        folders.sort()
        for name in sorted(names):
            if _litter(name):
                continue
            count += 1
            if count > limits.files:
                raise TooManyFiles("Limits.files: files of a folder")
            yield Path(root) / name
