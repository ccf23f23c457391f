"""What a worker can be asked: scan a file, build a frame, read a region, unpack a ZIP, see text. Knows no process."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.config
from numpy.typing import NDArray

from dicom import archive, slides
from dicom.digests import decoded_digest, stored_digest
from dicom.errors import DicomError, TooManyBytes, UnknownFile
from dicom.frames import build_frame
from dicom.headers import Header
from dicom.limits import Limits
from dicom.nifti import Nifti, nifti_frame, open_nifti, scan_nifti
from dicom.pixels import PixelReader
from dicom.raster import is_turned, raster_frame, scan_raster
from dicom.scan import is_tiled_slide, scan_dicom
from dicom.sniff import HEAD_BYTES, sniff
from dicom.source import Source, mapped, open_source, size_of
from dicom.text_detector import Corners, detect
from dicom.values import Frame

_PLAIN_PIXELS = 16_000_000
_AT_HAND = 16_000_000  # samples of a frame that is read along with its header: a large radiograph
_OPEN = 4  # files kept open between requests: neighbouring frames of one file come one after another
_KEPT_SHARE = 8  # kept files hold at most this part of a worker's memory, the one in use apart
_SOON_SECONDS = 1.0  # a header that took longer has used up the time in which its picture could be read along


@contextlib.contextmanager
def _processor_time(seconds: float) -> Iterator[None]:
    """The process dies (SIGPROF) when it spends more: no decoder can be interrupted in any other way."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


Identity = tuple[str, int, int, int, int]
"""Path, device, inode, size and time of change: what makes a kept file still the same one."""


def _identity(path: Path | str) -> Identity:
    state = os.stat(path)
    return str(path), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def _is_unchanged(identity: Identity) -> bool:
    try:
        return _identity(identity[0]) == identity
    except OSError:  # deleted, or its folder
        return False


