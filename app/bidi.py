"""Which way a paragraph reads, and so which language it is in. Knows no HTML and no screen; `assets/web/order.js` is
its twin on the page.

Bidi errors are clinical errors: unprotected, "-450" inside Arabic shows as "450-", "3.5 × 2.1 cm" as
"cm 2.1 × 3.5". What keeps its order inside a paragraph is the matter of `app.runs`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Literal

Direction = Literal["ltr", "rtl"]

ARABIC = "\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8\u06ea-\u06ef\u06fa-\u06ff\u0610-\u061a"
ARABIC += "\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufefc"
"""Arabic letters with their marks and the tatweel; no digit, no punctuation."""
MARKS = "\u060c\u061b\u061f\u061e\u06d4"
"""Arabic punctuation."""
UNIT = (
    "(?:HU|[munpµμ]?IU|U|%|[mcdµμnk]?m[²³23]?|(?:k|m|µ|μ|mc|n|p)?g|[mdcµμn]?[lL]|cc|m?Eq|[mµμnp]?mol|[mµμn]?M|Da|kDa"
    "|mm ?Hg|cmH2O|bpm|ppm|fps|dpi|px|dB|Fr|Ch|[kmMcµμ]?Gy|[mµμ]?Sv|[kMG]?Hz|k?Vp?|mAs?|k?eV|[kMG]?Bq|[mµμ]?Ci"
    "|[mµμn]?s|secs?|mins?|h|hrs?|d|wks?|mo|yrs?|y|mT|T|°C?F?|[CFKJNW]|k?Pa|k?cal|SUV|SD|METs?|x"
    "|SAR|USD|EUR|GBP|AED|EGP|QAR|KWD|JOD)"
)
"""A unit of measure, or a currency."""

_WORD = re.compile(
    rf"(?P<arabic>[{ARABIC}]+(?:['’ʼ-][{ARABIC}]+)*)|(?P<mark>[{MARKS}])"
    r"|(?P<other>[^\W_](?:[^\W_]|[\u0300-\u036f]|[-./\\:@_&+'’–](?=[^\W_]))*)"
)
_TELLING = re.compile(rf"(?!{UNIT}s?$)(?:[^\W\d_]{{2,}}(?:['’](?:s|t|re|ve|ll))?(?:-[^\W\d_]+)*)$")
_ABBREVIATED = re.compile(r"[A-Z]{1,5}s?$|.*[a-z].*[A-Z]|[A-Z]{2,}.*[a-z]|(?=.*-).*(?<![^-])[A-Z]{2,5}(?![^-])")
_QUOTED = re.compile("[\"“”'‘’«»([{][^\\S\n]*$")
_ARABIC_LETTER = re.compile(rf"(?=[{ARABIC}])[^\W\d_]")
_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CHARGES = ("+", "-", "−", "⁺", "⁻")
_LONGEST = 60
"""Characters of a word that votes."""
_ENOUGH = 4
"""Words of one script that decide on a paragraph while it still grows."""


def direction_of(paragraph: str, inherited: Direction = "ltr") -> Direction:
    """The direction of one paragraph, all of it known.

    Its words vote; abbreviations, units and numbers do not ("CT", "T2", "mg/kg" stand in both languages), Arabic
    punctuation does. Right to left when the first word is Arabic, unless that is quoted, or when more words are. A
    paragraph that begins and ends in Latin letters holds its Arabic as a phrase, which must outnumber it two to one.
    On a tie, or without votes: `inherited`, that of the paragraph before.
    """
    votes = list(_votes(paragraph))
    if _begins_in_arabic(paragraph) and not _begins_quoted(paragraph):
        return "rtl"
    arabic, latin = votes.count("rtl"), votes.count("ltr")
    if arabic == latin:
        return inherited
    if arabic < latin:
        return "ltr"
    return "ltr" if latin and arabic <= 2 * latin and _framed(paragraph, votes) else "rtl"


def direction_so_far(beginning: str, inherited: Direction = "ltr") -> Direction:
    """The direction of a paragraph of which this much has been written: what comes later never turns it around.

    Right to left from its first word when that is Arabic. Any other reads as the paragraph before, until its first
    four words are all of one script; from then on it reads as they do.
    """
    if _begins_in_arabic(beginning) and not _begins_quoted(beginning):
        return "rtl"
    first = list(islice(_votes(beginning, growing=True), _ENOUGH))
    return first[0] if len(first) == _ENOUGH and len(set(first)) == 1 else inherited


def language_of(text: str, otherwise: str = "en") -> Literal["ar", "en"]:
    """The language of a message by the same rule; `otherwise` when its words do not tell."""
    return "ar" if direction_of(text, "rtl" if otherwise == "ar" else "ltr") == "rtl" else "en"


def has_arabic(text: str) -> bool:
    """Whether there is an Arabic letter anywhere."""
    return _ARABIC_LETTER.search(text) is not None


def without_controls(text: str) -> str:
    """`text` without marks, embeddings, overrides and isolates: somebody else's could turn ours around."""
    return _CONTROLS.sub("", text)


def words_of_prose(text: str) -> int:
    """How many Latin words that vote `text` has: a sentence has some, a measurement has none."""
    return sum(1 for vote in _votes(text) if vote == "ltr")


def prevailing(directions: Counter[Direction], inherited: Direction) -> Direction:
    """The direction most parts of a list or table have; `inherited` on a tie."""
    if directions["rtl"] == directions["ltr"]:
        return inherited
    return "rtl" if directions["rtl"] > directions["ltr"] else "ltr"


def _votes(text: str, *, growing: bool = False) -> Iterator[Direction]:
    """One vote a word, in order. `growing`: a Latin word at the very end may still become another one."""
    for found in _WORD.finditer(text):
        if found.lastgroup != "other":
            yield "rtl"
        elif growing and found.end() == len(text):
            return
        elif _tells(found.group()) and not text.startswith(_CHARGES, found.end()):  # "Na+" is no word
            yield "ltr"


def _tells(word: str) -> bool:
    return len(word) < _LONGEST and _TELLING.match(word) is not None and _ABBREVIATED.match(word) is None


def _begins_in_arabic(text: str) -> bool:
    lettered = (found for found in _WORD.finditer(text) if any(map(str.isalpha, found.group())))
    return next((found.lastgroup for found in lettered), None) == "arabic"


def _begins_quoted(text: str) -> bool:
    first = _ARABIC_LETTER.search(text)
    return first is not None and _QUOTED.search(text[: first.start()]) is not None


def _framed(text: str, votes: list[Direction]) -> bool:
    """Whether the paragraph begins with a Latin word and ends in Latin letters, be they only an abbreviation's."""
    last = None
    for found in _WORD.finditer(text):
        if found.lastgroup != "other" or any(character.isalpha() for character in found.group()):
            last = found.lastgroup
    return votes[0] == "ltr" and last == "other"
