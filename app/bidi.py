"""Which way a paragraph reads, and what inside it must keep its own order. Knows no HTML and no screen.

Bidi errors are clinical errors: unprotected, "-450" inside Arabic shows as "450-", "3.5 × 2.1 cm" as
"cm 2.1 × 3.5". Everything here is for display; the stored text stays as it was written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

Direction = Literal["ltr", "rtl"]

LRI, PDI = "\u2066", "\u2069"
"""LEFT-TO-RIGHT ISOLATE and POP DIRECTIONAL ISOLATE (UAX #9)."""

_ARABIC = "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc"
_HARAKAT = "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
_WORD = re.compile(rf"[^\W\d_](?:[^\W_]|[{_HARAKAT}'’ʼ-])*")
_ARABIC_LETTER = re.compile(rf"(?=[{_ARABIC}])[^\W\d_]")
_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def direction_of(paragraph: str, inherited: Direction = "ltr") -> Direction:
    """The direction of one paragraph.

    Right to left when its first word is Arabic or more than half of its words are; `inherited` (that of
    the paragraph before) when it has no letters at all. The first strong character alone is not enough:
    "API هذا …" is Arabic.
    """
    words = _WORD.findall(paragraph)
    if not words:
        return inherited
    if _ARABIC_LETTER.match(words[0]):
        return "rtl"
    arabic = sum(1 for word in words if _ARABIC_LETTER.match(word))
    return "rtl" if arabic * 2 > len(words) else "ltr"


def language_of(text: str, otherwise: Literal["ar", "en"] = "en") -> Literal["ar", "en"]:
    """The language of a message by the same rule; `otherwise` when it has no letters."""
    return "ar" if direction_of(text, "rtl" if otherwise == "ar" else "ltr") == "rtl" else "en"


def has_arabic(text: str) -> bool:
    """Whether there is an Arabic letter anywhere."""
    return _ARABIC_LETTER.search(text) is not None


def without_controls(text: str) -> str:
    """`text` without embeddings, overrides and isolates: somebody else's could turn ours around."""
    return _CONTROLS.sub("", text)


class Run(NamedTuple):
    """A piece of a paragraph. `ltr`: it keeps its own left-to-right order whatever surrounds it."""

    text: str
    ltr: bool


def _pattern() -> re.Pattern[str]:
    """Measurements, ranges, signed numbers, dates, and Latin runs with the numbers that belong to them.

    A number takes a Latin word after it only if that is a unit: in "الشريحة 14 CT" the 14 belongs to the
    Arabic before it. A Latin word takes what follows: "BI-RADS 4", "Gleason 3+4", "T2 FLAIR". Repetitions
    are possessive (`*+`): a hyphen can join in two ways, and hostile text must not make that exponential.
    """
    digit = "0-9\u0660-\u0669\u06f0-\u06f9"
    letter = "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u1e00-\u1eff"
    any_ = f"{digit}{letter}²³¹⁰⁴-⁹₀-₉°"
    between = r".,:/'’_\-‑–−×·+@&^~٫٬"
    tail = "[%٪‰*°′″+]*+"
    space = "[ \u00a0\u202f]"
    opened = r"(?<![^\s([{«“\"'‘،؛:=/×±–…<>≤≥])"
    sign = rf"(?:{opened}[+\-−](?=[{digit}])|[±~≈<>≤≥=]{space}?)?"
    number = rf"{sign}[{digit}]++(?:[{between}]++[{digit}]++)*+{tail}(?![{letter}])"
    word = rf"{sign}(?=[{digit}]*+(?:[{between}]++[{digit}]++)*+[{between}]*+[{letter}°])[{any_}]++"
    word += rf"(?:[{between}]++[{any_}]++)*+{tail}"
    operator = rf"{space}?[×✕*/±–—−+\-<>≤≥=]{space}?|{space}[xX]{space}"
    numbers = rf"{number}(?:(?:{operator}){number})*+"
    unit = (
        r"(?:HU|%|[mcµμnk]?m[²³23]?|(?:k|m|µ|μ|mc|n|p)?g|[mdµμ]?[lL]|cc|IU|U|mEq|m?mol|mm ?Hg|bpm|ppm"
        r"|[mkMc]?Gy|[mµμ]?Sv|[kM]?Hz|kVp?|mAs?|keV|MBq|mCi|m?s|sec|min|h|hr|T|°C?F?|[CF]|px|SUV|SD|x)"
        rf"(?:/[{any_}]+)*(?![{any_}])"
    )
    measure = rf"{numbers}{space}{unit}"
    either = rf"(?:{measure}|{numbers}|{word})"
    phrase = rf"(?:{measure}|{word})(?:(?:{operator}|:?{space}){either})*+"
    return re.compile(rf"{phrase}|{numbers}")


_RUN = _pattern()


def isolate(text: str) -> tuple[Run, ...]:
    """`text` cut into runs; joined again they are `text`. Adjacent runs differ in `ltr`, none is empty."""
    return tuple(_runs(text))


def _runs(text: str) -> Iterator[Run]:
    at = 0
    for found in _RUN.finditer(text):
        if found.start() > at:
            yield Run(text[at : found.start()], ltr=False)
        yield Run(found.group(), ltr=True)
        at = found.end()
    if at < len(text):
        yield Run(text[at:], ltr=False)


def isolate_plain(text: str) -> str:
    """`text` for plain surfaces and documents: what `isolate` finds is wrapped in LRI…PDI.

    Bidi controls already there are taken out. Text without an Arabic letter comes back as it is.
    """
    clean = without_controls(text)
    if not has_arabic(clean):
        return clean
    return "".join(f"{LRI}{run.text}{PDI}" if run.ltr else run.text for run in isolate(clean))


def prevailing(directions: Counter[Direction], inherited: Direction) -> Direction:
    """The direction most parts of a list or table have; `inherited` on a tie."""
    if directions["rtl"] == directions["ltr"]:
        return inherited
    return "rtl" if directions["rtl"] > directions["ltr"] else "ltr"
