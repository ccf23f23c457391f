"""What inside a paragraph keeps an order of its own: in each paragraph the script that is not the paragraph's, and
every number with its signs and units. Knows no HTML and no screen; `assets/web/order.js` is its twin on the page.

Everything here is for display; the stored text stays as it was written. The convention is in docs/style-ar.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.bidi import ARABIC, MARKS, UNIT, Direction, direction_of, has_arabic, without_controls, words_of_prose

LRI, RLI, PDI, LRO, PDF = "\u2066", "\u2067", "\u2069", "\u202d", "\u202c"
"""LEFT-TO-RIGHT and RIGHT-TO-LEFT ISOLATE, POP DIRECTIONAL ISOLATE, LEFT-TO-RIGHT OVERRIDE and its end (UAX #9)."""


class Run(NamedTuple):
    """A piece of a paragraph."""

    text: str
    direction: Direction | None = None
    """None: it takes part in the paragraph's own order; else it stands isolated, in this direction."""
    override: bool = False
    """Arabic-Indic digits with signs between them: only an override keeps those from right to left."""
    runs: tuple[Run, ...] = ()
    """The pieces of an isolated run that itself holds the other script, like a sentence quoted."""


_DIGIT = "0-9\u0660-\u0669\u06f0-\u06f9"
_HYPHEN = "\\-\u2010\u2011\u2013\u2212"
_SIGN = "°+±∓~∼≈≃≅<>≤≥=≠≪≫$€£¥₪#№@×÷√∆%٪^&*"
_BREAK = f"\\s{ARABIC}{MARKS}«»“”„\ufffc"
_CHUNK = re.compile(f"[^{_BREAK}]+")
_CORE = re.compile(r"[^\W_]")
_LEAD = re.compile(rf"(?:[{_HYPHEN}{_SIGN}]|(?:\.{{1,2}}|~)?[/\\]+|(?<!\.)\.)+\Z")
_TAIL = re.compile(rf"[%٪‰°º′″*×^#†‡®™℃℉$€£¥⁺⁻!]*(?:[+{_HYPHEN}](?:/(?=[+{_HYPHEN}]))?)*[%٪*]*")
_SIGNED = re.compile(rf"[(\[][+{_HYPHEN}0-9/]{{1,3}}[)\]]")
_PHONE = re.compile(r"(?:\+|00)[0-9]{1,3}(?:[ \-.\u00a0]?\(?[0-9]{1,4}\)?){2,6}(?![0-9])")
_AREA = re.compile(r"\(0[0-9]{1,3}\)(?:[ \-]?[0-9]{3,4}(?:[ \-]?[0-9]{3,5})?)?")
_PREFIX = re.compile(rf"(?:^|[^{ARABIC}])(?:\u0648|\u0641)?[\u0648\u0641\u0628\u0644\u0643]\u0640?\Z")
"""The prefixes wa, fa, bi, li, ka, alone or wa/fa before another, that are written onto a number."""
_BEFORE_NUMBER = (
    "(?:(?:\u0625|\u0627)[\u0644][\u0649]|[\u0628][\u064a][\u0646]|[\u0645][\u0646]|[\u062d][\u062a][\u0649]"
)
_BEFORE_NUMBER += "|\u0648|\u0641)"
"""Arabic to, between, from, until, and: a dash after them is a minus, for no clause can end there."""

_SPACE = "[ \t\u00a0\u202f]"
_SPACES = re.compile(rf"{_SPACE}+\Z")
_OPERATOR = re.compile(rf"{_SPACE}*(?:[×✕∶/±+*<>≤≥=≠≈~→⇒⟶{_HYPHEN}&]|\+/-|->|=>|<=|>=|vs\.?){_SPACE}*\Z")
_RATIO = re.compile(rf"{_SPACE}?:{_SPACE}?\Z")
_PERCENT = re.compile(f"{_SPACE}?[%٪‰℃]")
_RESULT = re.compile(rf"{_SPACE}?\([+{_HYPHEN}]{{1,3}}\)")
_COMPARED = re.compile("[±~∼≈<>≤≥=≠×→÷]")
_SIGN_BEFORE = re.compile(rf"(\+/[-\u2212]|[+±~∼≈<>≤≥=≠\u2212]){_SPACE}?\Z")
_DASH_BEFORE = re.compile(rf"(?:^|[\n(\[:=،؛]|(?<![{ARABIC}]){_BEFORE_NUMBER}){_SPACE}*[-\u2013]{_SPACE}?\Z")
_COUNTED = re.compile(rf"[{_DIGIT}]{_SPACE}?(?!{_BEFORE_NUMBER}{_SPACE})[{ARABIC}]{{1,6}}{_SPACE}*\Z")
_A_UNIT = re.compile(rf"(?:{UNIT}|[AP]M|[ap]\.m|[µμ]?[A-Za-z]{{1,5}}/)(?:/[\w²³.]+)*[²³⁻¹0-9-]*\Z")
_LOWER = re.compile(r"[a-zà-ÿ]")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}\Z")
_LATIN_STRETCH = re.compile(f"[^\n{ARABIC}{MARKS}«»“”„\ufffc]+")
_LETTER = re.compile(rf"(?![{ARABIC}]|[²³¹⁰⁴-⁹₀-₉¼½¾⅐-⅞])[^\W\d_]")
_NUMERAL = re.compile(f"[{_DIGIT}]")
_DIGITS = re.compile(rf"[{_DIGIT}]+\Z")
_INDIC_SIGNED = re.compile("(?=.*[\u0660-\u0669])(?=.*[^\u0660-\u0669٫٬])", re.DOTALL)

