"""Which files are one picture sent several times, and which different pictures carry one identifier.

Only equal place and pixels make a repeat: SOP Instance UIDs that bad de-identification gave to a whole series would
otherwise cost all of its slices but one. Knows headers and fingerprints; reads nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dicom.headers import Header


@dataclass(frozen=True)
class Repeats:
    """Indices of files."""

    copies: frozenset[int] = frozenset()
    """Shown elsewhere already: the same picture as an earlier file."""
    originals: frozenset[int] = frozenset()
    """Those earlier files."""
    clashing: frozenset[int] = frozenset()
    """Files whose identifier another file with a different picture has too."""


NO_REPEATS = Repeats()


def suspects(headers: Sequence[Header | None]) -> list[list[int]]:
    """Files that state the same (0008,0018) SOP Instance UID, or none, but the same place and number of one series."""
    found: dict[object, list[int]] = defaultdict(list)
    for index, header in enumerate(headers):
        if header is not None and header.reader == "dicom":
            found[(header.study, header.series, header.instance or (_place(header), header.number))].append(index)
    return [files for files in found.values() if len(files) > 1]


def repeats(headers: Sequence[Header | None], fingerprints: Mapping[int, str]) -> Repeats:
    """What `suspects` are. `fingerprints`: by index what stands for a file's pixels; "" where they cannot be read."""
    copies: set[int] = set()
    originals: set[int] = set()
    clashing: set[int] = set()
    for files in suspects(headers):
        first: dict[object, int] = {}
        for index in files:
            header, pixels = headers[index], fingerprints.get(index, "")
            if header is None or not pixels:  # unread: neither a repeat nor known to be another picture
                continue
            same = pixels, _place(header)
            if same in first:
                copies.add(index)
                originals.add(first[same])
            first.setdefault(same, index)
        if len(first) > 1 and all((h := headers[i]) is not None and h.instance for i in first.values()):
            clashing.update(first.values())
    return Repeats(frozenset(copies), frozenset(originals), frozenset(clashing))


def _place(header: Header) -> object:
    return tuple((slot.orientation, slot.position) for slot in header.slots)
