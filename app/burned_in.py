"""Text in the pictures of a stored series: looked for, told to the reader, painted over. Knows no route and no pixel.

What is found is kept in the series' descriptor as `text`: the state, the boxes of text by size of frame, the sentence.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.captions import SEPARATOR
from app.failures import trace
from app.frames import pack, unpack
from app.locale import Locale, languages
from dicom import DicomError, Facts, Frame, Sandbox, TextBox, corner_bands, frames_to_look_at, look, masked
from dicom.errors import DetectorMissing
from storage import NewFrame, NotFound, SeriesRecord, Store

log = logging.getLogger(__name__)
_PATIENCE = 0.5  # seconds
State = Literal["seen", "clear", "unlooked"]


@dataclass(frozen=True)
class Place:
    """Boxes seen in frames of this size, in samples."""

    rows: int
    columns: int
    boxes: tuple[TextBox, ...]


@dataclass(frozen=True)
class Found:
    """What looking gave; `reason` is the class of the error that made it impossible, or ""."""

    state: State
    places: tuple[Place, ...] = ()
    reason: str = ""

    @property
    def boxes(self) -> int:
        return sum(len(place.boxes) for place in self.places)


class BurnedIn:
    """Looks at what is in the record, and paints over it there; one series at a time, so that reading goes on."""

    def __init__(self, store: Store, sandbox: Sandbox) -> None:
        self._store = store
        self._sandbox = sandbox
        self._one = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, owner: str, series: str) -> None:
        """Look at a series in the background; what was seen is in the record afterwards."""
        self._waiting.put((owner, series))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="burned-in", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Begin no further look, and wait a moment for the one under way: the record is closed next."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _work(self) -> None:
        while (wanted := self._waiting.get()) is not None:
            try:
                self.look(*wanted)
            except NotFound:
                pass  # erased meanwhile
            except Exception as error:  # one series' trouble must not end the looking; the page asks for it again
                log.warning("a series could not be looked at: %s", trace(error))

    def look(self, owner: str, series: str) -> dict[str, Any]:
        """`text` of a series' descriptor, after looking if that has not been done. Raises `NotFound`."""
        with self._one:
            record = self._store.series(owner, series)
            known: dict[str, Any] = record.descriptor.get("text") or {}
            if known.get("state", "unlooked") != "unlooked":
                return known
            found = self._found(record)
            return self._kept(record, found, _sentence(found, Facts.from_dict(record.facts)))

    def mask(self, owner: str, series: str, *, corners: bool) -> dict[str, Any]:
        """Paint over the boxes seen, and over the corner bands where asked for, in every frame of the series; then look
        again. What the frames held is erased from the disk. Raises `NotFound`, `DiskFull`."""
        with self._one:
            record = self._store.series(owner, series)
            places = _places(record.descriptor.get("text") or {})
            boxes = _choose_boxes(self._store.frame_sizes(owner, series), places, corners=corners)
            self._store.replace_frames(owner, series, self._paint_over(record, boxes))
            found = self._found(record)
            painted = {"corners": corners or bool((record.descriptor.get("text") or {}).get("corners"))}
            kept = self._kept(record, found, _seen("burned-seen", found) if found.places else None, **painted)
            # Said once: what was done, and what is left.
            return {**kept, "sentence": self._after(record, found, len(boxes), marked=bool(places))}

    def _paint_over(self, record: SeriesRecord, boxes: dict[int, tuple[TextBox, ...]]) -> Iterator[NewFrame]:
        for index, meta, frame in self._frames(record, boxes):
            packed, samples = pack(masked(frame, boxes[index]))
            yield NewFrame(index, {**meta, "overlay": packed["overlay"]}, samples)

    def _frames(self, record: SeriesRecord, indices: Iterable[int]) -> Iterator[tuple[int, dict[str, Any], Frame]]:
        """Those that are stored: some could not be read."""
        for index in indices:
            try:
                meta, samples = self._store.frame(record.owner, record.id, index)
            except NotFound:
                continue
            yield index, meta, unpack(meta, samples)

    def _found(self, record: SeriesRecord) -> Found:
        sizes: list[tuple[int, int]] = []

        def looked_at() -> Iterator[Frame]:
            for _, _, frame in self._frames(record, _to_look_at(self._store.frame_sizes(record.owner, record.id))):
                sizes.append((frame.rows, frame.columns))
                yield frame

        try:
            seen = look(looked_at(), self._sandbox)
        except DicomError as error:
            return Found("unlooked", reason=type(error).__name__)
        if not sizes:
            return Found("unlooked")
        by_size: dict[tuple[int, int], list[TextBox]] = {}
        for size, boxes in zip(sizes, seen, strict=True):
            known = by_size.setdefault(size, [])
            known.extend(box for box in boxes if box not in known)
        places = tuple(Place(*size, _joined(boxes)) for size, boxes in by_size.items() if boxes)
        return Found("seen" if places else "clear", places)

    def _kept(
        self, record: SeriesRecord, found: Found, sentence: dict[str, str] | None, *, corners: bool = False
    ) -> dict[str, Any]:
        """The corner bands are offered until they have been painted over (`corners`)."""
        text = {
            "state": found.state,
            "places": [
                {"rows": place.rows, "columns": place.columns, "boxes": [list(asdict(b).values()) for b in place.boxes]}
                for place in found.places
            ],
            "sentence": sentence,
            "corners": corners,
        }
        self._store.amend_series(record.owner, record.id, {"text": text})
        return text

    def _after(self, record: SeriesRecord, found: Found, painted: int, *, marked: bool) -> dict[str, str]:
        """What was done, what is seen now, and what earlier questions keep."""
        words = Locale("en")
        said = [words.both("burned-masked" if marked else "burned-corners-masked", count=painted), _again(found)]
        turns = self._store.turns(record.owner, record.conversation_id, include_superseded=True)
        asked = sum(any(picture.series_id == record.id for picture in turn.pictures) for turn in turns)
        if asked:
            said.append(words.both("burned-earlier", count=asked))
        return _joined_sentences(said)


