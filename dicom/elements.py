"""Forgiving reading of single elements. Knows pydicom's types; knows no meaning of any tag.

Real files hold "1A" in an IS, "" in a DS, three values where one belongs, and numbers in OB. These readers
return None for what cannot be understood and never raise for a value; callers decide what is essential.
"""

from __future__ import annotations

import functools
import math
import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


_TEXTUAL = frozenset(("AE", "AS", "CS", "DA", "DS", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UT"))
_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}
"""Letters of `struct` for the numbers of PS3.5 6.2."""


@functools.cache
def _tag(keyword: str) -> tuple[BaseTag, str]:
    """The tag of a keyword and the value representation its values have by the dictionary."""
    tag = Tag(keyword)
    return tag, dictionary_VR(tag)


def _unconverted(element: RawDataElement, raw: bytes, usual: str) -> list[Any] | None:
    """Values of a text or binary element without pydicom, which takes most of a header's time; None: its to convert.

    Only code words and numbers are read here, all ASCII.
    """
    if usual in _TEXTUAL:
        stripped = raw.rstrip(b" \x00")
        return stripped.decode("latin-1").split("\\") if stripped else []
    letter = _BINARY.get(element.VR or usual)
    if letter is None or len(raw) % struct.calcsize("<" + letter):
        return None
    order = "<" if element.is_little_endian else ">"
    return [number for (number,) in struct.iter_unpack(order + letter, raw)]


def value(ds: Dataset, keyword: str) -> Any:
    """The element's value (text and numbers as a list of values), its raw bytes when it cannot be converted, or None
    when absent or empty."""
    tag, usual = _tag(keyword)
    element = ds.get_item(tag)
    if element is None:
        return None
    if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
        quick = _unconverted(element, element.value, usual)
        if quick is not None:
            return quick or None
    try:
        found = ds[tag].value
    except Exception:  # pydicom's converters raise a dozen kinds; for all of them the bytes are what is left
        found = getattr(ds.get_item(tag), "value", None)
    if found is None or (hasattr(found, "__len__") and len(found) == 0):
        return None
    return found


def values(ds: Dataset, keyword: str) -> list[Any]:
    """All values of an element; [] when absent."""
    found = value(ds, keyword)
    if found is None:
        return []
    if isinstance(found, bytes):
        return list(found.decode("latin-1").split("\\"))
    if isinstance(found, (MultiValue, list, tuple)):
        return list(found)
    return [found]


def text(ds: Dataset, keyword: str) -> str:
    """First value as text without padding; "" when absent."""
    found = values(ds, keyword)
    return str(found[0]).strip(" \x00") if found else ""


def texts(ds: Dataset, keyword: str) -> list[str]:
    return [str(v).strip(" \x00") for v in values(ds, keyword)]


def _number(raw: Any) -> float | None:
    if isinstance(raw, (int, float)):
        return float(raw) if math.isfinite(raw) else None
    found = _NUMBER.match(str(raw).strip(" \x00"))
    if found is None:
        return None
    number = float(found.group())
    return number if math.isfinite(number) else None


def decimal(ds: Dataset, keyword: str) -> float | None:
    """First value as a finite number; None when absent or not a number."""
    found = values(ds, keyword)
    return _number(found[0]) if found else None


def numbers(ds: Dataset, keyword: str) -> list[float | None]:
    """All values, None in the place of one that is not a finite number."""
    return [_number(v) for v in values(ds, keyword)]


def decimals(ds: Dataset, keyword: str) -> list[float]:
    """All values as finite numbers; [] when any of them is not one."""
    found = numbers(ds, keyword)
    return [n for n in found if n is not None] if None not in found else []


def private_decimal(ds: Dataset, group: int, creator: str, element: int) -> float | None:
    """First value of a private element found by its creator (PS3.5 7.8.1) as a number."""
    try:
        found = ds.private_block(group, creator)[element].value
    except Exception:  # absent, or raw bytes that pydicom's converters refuse in a dozen ways
        return None
    if isinstance(found, bytes):
        found = found.rstrip(b" \x00").decode("latin-1").split("\\")
    if isinstance(found, (MultiValue, list, tuple)):
        found = found[0] if len(found) else None
    return None if found is None else _number(found)


def packed_bytes(ds: Dataset, element: DataElement) -> bytes:
    """The bytes of an OB or OW element in order: words of big endian files are swapped back (PS3.5 A.2)."""
    raw = element.value
    if not isinstance(raw, bytes):
        return b""
    _, little = ds.original_encoding
    if little is not False or element.VR != "OW":
        return raw
    return np.frombuffer(raw[: len(raw) // 2 * 2], ">u2").astype("<u2").tobytes()


def integer(ds: Dataset, keyword: str) -> int | None:
    number = decimal(ds, keyword)
    return None if number is None else int(number)


def items(ds: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence; () when absent or not a sequence."""
    found = value(ds, keyword)
    if found is None or isinstance(found, (bytes, str)):
        return ()
    try:
        return [item for item in found if isinstance(item, Dataset)]
    except TypeError:
        return ()


def item(ds: Dataset, keyword: str, index: int) -> Dataset | None:
    """One item of a sequence without looking at the others; None when there is none."""
    found = value(ds, keyword)
    if isinstance(found, Sequence) and not isinstance(found, (bytes, str, list)) and 0 <= index < len(found):
        one = found[index]
        return one if isinstance(one, Dataset) else None
    return None


def first_item(ds: Dataset, keyword: str) -> Dataset | None:
    return item(ds, keyword, 0)
