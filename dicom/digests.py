"""What stands for the pixels of a file, to tell repeats by. Knows pixel data; knows no other file."""

from __future__ import annotations

import hashlib

from dicom.errors import DicomError
from dicom.fragments import walk_fragments
from dicom.limits import Limits
from dicom.pixels import PixelReader
from dicom.source import Source, read_at

_PIECE = 1 << 20


def stored_digest(source: Source) -> str:
    """SHA-256 over the pixel data as they lie in the file, and over nothing else of it; "" when there are none."""
    if source.pixels is None:
        return ""
    digest = hashlib.sha256()
    start, length = source.pixels.offset, source.pixels.length
    pieces = walk_fragments(source.stream, start)[1] if length is None else [(start, length)]
    for offset, size in pieces:
        while size > 0 and (piece := read_at(source.stream, offset, min(size, _PIECE))):
            digest.update(piece)
            offset, size = offset + len(piece), size - len(piece)
    return digest.hexdigest()


def decoded_digest(source: Source, limits: Limits) -> str:
    """SHA-256 over the stored values of all frames, however they are compressed; "" when they cannot be decoded."""
    digest = hashlib.sha256()
    try:
        reader = PixelReader(source, limits)
        for index in range(reader.layout.frames):
            values = reader.read(index).values
            digest.update(f"{values.shape}".encode())
            digest.update(values.astype("<i8" if values.dtype.kind in "iu" else "<f8").tobytes())
    except DicomError:
        return ""
    return digest.hexdigest()
