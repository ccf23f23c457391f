"""Words on a terminal: lines, tables, an answer as it grows; Arabic made readable where the terminal cannot."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from app.bidi import Direction, direction_of, has_arabic, without_controls
from app.runs import Run, isolate, turned

_STAND_INS = "".join(map(chr, range(0x2500, 0x2580)))
"""Box drawing: neutral to the bidi algorithm, mirrored by nobody, and in none of our sentences."""

_MARKS = re.compile("[\u061c\u200e\u200f]")
_RIGHT_TO_LEFT_MARKS = re.compile("[\u061c\u200f]")


def shaped(text: str, *, width: int = 80, align: bool = False) -> str:
    """`text` for a terminal that neither joins nor reorders Arabic letters, line by line.

    Lines are wrapped first; then letters are replaced by their joined forms and the line is put into visual
    order. Measurements and Latin runs keep their own order. `align`: right-to-left lines end at `width`.
    """
    return "\n".join(
        shown for line in without_controls(text).split("\n") for shown in _shaped_line(line, width, align=align)
    )


def _shaped_line(line: str, width: int, *, align: bool) -> Iterator[str]:
    if not has_arabic(line):
        yield line
        return
    direction = direction_of(line)
    kept = {"width": width, "break_long_words": False, "break_on_hyphens": False, "drop_whitespace": True}
    indent = line[: len(line) - len(line.lstrip())]
    for part in textwrap.wrap(line, subsequent_indent=indent, **kept):  # type: ignore[arg-type] # one type each
        visual = _visual(part, direction)
        yield visual.rjust(width) if align and direction == "rtl" else visual


def _visual(line: str, direction: Direction) -> str:
    from arabic_reshaper import reshape
    from bidi.algorithm import get_display  # the package's other one, in Rust, does not mirror brackets

    # python-bidi does not pair brackets (UAX #9, N0): a mark before "(" in a left-to-right line turns that one alone.
    # Marks the other way stay until the end: they hold "--json" together.
    line = _RIGHT_TO_LEFT_MARKS.sub("", line)
    kept: dict[str, str] = {}
    text = ""
    for run in isolate(line, direction):
        if run.direction and len(kept) < len(_STAND_INS):
            stand_in = _STAND_INS[len(kept)]
            kept[stand_in] = _inside(run)
            text += stand_in
        else:
            text += turned(run.text) if direction == "rtl" else run.text
    shown = str(get_display(reshape(text), base_dir="R" if direction == "rtl" else "L"))
    return _MARKS.sub("", "".join(kept.get(character, character) for character in shown))


def _inside(run: Run) -> str:
    """An isolated run as it is seen: on such terminals what stands left to right needs nothing done to it."""
    return run.text if run.direction == "ltr" and not run.runs else _visual(run.text, run.direction or "ltr")


def json_line(value: Any, stream: TextIO) -> str:
    """`value` on one line, in letters where `stream` has them all, else escaped: programs must lose none."""
    unicode = (getattr(stream, "encoding", None) or "utf-8").lower().startswith("utf")
    return json.dumps(value, ensure_ascii=not unicode) + "\n"


class Terminal:
    """Where a command writes. Results go to `out`, everything about them to `err`."""

    def __init__(self, out: TextIO, err: TextIO, *, shape: bool = False, width: int | None = None) -> None:
        self._out = out
        self._err = err
        self._shape = shape
        self._width = width or shutil.get_terminal_size().columns
        self._line = ""

    def say(self, text: str = "") -> None:
        self._write(self._out, text)

    def complain(self, text: str) -> None:
        self._write(self._err, text)

    def rows(self, rows: Sequence[tuple[str, str]], *, indent: str = "  ") -> None:
        """Two columns: a name, which is never broken, and words."""
        first = max((len(name) for name, _ in rows), default=0)
        for name, words in rows:
            shown = self._shaped(name, first).ljust(first)
            lines = self._shaped(words, max(20, self._width - first - len(indent) - 2)).split("\n")
            for line in lines:
                self._out.write(f"{indent}{shown}  {line}".rstrip() + "\n")
                shown = " " * first
        self._out.flush()

    def data(self, value: Any) -> None:
        """One JSON value on one line: for programs, never shaped."""
        self._out.write(json_line(value, self._out))
        self._out.flush()

    def stream(self, piece: str) -> None:
        """The next characters of an answer, at once; shaped ones appear a line at a time."""
        if not self._shape:
            self._out.write(piece)
            self._out.flush()
            return
        *whole, self._line = (self._line + piece).split("\n")
        for line in whole:
            self._write(self._out, line)

    def end_stream(self) -> None:
        self._write(self._out, self._line)
        self._line = ""

    def progress(self, text: str) -> None:
        """A line that the next one replaces; nothing where nobody watches."""
        if self._err.isatty():
            self._err.write(f"\r\033[K{self._shaped(text, self._width)}")
            self._err.flush()

    def _shaped(self, text: str, width: int) -> str:
        return shaped(text, width=width) if self._shape else text

    def _write(self, stream: TextIO, text: str) -> None:
        if self._shape:
            text = shaped(text, width=self._width, align=stream.isatty())
        stream.write(text + "\n")
        stream.flush()