_ARABIC_WORD = f"[{ARABIC}]+(?:[-‐‑'’][{ARABIC}]+)*"
_PHRASE = re.compile(
    f"{_ARABIC_WORD}(?:(?:{_SPACE}+|[،؛]{_SPACE}*|(?<=[\\s({ARABIC}][{ARABIC}])\\.{_SPACE}){_ARABIC_WORD})*؟?"
)
_QUOTATION = re.compile(r'«([^«»\n]+)»|“([^“”\n]+)”|"([^"\n]+)"|\(([^()\n]+)\)')
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def isolate(text: str, direction: Direction) -> tuple[Run, ...]:
    """A paragraph that reads in `direction`, cut into runs; joined again they are `text`, none is empty."""
    return tuple(_filled(text, _with_quotations(text, direction)))


def isolate_plain(text: str, direction: Direction | None = None) -> str:
    """`text` for plain surfaces and documents: what `isolate` finds is wrapped in LRI…PDI or RLI…PDI, line by line.

    Bidi controls already there are taken out. `direction`: that of the surface, else each line's own. An arrow that
    points to the right between Arabic words points to the left, where the text goes on.
    """
    return "\n".join(_plain_line(line, direction) for line in without_controls(text).split("\n"))


_CONTROL = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def isolate_pieces(text: str, spans: Sequence[tuple[int, int]]) -> tuple[tuple[str, bool], ...]:
    """`isolate_plain(text)` in pieces, and of each whether it lies in one of `spans`, (start, end) in code points.

    Joined again they are what `isolate_plain` gives: marking words moves none.
    """
    inside = [any(start <= at < end for start, end in spans) for at in range(len(text))]
    pieces: list[tuple[str, bool]] = []
    at = 0
    for character in isolate_plain(text):
        if not _CONTROL.match(character):
            at = next(n for n in range(at, len(text)) if not _CONTROL.match(text[n])) + 1
        marked = inside[at - 1] if at and not _CONTROL.match(character) else bool(pieces and pieces[-1][1])
        if pieces and pieces[-1][1] == marked:
            pieces[-1] = (pieces[-1][0] + character, marked)
        else:
            pieces.append((character, marked))
    return tuple(pieces)


