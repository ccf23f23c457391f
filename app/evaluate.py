"""A file of questions answered by the engine, several at once, resumable. Knows rows and files, not the screen.

Rows are JSON Lines in the form of BiMed-MBench: `question_id`, `text`, and `image` (a file below the image
folder; it may be missing or a list). Whatever else a row has is copied to its answer, so that a judge finds it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from app.bidi import language_of
from dicom import DicomError, Limits, Picture, open_study
from model import Engine, Finish, Message, Piece, Sampling
from model.errors import ImagesNotAccepted

ANSWERED = ("complete", "truncated")
"""Statuses that a resumed run does not ask again."""


class MalformedQuestions(Exception):
    """The file of questions has a line that is none; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class ImageMissing(Exception):
    """A row names an image that is not below the image folder."""


@dataclass(frozen=True)
class Row:
    """One question. `given` is the whole line as it was read."""

    id: str
    text: str
    images: tuple[str, ...]
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Count:
    """Where a run stands: answered now, answered in an earlier run, ended in another way, of how many."""

    answered: int
    kept: int
    failed: int
    total: int

    @property
    def done(self) -> int:
        return self.answered + self.kept + self.failed


def read_questions(path: Path) -> tuple[Row, ...]:
    """Raises MalformedQuestions for a line without a question or with an id that was there before, OSError."""
    rows: dict[str, Row] = {}
    for number, line in enumerate(_lines(path, "utf-8-sig"), 1):
        if line.strip():
            row = _row(line, number)
            if row.id in rows:
                raise MalformedQuestions(number)
            rows[row.id] = row
    return tuple(rows.values())


def _lines(path: Path, encoding: str) -> list[str]:
    """Lines of a JSON Lines file. `str.splitlines` would also end one at U+2028 or U+0085, which JSON strings hold."""
    return path.read_text(encoding=encoding).split("\n")


def _row(line: str, number: int) -> Row:
    try:
        given = json.loads(line)
        text, images = given["text"], given.get("image") or ()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedQuestions(number) from error
    names = (images,) if isinstance(images, str) else tuple(images)
    if not (isinstance(text, str) and text.strip() and all(isinstance(name, str) for name in names)):
        raise MalformedQuestions(number)
    return Row(str(given.get("question_id", number)), text, names, given)


def answered_before(out: Path) -> frozenset[str]:
    """Ids of the rows that an earlier run answered. A last line that a kill cut short counts as not there."""
    if not out.exists():
        return frozenset()
    found = set()
    for line in _lines(out, "utf-8"):
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if answer.get("status") in ANSWERED:
            found.add(str(answer.get("question_id")))
    return frozenset(found)


@dataclass(frozen=True)
class Run:
    """What all rows have in common. `readers` are asked at once; the engine writes their answers together."""

    engine: Engine
    images: Path
    sampling: Sampling
    limits: Limits
    readers: int = 4

    def answer(self, rows: Sequence[Row], out: Path, note: Callable[[Count], None], cancel: threading.Event) -> Count:
        """Append one line per row to `out`, as they come, and return the count.

        Rows answered there before are not asked again; the last line about an id is the one that counts. Each
        line reaches the disk before the next is written. Setting `cancel` stops the answers on their way.
        """
        kept = answered_before(out)
        todo = [row for row in rows if row.id not in kept]
        count = Count(0, len(rows) - len(todo), 0, len(rows))
        note(count)
        with _appending(out) as file, ThreadPoolExecutor(self.readers, "evaluate") as pool:
            for line in _as_they_come([pool.submit(self._line, row, cancel) for row in todo]):
                if line["status"] == "stopped":
                    continue
                _write(file, line)
                good = line["status"] in ANSWERED
                count = Count(count.answered + good, count.kept, count.failed + (not good), count.total)
                note(count)
        return count

    def _line(self, row: Row, cancel: threading.Event) -> dict[str, Any]:
        common = {**row.given, "question_id": row.given.get("question_id", row.id), "language": language_of(row.text)}
        if cancel.is_set():
            return {**common, "status": "stopped"}
        try:
            pictures = [self._picture(name) for name in row.images]
            if pictures and not self.engine.identity.accepts_images:
                raise ImagesNotAccepted("the model reads text only")
        except (DicomError, ImageMissing, ImagesNotAccepted) as error:
            return {**common, "answer": "", "status": "refused", "error": type(error).__name__}
        answer, finish = self._asked(row, pictures, cancel)
        apart = ("reason", "error", "cause", "boxes")
        timings = {name: value for name, value in asdict(finish).items() if name not in apart}
        return {
            **common,
            "answer": answer,
            "boxes": [asdict(box) for box in finish.boxes],
            "status": finish.reason,
            "error": type(finish.error).__name__ if finish.error else finish.cause or None,
            "pictures": [picture.sha256 for picture in pictures],
            "model": asdict(self.engine.identity),
            "timings": timings,
        }

    def _asked(self, row: Row, pictures: Sequence[Picture], cancel: threading.Event) -> tuple[str, Finish]:
        message = Message("user", row.text, tuple(picture.image for picture in pictures))
        answer, finish = "", Finish("stopped")
        for event in self.engine.stream((message,), self.sampling, cancel=cancel):
            if isinstance(event, Piece):
                answer += event.text
            elif isinstance(event, Finish):
                finish = event
        return answer, finish

    def _picture(self, name: str) -> Picture:
        """The slice and window a reader would be shown first."""
        path = (self.images / name).resolve()
        if not path.is_relative_to(self.images.resolve()) or not path.exists():
            raise ImageMissing
        with open_study([path], limits=self.limits) as study:
            if not study.series:
                raise study.skipped[0].error if study.skipped else ImageMissing
            series = study.series[0]
            return series.picture(series.middle)


def _as_they_come(futures: Sequence[Future[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _appending(out: Path) -> TextIO:
    """`out` ready for the next line: a line that a kill cut short is ended first."""
    cut = out.exists() and out.stat().st_size > 0 and not out.read_bytes().endswith(b"\n")
    file = out.open("a", encoding="utf-8")
    if cut:
        file.write("\n")
    return file


def _write(file: TextIO, line: Mapping[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False) + "\n")
    file.flush()
    os.fsync(file.fileno())
