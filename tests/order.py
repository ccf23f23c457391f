"""The order of glyphs on a page, as Chromium lays them out, against what must stand in which order.

A row of `order_strings.json` is [text, direction of its paragraph, runs that stand left to right exactly as written,
Arabic phrases of a left-to-right line]. Outside those phrases such a line keeps its left-to-right order; the Arabic
words of a right-to-left line stand right to left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from app.bidi import ARABIC, without_controls

ROOT = Path(__file__).resolve().parents[1]
_ARABIC_WORD = re.compile(f"[{ARABIC}]+")

PLACES = """(selector) => [...document.querySelectorAll(selector)].map((row) => {
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const places = [];
  for (let node; (node = walker.nextNode());) {
    for (let i = 0; i < node.length; i += 1) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = range.getClientRects()[0];
      if (box && box.width) places.push([node.data[i], box.left + box.width / 2, box.top]);
    }
  }
  return places;
})"""
"""Of every element: [character, x of its middle, y of its top] in the order of the text."""


class Row(NamedTuple):
    text: str
    direction: str
    left_to_right: tuple[str, ...]
    right_to_left: tuple[str, ...]


def rows() -> tuple[Row, ...]:
    """The rows of our table, and those of the folder beside the project that it does not have."""
    kept = [Row(text, way, tuple(ltr), tuple(rtl)) for text, way, ltr, rtl in _read(ROOT / "tests/order_strings.json")]
    beside = ROOT.parent / "shared" / "cases" / "bidi-strings.json"
    known = {row.text for row in kept}
    others = _read(beside)["strings"] if beside.exists() else []
    new = (each for each in others if each["text"] not in known)
    runs = ("left_to_right", "right_to_left")
    return (*kept, *(Row(each["text"], each["direction"], *(tuple(each[run]) for run in runs)) for each in new))


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def misplaced(row: Row, places: Sequence[Sequence[Any]]) -> list[str]:
    """What of `row` stands in a wrong order at `places`; of a row still growing, what has arrived."""
    seen = [(character, x) for character, x, _ in places if character.strip() and without_controls(character)]
    text = "".join(character for character, _ in seen)
    wrong = [run for run in row.left_to_right if not _as_written(seen, text, _bare(run))]
    if row.direction == "ltr":
        expected = _expected(row, text)
        shown = "".join(character for character, _ in sorted(seen, key=lambda each: each[1]))
        return wrong if shown == expected else [*wrong, f"{shown} for {expected}"]
    words = list(_ARABIC_WORD.finditer(text))
    middles = [sum(x for _, x in seen[word.start() : word.end()]) / len(word.group()) for word in words]
    if middles != sorted(middles, reverse=True):
        wrong.append("Arabic words")
    return wrong


def _bare(text: str) -> str:
    return "".join(text.split())


def _as_written(seen: Sequence[tuple[str, float]], text: str, run: str) -> bool:
    """Whether `run`, or as much of it as there is at the end of `text`, stands left to right with nothing between."""
    at = text.find(run)
    if at < 0:
        at = next((len(text) - n for n in range(len(run), 0, -1) if text.endswith(run[:n])), len(text))
    part = seen[at : at + len(run)]
    if not part:
        return True
    left, right = part[0][1], part[-1][1]
    between = sorted((x, character) for character, x in seen if left <= x <= right)
    return "".join(character for _, character in between) == "".join(character for character, _ in part)


def _expected(row: Row, text: str) -> str:
    """The line from left to right: as written, its Arabic phrases turned around."""
    done = 0
    for phrase in map(_bare, row.right_to_left):
        at = text.find(phrase[0], done)  # all of it, or what has arrived
        if at >= 0 and _ARABIC_WORD.search(phrase):  # digits stand left to right by themselves
            done = min(len(text), at + len(phrase))
            text = text[:at] + text[at:done][::-1] + text[done:]
    return text
