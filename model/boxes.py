"""Boxes that a checkpoint wrote into its answer → rectangles in pixels of the picture; pure, each convention apart.

gemma    JSON `box_2d` [y0, x0, y1, x1], thousandths of the picture padded to a square
qwen2    `<|box_start|>(x0,y0),(x1,y1)<|box_end|>`, thousandths of the picture
qwen2.5  JSON `bbox_2d` [x0, y0, x1, y1], pixels of the resized picture the tower saw
qwen3    JSON `bbox_2d` [x0, y0, x1, y1], thousandths of the picture
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CONVENTIONS = ("gemma", "qwen2", "qwen2.5", "qwen3")
MARKS = ("<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>")
"""Tokens of qwen2's convention: `Answer` keeps them from readers and for this module."""
_OBJECT = re.compile(r"\{[^{}]*\}")
_OLD_QWEN = re.compile(
    r"(?:<\|object_ref_start\|>(?P<label>.{0,200}?)<\|object_ref_end\|>)?"
    r"<\|box_start\|>\((?P<x0>\d+),(?P<y0>\d+)\),\((?P<x1>\d+),(?P<y1>\d+)\)<\|box_end\|>",
    re.DOTALL,
)


@dataclass(frozen=True)
class Box:
    """Pixels of the picture that was asked about; x to the right, y down, the origin at its top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float
    label: str = ""


def find_boxes(
    text: str, convention: str, *, size: tuple[int, int], sent_size: tuple[int, int] | None = None
) -> tuple[Box, ...]:
    """Every box of an answer, clipped to the picture; what is not a box is passed over.

    size: (width, height) of the picture. sent_size: what the tower saw, for conventions in its pixels.
    """
    found = _old_qwen(text) if convention == "qwen2" else _objects(text, convention)
    boxes = []
    for values, label in found:
        box = _place(values, convention, size, sent_size or size, label)
        if box is not None:
            boxes.append(box)
    return tuple(boxes)


def find_boxes_of_another_server(text: str, convention: str, *, size: tuple[int, int]) -> tuple[Box, ...]:
    """As `find_boxes`, where nobody knows how the server prepared the picture for the tower: only what does not depend
    on that, because a rectangle in the wrong place is worse than none. Pixels of a resized picture do (qwen2.5), and
    so does padding (gemma), but of a square, which has none."""
    if not convention or convention == "qwen2.5" or (convention == "gemma" and size[0] != size[1]):
        return ()
    return find_boxes(text, convention, size=size)


def without_halves(text: str) -> str:
    """JSON can escape half a character (a lone surrogate), which no file and no page can hold: a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _objects(text: str, convention: str) -> Iterator[tuple[tuple[float, ...], str]]:
    key = "box_2d" if convention == "gemma" else "bbox_2d"
    for match in _OBJECT.finditer(text):
        try:
            entry: Any = json.loads(match.group())
            values = entry.get(key)
            if not isinstance(values, list) or len(values) != 4:
                continue
            if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
                yield tuple(float(value) for value in values), without_halves(str(entry.get("label", "")))
        except (ValueError, OverflowError, RecursionError):  # not JSON, a number beyond all, a thousand brackets
            continue


def _old_qwen(text: str) -> Iterator[tuple[tuple[float, ...], str]]:
    for match in _OLD_QWEN.finditer(text):
        values = tuple(float(match.group(name)) for name in ("x0", "y0", "x1", "y1"))
        yield values, (match.group("label") or "").strip()


def _place(
    values: tuple[float, ...], convention: str, size: tuple[int, int], sent: tuple[int, int], label: str
) -> Box | None:
    width, height = size
    if convention == "gemma":
        y0, x0, y1, x1 = values
        side = max(size)
        left, top = (side - width) // 2, (side - height) // 2
        x0, x1 = (x * side / 1000 - left for x in (x0, x1))
        y0, y1 = (y * side / 1000 - top for y in (y0, y1))
    else:
        x0, y0, x1, y1 = values
        across, down = sent if convention == "qwen2.5" else (1000, 1000)
        x0, x1 = (x * width / across for x in (x0, x1))
        y0, y1 = (y * height / down for y in (y0, y1))
    x0, x1 = sorted(min(max(x, 0.0), float(width)) for x in (x0, x1))
    y0, y1 = sorted(min(max(y, 0.0), float(height)) for y in (y0, y1))
    return Box(x0, y0, x1, y1, label) if x1 > x0 and y1 > y0 else None