def _to_look_at(sizes: dict[int, tuple[int, int]]) -> list[int]:
    """Numbers of the frames to look at: of a long series those of each size that it holds, as if it were one alone."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for number, size in sizes.items():
        by_size.setdefault(size, []).append(number)
    return sorted(own[k] for own in by_size.values() for k in frames_to_look_at(len(own)))


def _choose_boxes(
    sizes: dict[int, tuple[int, int]], places: tuple[Place, ...], *, corners: bool
) -> dict[int, tuple[TextBox, ...]]:
    """What is to be painted over, by the numbers of the frames in which something is."""
    by_size = {size: corner_bands(*size) if corners else () for size in sizes.values()}
    for place in places:
        if (place.rows, place.columns) in by_size:
            by_size[place.rows, place.columns] += place.boxes
    return {number: by_size[size] for number, size in sizes.items() if by_size[size]}


def _joined(boxes: list[TextBox]) -> tuple[TextBox, ...]:
    """Boxes that lie in others left out: the same line seen in several frames."""

    def within(inner: TextBox, outer: TextBox) -> bool:
        return (
            outer.left <= inner.left
            and outer.top <= inner.top
            and inner.right <= outer.right
            and inner.bottom <= outer.bottom
        )

    return tuple(box for box in boxes if not any(box != other and within(box, other) for other in boxes))


def _places(text: dict[str, Any]) -> tuple[Place, ...]:
    """The places of a descriptor's `text`."""
    return tuple(
        Place(place["rows"], place["columns"], tuple(TextBox(*box) for box in place["boxes"]))
        for place in text.get("places", ())
    )


def _sentence(found: Found, facts: Facts) -> dict[str, str] | None:
    """What a reader is told when a series was looked at; None when there is nothing to tell."""
    words = Locale("en")
    if found.state == "seen":
        return _seen("burned-seen", found)
    if found.state == "clear":
        return words.both("burned-usual") if facts.burned_in else None
    missing = found.reason == DetectorMissing.__name__
    unlooked = words.both("burned-no-detector" if missing else "burned-not-looked")
    return _joined_sentences([words.both("warning-burned-in"), unlooked]) if facts.burned_in else unlooked


def _again(found: Found) -> dict[str, str]:
    if found.state == "seen":
        return _seen("burned-still", found)
    return Locale("en").both("burned-now-clear" if found.state == "clear" else "burned-not-looked")


def _seen(key: str, found: Found) -> dict[str, str]:
    where = {code: SEPARATOR.join(_where(found, Locale(code))) for code in languages()}
    return {code: Locale(code).sentence(key, count=found.boxes, places=where[code]) for code in languages()}


def _where(found: Found, locale: Locale) -> list[str]:
    """The parts of the picture in which boxes stand, from top left to bottom right, each once."""
    parts = {
        (3 * (box.top + box.bottom) // (2 * place.rows + 1), 3 * (box.left + box.right) // (2 * place.columns + 1))
        for place in found.places
        for box in place.boxes
    }
    return [locale.sentence(f"burned-at-{down}-{across}") for down, across in sorted(parts)]


def _joined_sentences(said: list[dict[str, str]]) -> dict[str, str]:
    return {code: " ".join(each[code] for each in said) for code in languages()}
