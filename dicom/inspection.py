"""What a file is and why it can or cannot be read; and pictures of files on disk. For the command line.

Publishes code words, sizes and error classes only: nothing of a patient, no file name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom.config
from PIL import Image
from pydicom.uid import UID

from dicom.burned_in import frames_to_look_at, look
from dicom.errors import DicomError, FrameMissing, InvalidWindow, UnknownFile
from dicom.facts import Facts
from dicom.headers import Header
from dicom.limits import Limits
from dicom.render import automatic, first_view, full_range, render
from dicom.sandbox import Sandbox, shared_sandbox
from dicom.series import Series
from dicom.study import Skipped, open_study
from dicom.values import Frame, VoiLut, Window


@dataclass(frozen=True)
class SeriesReport:
    """One series of an inspected path."""

    facts: Facts
    """What all of its pictures share."""
    encoding: str
    """Name of the transfer syntax in PS3.6, or the raster format."""
    frames: int
    windows: tuple[Window, ...]
    warnings: tuple[str, ...]
    error: DicomError | None
    """Why its first frame cannot be decoded; None when it can."""
    pictures: tuple[Facts, ...] = ()
    """What each picture says beyond that; () where they differ in nothing but their place."""
    lines_of_text: int | None = None
    """How many the detector sees in the frames of `frames_to_look_at`; None where nothing could look."""


@dataclass(frozen=True)
class Inspection:
    """What a path holds. `readable` when at least one series shows a frame."""

    series: tuple[SeriesReport, ...]
    skipped: tuple[Skipped, ...]

    @property
    def readable(self) -> bool:
        return any(report.error is None for report in self.series)

    @property
    def error(self) -> DicomError | None:
        """The reason to tell when nothing is readable: the first one; None when readable."""
        if self.readable:
            return None
        reasons = [report.error for report in self.series] + [s.error for s in self.skipped]
        return next((reason for reason in reasons if reason is not None), UnknownFile("no file to read"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; errors by class name and technical message."""
        return {
            "readable": self.readable,
            "error": _named(self.error),
            "series": [
                {
                    "facts": report.facts.to_dict(),
                    "pictures": [own.to_dict() for own in report.pictures],
                    "encoding": report.encoding,
                    "frames": report.frames,
                    "windows": [dataclasses.asdict(window) for window in report.windows],
                    "warnings": list(report.warnings),
                    "lines_of_text": report.lines_of_text,
                    "error": _named(report.error),
                }
                for report in self.series
            ],
            "skipped": [{"member": s.member, "error": _named(s.error)} for s in self.skipped],
        }


def _named(error: DicomError | None) -> dict[str, str] | None:
    return None if error is None else {"class": type(error).__name__, "detail": str(error)}


def inspect(path: Path, *, limits: Limits | None = None, sandbox: Sandbox | None = None) -> Inspection:
    """What `path` (a file or folder) holds; the first frame of every series is decoded to be sure.

    Never raises `DicomError`: bounds on the whole path become a skipped entry.
    """
    try:
        with open_study([path], limits=limits, sandbox=sandbox) as study:
            nothing = () if study.series or study.skipped else (Skipped(0, UnknownFile("an empty folder or ZIP")),)
            looking = sandbox or shared_sandbox(limits or Limits())
            reports = tuple(_report(series, looking) for series in study.series)
            return Inspection(reports, study.skipped + nothing)
    except DicomError as refused:
        return Inspection((), (Skipped(0, refused),))


def _report(series: Series, sandbox: Sandbox) -> SeriesReport:
    windows: tuple[Window, ...] = ()
    error: DicomError | None = None
    try:
        windows = series.frame(0).windows
    except DicomError as refused:
        error = refused
    encoding, own = encoding_name(series.encoding), _own(series)
    lines = None if error else _lines_of_text(series, sandbox)
    return SeriesReport(series.facts, encoding, len(series), windows, series.warnings, error, own, lines)


def _lines_of_text(series: Series, sandbox: Sandbox) -> int | None:
    try:
        frames = (series.frame(index) for index in frames_to_look_at(len(series)))
        return sum(len(boxes) for boxes in look(frames, sandbox))
    except DicomError:  # no detector, or a frame that cannot be decoded
        return None


