"""What our endpoint says beyond OpenAI's protocol: written by one side, checked by the other; knows no connection.

basira_waiting   in a chunk whose delta is empty: {"position": 2, "seconds": 3.5}, see `Waiting`; seconds may be null
basira_boxes     in the chunk that gives the reason of the end, and beside the choices of an answer given at once:
                 [{"x0": …, "y0": …, "x1": …, "y1": …, "label": ""}], see `Finish.boxes`; absent when there are none
basira_cause     in the same place: "repeating" when the answer ran in a circle and was ended, see `Finish.cause`;
                 OpenAI's own reason is then "length"
boxes            in the list of models: the convention in which the model writes boxes, see `model.boxes`

Other clients pass over fields they do not know. Other servers may write anything under these names: what has not
this form counts as not said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from model.boxes import CONVENTIONS, Box, without_halves
from model.engine import Cause, Waiting

WAITING, BOXES, CAUSE, CONVENTION = "basira_waiting", "basira_boxes", "basira_cause", "boxes"
_LAST_POSITION = 1_000_000
_LONGEST_WAIT = 7 * 24 * 3600.0  # seconds


def write_waiting(waiting: Waiting) -> dict[str, Any]:
    """The field of a chunk."""
    return {WAITING: asdict(waiting)}


def write_boxes(boxes: Sequence[Box]) -> dict[str, Any]:
    """The field of the last chunk or of a whole answer; empty without boxes."""
    return {BOXES: [asdict(box) for box in boxes]} if boxes else {}


def write_cause(cause: Cause) -> dict[str, Any]:
    """The field of the last chunk or of a whole answer; empty without one."""
    return {CAUSE: cause} if cause else {}


def read_cause(said: Any) -> Cause:
    """Why an answer was truncated, as far as that is said."""
    return "repeating" if said == "repeating" else ""


def read_waiting(chunk: Mapping[str, Any]) -> Waiting | None:
    """What a chunk says about the queue."""
    said = chunk.get(WAITING)
    if not isinstance(said, dict):
        return None
    position, seconds = said.get("position"), said.get("seconds")
    if type(position) is not int or not 1 <= position <= _LAST_POSITION:
        return None
    if seconds is None:
        return Waiting(position)
    return Waiting(position, float(seconds)) if _within(seconds, _LONGEST_WAIT) else None


def read_boxes(said: Any, size: tuple[int, int]) -> tuple[Box, ...] | None:
    """The boxes of an answer; None when they were not said. said: the field's value. size: (width, height) of the
    picture, in pixels, beyond which no box may reach."""
    if not isinstance(said, list):
        return None
    boxes = [_box(entry, size) for entry in said]
    found = tuple(box for box in boxes if box is not None)
    return found if len(found) == len(boxes) else None


def read_convention(entry: Mapping[str, Any]) -> str:
    """How a model of the list writes boxes, empty when that is not said."""
    said = entry.get(CONVENTION)
    return said if isinstance(said, str) and said in CONVENTIONS else ""


def _box(entry: Any, size: tuple[int, int]) -> Box | None:
    if not isinstance(entry, dict):
        return None
    values: list[Any] = [entry.get(name) for name in ("x0", "y0", "x1", "y1", "label")]
    x0, y0, x1, y1, label = values
    inside = all(_within(x, size[0]) for x in (x0, x1)) and all(_within(y, size[1]) for y in (y0, y1))
    if not inside or not (x0 < x1 and y0 < y1) or not isinstance(label, str) or without_halves(label) != label:
        return None
    return Box(float(x0), float(y0), float(x1), float(y1), label)


def _within(value: Any, most: float) -> bool:
    """Whether this is a number from 0 to `most`: not true, nor NaN, nor one beyond floats."""
    return type(value) in (int, float) and 0 <= value <= most
