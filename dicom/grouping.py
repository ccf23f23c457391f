"""Many scanned files to ordered series: grouping, sorting, splitting, and what is odd about them.

Sorted by position along the slice normal (PS3.3 C.7.6.2.1.1), never by instance number where positions are
known. Knows headers; reads nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dicom.headers import Header, Place, Slot
from dicom.repeats import NO_REPEATS, Repeats
from dicom.sites import sites_of
from dicom.stacks import Standing, stacks_of

Vector = tuple[float, ...]
_FLAT = 1e-3  # a product of direction cosines below this is no plane
_SAME_NORMAL = math.cos(math.radians(2))
_SAME_ROW = math.cos(math.radians(10))
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
    "repeated-files",  # the same picture was sent more than once and is shown once
    "shared-identifiers",  # different pictures carry one SOP Instance UID; all are shown
    "more-frames",  # a file holds more frames than it says; all are shown
)
"""Codes of what a person should know about a series; each has a sentence `warning-<code>`."""


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


def group(headers: Sequence[Header | None], repeats: Repeats = NO_REPEATS) -> list[Group]:
    """Series in the order their first file came. Entries that are None were refused and are left out."""
    by_series: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, header in enumerate(headers):
        if header is not None and header.reader not in ("zip", "directory") and index not in repeats.copies:
            by_series[_series_key(index, header)].append(index)
    found: list[Group] = []
    studies: dict[object, int] = {}
    for files in by_series.values():
        first = headers[files[0]]
        # a file that names no study is one by itself
        number = studies.setdefault(first.study if first is not None and first.study else files[0], len(studies))
        found.extend(dataclasses.replace(part, study=number) for part in _series(headers, files, repeats))
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


def _series(headers: Sequence[Header | None], files: list[int], repeats: Repeats) -> list[Group]:
    if (first := headers[files[0]]) is not None and first.reader == "slide":
        files = [max(files, key=lambda i: _pixels(headers[i]))]  # one pyramid, whichever of its files is opened
    notes: tuple[str, ...] = ("repeated-files",) if repeats.originals.intersection(files) else ()
    notes += ("shared-identifiers",) if repeats.clashing.intersection(files) else ()
    places = [Place(i, slot, None) for i in files for slot in _slots(headers[i])]
    placed = [place for place in places if _lies(place)]
    if len(places) == 1 or not placed:
        return [_unplaced(headers, [_measured(place) for place in places], notes)]
    found: list[Group] = []
    if len(placed) < len(places):  # a dose report or a screen copy among the slices must not cost them their order
        notes += ("set-apart",)
        found.append(_unplaced(headers, [place for place in places if not _lies(place)], notes))
    sizes = _by_size(headers, placed)
    notes += ("mixed-sizes",) if len(sizes) > 1 else ()
    stacks = [_by_plane(size) for size in sizes]
    notes += ("mixed-orientations",) if any(len(planes) > 1 for planes in stacks) else ()
    for plane in itertools.chain.from_iterable(stacks):
        parts = _stacks(headers, plane)
        more = notes + (("split",) if len(parts) > 1 else ())
        found.extend(_ordered(headers, part, more) for part in parts)
    return sorted(found, key=lambda g: min(place.file for place in g.places))


def _lies(place: Place) -> bool:
    """Whether the frame states where it lies."""
    orientation, position = place.slot.orientation, place.slot.position
    return orientation is not None and position is not None and _normal(orientation) is not None


def _measured(place: Place) -> Place:
    orientation, position = place.slot.orientation, place.slot.position
    normal = _normal(orientation) if orientation is not None else None
    return place if normal is None or position is None else dataclasses.replace(place, along=_dot(normal, position))


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


def _normal(orientation: Vector) -> Vector | None:
    """The unit normal; None where rows and columns run the same way."""
    r, c = orientation[:3], orientation[3:]
    cross = r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]
    length = math.hypot(*cross)
    return (cross[0] / length, cross[1] / length, cross[2] / length) if length > _FLAT else None


def _dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _by_plane(places: Iterable[Place]) -> list[list[Place]]:
    """Stacks' planes: normals that differ by less than about two degrees, rows by less than ten.

    Positions are measured along the normal of a plane's first place, the same for all of them. Pictures with opposite
    normals, or turned within their plane, are mirrored or turned to each other and no stack.
    """
    planes: list[tuple[Vector, Vector, list[Place]]] = []
    for place in places:
        orientation, position = place.slot.orientation, place.slot.position
        normal = _normal(orientation) if orientation else None
        if orientation is None or position is None or normal is None:
            continue
        row = orientation[:3]
        for other, along_row, members in planes:
            if _dot(normal, other) > _SAME_NORMAL and _dot(row, along_row) > _SAME_ROW * math.hypot(*row):
                members.append(dataclasses.replace(place, along=_dot(other, position)))
                break
        else:
            unit = tuple(part / math.hypot(*row) for part in row)
            planes.append((normal, unit, [dataclasses.replace(place, along=_dot(normal, position))]))
    return [members for _, _, members in planes]


def _stacks(headers: Sequence[Header | None], plane: list[Place]) -> list[list[Standing]]:
    sites = sites_of(plane, _lengths(headers, plane))
    standing = [Standing(p, site, _number(headers, p)) for p, site in zip(plane, sites, strict=True)]
    return stacks_of(standing)


def _lengths(headers: Sequence[Header | None], places: Iterable[Place]) -> list[float]:
    """Slice thickness and pixel spacing that the files state, mm."""
    found: set[float] = set()
    for header in {id(h): h for place in places if (h := headers[place.file]) is not None}.values():
        found.update(header.facts.pixel_spacing_mm or ())
        found.add(header.facts.slice_thickness_mm or 0.0)
    return [length for length in found if length > 0]


def _ordered(headers: Sequence[Header | None], stack: list[Standing], notes: tuple[str, ...]) -> Group:
    """Sorted along the normal, foot to head, right to left, front to back as the normal points."""
    stack = sorted(stack, key=lambda s: (s.site, s.number or 0, s.place.along or 0.0, s.place.slot.frame))
    places = [s.place for s in stack]
    steps = [(b.place.along or 0.0) - (a.place.along or 0.0) for a, b in itertools.pairwise(stack)]
    real = [step for step, (a, b) in zip(steps, itertools.pairwise(stack), strict=True) if b.site != a.site]
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
    ordered = sorted(places, key=lambda p: (_number(headers, p) or 0, p.file, p.slot.frame))
    files = {p.file for p in places}
    warnings = [*notes, *(("no-positions",) if len(files) > 1 else ())]
    return Group(tuple(ordered), _remarked(headers, ordered, warnings), None, False)


def _number(headers: Sequence[Header | None], place: Place) -> int | None:
    header = headers[place.file]
    return None if header is None else header.number


def _remarked(headers: Sequence[Header | None], places: Sequence[Place], found: list[str]) -> tuple[str, ...]:
    """`found` and what the files' own facts add."""
    of = [headers[file] for file in {p.file for p in places}]
    facts = [header.facts for header in of if header is not None]
    scouts = ["localizer"] if facts and all(f.localizer for f in facts) else []
    burned = ["burned-in"] if any(f.burned_in for f in facts) else []
    told = [note for note in ("more-frames",) if any(h is not None and note in h.notes for h in of)]
    return (*found, *told, *scouts, *burned)
