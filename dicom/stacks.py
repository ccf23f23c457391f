"""Places of one plane to stacks: what tells those at one site apart. Knows places and their attributes, no header.

Volumes over time, echoes and b-values come as one series. Where the files say which is which (`headers.SPLITS`), that
decides; else the times at which they were taken, and last their numbers.
"""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dicom.headers import SPLITS, Place

_STRONG = ("stack", "echo", "b-value", "direction", "temporal", "component")
"""What two pictures of one stack never differ in, wherever they lie."""
_SHARED = 0.6  # of a plane's places at sites with several: below, it is a slice taken again and not a series of stacks


@dataclass(frozen=True)
class Standing:
    """A place, the site it lies at, and its (0020,0013) InstanceNumber."""

    place: Place
    site: int
    number: int | None

    def value(self, attribute: int) -> float | str | None:
        splits = self.place.slot.splits
        return splits[attribute] if attribute < len(splits) else None


Stack = list[Standing]
Value = Callable[[Standing], float | str | None]


def stacks_of(standing: Stack) -> list[Stack]:
    """Parts with one place a site, as far as anything tells those at one site apart; in the order of what does."""
    if _crowd(standing) == 1:
        return _shifted(standing)
    for number in range(len(SPLITS)):
        parts = _by_attribute(standing, number)
        if parts:
            return [deeper for part in parts for deeper in stacks_of(part)]
    return _by_number(standing) or [standing]


def _crowd(standing: Stack) -> int:
    """The most places at one site."""
    return max(Counter(s.site for s in standing).values())


def _crowded(standing: Stack) -> int:
    """How many places share a site with another one."""
    return len(standing) - len({s.site for s in standing})


def _by_attribute(standing: Stack, number: int) -> list[Stack]:
    """Parts by one of `SPLITS`; [] where it does not tell places at one site apart.

    An attribute with more values than places at a site (trigger times differ a little from slice to slice) counts by
    its rank at each site, or where stacks are incomplete by the pauses between them.
    """
    parts: dict[object, Stack] = defaultdict(list)
    for s in standing:
        parts[s.value(number)].append(s)
    if len(parts) < 2:
        return []
    if len(parts) > 2 * _crowd(standing):
        return _by_order(standing, lambda s: s.value(number))
    left = sum(_crowded(part) for part in parts.values())
    balanced = min(len(p) for p in parts.values()) * len(parts) * 2 >= len(standing)
    if left == 0 or (left < _crowded(standing) and balanced):
        return [parts[value] for value in sorted(parts, key=_sortable)]
    return []


def _sortable(value: object) -> tuple[bool, str, object]:
    return value is None, str(type(value)), value


def _by_number(standing: Stack) -> list[Stack]:
    """Parts by the instance number, which counts all stacks through in one of two ways."""
    numbers = [s.number for s in standing if s.number is not None]
    if len(numbers) < len(standing):
        return []
    return _ranked(standing, lambda s: s.number) or _counted(standing, numbers) or _swept(standing, lambda s: s.number)


def _by_order(standing: Stack, value: Value) -> list[Stack]:
    if any(value(s) is None for s in standing):
        return []
    return _ranked(standing, value) or _paused(standing, value) or _swept(standing, value)


def _ranked(standing: Stack, value: Value) -> list[Stack]:
    """The first, second, … of every site by `value`; [] unless all sites have as many different values."""
    there: dict[int, Stack] = defaultdict(list)
    for s in standing:
        there[s.site].append(s)
    sizes = {(len(same), len({value(s) for s in same})) for same in there.values()}
    if len(there) < 2 or len(sizes) > 1 or any(size != different for size, different in sizes):
        return []
    ordered = [sorted(same, key=lambda s: _sortable(value(s))) for same in there.values()]
    return [list(rank) for rank in zip(*ordered, strict=True)]


def _paused(standing: Stack, value: Value) -> list[Stack]:
    """Parts between the longest pauses; [] where that leaves two places at one site."""
    numbers = {id(s): found for s in standing if isinstance(found := value(s), (int, float))}
    if len(numbers) < len(standing):
        return []
    ordered = sorted(standing, key=lambda s: numbers[id(s)])
    pauses = [(numbers[id(b)] - numbers[id(a)], i) for i, (a, b) in enumerate(itertools.pairwise(ordered), 1)]
    cuts = sorted(i for _, i in sorted(pauses, reverse=True)[: _crowd(standing) - 1])
    return _if_told_apart(standing, _cut(ordered, cuts))


