"""Ways of writing a word, made one, so that it is found however it was typed. Knows no table.

Nothing of this is ever kept as the record or shown: it is for comparing only.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

_DASHES = "\u00ad\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2796\ufe58\ufe63\uff0d"
_SAME = str.maketrans(
    {
        **dict.fromkeys(("أ", "إ", "آ", "ٱ"), "ا"),
        **dict.fromkeys(("ى", "ئ", "ی", "ې", "ۍ"), "ي"),
        "ؤ": "و",
        "ة": "ه",
        "ک": "ك",
        "٫": ".",
        "٬": None,
        "ـ": None,
        "،": ",",
        "؛": ";",
        "؟": "?",
        "٪": "%",
        **dict.fromkeys(_DASHES, "-"),
        **dict.fromkeys("“”„‟«»″〃", '"'),
        **dict.fromkeys("‘’‚‛ʼ′‹›`´", "'"),
    }
    | {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
)
# Harakat and Quranic marks; zero-width characters; every bidi control.
_DROPPED = re.compile(
    "[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
    "\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\u061c\ufeff]"
)
# مسؤول and مسئول, رؤوس and رءوس, داود and داوود: a hamza before و has either seat, and one و may stand for two.
_ALEF, _BA, _FA, _KAF, _LAM, _WAW, _HAMZA, _SEAT = "ا", "ب", "ف", "ك", "ل", "و", "ء", "ئ"
_TWO_SEATS = re.compile(f"[{_SEAT}{_HAMZA}](?={_WAW})")
_DOUBLE_WAW = re.compile(f"{_WAW}{{2,}}")
_PIECES = re.compile(r"[^\W_]+|[^\w\s]|_")
_ARABIC = re.compile("[\u0621-\u064a]+")
# The article with what may stand before it, the longest first; what is left keeps at least two letters.
_AL, _LIL = _ALEF + _LAM, _LAM + _LAM
_ARTICLE = re.compile(f"^[{_WAW}{_FA}]?(?:[{_BA}{_KAF}]?{_AL}|{_LIL})(?=[\u0621-\u064a]{{2}})")
_ATTACHED = re.compile(f"^[{_WAW}{_FA}]?[{_BA}{_KAF}{_LAM}]?(?=[\u0621-\u064a]{{3}})")


def normalised(written: str) -> str:
    """`written` with spelling variants made one.

    NFKC and case folding; harakat, tatweel and bidi controls dropped; one alef, ya, waw, kaf and ha; Western digits
    and decimal point; one hyphen, one quote, one percent sign; American spelling (spellings.txt).
    """
    seats = _TWO_SEATS.sub(_WAW, _DROPPED.sub("", unicodedata.normalize("NFKC", written).casefold()))
    folded = _DOUBLE_WAW.sub(_WAW, _DROPPED.sub("", seats.translate(_SAME)))
    return " ".join(_stems().sub(lambda found: _pairs()[found[0]], folded).split())


def spread(written: str) -> str:
    """`written` as it is indexed: normalised words and signs, a space before, between and after them, Arabic words
    without their article. " ct " is then a word, and "-450" and "– 450" are the same."""
    return f" {' '.join(without_article(piece) for piece in _PIECES.findall(normalised(written)))} "


def without_article(word: str) -> str:
    """A normalised Arabic word without ال, لل, وال, بال …, however often they stand before it."""
    while shorter := _ARTICLE.match(word):
        word = word[shorter.end() :]
    return word


def ways_to_find(word: str) -> tuple[str, ...]:
    """Phrases of `spread` text, any of which says that `word` (without spaces) stands there; empty for no word.

    A word of one or two characters is looked for as a word, with what Arabic writes onto it; a longer one anywhere,
    and without an attached و ب ل ك ف at the beginning of a word.
    """
    phrase = spread(word).strip()
    if not phrase or word in (_AL, _LIL):
        return ()
    if len(phrase) < 3 and len(normalised(word)) < 3:
        attached = (
            [f" {letter}{phrase} " for letter in (_WAW, _FA, _BA, _KAF, _LAM)] if _ARABIC.fullmatch(phrase) else []
        )
        return (f" {phrase} ", *attached)
    attached_to = _ATTACHED.match(phrase) if _ARABIC.fullmatch(phrase) else None
    if attached_to and attached_to.end():
        return (phrase, f" {phrase[attached_to.end() :]}")
    return (phrase,)


@cache
def _pairs() -> dict[str, str]:
    lines = (Path(__file__).parent / "spellings.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))


@cache
def _stems() -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, _pairs()), key=len, reverse=True)))
