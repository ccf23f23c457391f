"""Files in, stored series out, with progress. Knows the order of events; knows no HTTP and no tag."""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import format_tb
from typing import Any

from app.at_once import AtOnce
from app.burned_in import BurnedIn
from app.captions import LABELLED, SEPARATOR, caption, counted, label
from app.frames import pack, window_to_dict
from app.locale import Locale, languages
from app.notices import notice
from dicom import DicomError, Frame, Preset, Sandbox, Series, Study, VoiLut, Window, open_study
from storage import NewFrame, NotFound, SeriesRecord, Store

log = logging.getLogger(__name__)
_HANDFUL = 8  # frames written in one transaction; the page waits for the first of them
_HANDFUL_PIXELS = 32_000_000  # and of their pixels together, where one has not more
_GLANCE = 1024  # pixels of the longer side that are enough for a first look
_GLANCED_AT_MOST = 16_000_000  # pixels of a picture that cannot be read reduced: more are not sent ahead


@dataclass(frozen=True)
class Reading:
    """`done` of `total` pictures (or files, before the pictures are known) have been read."""

    done: int
    total: int


@dataclass(frozen=True)
class Opened:
    """A series is in the record: its first picture can be shown. `descriptor` is what the page needs.

    `glanced`: the frame of it that the reader is looking at already, see `Intake.glance`; None where there is none.
    """

    descriptor: dict[str, Any]
    glanced: int | None = None


@dataclass(frozen=True)
class Glance:
    """One picture of files that are still on their way: `frame` of a series like `descriptor`.

    `whole`: (rows, columns) at full resolution where `frame` is a reduced one, else None.
    """

    descriptor: dict[str, Any]
    frame: Frame
    whole: tuple[int, int] | None


@dataclass(frozen=True)
class Refused:
    """One of the files was refused; `sentence` by language code says why and what to do.

    `index`: its place among the files given, None where it is not about one of them.
    """

    index: int | None
    sentence: dict[str, str]


Event = Reading | Opened | Refused


