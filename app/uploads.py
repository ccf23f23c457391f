"""What a browser sends as files, into originals without a name. Knows multipart (RFC 7578); knows no picture."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from dicom import Limits, Originals
from dicom.errors import TooManyFiles
from dicom.originals import Growing

_AT_ONCE = 1 << 20  # bytes handed to a thread that may wait for the disk
_FIELD = 200  # bytes; an id has 36
_HEADER = 4096  # bytes; a file's name, which is not kept, may be long
_PARTS_BESIDE_FILES = 10


class UploadTooLarge(Exception):
    """More bytes in one upload than the setting allows."""


class NoFiles(Exception):
    """An upload without files."""


class MalformedUpload(Exception):
    """A body that is no multipart form, or that ends before its end; the remedy is to send it again."""


class Received:
    """The files of one upload, under numbers of our own (their names may identify a person), and the form's fields."""

    def __init__(self, originals: Originals, limits: Limits) -> None:
        self.names: list[str] = []
        self.complete = False
        self._originals = originals
        self._limits = limits
        self._fields: dict[bytes, bytearray] = {}
        self._others = 0
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._writing: tuple[AbstractContextManager[Growing], Growing] | None = None
        self._into: Callable[[bytes], None] = _ignore

    def field(self, name: str) -> str:
        """What the form says under `name`, "" without it."""
        return self._fields.get(name.encode(), b"").decode("utf-8", "replace")

    def parser(self, boundary: bytes) -> MultipartParser:
        """What fills this; raises `FormParserError`, `MalformedUpload`, `TooManyFiles` and OSError."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._gather(self._header, data[start:end]),
                "on_header_value": lambda data, start, end: self._gather(self._value, data[start:end]),
                "on_header_end": self._header_ends,
                "on_headers_finished": self._part_starts,
                "on_part_data": lambda data, start, end: self._into(data[start:end]),
                "on_part_end": self.let_go,
                "on_end": self._ends,
            },
        )

    def let_go(self) -> None:
        """Finish the file being written, if there is one."""
        if self._writing is not None:
            context, self._writing = self._writing[0], None
            context.__exit__(None, None, None)
        self._into = _ignore

    def _begin(self) -> None:
        self._disposition = b""

    def _gather(self, into: bytearray, data: bytes, most: int = _HEADER) -> None:
        into += data
        if len(into) > most:
            raise MalformedUpload("a header or a field is too long")

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_starts(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") == b"files" and b"filename" in options:
            if len(self.names) >= self._limits.files:
                raise TooManyFiles("BASIRA_FILES")
            name = f"{len(self.names):05d}"
            context = self._originals.growing(name)
            self._writing = context, context.__enter__()
            self._into = self._writing[1].write
            self.names.append(name)
            return
        self._others += 1
        if self._others > _PARTS_BESIDE_FILES:
            raise MalformedUpload("a form of more parts than ours")
        value = self._fields.setdefault(options.get(b"name", b""), bytearray())
        self._into = lambda data: self._gather(value, data, _FIELD)

    def _ends(self) -> None:
        self.complete = True


def _ignore(data: bytes) -> None:
    """What was not asked for is not kept."""


async def receive(request: Request, originals: Originals, limits: Limits) -> Received:
    """Read the whole upload. Raises `UploadTooLarge`, `TooManyFiles`, `NoFiles`, `MalformedUpload`, OSError, and
    `ClientDisconnect` when whoever sends it leaves."""
    received = Received(originals, limits)
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    try:
        if not boundary:
            raise MalformedUpload("no boundary")
        parser = received.parser(boundary)
        async for piece in _pieces(request.stream(), limits):
            await run_in_threadpool(parser.write, piece)
    except FormParserError as error:
        raise MalformedUpload(type(error).__name__) from error
    finally:
        received.let_go()
    if not received.complete:
        raise MalformedUpload("it ends within a part")
    if not received.names:
        raise NoFiles
    return received


async def _pieces(stream: AsyncIterator[bytes], limits: Limits) -> AsyncIterator[bytes]:
    """The body in pieces of about a mebibyte."""
    held = bytearray()
    total = 0
    async for chunk in stream:
        total += len(chunk)
        if total > limits.upload_bytes:
            raise UploadTooLarge("BASIRA_UPLOAD_MB")
        held += chunk
        if len(held) >= _AT_ONCE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
