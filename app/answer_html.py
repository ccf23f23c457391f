"""A model's markdown, and a person's question, as HTML that is safe to insert. Knows no page and no turn.

Only the tags written here come out; every character of the text is escaped. Links and pictures stay the
characters they are: nothing an answer says can make the browser ask another host for anything. Every
block has its own direction, and what must keep its order stands in `<bdi dir="ltr">` (see `app.bidi`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from markdown_it.token import Token

from app.bidi import Direction, direction_of, direction_so_far, prevailing, without_controls
from app.markup import blocks, inline
from app.runs import ARROWS, Run, isolate

_HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5"}
"""The page has headings of its own above an answer's."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "$": "&#36;"})
"""The dollar sign too: Gradio evaluates `${…}` in some of its values."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_MARKS = ("strong", "em")

_UNSETTLED = re.compile(r"(?<!\S)(?:\S*[^\w\s.!?؟،»\"”)\]][^\S\n]+){0,3}\S{0,60}\Z|\Z")
_ARROW = re.compile(f"[{''.join(ARROWS)}]")


def answer_html(
    markdown: str, inherited: Direction = "ltr", *, grown: bool = False, turned: Direction | None = None
) -> str:
    """Safe HTML of an answer.

    Paragraphs, headings, lists, tables and code come out as `p h3 h4 h5 h6 ul ol li table pre`, each block with
    `dir`; a block whose words do not tell takes the direction of the one before, the first one `inherited`. A single
    line break is kept. `grown`: the reader saw it grow, so that its blocks stay in the direction they had then.
    `turned`: the reader chose this direction for all of it. Finished blocks are remembered, so that a growing answer
    costs little more than its last block.
    """
    read = _CHOSEN[turned] if turned else _so_far if grown else _read
    return "".join(_Writer(inherited, read).write(blocks(_clean(markdown))))


def growing_html(markdown: str, inherited: Direction = "ltr") -> str:
    """The same of an answer that is still being written: without its last word, of which more may follow, and the
    sign or colon before that; "3.", "- 4" or "Ki-67:" would stand elsewhere than in "3.5", "- 45" or "Ki-67: 20%"."""
    return answer_html(markdown[: _UNSETTLED.search(markdown).start()], inherited, grown=True)  # type: ignore[union-attr] # it matches nothing, too


def question_html(text: str, inherited: Direction = "ltr", *, turned: Direction | None = None) -> str:
    """Safe HTML of what a person typed: no markdown, one `p` with its own `dir` per line, blank ones kept."""
    direction = inherited
    out = []
    for line in _clean(text).strip("\r\n").splitlines():
        direction = turned or direction_of(line, direction)
        out.append(f'<p dir="{direction}">{_isolated([_Piece(line)], direction) or "<br>"}</p>')
    return "".join(out)


def _clean(text: str) -> str:
    return _SURROGATES.sub("\ufffd", without_controls(text))


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


class _Piece(NamedTuple):
    """Inline text under some marks; "\\n" alone is a line break, `code` keeps its order as a whole."""

    text: str
    marks: tuple[str, ...] = ()
    code: bool = False


class _Writer:
    """Writes the blocks of one text in order; remembers only the direction of the block before."""

    def __init__(self, inherited: Direction, read: Callable[[str, Direction], Direction]) -> None:
        self._before = inherited
        self._read = read

    def write(self, tokens: Sequence[Token]) -> Iterator[str]:
        for index, token in enumerate(tokens):
            yield self._block(tokens, index, token)

    def _block(self, tokens: Sequence[Token], index: int, token: Token) -> str:
        if token.type == "inline":
            return _inline(token.content, self._before)
        if token.type in ("fence", "code_block"):
            return f'<pre dir="ltr"><code>{_escaped(token.content)}</code></pre>'
        if token.type == "hr":
            return "<hr>"
        if token.hidden:  # the paragraph of a tight list item
            return ""
        tag = _HEADINGS.get(token.tag, token.tag)
        if token.nesting < 0:
            return f"</{tag}>"
        return self._opened(tokens, index, token, tag)

    def _opened(self, tokens: Sequence[Token], index: int, token: Token, tag: str) -> str:
        if tag in ("p", "li", "th", "td") or token.type == "heading_open":
            self._before = self._read(_text_within(tokens, index), self._before)
        elif tag in ("ul", "ol", "table"):
            self._before = self._most(tokens, index)
        else:  # thead, tbody, tr
            return f"<{tag}>"
        return f'<{tag} dir="{self._before}"{_item(token)}>{_alone(tokens, index)}'

    def _most(self, tokens: Sequence[Token], index: int) -> Direction:
        """The direction of a list or table: that of most of its parts; of the first one while they arrive."""
        directions: Counter[Direction] = Counter()
        for token in _within(tokens, index):
            as_left, as_right = self._read(token.content, "ltr"), self._read(token.content, "rtl")
            if as_left == as_right:  # its words tell: nothing to inherit
                directions[as_left] += 1
                if self._read is _so_far:
                    break
        return prevailing(directions, self._before)


def _item(token: Token) -> str:
    """The number of a list's item as it was written; no dot or number before one that shows its own."""
    if token.type != "list_item_open":
        return ""
    number = f' value="{int(token.info)}"' if token.info else ""
    return f'{number} class="bare"' if token.meta.get("bare") else number