def inline(text: str, around: Direction) -> str:
    """`text` to stand among words that read as `around`: as above, isolated as a whole where it reads otherwise."""
    return "\n".join(_inline_line(line, around) for line in without_controls(text).split("\n"))


def _plain_line(line: str, direction: Direction | None) -> str:
    way = direction or direction_of(line)
    return "".join(_marked(run, way) for run in isolate(line, way))


def _inline_line(line: str, around: Direction) -> str:
    way = direction_of(line, around)
    plain = _plain_line(line, way)
    return plain if way == around else f"{RLI if way == 'rtl' else LRI}{plain}{PDI}"


def _marked(run: Run, around: Direction) -> str:
    if run.direction is None:
        return turned(run.text) if around == "rtl" else run.text
    if run.override:
        return f"{LRI}{LRO}{run.text}{PDF}{PDI}"
    inner = "".join(_marked(each, run.direction) for each in run.runs) if run.runs else run.text
    return f"{RLI if run.direction == 'rtl' else LRI}{inner}{PDI}"


ARROWS: dict[str, str] = {"→": "←", "⇒": "⇐", "⟶": "⟵", "➔": "←", "➜": "←"}


def turned(text: str) -> str:
    """`text` of a right-to-left paragraph with its arrows pointing to where it goes on; bidi mirrors none."""
    return "".join(ARROWS.get(character, character) for character in text)


class _Span(NamedTuple):
    start: int
    end: int
    direction: Direction
    nested: bool = False


def _filled(text: str, spans: Sequence[_Span]) -> Iterator[Run]:
    at = 0
    for span in spans:
        if span.start > at:
            yield Run(text[at : span.start])
        inside = text[span.start : span.end]
        if span.nested:
            yield Run(inside, span.direction, runs=isolate(inside, span.direction))
        else:
            signed = span.direction == "ltr" and _INDIC_SIGNED.match(inside) is not None
            yield Run(inside, span.direction, override=signed)
        at = span.end
    if at < len(text):
        yield Run(text[at:])


def _with_quotations(text: str, direction: Direction) -> list[_Span]:
    """A sentence in quotation marks that reads the other way is one isolate; around it the paragraph's spans."""
    found: list[_Span] = []
    at = 0
    for quotation in _QUOTATION.finditer(text):
        start, end = quotation.span(quotation.lastindex or 0)
        inside = text[start:end]
        way = direction_of(inside, direction)
        if way != direction and _mixed(inside):
            found += _plain_spans(text, at, start, direction)
            found.append(_Span(start, end, way, nested=True))
            at = end
    return [*found, *_plain_spans(text, at, len(text), direction)]


def _mixed(text: str) -> bool:
    return has_arabic(text) and _CORE.search(re.sub(f"[{ARABIC}]", "", text)) is not None


def _plain_spans(text: str, start: int, end: int, direction: Direction) -> list[_Span]:
    latin = [_Span(token.start, token.end, "ltr") for token in _latin_runs(text, start, end)]
    if direction == "rtl":
        return latin
    signed = [span for span in latin if _INDIC_SIGNED.match(text[span.start : span.end])]
    phrases = [_Span(*found.span(), "rtl") for found in _PHRASE.finditer(text, start, end)]
    return sorted([*signed, *phrases])


@dataclass
class _Token:
    """A number, a word or several joined, in Latin letters or without letters; `rich` takes what follows it."""

    start: int
    end: int
    rich: bool
    percent: bool = False
    number: bool = False
    first_number: bool = False
    """Whether it begins with a number, also when a unit has joined it."""


def _latin_runs(text: str, start: int, end: int) -> list[_Token]:
    """Everything that must stand left to right: measurements, ranges, signed numbers, dates, Latin words.

    A number takes a Latin word after it only if that is a unit: in "الشريحة 14 CT" the 14 belongs to the Arabic
    before it. A Latin word takes what follows: "BI-RADS 4", "Gleason 3+4", "T2 FLAIR".
    """
    runs: list[_Token] = []
    for token in _tokens(text, start, end):
        if not (runs and _joined(text, runs[-1], token)):
            runs.append(token)
    bounds = [start, *(run.end for run in runs)], [*(run.start for run in runs[1:]), end]
    for run, floor, ceiling in zip(runs, *bounds, strict=False):
        _widen(text, run, floor, ceiling)
    return list(_sentences(text, runs, start, end))


