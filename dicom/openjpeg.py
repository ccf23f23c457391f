"""JPEG 2000 at a reduced resolution through the OpenJPEG library that imagecodecs brings along.

imagecodecs and pylibjpeg decode in full only; Pillow reduces, with a build of the same library that takes half as
long again. So its C interface (openjpeg.h 2.5) is called here. Knows no DICOM; runs in a worker, after the sizes of
the codestream have been checked.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_J2K = 0  # OPJ_CODEC_J2K: a bare codestream
_PARAMETERS = 4 * 5000  # bytes; opj_dparameters_t has about 8300 and begins with cp_reduce
_END = ctypes.c_size_t(-1).value

_Read = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_Skip = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_Seek = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int64, ctypes.c_void_p)


class _Component(ctypes.Structure):
    """opj_image_comp_t."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("dx", "dy", "w", "h", "x0", "y0", "prec", "bpp", "sgnd")),
        ("resno_decoded", ctypes.c_uint32),
        ("factor", ctypes.c_uint32),
        ("data", ctypes.POINTER(ctypes.c_int32)),
        ("alpha", ctypes.c_uint16),
    )


class _Image(ctypes.Structure):
    """opj_image_t."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("x0", "y0", "x1", "y1", "numcomps")),
        ("color_space", ctypes.c_int),
        ("comps", ctypes.POINTER(_Component)),
        ("icc_profile_buf", ctypes.c_void_p),
        ("icc_profile_len", ctypes.c_uint32),
    )


@functools.cache
def _library() -> Any:
    """The library with its functions declared. Raises ImportError where imagecodecs brings none of version 2.5."""
    import imagecodecs

    package = Path(imagecodecs.__file__).parent
    for folder in (package.parent / "imagecodecs.libs", package / ".dylibs"):
        for path in sorted(folder.glob("libopenjp2*")):
            library = ctypes.CDLL(str(path))
            library.opj_version.restype = ctypes.c_char_p
            if library.opj_version().startswith(b"2.5."):
                return _declared(library)
    raise ImportError("imagecodecs brings no OpenJPEG 2.5", name="imagecodecs")


def _declared(library: Any) -> Any:
    handle, image = ctypes.c_void_p, ctypes.POINTER(_Image)
    for name, result, arguments in (
        ("opj_create_decompress", handle, [ctypes.c_int]),
        ("opj_set_default_decoder_parameters", None, [handle]),
        ("opj_setup_decoder", ctypes.c_int, [handle, handle]),
        ("opj_stream_default_create", handle, [ctypes.c_int]),
        ("opj_stream_set_read_function", None, [handle, _Read]),
        ("opj_stream_set_skip_function", None, [handle, _Skip]),
        ("opj_stream_set_seek_function", None, [handle, _Seek]),
        ("opj_stream_set_user_data_length", None, [handle, ctypes.c_uint64]),
        ("opj_read_header", ctypes.c_int, [handle, handle, ctypes.POINTER(image)]),
        ("opj_decode", ctypes.c_int, [handle, handle, image]),
        ("opj_stream_destroy", None, [handle]),
        ("opj_destroy_codec", None, [handle]),
        ("opj_image_destroy", None, [image]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class _Source:
    """Bytes as the library reads them: callbacks over a position."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self.read, self.skip, self.seek = _Read(self._read), _Skip(self._skip), _Seek(self._seek)

    def _read(self, target: int, count: int, _: int) -> int:
        piece = self._data[self._at : self._at + count]
        ctypes.memmove(target, piece, len(piece))
        self._at += len(piece)
        return len(piece) or _END

    def _skip(self, count: int, _: int) -> int:
        self._at = min(len(self._data), max(0, self._at + count))
        return count

    def _seek(self, place: int, _: int) -> int:
        self._at = place
        return int(0 <= place <= len(self._data))


def decode_reduced(codestream: bytes, reduction: int) -> NDArray[np.int32]:
    """(rows, columns) of a one-component codestream, each side halved `reduction` times and rounded up.

    Raises ImportError without the library, ValueError when it cannot decode.
    """
    library, source = _library(), _Source(codestream)
    codec, stream = library.opj_create_decompress(_J2K), library.opj_stream_default_create(1)
    image = ctypes.POINTER(_Image)()
    try:
        parameters = (ctypes.c_uint32 * (_PARAMETERS // 4))()
        library.opj_set_default_decoder_parameters(parameters)
        parameters[0] = reduction
        library.opj_stream_set_read_function(stream, source.read)
        library.opj_stream_set_skip_function(stream, source.skip)
        library.opj_stream_set_seek_function(stream, source.seek)
        library.opj_stream_set_user_data_length(stream, len(codestream))
        if not (
            library.opj_setup_decoder(codec, parameters)
            and library.opj_read_header(stream, codec, ctypes.byref(image))
            and library.opj_decode(codec, stream, image)
        ):
            raise ValueError("OpenJPEG cannot decode the codestream")
        return _copied(image.contents)
    finally:
        library.opj_stream_destroy(stream)
        library.opj_destroy_codec(codec)
        if image:
            library.opj_image_destroy(image)


def _copied(image: _Image) -> NDArray[np.int32]:
    if image.numcomps != 1 or not image.comps[0].data:
        raise ValueError("not one component")
    component = image.comps[0]
    return np.array(np.ctypeslib.as_array(component.data, (component.h, component.w)), np.int32)
