"""Whatever else a person drops is named for what it is, with its own remedy, in both languages."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.locale import Locale
from app.notices import key_of
from dicom import DicomError, errors, inspect, open_study
from dicom.sniff import sniff
from tests.dicom_files import make_stack, sandbox


def office(*members: str) -> bytes:
    out = io.BytesIO()
    picture = io.BytesIO()
    Image.new("L", (8, 8)).save(picture, "PNG")
    with zipfile.ZipFile(out, "w") as archive:
        for name in members:
            archive.writestr(name, "<xml/>")
        archive.writestr("word/media/image1.png", picture.getvalue())
    return out.getvalue()


def box(major: bytes, *compatible: bytes) -> bytes:
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">L", 8 + len(brands)) + b"ftyp" + brands + b"\0\0\0\x08mdat"


def analyze(order: str = "<", magic: bytes = b"") -> bytes:
    head = bytearray(348)
    head[:4], head[38:39] = struct.pack(order + "L", 348), b"r"
    head[344 : 344 + len(magic)] = magic
    return bytes(head)


def camera(**tags: bytes | int) -> bytes:
    out = io.BytesIO()
    numbers = {"dng": 50706, "make": 271, "parts": 330, "reduced": 254}
    Image.new("RGB", (16, 16)).save(out, "TIFF", tiffinfo={numbers[name]: value for name, value in tags.items()})
    return out.getvalue()


def disc() -> bytes:
    return bytes(0x8000) + b"\x01CD001\x01" + bytes(2000)


FILES: dict[str, tuple[bytes, str, str]] = {
    "a phone's photo": (box(b"heic", b"mif1", b"heic"), "HeicPicture", "HEIC"),
    "a phone's photo, by a general brand": (box(b"mif1", b"heic"), "HeicPicture", "HEIF"),
    "AVIF": (box(b"avif", b"mif1", b"miaf"), "AvifPicture", "AVIF"),
    "AVIF, by a general brand": (box(b"mif1", b"avif"), "AvifPicture", "AVIF"),
    "JPEG XL": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "JpegXlPicture", "JPEG XL"),
    "JPEG XL codestream": (b"\xff\x0a" + bytes(50), "JpegXlPicture", "JPEG XL"),
    "DNG": (camera(dng=b"\1\4\0\0"), "RawPhoto", "DNG"),
    "NEF": (camera(make=b"NIKON", parts=8, reduced=1), "RawPhoto", "NEF"),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(50), "RawPhoto", "CR2"),
    "CR3": (box(b"crx ", b"isom"), "RawPhoto", "raw photo"),
    "PGM": (b"P5\n8 8\n255\n" + bytes(64), "RarePicture", "PGM"),
    "ICO": (b"\0\0\1\0\1\0" + bytes(50), "RarePicture", "ICO"),
    "SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "DesignFile", "SVG"),
    "Photoshop": (b"8BPS\0\1" + bytes(50), "DesignFile", "Photoshop"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "DesignFile", "PostScript"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PdfDocument", "PDF"),
    "Word": (office("[Content_Types].xml", "word/document.xml"), "OfficeDocument", "Word"),
    "OpenDocument": (office("mimetype", "content.xml"), "OfficeDocument", "office"),
    "Word 97": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "OfficeDocument", "Word"),
    "RTF": (b"{\\rtf1\\ansi hello}", "OfficeDocument", "office"),
    "notes": ("ملاحظات الطبيب\n".encode() * 40, "TextFile", "text"),
    "notes in UTF-16": ("Dear colleague".encode("utf-16"), "TextFile", "text"),
    "notes in Windows' Arabic": (("ملاحظات " * 20).encode("cp1256"), "TextFile", "text"),
    "notes that begin like a bitmap": (b"BMI 24, no fever", "TextFile", "text"),
    "CSV": (b"slice,mean\n1,2\n", "TextFile", "text"),
    "MP4": (box(b"isom", b"mp42"), "VideoObject", "video"),
    "MOV": (box(b"qt  "), "VideoObject", "video"),
    "old MOV": (b"\0\0\0\x20moov" + bytes(50), "VideoObject", "video"),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", "VideoObject", "video"),
    "WebM": (b"\x1a\x45\xdf\xa3" + bytes(50), "VideoObject", "video"),
    "MPEG": (b"\0\0\1\xba" + bytes(50), "VideoObject", "video"),
    "WMV": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(50), "VideoObject", "video"),
    "WAV": (b"RIFF\0\0\0\0WAVEfmt ", "AudioFile", "sound"),
    "M4A": (box(b"M4A ", b"isom"), "AudioFile", "sound"),
    "MP3": (b"ID3\3" + bytes(50), "AudioFile", "sound"),
    "RAR": (b"Rar!\x1a\x07\1\0" + bytes(50), "PackedFile", "RAR"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "PackedFile", "7z"),
    "tar": (b"name".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "PackedFile", "tar"),
    "tar.gz": (gzip.compress(b"name".ljust(257, b"\0") + b"ustar\x0000" + bytes(300)), "PackedFile", "gzip"),
    "a disc's image": (disc(), "PackedFile", "disc image"),
    "NRRD": (b"NRRD0004\ntype: short\n", "ResearchVolume", "NRRD"),
    "MetaImage": (b"ObjectType = Image\nNDims = 3\n", "ResearchVolume", "MetaImage"),
    "MINC": (b"\x89HDF\r\n\x1a\n" + bytes(50), "ResearchVolume", "MINC"),
    "MGH": (b"\0\0\0\1\0\0\1\0" + bytes(280), "ResearchVolume", "MGH"),
    "Analyze": (analyze(), "VolumeInTwoFiles", "Analyze"),
    "Analyze, big endian": (analyze(">"), "VolumeInTwoFiles", "Analyze"),
    "NIfTI in two files": (analyze(magic=b"ni1\0"), "VolumeInTwoFiles", ".hdr and .img"),
    "NIfTI in two files, packed": (gzip.compress(analyze(magic=b"ni1\0")), "VolumeInTwoFiles", ".nii"),
    "NIfTI-2 in two files": (struct.pack("<L", 540) + b"ni2\0\r\n\x1a\n" + bytes(528), "VolumeInTwoFiles", "NIfTI"),
    "CZI": (b"ZISRAWFILE\0\0" + bytes(50), "MicroscopeFile", "CZI"),
    ".DS_Store": (b"\0\0\0\1Bud1" + bytes(50), "SystemFile", "operating system"),
    "AppleDouble": (b"\0\5\x16\7\0\2\0\0" + bytes(50), "SystemFile", "operating system"),
    "desktop.ini": ("[.ShellClassInfo]\r\n".encode("utf-16"), "SystemFile", "operating system"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_kind_is_named_for_what_it_is(tmp_path: Path, name: str) -> None:
    data, kind, word = FILES[name]
    path = tmp_path / "image"
    path.write_bytes(data)
    error = inspect(path, sandbox=sandbox()).error
    assert error is not None
    assert type(error).__name__ == kind
    key = key_of(type(error))
    assert key == "error-" + re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower()
    assert word in Locale("en").sentence(key)
    assert word in Locale("ar").sentence(key) or not word.isupper()


def test_every_foreign_kind_is_tried() -> None:
    assert {kind.__name__ for kind in errors.ForeignFile.__subclasses__()} <= {kind for _, kind, _ in FILES.values()}


@pytest.mark.parametrize("way", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000"])
def test_what_can_be_read_is_read(tmp_path: Path, way: str) -> None:
    path = tmp_path / "image"
    Image.fromarray(np.full((32, 32), 90, np.uint8)).save(path, way)
    assert inspect(path, sandbox=sandbox()).readable


def test_system_files_are_passed_over_where_anything_else_came(tmp_path: Path) -> None:
    (slice_,) = make_stack(tmp_path / "a", [0.0])
    kept = [tmp_path / "store", tmp_path / "double"]
    for path, name in zip(kept, (".DS_Store", "AppleDouble"), strict=True):
        path.write_bytes(FILES[name][0])
    assert open_study([kept[0], slice_, kept[1]], sandbox=sandbox()).skipped == ()
    letter = tmp_path / "letter"
    letter.write_text("Dear colleague")
    study = open_study([kept[0], letter], sandbox=sandbox())
    assert [type(s.error).__name__ for s in study.skipped] == ["TextFile"]
    alone = open_study(kept, sandbox=sandbox()).skipped
    assert [type(s.error) for s in alone] == [errors.SystemFile] * 2


def test_pictures_in_a_document_are_not_shown_as_if_they_had_been_sent(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(FILES["Word"][0])
    study = open_study([path], sandbox=sandbox())
    assert study.series == ()
    assert [type(s.error) for s in study.skipped] == [errors.OfficeDocument]


def test_cut_files_of_any_kind_are_known_or_refused_by_a_known_error() -> None:
    for data, _, _ in FILES.values():
        for length in range(min(len(data), 600)):
            with contextlib.suppress(DicomError):
                sniff(data[:length])
