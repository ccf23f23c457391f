"""Files that are none of our pictures, named for what they are by their first bytes. Opens nothing.

What people drop on a reading room is told apart as finely as the remedies differ: a phone's photo is to be exported,
an archive to be unpacked, a document's pictures to be saved, a system file to be passed over.
"""

from __future__ import annotations

import codecs
import string

from dicom.errors import (
    AudioFile,
    AvifPicture,
    DesignFile,
    DicomError,
    HeicPicture,
    JpegXlPicture,
    MicroscopeFile,
    OfficeDocument,
    PackedFile,
    PdfDocument,
    RarePicture,
    RawPhoto,
    ResearchVolume,
    SystemFile,
    TextFile,
    VideoObject,
    VolumeInTwoFiles,
)

_STARTS: tuple[tuple[bytes, type[DicomError], str], ...] = (
    (b"\x00\x00\x00\x0cJXL ", JpegXlPicture, "JPEG XL, ISO/IEC 18181-2"),
    (b"\xff\x0a", JpegXlPicture, "a JPEG XL codestream"),
    (b"%PDF-", PdfDocument, "PDF"),
    (b"{\\rtf", OfficeDocument, "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OfficeDocument, "OLE compound file: Office before 2007"),
    (b"\x00\x00\x00\x01Bud1", SystemFile, ".DS_Store"),
    (b"\x00\x05\x16\x07", SystemFile, "AppleDouble"),
    (b"\x00\x05\x16\x00", SystemFile, "AppleSingle"),
    (b"[.ShellClassInfo]", SystemFile, "desktop.ini"),
    (b"\xff\xfe[\x00.\x00S\x00h\x00e\x00l\x00l\x00C\x00l\x00a\x00s\x00s\x00", SystemFile, "desktop.ini"),
    (b"[Desktop Entry]", SystemFile, ".directory"),
    (b"Rar!\x1a\x07", PackedFile, "RAR"),
    (b"7z\xbc\xaf\x27\x1c", PackedFile, "7z"),
    (b"\xfd7zXZ\x00", PackedFile, "xz"),
    (b"BZh", PackedFile, "bzip2"),
    (b"\x28\xb5\x2f\xfd", PackedFile, "zstd"),
    (b"\x04\x22\x4d\x18", PackedFile, "lz4"),
    (b"MSCF", PackedFile, "CAB"),
    (b"\x1a\x45\xdf\xa3", VideoObject, "Matroska or WebM"),
    (b"\x00\x00\x01\xba", VideoObject, "MPEG program stream"),
    (b"\x00\x00\x01\xb3", VideoObject, "MPEG video"),
    (b"FLV\x01", VideoObject, "Flash video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VideoObject, "ASF"),
    (b"OggS", AudioFile, "Ogg"),
    (b"fLaC", AudioFile, "FLAC"),
    (b"ID3", AudioFile, "MP3"),
    (b"#!AMR", AudioFile, "AMR"),
    (b"8BPS", DesignFile, "Photoshop"),
    (b"gimp xcf", DesignFile, "GIMP"),
    (b"%!PS", DesignFile, "PostScript"),
    (b"\xc5\xd0\xd3\xc6", DesignFile, "EPS with a preview"),
    (b"FUJIFILMCCD-RAW", RawPhoto, "RAF"),
    (b"IIRO", RawPhoto, "ORF"),
    (b"IIRS", RawPhoto, "ORF"),
    (b"MMOR", RawPhoto, "ORF"),
    (b"IIU\x00", RawPhoto, "RW2"),
    (b"\x00\x00\x01\x00", RarePicture, "ICO"),
    (b"\x76\x2f\x31\x01", RarePicture, "OpenEXR"),
    (b"#?RADIANCE", RarePicture, "Radiance"),
    (b"II\xbc\x01", RarePicture, "JPEG XR"),
    (b"DDS ", RarePicture, "DirectDraw surface"),
    (b"qoif", RarePicture, "QOI"),
    (b"NRRD000", ResearchVolume, "NRRD"),
    (b"# vtk DataFile", ResearchVolume, "VTK"),
    (b"\x89HDF\r\n\x1a\n", ResearchVolume, "HDF5, MINC 2 or MATLAB 7.3"),
    (b"CDF\x01", ResearchVolume, "netCDF or MINC 1"),
    (b"CDF\x02", ResearchVolume, "netCDF"),
    (b"MATLAB 5.0", ResearchVolume, "MATLAB"),
    (b"\x93NUMPY", ResearchVolume, "NumPy"),
    (b"ZISRAWFILE", MicroscopeFile, "CZI"),
    (b"\xda\xce\xbe\x0a", MicroscopeFile, "ND2"),
)
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF = {b"avif", b"avis"}
_RIFF: dict[bytes, type[DicomError]] = {b"AVI ": VideoObject, b"WAVE": AudioFile}
_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_SURELY_TEXT = 64  # so many bytes without one control character are hardly anything else
_TEXTUAL = frozenset(string.printable.encode()) | frozenset(range(0x80, 0x100))
_META_IMAGE = ("ObjectType = Image", "ObjectType=Image", "NDims = ", "NDims=")
_MGH = b"\x00\x00\x00\x01\x00\x00"


def foreign(head: bytes) -> DicomError | None:
    """What to say of a file that begins like this; None when nobody knows it."""
    for start, kind, name in _STARTS:
        if head.startswith(start):
            return kind(name)
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]("a RIFF file")
    if head[4:8] in _QUICKTIME:
        return VideoObject("QuickTime")
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return VideoObject("MPEG transport stream")
    if head[257:262] == b"ustar":
        return PackedFile("tar")
    if head[0x8001:0x8006] == b"CD001":
        return PackedFile("ISO 9660: a disc's image")
    if is_half_volume(head):
        return VolumeInTwoFiles("Analyze 7.5")
    if head.startswith(_MGH) and len(head) > 32:
        return ResearchVolume("MGH")
    if head[:4] == b"\x70\x00\x00\x00" and head[8:9] == b"\x2a":
        return MicroscopeFile("LIF")
    if head[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6", b"P7") and head[2:3].isspace():
        return RarePicture("PNM")
    return _by_words(head)


def is_half_volume(head: bytes) -> bool:
    """Whether this is a header whose voxels lie in a file of their own (.hdr and .img): NIfTI or Analyze 7.5."""
    if head[344:348] == b"ni1\x00" or head[4:8] == b"ni2\x00":
        return True
    sized = head[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c")  # 348, the length of the header
    return sized and len(head) >= 348 and head[344:347] != b"n+1" and head[38:39] in (b"r", b"\x00")


def _by_brand(head: bytes) -> DicomError:
    """ISO base media files, ISO/IEC 14496-12 4.3: the major brand and the compatible ones."""
    length = min(int.from_bytes(head[:4], "big"), 256, len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))}
    if brands & _AVIF:
        return AvifPicture("AVIF")
    if brands & _HEIC:
        return HeicPicture("HEIF, ISO/IEC 23008-12")
    if b"crx " in brands:
        return RawPhoto("CR3")
    if head[8:11] == b"M4A":
        return AudioFile("MPEG-4 audio")
    return VideoObject("MP4 or QuickTime")


def _by_words(head: bytes) -> DicomError | None:
    """Files of text: drawings and volumes that begin with words, and anything else that can be read."""
    words = _decoded(head[:512])
    if not words or not words.strip():
        return None
    if "<svg" in words:
        return DesignFile("SVG")
    if any(mark in words for mark in _META_IMAGE):
        return ResearchVolume("MetaImage")
    return TextFile("text")


def _decoded(head: bytes) -> str | None:
    """The beginning of a text in UTF-8, an eight-bit encoding or, with its mark, UTF-16; None when it is none."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return head[2:].decode(name, "ignore")
    if not all(byte in _TEXTUAL for byte in head):
        return None
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(head)  # a character may be cut at the end
    except UnicodeDecodeError:
        return head.decode("latin-1") if len(head) >= _SURELY_TEXT else None