class Intake:
    """Reads files for one person's conversation into the record; keeps no file."""

    def __init__(
        self, store: Store, sandbox: Sandbox, at_once: AtOnce | None = None, burned_in: BurnedIn | None = None
    ) -> None:
        """`burned_in` looks for text in every series once it is stored; without it nothing does."""
        self._store = store
        self._sandbox = sandbox
        self._burned_in = burned_in
        self.at_once = at_once or AtOnce()
        self._reading: set[str] = set()

    def reading(self, series: str) -> bool:
        """Whether frames of `series` are still being read by this process."""
        return series in self._reading

    def glance(self, file: Path) -> Glance | None:
        """What one of several files shows, or a large one at less than its resolution; nothing is kept of it.

        None where it is no picture by itself: refused, or an archive of several series.
        """
        try:
            with open_study([file], limits=self._sandbox.limits, sandbox=self._sandbox) as study:
                if len(study.series) != 1:
                    return None
                series = study.series[0]
                with self.at_once.hold(series.pixels):
                    first, frame = _first_readable(series, at_least=_GLANCE)
                if frame.rows * frame.columns > _GLANCED_AT_MOST:
                    return None
                return Glance(_descriptor(series, first, frame), frame, _whole(series, first, frame))
        except DicomError:
            return None

    def take(
        self,
        owner: str,
        conversation: str,
        files: Sequence[Path],
        *,
        glanced: int | None = None,
        called_off: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Read `files`; the originals can be deleted when this iterator ends or is closed.

        `glanced`: the place among them of the one the reader was given a glance of. Once `called_off` is set, it ends
        soon and takes back what it stored, except a series a question was asked about.
        """
        off = called_off or threading.Event()
        opened: list[str] = []
        try:
            with contextlib.closing(self._read(owner, conversation, files, glanced)) as events:
                for event in events:
                    if isinstance(event, Opened):
                        opened.append(str(event.descriptor["id"]))
                    if off.is_set():
                        return
                    yield event
        finally:
            for series in opened if off.is_set() else ():
                with contextlib.suppress(NotFound):
                    self._store.erase_series(owner, series)

    def _read(self, owner: str, conversation: str, files: Sequence[Path], glanced: int | None) -> Generator[Event]:
        study: Study | None = None
        for event in self._opened(files):
            if isinstance(event, Reading):
                yield event
            elif isinstance(event, Study):
                study = event
            else:
                yield Refused(None, notice(event))
        if study is None:
            return
        with study:
            for skipped in study.skipped:
                yield Refused(skipped.name_index, notice(skipped.error))
            for series in study.series:
                yield from self._stored(owner, conversation, series, _glanced_frame(series, glanced))

    def _opened(self, files: Sequence[Path]) -> Iterator[Reading | Study | Exception]:
        events: queue.Queue[Reading | Study | Exception | None] = queue.Queue()
        left = threading.Event()

        def read() -> None:
            try:
                study = open_study(
                    files,
                    limits=self._sandbox.limits,
                    sandbox=self._sandbox,
                    progress=lambda done, total: events.put(Reading(done, total)),
                )
                if left.is_set():
                    study.close()
                events.put(study)
            except Exception as error:  # every failure must reach the page as a sentence
                if not isinstance(error, DicomError):
                    log.error("an unexpected %s\n%s", type(error).__name__, "".join(format_tb(error.__traceback__)))
                events.put(error)
            finally:
                events.put(None)

        threading.Thread(target=read, name="intake", daemon=True).start()
        try:
            while (event := events.get()) is not None:
                yield event
        finally:
            left.set()

    def _stored(self, owner: str, conversation: str, series: Series, glanced: int | None) -> Iterator[Event]:
        """The first picture, then the announcement, then the rest: the page shows one while others follow.

        What the reader looks at already is stored with the first: the moment it can be asked about, it is there.
        """
        try:
            with self.at_once.hold(series.pixels):
                record, frame, ready = self._begun(owner, conversation, series, glanced)
        except DicomError as error:
            yield Refused(series.name_indices[series.middle], notice(error))
            return
        self._reading.add(record.id)
        try:
            yield Opened({"id": record.id, **record.descriptor}, glanced if glanced in ready else None)
            yield from self._rest(owner, record.id, series, ready, frame)
        finally:
            self._reading.discard(record.id)
            with contextlib.suppress(NotFound):  # erased meanwhile
                self._store.complete_series(owner, record.id)
                if self._burned_in is not None:
                    self._burned_in.begin(owner, record.id)

    def _begun(
        self, owner: str, conversation: str, series: Series, glanced: int | None
    ) -> tuple[SeriesRecord, Frame, list[int]]:
        """The record of `series`, its first picture, and which are stored by now."""
        first, frame = _first_readable(series)
        descriptor = _descriptor(series, first, frame)
        record = self._store.add_series(
            owner, conversation, facts=series.facts.to_dict(), descriptor=descriptor, frames=len(series)
        )
        ready = {first: frame, **_also(series, glanced, first)}
        self._store.add_frames(
            owner, record.id, [_new_frame(series, index, each, frame) for index, each in ready.items()]
        )
        return record, frame, [*ready]

    def _rest(self, owner: str, record: str, series: Series, stored: list[int], first: Frame) -> Iterator[Event]:
        """All other frames, a few at a time: one write to the disk for each handful."""
        failed, done = 0, len(stored)
        rest = [index for index in _outward(stored[0], len(series)) if index not in stored]
        reads = zip(rest, series.frames(rest), strict=True)
        few = max(1, min(_HANDFUL, _HANDFUL_PIXELS // series.pixels))
        while handful := list(itertools.islice(reads, few)):
            frames = []
            for index, read in handful:
                if isinstance(read, DicomError):
                    log.warning("a frame could not be read: %s", type(read).__name__)
                    failed += 1
                else:
                    frames.append(_new_frame(series, index, read, first))
            self._store.add_frames(owner, record, frames)
            done += len(handful)
            yield Reading(done, len(series))
        if failed:
            yield Refused(None, Locale("en").both("frames-missing", count=failed))


def _whole(series: Series, index: int, frame: Frame) -> tuple[int, int] | None:
    own = series.facts_of(index)
    if series.reader != "dicom" or not own.rows or not own.columns or own.rows <= frame.rows:
        return None
    halved = any((-(-own.rows >> r), -(-own.columns >> r)) == (frame.rows, frame.columns) for r in range(1, 6))
    return (own.rows, own.columns) if halved else None


def _glanced_frame(series: Series, glanced: int | None) -> int | None:
    """The frame of `series` that came from the file `glanced`, None where none did or more than the glance showed."""
    places = [index for index, name in enumerate(series.name_indices) if name == glanced]
    if len(places) == 1:
        return places[0]
    return series.middle if places and len(places) == len(series) else None


def _also(series: Series, glanced: int | None, first: int) -> dict[int, Frame]:
    if glanced is None or glanced == first:
        return {}
    with contextlib.suppress(DicomError):
        return {glanced: series.frame(glanced)}
    return {}


def _first_readable(series: Series, *, at_least: int = 0) -> tuple[int, Frame]:
    """The middle frame, or the readable one nearest to it; raises the middle one's `DicomError` when there is none.

    `at_least`: see `Series.frame`.
    """
    first = series.middle
    try:
        return first, series.frame(first, at_least=at_least)
    except DicomError as error:
        others = _outward(first, len(series))
        for index, read in zip(others, series.frames(others, at_least=at_least), strict=True):
            if not isinstance(read, DicomError):
                return index, read
        raise error from None


def _new_frame(series: Series, index: int, frame: Frame, first: Frame) -> NewFrame:
    """`frame` with its own facts. `first`: the one the series opens with."""
    shown = _like(first, frame) if series.continuous else frame
    return NewFrame(index, *pack(shown, series.facts_of(index)))


def _like(first: Frame, frame: Frame) -> Frame:
    """`frame` of a stack or loop without a window of its own, with the one found for the `first` of them: the greys of
    neighbours stay comparable."""
    own = frame.color or frame.windows or frame.voi_luts or first.windows or first.voi_luts
    return frame if own or frame.unit != first.unit else replace(frame, default_window=first.default_window)


def _descriptor(series: Series, first: int, frame: Frame) -> dict[str, Any]:
    """What the page needs to know of `series` before it has any pixels."""
    words = Locale("en")
    return {
        "frames": len(series),
        "facts": series.facts.to_dict(),
        "caption": caption(series.facts),
        **_labels(series),
        "counted": counted(series.facts),
        "presets": [
            {"key": preset.key, "label": _preset_label(preset), **_look(preset.window, frame)}
            for preset in series.presets(frame)
        ],
        "color": frame.color,
        "unit": frame.unit,
        "warnings": [words.both(f"warning-{code}") for code in series.warnings if code != "burned-in"],  # see burned_in
        "first": {"frame": first, "window": None if frame.color else window_to_dict(frame.default_window)},
    }


def _look(window: Window | VoiLut, frame: Frame) -> dict[str, Any]:
    """What the page shows `frame` with; a table by its number, with the window that dragging goes on from."""
    if isinstance(window, Window):
        return window_to_dict(window)
    return {**window_to_dict(frame.default_window), "lut": frame.voi_luts.index(window)}


def _preset_label(preset: Preset) -> dict[str, str]:
    """A preset's name by language code, e.g. "Brain", or "Table 2 · Harder" with what the file says of its own."""
    return {code: SEPARATOR.join(_preset_words(preset, Locale(code))) for code in languages()}


def _preset_words(preset: Preset, locale: Locale) -> Iterator[str]:
    stem, _, number = preset.key.rpartition("-")
    if stem not in ("file", "table"):
        yield locale.sentence(f"preset-{preset.key}")
        return
    yield locale.sentence(f"preset-{stem}", number=number)
    if preset.window.explanation:
        yield locale.sentence(f"preset-{preset.window.explanation}")


def _labels(series: Series) -> dict[str, Any]:
    """`labels`: what tells pictures of the series apart (`words`, by language), and which of them is whose (`of`);
    nothing where nothing does."""
    each = [series.facts_of(index) for index in range(len(series))]
    codes = [tuple(getattr(facts, name) for name in LABELLED) for facts in each]
    first = dict(zip(codes, each, strict=True))
    if len(first) < 2:
        return {}
    place = {code: number for number, code in enumerate(first)}
    words = [label(facts.beyond(series.facts)) for facts in first.values()]
    return {"labels": {"words": words, "of": [place[code] for code in codes]}}


def _outward(first: int, count: int) -> list[int]:
    """All other indices, nearest to `first` first: what the reader scrolls to next is read next."""
    return sorted((i for i in range(count) if i != first), key=lambda i: abs(i - first))
