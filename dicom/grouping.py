"""Many scanned files to ordered series: grouping, sorting, splitting, and what is odd about them.

Sorted by position along the slice normal (PS3.3 C.7.6.2.1.1), never by instance number where positions are
known. Knows headers; reads nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dicom.headers import SPLITS, Header, Slot

Vector = tuple[float, ...]
WARNINGS = (
    "gaps",  # at least one missing slice
    "duplicate-positions",  # several slices at one place that nothing tells apart
    "mixed-orientations",  # the series' files lie in several planes and were set apart
    "variable-spacing",  # slice distances differ by more than 10 percent
    "no-positions",  # ordered by instance number only
    "burned-in",  # text may be part of the pixels
    "split",  # one series of several echoes, b-values, phases or times, set apart
    "mixed-sizes",  # the series' files differ in rows or columns and were set apart
    "set-apart",  # files of the series that state no position were set apart
    "localizer",  # scouts: they show where other slices lie and are not for reading
    "repeated-files",  # the same instance was sent more than once and is shown once
)
"""Codes of what a person should know about a series; each has a sentence `warning-<code>`."""


@dataclass(frozen=True)
class Place:
    """One frame of a series: which file, which frame in it, where along the normal (mm) or None."""

    file: int
    slot: Slot
    along: float | None


@dataclass(frozen=True)
class Group:
    """An ordered series. `files` are indices into the scanned headers."""

    places: tuple[Place, ...]
    warnings: tuple[str, ...]
    spacing: float | None
    """Median distance between neighbouring slices, mm; None without positions."""
    even: bool
    """All distances within 10 percent of the median: fit for a volume."""
    study: int = 0
    """Number of the study among those of one call, from 0 in the order of their first files."""


def group(headers: Sequence[Header | None]) -> list[Group]:
    """Series in the order their first file came. Entries that are None were refused and are left out."""
    by_series: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, header in enumerate(headers):
        if header is not None and header.reader not in ("zip", "directory"):
            by_series[_series_key(index, header)].append(index)
    found: list[Group] = []
    studies: dict[object, int] = {}
    for files in by_series.values():
        first = headers[files[0]]
        # a file that names no study is one by itself
        number = studies.setdefault(first.study if first is not None and first.study else files[0], len(studies))
        found.extend(dataclasses.replace(part, study=number) for part in _series(headers, files))
    return found


def _series_key(index: int, header: Header) -> tuple[object, ...]:
    """Files that belong together; rasters, slides and cine loops stand alone."""
    if header.reader == "slide" and header.series:
        return ("slide", header.study, header.series)
    if header.reader != "dicom" or not header.series or _cine(header):
        return ("alone", index)
    return (header.study, header.series, header.facts.localizer, header.color)


def _cine(header: Header) -> bool:
    return len(header.slots) > 1 and header.slots[0].position is None


def _series(headers: Sequence[Header | None], files: list[int]) -> list[Group]:
    if (first := headers[files[0]]) is not None and first.reader == "slide":
        files = [max(files, key=lambda i: _pixels(headers[i]))]  # one pyramid, whichever of its files is opened
    seen: set[str] = set()
    kept: list[int] = []
    for index in files:
        header = headers[index]
        if header is not None and (not header.instance or header.instance not in seen):
            seen.add(header.instance)
            kept.append(index)
    notes: tuple[str, ...] = ("repeated-files",) if len(kept) < len(files) else ()
    places = [Place(i, slot, _along(slot)) for i in kept for slot in _slots(headers[i])]
    placed = [place for place in places if place.along is not None]
    if len(places) == 1 or not placed:
        return [_unplaced(headers, places, notes)]
    found: list[Group] = []
    if len(placed) < len(places):  # a dose report or a screen copy among the slices must not cost them their order
        notes += ("set-apart",)
        found.append(_unplaced(headers, [place for place in places if place.along is None], notes))
    sizes = _by_size(headers, placed)
    notes += ("mixed-sizes",) if len(sizes) > 1 else ()
    stacks = [_by_plane(size) for size in sizes]
    notes += ("mixed-orientations",) if any(len(planes) > 1 for planes in stacks) else ()
    for plane in itertools.chain.from_iterable(stacks):
        parts = _split(headers, plane)
        more = notes + (("split",) if len(parts) > 1 else ())
        found.extend(_ordered(headers, part, more) for part in parts)
    return sorted(found, key=lambda g: min(place.file for place in g.places))


def _by_size(headers: Sequence[Header | None], places: Iterable[Place]) -> list[list[Place]]:
    sizes: dict[object, list[Place]] = defaultdict(list)
    for place in places:
        header = headers[place.file]
        sizes[None if header is None else (header.facts.rows, header.facts.columns)].append(place)
    return list(sizes.values())


def _pixels(header: Header | None) -> int:
    return 0 if header is None else header.facts.rows * header.facts.columns


def _slots(header: Header | None) -> tuple[Slot, ...]:
    return () if header is None else header.slots


def _normal(orientation: Vector) -> Vector:
    r, c = orientation[:3], orientation[3:]
    return r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]


def _along(slot: Slot) -> float | None:
    if slot.orientation is None or slot.position is None:
        return None
    return sum(n * p for n, p in zip(_normal(slot.orientation), slot.position, strict=True))


def _by_plane(places: Iterable[Place]) -> list[list[Place]]:
    """Places whose normals differ by less than about two degrees lie in one stack."""
    planes: list[tuple[Vector, list[Place]]] = []
    for place in places:
        orientation = place.slot.orientation
        normal = _normal(orientation) if orientation else (0.0, 0.0, 1.0)
        for other, members in planes:
            if abs(sum(a * b for a, b in zip(normal, other, strict=True))) > math.cos(math.radians(2)):
                members.append(place)
                break
        else:
            planes.append((normal, [place]))
    return [members for _, members in planes]


def _at_positions(places: Iterable[Place]) -> list[list[Place]]:
    """Places by where they lie, to a hundredth of a millimetre."""
    positions: dict[float, list[Place]] = defaultdict(list)
    for place in places:
        positions[round(place.along or 0.0, 2)].append(place)
    return list(positions.values())


def _crowded(places: Sequence[Place]) -> int:
    """How many places share a position with another one."""
    return len(places) - len(_at_positions(places))


def _split(headers: Sequence[Header | None], places: list[Place]) -> list[list[Place]]:
    """Parts by the first attribute of `SPLITS` that tells slices at one position apart; recursively.

    An attribute that takes more values than slices share a position (trigger times differ a little from slice
    to slice) counts by its rank at each position; where nothing else helps, the instance number does.
    """
    crowd = max(len(there) for there in _at_positions(places))
    if crowd == 1:
        return [places]
    for number in range(len(SPLITS)):
        parts: dict[object, list[Place]] = defaultdict(list)
        for place in places:
            parts[_value(place, number)].append(place)
        if len(parts) < 2:
            continue
        if len(parts) > 2 * crowd:
            ranks = _ranked(places, functools.partial(_value, number=number))
            if ranks:
                return ranks
            continue
        better = sum(_crowded(part) for part in parts.values()) < _crowded(places)
        if better and min(len(p) for p in parts.values()) * len(parts) * 2 >= len(places):
            ordered = sorted(parts.items(), key=lambda item: (item[0] is None, str(type(item[0])), item[0]))
            return [deeper for _, part in ordered for deeper in _split(headers, part)]
    return _ranked(places, lambda place: _number(headers, place) or None) or [places]


def _value(place: Place, number: int) -> float | str | None:
    return place.slot.splits[number] if number < len(place.slot.splits) else None


def _ranked(places: Sequence[Place], value: Callable[[Place], float | str | None]) -> list[list[Place]]:
    """The first, second, … of every position by `value`; [] unless all positions have as many different values."""
    there = _at_positions(places)
    values = [[value(place) for place in same] for same in there]
    if len(there) < 2 or len({len(v) for v in values}) > 1 or any(None in v or len(set(v)) < len(v) for v in values):
        return []
    ordered = [sorted(same, key=lambda p: (str(type(value(p))), value(p))) for same in there]
    return [list(rank) for rank in zip(*ordered, strict=True)]


def _ordered(headers: Sequence[Header | None], places: list[Place], notes: tuple[str, ...]) -> Group:
    """Sorted along the normal, foot to head, right to left, front to back as the normal points."""
    places = sorted(places, key=lambda p: (p.along or 0.0, _number(headers, p), p.slot.frame))
    along = [p.along or 0.0 for p in places]
    steps = [b - a for a, b in itertools.pairwise(along)]
    real = [s for s in steps if s > 0.005]
    spacing = statistics.median(real) if real else None
    warnings = list(notes)
    if len(real) < len(steps):
        warnings.append("duplicate-positions")
    even = bool(spacing) and len(real) == len(steps)
    if spacing and max(real) > 1.1 * spacing:
        gap = any(abs(s / spacing - round(s / spacing)) < 0.1 and s > 1.5 * spacing for s in real)
        warnings.append("gaps" if gap else "variable-spacing")
        even = False
    return Group(tuple(places), _remarked(headers, places, warnings), spacing, even)


def _unplaced(headers: Sequence[Header | None], places: list[Place], notes: tuple[str, ...]) -> Group:
    """Frames of unknown position: by instance number, then frame number."""
    ordered = sorted(places, key=lambda p: (_number(headers, p), p.file, p.slot.frame))
    files = {p.file for p in places}
    warnings = [*notes, *(("no-positions",) if len(files) > 1 else ())]
    return Group(tuple(ordered), _remarked(headers, ordered, warnings), None, False)


def _number(headers: Sequence[Header | None], place: Place) -> int:
    header = headers[place.file]
    return 0 if header is None else header.number


def _remarked(headers: Sequence[Header | None], places: Sequence[Place], found: list[str]) -> tuple[str, ...]:
    """`found` and what the files' own facts add."""
    facts = [header.facts for p in places if (header := headers[p.file]) is not None]
    scouts = ["localizer"] if facts and all(f.localizer for f in facts) else []
    burned = ["burned-in"] if any(f.burned_in for f in facts) else []
    return (*found, *scouts, *burned)
