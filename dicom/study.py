"""Paths to a study: files, folders, ZIP and DICOMDIR trees, scanned in the sandbox, grouped into series."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from dicom import archive
from dicom.errors import (
    DicomError,
    DirectoryFile,
    FileMissing,
    PackedFile,
    ReferenceMissing,
    SystemFile,
    TooManyBytes,
    TooManyFiles,
)
from dicom.facts import Facts
from dicom.grouping import group
from dicom.headers import Header
from dicom.limits import Limits
from dicom.originals import Originals
from dicom.repeats import NO_REPEATS, Repeats, repeats, suspects
from dicom.sandbox import Sandbox, known_error, shared_sandbox
from dicom.series import Series
from dicom.values import Frame


@dataclass(frozen=True)
class Skipped:
    """A file that gave no picture. `name_index` is its place in the paths given; `member` its number within
    a ZIP or folder, or of its record in a DICOMDIR (from 0), None for a file given by itself."""

    name_index: int
    error: DicomError
    member: int | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """The series found, in the order their first files came, and what was skipped with the reason.

    A context manager: leaving it (or `close`) removes what a ZIP was unpacked to.
    """

    series: tuple[Series, ...]
    skipped: tuple[Skipped, ...]
    _unpacked: Originals | None = field(repr=False)

    def close(self) -> None:
        """Remove unpacked files; frames of a ZIP, but one that came with its header, cannot be read afterwards.

        Safe to call twice.
        """
        if self._unpacked is not None:
            self._unpacked.close()

    def __enter__(self) -> Study:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_HANDFUL = 8  # files scanned per exchange with a worker: fewer round trips, still even progress


@dataclass
class _Found:
    """One file to scan and where it came from."""

    path: Path
    name_index: int
    member: int | None


def open_study(
    paths: str | Path | Sequence[str | Path],
    *,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
    sandbox: Sandbox | None = None,
) -> Study:
    """Recognise, scan and group files; nothing is decoded until a frame is asked for (but a
    file that comes alone with one uncompressed frame is read at once).

    `paths` is one or several files or folders of any supported kind, recognised by content. `progress` is called
    with (files scanned, files known so far). A file that cannot be read is listed in `Study.skipped`, as are a path
    that leads nowhere (`FileMissing`) and files a DICOMDIR names that are not there (`ReferenceMissing`); only
    bounds on the whole call (`TooManyFiles`, `TooManyBytes`) raise.
    """
    bounds = limits or Limits()
    pool = sandbox or shared_sandbox(bounds)
    opening = _Opening(bounds, pool, progress)
    given = [paths] if isinstance(paths, (str, Path)) else paths
    try:
        return opening.study([Path(path) for path in given])
    except BaseException:
        opening.clean()
        raise


class _Opening:
    """The state of one call of `open_study`."""

    def __init__(self, limits: Limits, sandbox: Sandbox, progress: Callable[[int, int], None] | None) -> None:
        self._limits, self._sandbox, self._progress = limits, sandbox, progress
        self._files: list[_Found] = []
        self._headers: list[Header | None] = []
        self._skipped: list[Skipped] = []
        self._at_hand: dict[int, Frame] = {}
        self._unpacked: Originals | None = None

    def study(self, paths: list[Path]) -> Study:
        """Scan until no ZIP or DICOMDIR names further files; ZIPs within ZIPs are refused."""
        batch: list[_Found] = []
        for index, path in enumerate(paths):
            batch.extend(self._listed(path, index))
        self._scan(batch)
        self._scan(self._members())
        self._scan(self._referenced())
        self._refuse_leftovers()
        headers: list[Header | None] = self._headers
        files = [found.path for found in self._files]
        known = [h if h is not None else _NOTHING for h in headers]
        unpacked = self._unpacked
        names = [found.name_index for found in self._files]
        groups = group(headers, self._repeats())
        series = tuple(Series(g, known, files, self._sandbox, unpacked, names, at_hand=self._at_hand) for g in groups)
        return Study(series, self._worth_telling(series), unpacked)

    def _worth_telling(self, series: tuple[Series, ...]) -> tuple[Skipped, ...]:
        """What was skipped, in order; files of the operating system only where nothing else came."""
        told = [s for s in self._skipped if not isinstance(s.error, SystemFile)]
        told = told if told or series else self._skipped
        return tuple(sorted(told, key=lambda s: (s.name_index, -1 if s.member is None else s.member)))

    def _repeats(self) -> Repeats:
        """Which files came several times. Only those that may have are read again, and decoded only where they are
        compressed in different ways."""
        doubtful = suspects(self._headers)
        if not doubtful:
            return NO_REPEATS
        found: dict[int, str] = {}
        for files in doubtful:
            ways = {header.syntax for i in files if (header := self._headers[i]) is not None}
            requests = [(str(self._files[i].path), len(ways) > 1) for i in files]
            answers = self._sandbox.map("digest", requests, ahead=2 * self._limits.workers)
            for i, answer in zip(files, answers, strict=True):
                found[i] = "" if isinstance(answer, DicomError) else answer
        return repeats(self._headers, found)

    def clean(self) -> None:
        if self._unpacked is not None:
            self._unpacked.close()

    def _listed(self, path: Path, index: int) -> list[_Found]:
        if path.is_dir():
            return [_Found(p, index, number) for number, p in enumerate(archive.walk(path, self._limits))]
        if not path.exists():
            self._skipped.append(Skipped(index, FileMissing("nothing lies at the path given")))
            return []
        return [_Found(path, index, None)]

    def _scan(self, batch: list[_Found]) -> None:
        if len(self._files) + len(batch) > self._limits.files:
            raise TooManyFiles("Limits.files")
        total = sum(f.path.stat().st_size for f in batch if f.path.is_file())
        if total > self._limits.upload_bytes:
            raise TooManyBytes("Limits.upload_bytes: all files together")
        done, everything = len(self._files), len(self._files) + len(batch)
        for found, result in zip(batch, self._scanned([str(f.path) for f in batch]), strict=True):
            self._files.append(found)
            if isinstance(result, DicomError):
                self._skipped.append(Skipped(found.name_index, result, found.member))
                self._headers.append(None)
            else:
                self._headers.append(result)
            done += 1
            if self._progress is not None:
                self._progress(done, everything)

    def _scanned(self, paths: list[str]) -> Iterator[Header | DicomError]:
        """Headers in order. Files go to the workers in handfuls; after a crash, one by one."""
        if len(paths) == 1:
            yield self._alone(paths[0])
            return
        size = max(1, min(_HANDFUL, len(paths) // (2 * self._limits.workers)))
        handfuls = [tuple(paths[i : i + size]) for i in range(0, len(paths), size)]
        answers = self._sandbox.map("scan_many", ((h,) for h in handfuls), ahead=2 * self._limits.workers)
        for handful, answer in zip(handfuls, answers, strict=True):
            if not isinstance(answer, DicomError):
                yield from (known_error(*a) if isinstance(a, tuple) else a for a in answer)
            elif len(handful) == 1:
                yield answer
            else:
                yield from self._sandbox.map("scan", ((path,) for path in handful))

    def _alone(self, path: str) -> Header | DicomError:
        """A file by itself comes with its picture where reading that costs next to nothing."""
        header: Header
        try:
            header, frame = self._sandbox.call("scan_one", path)
        except DicomError as refused:
            return refused
        if frame is not None:
            self._at_hand[len(self._files)] = frame
        return header

    def _members(self) -> list[_Found]:
        """The members of every ZIP among the files scanned so far, unpacked where nobody else reads them.

        They share `Limits.upload_bytes` with the files that came unpacked; a ZIP that does not fit is skipped.
        """
        found: list[_Found] = []
        plain = [f.path for f, h in zip(self._files, self._headers, strict=True) if h is None or h.reader != "zip"]
        if len(plain) == len(self._files):
            return found
        room = self._limits.upload_bytes - sum(path.stat().st_size for path in plain if path.is_file())
        for position, header in enumerate(self._headers):
            if header is None or header.reader != "zip":
                continue
            source = self._files[position]
            self._headers[position] = None
            try:
                folder, members = self._unpack(source.path, f"{position:06d}", room)
            except DicomError as refused:
                self._skipped.append(Skipped(source.name_index, refused, source.member))
                continue
            for number, member in enumerate(members):
                if isinstance(member, tuple):
                    self._skipped.append(Skipped(source.name_index, known_error(*member), number))
                else:
                    room -= member
                    found.append(_Found(folder / f"{number:06d}", source.name_index, number))
        return found

    def _unpack(self, path: Path, name: str, room: int) -> tuple[Path, tuple[int | tuple[str, str], ...]]:
        """The folder that the members of a ZIP lie in, and what `archive.unpack` says of each."""
        sizes = self._sandbox.call("sizes", str(path), room)
        self._unpacked = self._unpacked or Originals()
        folder = self._unpacked.folder / name
        folder.mkdir()
        try:
            for number, size in enumerate(sizes):
                self._unpacked.path(f"{name}/{number:06d}", size)
            return folder, self._sandbox.call("unpack", str(path), str(folder), room)
        except DicomError:
            shutil.rmtree(folder, ignore_errors=True)  # what was written before the refusal
            raise

    def _referenced(self) -> list[_Found]:
        """Files a DICOMDIR names, looked for below its own folder only, unless they are here already."""
        found: list[_Found] = []
        if not any(header is not None and header.reader == "directory" for header in self._headers):
            return found
        known = {f.path.resolve() for f in self._files}
        for position, header in enumerate(self._headers):
            if header is None or header.reader != "directory":
                continue
            source = self._files[position]
            root = source.path.parent.resolve()  # of where it was given: it may be a link
            missing: list[Skipped] = []
            named = [(number, parts) for number, parts in enumerate(header.references) if parts]
            named = named[: self._limits.files]
            for number, parts in named:
                path = _below(root, parts)
                if path is None:
                    why = ReferenceMissing(f"(0004,1500) ReferencedFileID of directory record {number + 1}")
                    missing.append(Skipped(source.name_index, why, number))
                elif path not in known:
                    known.add(path)
                    found.append(_Found(path, source.name_index, number))
            if len(missing) < len(named):  # else it came without its folder, as uploads do: `_refuse_leftovers`
                self._headers[position] = None
                self._skipped.extend(missing)
        return found

    def _refuse_leftovers(self) -> None:
        """A DICOMDIR alone is skipped with its reason unless pictures came with it; a ZIP in a ZIP always."""
        pictures = any(h is not None and h.reader not in ("zip", "directory") for h in self._headers)
        for position, header in enumerate(self._headers):
            source = self._files[position]
            if header is not None and header.reader == "zip":
                self._headers[position] = None
                error: DicomError = PackedFile("a ZIP within a ZIP")
                self._skipped.append(Skipped(source.name_index, error, source.member))
            elif header is not None and header.reader == "directory":
                self._headers[position] = None
                if not pictures:
                    error = DirectoryFile("(0004,1500) ReferencedFileID names files that were not sent")
                    self._skipped.append(Skipped(source.name_index, error, source.member))


_NOTHING = Header("raster", Facts(), "", "", "", 0, False, "", ())
"""Stands for a refused file, which no group refers to."""


def _below(root: Path, parts: tuple[str, ...]) -> Path | None:
    """The file named by DICOMDIR path parts, in either case, if it lies below `root`."""
    for names in (parts, tuple(p.lower() for p in parts)):
        if any(name in ("", ".", "..") or set(name) & set("/\\\0") for name in names):
            return None
        try:
            path = root.joinpath(*names).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
        except (OSError, ValueError):  # longer than the system allows, or a loop of links
            return None
    return None