def _tokens(text: str, start: int, end: int) -> Iterator[_Token]:
    at = start
    while chunk := _CHUNK.search(text, at, end):
        phone = _PHONE.match(text, chunk.start(), end) or _AREA.match(text, chunk.start(), end)
        if phone and (phone.re is _AREA or len(_NUMERAL.findall(phone.group())) >= _SUBSCRIBER):
            at = phone.end()
            yield _Token(phone.start(), at, rich=False, number=True)
            continue
        at = chunk.end()
        if token := _trimmed(text, chunk.start(), at):
            yield token


def _trimmed(text: str, start: int, end: int) -> _Token | None:
    """A chunk without the punctuation around it, with the signs that belong to it."""
    chunk = text[start:end]
    cores = [found.start() for found in _CORE.finditer(chunk)]
    if not cores:
        return None
    first, last = cores[0], cores[-1] + 1
    kept_from = _lead(text, start, chunk, first)
    kept_to = _tail(text, end, chunk, kept_from, last)
    body = chunk[kept_from:kept_to]
    word = _LETTER.search(body) is not None
    token = _Token(start + kept_from, start + kept_to, rich=word, percent=body[-1] in "%٪‰°")
    token.number = token.first_number = not word
    return token


def _lead(text: str, start: int, chunk: str, first: int) -> int:
    """Where in `chunk` its run begins: before its first letter or digit stand signs that belong to it."""
    kept = first
    while kept and (opened := chunk[kept - 1]) in _PAIRS:  # "[18F]FDG", but not "(0/12)"
        closed = chunk.find(_PAIRS[opened], first)
        inside = closed >= 0 and _CORE.search(chunk, closed) is not None
        if not inside:
            break
        kept -= 1
    sign = _LEAD.search(chunk[:kept])
    if sign is None:
        return kept
    begin = sign.start()
    attached = begin == 0 and start and re.match(f"[{ARABIC}]", text[start - 1])
    if attached and chunk[0] not in _NO_JOINER and chunk[:2] != "--":
        prefixed = _PREFIX.search(text[max(0, start - 5) : start]) and _NUMERAL.match(chunk[kept])
        if not prefixed or chunk[0] in "/\\.*&@":
            begin += 1
    return begin


_NO_JOINER = "+±∓~∼≈≃≅<>≤≥=≠≪≫$€£¥₪#№×÷√∆%٪\u2212"
"""Signs that join nothing to an Arabic word before them, unlike a hyphen."""


def _tail(text: str, end: int, chunk: str, kept_from: int, last: int) -> int:
    """Where in `chunk` its run ends: signs and closed brackets after its last letter or digit."""
    rest = chunk[last:]
    kept = 0
    while kept < len(rest) and rest[kept] in _PAIRS.values():
        if not _opens_inside(chunk[kept_from : last + kept], rest[kept]):
            break
        kept += 1
    if bracketed := _SIGNED.match(rest, kept):  # CD4(+)
        kept = bracketed.end()
    signs = _TAIL.match(rest, kept)
    kept = signs.end() if signs else kept
    following = text[end : end + 1] if last + kept == len(chunk) else chunk[last + kept]
    if kept and re.match(f"[{_HYPHEN}+]", rest[kept - 1]) and re.match(f"[{ARABIC}]|\\w", following):
        kept -= 1
    if _NUMERAL.match(chunk[last - 1]) and rest[kept : kept + 1] in ("'", '"') and _even(text, end - len(rest) + kept):
        kept += 1  # feet and inches, minutes and seconds
    if rest[kept : kept + 1] == "/" and re.search(r"[/\\]", chunk[:last]):
        kept += 1
    return last + kept