def _counted(standing: Stack, numbers: Sequence[int]) -> list[Stack]:
    """Parts by a number that counts slice after slice of each time, or time after time of each slice, and whose gaps
    show what is missing."""
    first = min(numbers)
    for period in (len({s.site for s in standing}), _crowd(standing)):
        start = min(first, 1) if first <= period else first
        turns = [divmod(number - start, period) for number in numbers]
        for which in (1, 0):  # which of (turn, rest) is the site: the other one is the stack
            if _one_to_one(standing, [turn[which] for turn in turns]):
                parts: dict[int, Stack] = defaultdict(list)
                for s, turn in zip(standing, turns, strict=True):
                    parts[turn[1 - which]].append(s)
                return _if_told_apart(standing, [parts[key] for key in sorted(parts)])
    return []


def _one_to_one(standing: Stack, keys: Sequence[int]) -> bool:
    pairs = {(s.site, key) for s, key in zip(standing, keys, strict=True)}
    return len(pairs) == len({s.site for s in standing}) == len(set(keys))


def _swept(standing: Stack, value: Value) -> list[Stack]:
    """Parts between which an ascending (or descending) order of sites starts anew, else between which a site comes
    again."""
    ordered = sorted(standing, key=lambda s: _sortable(value(s)))
    steps = [b.site - a.site for a, b in itertools.pairwise(ordered)]
    way = 1 if sum(step > 0 for step in steps) * 2 >= len(steps) else -1
    back = [i for i, step in enumerate(steps, 1) if step * way <= 0]
    seen: set[int] = set()
    again = []
    for i, s in enumerate(ordered):
        if s.site in seen:
            again.append(i)
            seen.clear()
        seen.add(s.site)
    for cuts in (back, again):
        if len(cuts) + 1 == _crowd(standing) and (parts := _if_told_apart(standing, _cut(ordered, cuts))):
            return parts
    return []


def _cut(ordered: Stack, cuts: Sequence[int]) -> list[Stack]:
    return [ordered[a:b] for a, b in itertools.pairwise([0, *cuts, len(ordered)])]


def _if_told_apart(standing: Stack, parts: list[Stack]) -> list[Stack]:
    """`parts` if there are several sites, none comes twice in a part, and most places share theirs with another one."""
    each = Counter(s.site for s in standing)
    shared = sum(count for count in each.values() if count > 1)
    if len(each) < 2 or any(_crowded(part) for part in parts) or shared < _SHARED * len(standing):
        return []
    return parts


def _shifted(standing: Stack) -> list[Stack]:
    """Parts of a plane whose sites hold one place each, where stacks lie between each other's slices.

    What never differs within a stack sets them apart where they overlap; (0020,9056) StackID does anyhow. What may
    differ (acquisitions that take every second slice are one stack) only where together they are uneven and each by
    itself is not.
    """
    for number, name in enumerate(SPLITS):
        by_value: dict[object, Stack] = defaultdict(list)
        for s in standing:
            by_value[s.value(number)].append(s)
        parts = [by_value[value] for value in sorted(by_value, key=_sortable)]
        if len(parts) < 2 or min(len(part) for part in parts) < 2:
            continue
        if name == "stack" or (_overlap(parts) and (name in _STRONG or _uneven(standing, parts))):
            return [deeper for part in parts for deeper in _shifted(part)]
    return [standing]


def _along(standing: Stack) -> list[float]:
    return sorted(s.place.along or 0.0 for s in standing)


def _overlap(parts: Sequence[Stack]) -> bool:
    """Whether all parts reach over at least half of where any of them lies."""
    spans = [(along[0], along[-1]) for along in map(_along, parts)]
    low, high = max(a for a, _ in spans), min(b for _, b in spans)
    return high - low >= (max(b for _, b in spans) - min(a for a, _ in spans)) / 2


def _uneven(standing: Stack, parts: Sequence[Stack]) -> bool:
    """Whether slices lie evenly in each part, and not in all of them together."""
    together = _steps(standing)
    apart = [_steps(part) for part in parts]
    return min(together) < statistics.median(together) / 2 and all(max(own) <= 1.5 * min(own) for own in apart)


def _steps(standing: Stack) -> list[float]:
    return [b - a for a, b in itertools.pairwise(_along(standing))]