def _own(series: Series) -> tuple[Facts, ...]:
    own = tuple(series.facts_of(index).beyond(series.facts) for index in range(len(series)))
    different = {dataclasses.replace(facts, slice_position_mm=None) for facts in own}
    return own if len(different) > 1 else ()


_NEWER = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}
"""Transfer syntaxes of PS3.5 A.4 that pydicom has no name for."""


def encoding_name(syntax: str) -> str:
    """The standard's name of a transfer syntax; raster formats by their own; "unknown" for anything else."""
    if syntax.isalnum() and len(syntax) <= 10:
        return syntax
    if syntax in _NEWER:
        return _NEWER[syntax]
    uid = UID(syntax, validation_mode=pydicom.config.IGNORE)
    return uid.name if uid.name != uid else "unknown"


def render_files(
    paths: Sequence[Path],
    out: Path,
    *,
    window: str = "first",
    frame: int = 0,
    limits: Limits | None = None,
    sandbox: Sandbox | None = None,
) -> list[Path | DicomError]:
    """Write one native-size 8-bit PNG per file to `out`, named FILE.png; one entry per path, in order.

    `window`: "first" (the file's first window, else its VOI LUT, else automatic), "auto" (percentiles without
    padding, padding black), "minmax" (full range of the frame, padding included), or "CENTRE/WIDTH" in
    modality values. Overlay planes are drawn white on grey frames. `frame` counts from 0 in file order. Pixels are not
    resampled for aspect and ultrasound is not masked: this is for the owner's own disk, and comparable with
    dcmtk's dcmj2pnm. A folder or ZIP gives one PNG per series, FILE-1.png, FILE-2.png, …; its entry is the
    first.
    """
    bounds = limits or Limits()
    pool = sandbox or shared_sandbox(bounds)
    parse_window(window)
    out.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    return [_render_path(path, out, window, frame, bounds, pool, taken) for path in paths]


def _render_path(
    path: Path, out: Path, window: str, index: int, limits: Limits, pool: Sandbox, taken: set[str]
) -> Path | DicomError:
    try:
        if not path.is_dir():
            header: Header = pool.call("scan", str(path))
            if header.reader not in ("zip", "directory"):
                tiles = header.reader == "slide" and header.syntax != "slide"
                reader = "dicom" if tiles else header.reader  # a DICOM slide's frames are its tiles
                if not tiles and index >= len(header.slots):
                    raise FrameMissing("there is no such frame")
                frame: Frame = pool.call("frame", str(path), reader, index, 0, True)
                return _save(native(frame, window), out, path.name, taken)
        with open_study([path], limits=limits, sandbox=pool) as study:
            if not study.series:
                raise study.skipped[0].error if study.skipped else UnknownFile("no file to read")
            saved = [
                _save(
                    native(s.frame(min(index, len(s) - 1), keep_burned_in=True), window),
                    out,
                    f"{path.name}-{n}",
                    taken,
                )
                for n, s in enumerate(study.series, 1)
            ]
            return saved[0]
    except DicomError as refused:
        return refused


def native(frame: Frame, window: str) -> Image.Image:
    """The frame's own pixels under a window named as in `render_files`."""
    if frame.color:
        return render(frame, square=False)
    chosen: Window | VoiLut
    if window == "minmax":
        frame = dataclasses.replace(frame, padding=None)
        chosen = full_range(frame)
    elif window == "auto":
        chosen = automatic(frame)
    elif window == "first":
        chosen = first_view(frame)
        if frame.windows:
            frame = dataclasses.replace(frame, padding=None)
    else:
        chosen = parse_window(window) or frame.default_window
    return render(frame, chosen, overlays=True, square=False)


def parse_window(text: str) -> Window | None:
    """A `Window` from "CENTRE/WIDTH", None for the named ones. Raises `InvalidWindow`."""
    if text in ("first", "auto", "minmax"):
        return None
    parts = text.split("/")
    try:
        center, width = float(parts[0]), float(parts[1])
    except (ValueError, IndexError) as fault:
        raise InvalidWindow("a window is first, auto, minmax or CENTRE/WIDTH") from fault
    return Window(center, width) if width >= 1 else Window(center, width, "LINEAR_EXACT")


def _save(image: Image.Image, out: Path, name: str, taken: set[str]) -> Path:
    """Write `name`.png; a second file of one name becomes name-2.png."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    target = out / f"{free}.png"
    image.save(target, compress_level=1)
    return target