def _even(text: str, at: int) -> bool:
    """Whether the quotation mark at `at` closes nothing."""
    return text.count(text[at], text.rfind("\n", 0, at) + 1, at) % 2 == 0


def _opens_inside(body: str, closing: str) -> bool:
    opening = next(opened for opened, closed in _PAIRS.items() if closed == closing)
    return body.count(opening) > body.count(closing)


def _joined(text: str, run: _Token, token: _Token) -> bool:
    """Whether `token` belongs to the run before it, which then ends where it ends."""
    gap = text[run.end : token.start]
    word = text[token.start : token.end]
    unit = _A_UNIT.match(word) is not None
    if _SPACES.match(gap):
        joins = (
            run.rich
            or text[run.end - 1] == "×"
            or unit
            or (run.percent and not token.number)
            or (not token.number and _LOWER.match(word) is not None)
            or _COMPARED.match(word) is not None
            or _grouped(text, run, word, gap)
        )
    elif _OPERATOR.match(gap):
        joins = True
    elif _RATIO.match(gap):
        joins = run.rich or token.number
    else:
        joins = False
    if joins:
        run.end, run.rich, run.percent = token.end, run.rich or token.rich, token.percent
        run.number = run.number and token.number
    return joins


def _grouped(text: str, run: _Token, word: str, gap: str) -> bool:
    """Whether digits go on after a space: a telephone number, thousands."""
    last = re.split(_SPACE, text[max(run.start, run.end - _FAR) : run.end])[-1]
    if not (_DIGITS.match(last.lstrip("+")) and _DIGITS.match(word)):
        return False
    if gap in "\u00a0\u202f" or text[run.start] in "+0":
        return True
    return len(word) == 3 or (len(last) >= 3 and len(word) >= 3 and not _YEAR.match(last))


def _widen(text: str, run: _Token, floor: int, ceiling: int) -> None:
    """A sign apart from its number belongs to it, unless it stands between two things with Arabic units."""
    after = _PERCENT if run.number else _RESULT
    if closing := after.match(text, run.end, ceiling):
        run.end = closing.end()
    floor = max(floor, run.start - _FAR)
    before = text[floor : run.start]
    compared = _SIGN_BEFORE.search(before)
    if compared and (run.first_number or compared[1] in "<>≤≥≈~±"):
        sign = floor + compared.start()
        if not _COUNTED.search(text[max(0, sign - _FAR) : sign]):
            run.start = sign
    elif run.first_number and _DASH_BEFORE.search(f"\ufffc{before}" if floor else before) and not _counts(text, run):
        run.start = floor + max(before.rfind("-"), before.rfind("\u2013"))


def _counts(text: str, run: _Token) -> bool:
    """Whether an Arabic noun follows the bare number after a dash at the line's beginning: "- 3 عقد" is a list."""
    following = re.match(f"{_SPACE}+([{ARABIC}]+)", text[run.end :])
    if run.rich or not following:
        return False
    return re.match(f"{_BEFORE_NUMBER}(?![{ARABIC}])", following[1]) is None


def _sentences(text: str, runs: Sequence[_Token], start: int, end: int) -> Iterator[_Token]:
    """Runs of a stretch that is a sentence in Latin letters become one, with commas and brackets between them."""
    at = 0
    for stretch in _LATIN_STRETCH.finditer(text, start, end):
        until = at
        while until < len(runs) and runs[until].start < stretch.end():
            until += 1
        inside, at = runs[at:until], until
        if len(inside) > 1 and words_of_prose(stretch.group()) >= _SENTENCE:
            first, last = inside[0].start, inside[-1].end
            if text[last : last + 1] in (")", "]") and _opens_inside(text[first:last], text[last]):
                last += 1
            yield _Token(first, last, rich=True)
        else:
            yield from inside


_SUBSCRIBER = 7
"""Digits of a telephone number with its country."""
_SENTENCE = 4
"""Latin words that make a sentence."""
_FAR = 24
"""Characters before a number in which its sign is looked for."""