class Desk:
    """The tasks of one worker, with the last few files kept open."""

    def __init__(self, limits: Limits) -> None:
        pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
        self._limits = limits
        self._open: OrderedDict[Identity, tuple[Source, PixelReader]] = OrderedDict()
        self._slides: OrderedDict[Identity, Any] = OrderedDict()
        self._volumes: OrderedDict[Identity, Nifti] = OrderedDict()
        self._tasks: dict[str, Callable[..., Any]] = {
            "ping": lambda: None,
            "scan": self.scan,
            "scan_many": self.scan_many,
            "scan_one": self.scan_one,
            "digest": self.digest,
            "frame": self.frame,
            "region": self.region,
            "sizes": self.sizes,
            "unpack": self.unpack,
            "text": self.text,
            "probe": self.probe,
        }

    @property
    def keeps_files(self) -> bool:
        return bool(self._open or self._slides or self._volumes)

    def run(self, task: str, arguments: tuple[Any, ...]) -> Any:
        """The result of a task, tried again without the kept files when memory runs out.

        Raises `DicomError` and MemoryError; anything else is the worker's to translate.
        """
        self.tidy()
        try:
            return self._attempt(task, arguments)
        except MemoryError:
            pass  # only past this line is the memory free that the interrupted calls held
        self._forget()
        return self._attempt(task, arguments)

    def _attempt(self, task: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return self._tasks[task](*arguments)
        except OSError as fault:
            if fault.errno == errno.ENOMEM:  # how mmap says it; Python's own allocations raise MemoryError
                raise MemoryError from fault
            raise

    def tidy(self) -> None:
        """Close kept files that were deleted or changed: until then their disk space is not free."""
        for identity in [i for i in self._open if not _is_unchanged(i)]:
            self._open.pop(identity)[0].close()
        for identity in [i for i in self._slides if not _is_unchanged(i)]:
            self._slides.pop(identity).close()
        for identity in [i for i in self._volumes if not _is_unchanged(i)]:
            del self._volumes[identity]

    def scan(self, path: str) -> Header:
        """The header of one file of any supported kind, nothing decoded."""
        place = Path(path)
        if not place.is_file():
            raise UnknownFile("not a regular file")  # a pipe or a device would keep the reader waiting
        identity = _identity(place)
        if identity[3] > self._limits.file_bytes:
            raise TooManyBytes("Limits.file_bytes: one file")
        self._make_room(identity)
        with place.open("rb") as stream:
            kind = sniff(stream.read(HEAD_BYTES))
            stream.seek(0)
            if kind == "zip":
                return archive.scan_zip(stream)
            if kind == "nifti":
                return scan_nifti(place, self._limits)
            if kind == "slide" or (kind == "tiff" and slides.detect(place)) or slides.is_mirax(place):
                return self._scan_tiff(place, stream) if kind == "tiff" else slides.scan_slide(place)
            if kind in ("raster", "tiff"):
                return scan_raster(stream, self._limits)
            return self._scan_dicom(place)

    def scan_many(self, paths: tuple[str, ...]) -> tuple[Header | tuple[str, str], ...]:
        """Headers of several files in one exchange; a refused one is its error's (class name, message)."""
        found: list[Header | tuple[str, str]] = []
        for path in paths:
            try:
                found.append(self.scan(path))
            except DicomError as refused:
                found.append((type(refused).__name__, str(refused)))
        return tuple(found)

    def scan_one(self, path: str) -> tuple[Header, Frame | None]:
        """The header of a file that comes alone, and its picture where that costs less than being asked again."""
        start = time.monotonic()
        header = self.scan(path)
        soon = time.monotonic() - start < _SOON_SECONDS
        return header, self._read_along(path, header) if soon else None

    def _read_along(self, path: str, header: Header) -> Frame | None:
        """The one uncompressed frame of a small file; None where it cannot be had, to be refused when it is wanted."""
        if header.reader != "dicom" or len(header.slots) != 1:
            return None
        with contextlib.suppress(Exception):  # whatever is wrong with the pixels, the header is right
            _, pixels = self._source(path)
            if not pixels.encapsulated and pixels.layout.pixels * pixels.layout.samples <= _AT_HAND:
                return self.frame(path, "dicom", 0, 0, keep_burned_in=False)
        return None

    def _scan_tiff(self, place: Path, stream: Any) -> Header:
        """A TIFF OpenSlide knows: a slide when named by a vendor or pyramidal and upright, else a plain picture.

        OpenSlide does not turn pictures; a plain TIFF with an orientation is small enough for Pillow, which does.
        """
        header = slides.scan_slide(place)
        if slides.detect(place) != "generic-tiff":
            return header
        largest = header.levels[0][0] * header.levels[0][1]
        plain = len(header.levels) == 1 and largest <= _PLAIN_PIXELS
        if plain or (largest <= _PLAIN_PIXELS and is_turned(stream)):
            stream.seek(0)
            return scan_raster(stream, self._limits)
        return header

    def _scan_dicom(self, place: Path) -> Header:
        source = open_source(mapped(place), self._limits)
        kept = False
        try:
            header = scan_dicom(source, self._limits)
            if is_tiled_slide(source.dataset) and slides.detect(place) == "dicom":
                try:
                    found = slides.scan_slide(place, header)
                    slides.try_out(place, found)
                except DicomError:
                    return header  # OpenSlide refuses what lacks a tile; single tiles are still pictures
                return found
            if header.reader == "dicom":
                self._keep(_identity(place), source)
                kept = True
            return header
        finally:
            if not kept:
                source.close()

    def frame(self, path: str, reader: str, index: int, at_least: int, keep_burned_in: bool) -> Frame:
        """Frame `index` of a scanned file."""
        self._make_room(_identity(path))
        if reader == "slide":
            return slides.overview(self._slide(path), self._limits)
        if reader == "nifti":
            return nifti_frame(self._volume(path), index)
        if reader == "raster":
            with Path(path).open("rb") as stream:
                return raster_frame(stream, index, self._limits)
        source, pixels = self._source(path)
        allowed = self._limits.seconds_per_frame + pixels.layout.pixels / self._limits.pixels_per_second
        with _processor_time(min(allowed, self._limits.seconds_per_step)):
            return build_frame(source, pixels, index, at_least=at_least, keep_burned_in=keep_burned_in)

    def digest(self, path: str, decoded: bool) -> str:
        """What stands for the pixels of a scanned DICOM file, as stored or `decoded`; see `digests`."""
        self._make_room(_identity(path))
        source, _ = self._source(path)
        return decoded_digest(source, self._limits) if decoded else stored_digest(source)

    def region(self, path: str, box: tuple[int, int, int, int], scale: float) -> NDArray[np.uint8]:
        """RGB pixels of a slide's region; see `slides.region`."""
        self._make_room(_identity(path))
        return slides.region(self._slide(path), box, scale)

    def sizes(self, path: str, room: int) -> tuple[int, ...]:
        """Bytes that the members of a ZIP announce; see `archive.sizes`."""
        return archive.sizes(Path(path), room, self._limits)

    def unpack(self, path: str, folder: str, room: int) -> tuple[int | tuple[str, str], ...]:
        """The members of a ZIP written as folder/000000, 000001, …; see `archive.unpack`."""
        return archive.unpack(Path(path), Path(folder), room, self._limits)

    def text(self, picture: NDArray[np.uint8]) -> tuple[Corners, ...]:
        """Where text stands in a picture made here already; see `text_detector.detect`."""
        return detect(picture)

    def probe(self, name: str) -> bool:
        """Whether a module has been imported here (the promise that torch and gradio never are)."""
        import sys

        return name in sys.modules

    def _source(self, path: str) -> tuple[Source, PixelReader]:
        identity = _identity(Path(path))
        if identity not in self._open:
            self._keep(identity, open_source(mapped(Path(path)), self._limits))
        self._open.move_to_end(identity)
        return self._open[identity]

    def _keep(self, identity: Identity, source: Source) -> None:
        """Remember an open file; the one unused for longest is closed."""
        stale = self._open.pop(identity, None)
        if stale is not None:
            stale[0].close()
        self._open[identity] = source, PixelReader(source, self._limits)
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)[1][0].close()

    def _make_room(self, wanted: Identity) -> None:
        """Close other open files, the one unused for longest first, until they and the wanted one fit their share."""
        others = {i: size_of(source.stream) for i, (source, _) in self._open.items() if i != wanted}
        over = sum(others.values()) + wanted[3] - self._limits.worker_memory_bytes // _KEPT_SHARE
        for identity, held in others.items():
            if over <= 0:
                return
            over -= held
            self._open.pop(identity)[0].close()

    def _slide(self, path: str) -> Any:
        identity = _identity(Path(path))
        if identity not in self._slides:
            self._slides[identity] = slides.open_slide(Path(path))
            while len(self._slides) > _OPEN:
                self._slides.popitem(last=False)[1].close()
        return self._slides[identity]

    def _volume(self, path: str) -> Nifti:
        """An open NIfTI file: a gzipped one would otherwise be inflated from its start for every slice."""
        identity = _identity(Path(path))
        if identity not in self._volumes:
            self._volumes[identity] = open_nifti(Path(path), self._limits)
            while len(self._volumes) > _OPEN:
                self._volumes.popitem(last=False)
        return self._volumes[identity]

    def _forget(self) -> None:
        for source, _ in self._open.values():
            source.close()
        for slide in self._slides.values():
            slide.close()
        self._open.clear()
        self._slides.clear()
        self._volumes.clear()
        gc.collect()