def _alone(tokens: Sequence[Token], index: int) -> str:
    """The sign of an item that has nothing else, yet."""
    bare = tokens[index].meta.get("bare")
    return _escaped(str(bare)) if bare and tokens[index + 1].type == "list_item_close" else ""


def _within(tokens: Sequence[Token], index: int) -> Iterator[Token]:
    """The inline tokens inside the block opened at `index`."""
    level = tokens[index].level
    for token in tokens[index + 1 :]:
        if token.level <= level:
            return
        if token.type == "inline":
            yield token


def _text_within(tokens: Sequence[Token], index: int) -> str:
    """The first text inside: a list item reads the way it begins, whatever is nested below."""
    return next((token.content for token in _within(tokens, index)), "")


_read = lru_cache(maxsize=2048)(direction_of)
_so_far = lru_cache(maxsize=2048)(direction_so_far)
_CHOSEN: dict[Direction, Callable[[str, Direction], Direction]] = {
    "ltr": lambda text, inherited: "ltr",
    "rtl": lambda text, inherited: "rtl",
}


@lru_cache(maxsize=1024)
def _inline(source: str, direction: Direction) -> str:
    return _isolated(list(_pieces(inline(source))), direction)


def _pieces(children: Sequence[Token]) -> Iterator[_Piece]:
    marks: tuple[str, ...] = ()
    for token in children:
        if token.tag in _MARKS:
            marks = (*marks, token.tag) if token.nesting > 0 else marks[:-1]
        elif token.type == "code_inline":
            yield _Piece(token.content, marks, code=True)
        elif token.type in ("softbreak", "hardbreak"):
            yield _Piece("\n", marks)
        elif token.content:
            yield _Piece(token.content, marks)


def _isolated(pieces: Sequence[_Piece], direction: Direction) -> str:
    """Pieces with what must keep its order in `<bdi>`, also where a mark begins or ends inside it."""
    text = "".join("\ufffc" if piece.code else piece.text for piece in pieces)  # code never joins a run
    left = _Left(pieces)
    return "".join(_run(run, left, direction) for run in isolate(text, direction))


class _Left:
    """The pieces not yet written."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self._rest = iter(pieces)
        self._piece = next(self._rest, None)
        self._used = 0

    def take(self, count: int) -> Iterator[_Piece]:
        """The next `count` characters, code counting as one."""
        while count and (piece := self._piece) is not None:
            length = 1 if piece.code else len(piece.text)
            taken = min(count, length - self._used)
            yield piece if piece.code else piece._replace(text=piece.text[self._used : self._used + taken])
            count, self._used = count - taken, self._used + taken
            if self._used == length:
                self._piece, self._used = next(self._rest, None), 0


def _run(run: Run, left: _Left, around: Direction) -> str:
    if run.runs and run.direction:
        inside = "".join(_run(each, left, run.direction) for each in run.runs)
    else:
        turns = run.direction is None and around == "rtl"
        inside = "".join(_marked(piece, turns) for piece in left.take(len(run.text)))
    if run.direction is None:
        return inside
    tag = "bdo" if run.override else "bdi"
    return f'<{tag} dir="{run.direction}">{inside}</{tag}>'


def _marked(piece: _Piece, turns: bool) -> str:
    if piece.code:
        inner = f'<code dir="ltr">{_escaped(piece.text)}</code>'
    else:
        inner = _escaped(piece.text).replace("\n", "<br>")
        if turns:  # bidi mirrors brackets but no arrows
            inner = _ARROW.sub(r'<span class="turned">\g<0></span>', inner)
    for mark in reversed(piece.marks):
        inner = f"<{mark}>{inner}</{mark}>"
    return inner
