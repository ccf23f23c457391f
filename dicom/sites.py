"""Which places of one plane are the same site, however much their positions jitter. Knows numbers, no header.

Files state positions as text, scanners move their tables back not quite to where they were, and a microscope's slices
lie as close as a scanner's jitter: no fixed distance tells "the same place" from "the next slice".
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from dicom.headers import Place

_DUST = 1e-9  # of the largest coordinate: what arithmetic and the 16 characters of a DS leave, PS3.5 6.2
_JUMP = 4.0  # steps between slices are at least this many times as long as the jitter at one site
_JITTER = 0.1  # of the smallest length that the pictures state, at most
_JITTER_SEEN = 0.3  # of the largest such length, where sites that repeat show that it is jitter


def sites_of(places: Sequence[Place], lengths: Sequence[float]) -> list[int]:
    """For each place the number of its site, sites counted from 0 along the normal.

    By (0020,9057) InStackPositionNumber where all places state one and their positions do not contradict it, else by
    position. `lengths` (mm): slice thickness and pixel spacing, as far as stated, to judge what may be jitter.
    """
    stated = _by_number(places)
    if stated is not None:
        return stated
    along = [place.along or 0.0 for place in places]
    order = sorted(range(len(along)), key=along.__getitem__)
    most = tolerance([along[i] for i in order], lengths)
    found = [0] * len(along)
    for before, here in itertools.pairwise(order):
        found[here] = found[before] + (along[here] - along[before] > most)
    return found


def tolerance(along: Sequence[float], lengths: Sequence[float]) -> float:
    """The longest step between ascending positions that stays at one site, mm."""
    dust = _DUST * max((abs(a) for a in along), default=0.0)
    steps = sorted((b - a for a, b in itertools.pairwise(along)), reverse=True)
    for step, shorter in itertools.pairwise(steps):
        jitter = max(shorter, dust)
        between = math.sqrt(step * jitter)
        if step <= dust or step < _JUMP * jitter:
            continue
        sites = _parted(along, between)
        if max(site[-1] - site[0] for site in sites) > step / 2:
            continue
        repeated = statistics.median(len(site) for site in sites) >= 2
        if (
            shorter <= dust
            or jitter <= _JITTER * min(lengths, default=0.0)
            or (repeated and jitter <= _JITTER_SEEN * max(lengths, default=step))
        ):
            return between
    return dust


def _parted(along: Sequence[float], most: float) -> list[list[float]]:
    """Ascending positions, parted where a step is longer than `most`."""
    parts = [[along[0]]]
    for before, here in itertools.pairwise(along):
        if here - before > most:
            parts.append([])
        parts[-1].append(here)
    return parts


def _by_number(places: Sequence[Place]) -> list[int] | None:
    """Sites by the number that the file gives them; None where one is missing or belies the positions."""
    numbers = [place.slot.in_stack for place in places]
    if any(number is None for number in numbers) or len(set(numbers)) < 2:
        return None
    if len({place.slot.splits[0] for place in places if place.slot.splits}) > 1:
        return None  # numbers count within one stack
    spans: dict[int, tuple[float, float]] = {}
    for number, place in zip(numbers, places, strict=True):
        here = place.along or 0.0
        low, high = spans.get(number or 0, (here, here))
        spans[number or 0] = min(low, here), max(high, here)
    ordered = sorted(spans, key=lambda number: sum(spans[number]))
    widest = max(high - low for low, high in spans.values())
    middles = [sum(spans[number]) / 2 for number in ordered]
    if widest >= min(b - a for a, b in itertools.pairwise(middles)) / 2:
        return None
    rank = {number: i for i, number in enumerate(ordered)}
    return [rank[number or 0] for number in numbers]
