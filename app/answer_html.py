"""A model's markdown, and a person's question, as HTML that is safe to insert. Knows no page and no turn.

Only the tags written here come out; every character of the text is escaped. Links and pictures stay the
characters they are: nothing an answer says can make the browser ask another host for anything. Every
block has its own direction, and what must keep its order stands in `<bdi dir="ltr">` (see `app.bidi`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.bidi import Direction, direction_of, has_arabic, isolate, prevailing, without_controls

_NEVER = ("link", "image", "autolink", "reference", "html_inline", "html_block", "code")
"""Rules of markdown left out. "code" is the block indented by four spaces: models indent by accident."""
_HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h5"}
"""The page has headings of its own above an answer's."""
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "$": "&#36;"})
"""The dollar sign too: Gradio evaluates `${…}` in some of its values."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_MARKS = {"strong": "strong", "em": "em", "s": "s"}

_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_markdown.disable(list(_NEVER))
_blocks = MarkdownIt("commonmark", {"html": False}).enable("table").disable([*_NEVER, "inline"])


def answer_html(markdown: str, inherited: Direction = "ltr") -> str:
    """Safe HTML of a whole or half-streamed answer.

    Paragraphs, headings, lists, quotes, tables and code come out as `p h3 h4 h5 h6 ul ol li blockquote
    table pre`, each block with `dir`; a block without letters takes the direction of the one before,
    the first one `inherited`. A single line break is kept. Finished blocks are remembered, so that a
    growing answer costs little more than its last block.
    """
    return "".join(_Writer(inherited).write(_blocks.parse(_clean(markdown))))


def question_html(text: str, inherited: Direction = "ltr") -> str:
    """Safe HTML of what a person typed: no markdown, one `p` with its own `dir` per line, blank ones kept."""
    direction = inherited
    out = []
    for line in _clean(text).strip("\r\n").splitlines():
        direction = direction_of(line, direction)
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

    def __init__(self, inherited: Direction) -> None:
        self._before = inherited

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
            self._before = _read(_text_within(tokens, index), self._before)
        elif tag in ("ul", "ol", "table", "blockquote"):
            direction = _prevailing_within(tokens, index, self._before)
            self._before = direction
            start = token.attrGet("start") if tag == "ol" else None
            return f'<{tag} dir="{direction}"{f" start={chr(34)}{int(start)}{chr(34)}" if start else ""}>'
        else:  # thead, tbody, tr
            return f"<{tag}>"
        return f'<{tag} dir="{self._before}">'


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


def _prevailing_within(tokens: Sequence[Token], index: int, inherited: Direction) -> Direction:
    directions: Counter[Direction] = Counter()
    for token in _within(tokens, index):
        as_left, as_right = _read(token.content, "ltr"), _read(token.content, "rtl")
        if as_left == as_right:  # it has letters: nothing to inherit
            directions[as_left] += 1
    return prevailing(directions, inherited)


_read = lru_cache(maxsize=2048)(direction_of)


@lru_cache(maxsize=1024)
def _inline(source: str, direction: Direction) -> str:
    (parsed,) = _markdown.parseInline(source)
    return _isolated(list(_pieces(parsed.children or ())), direction)


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
    if direction == "ltr" and not has_arabic(text):
        return "".join(_marked(piece.text, piece) for piece in pieces)
    out: list[str] = []
    rest = iter(pieces)
    piece, used = next(rest, None), 0
    for run in isolate(text):
        inside: list[str] = []
        left = len(run.text)
        while left and piece is not None:
            length = 1 if piece.code else len(piece.text)
            taken = min(left, length - used)
            inside.append(_marked(piece.text if piece.code else piece.text[used : used + taken], piece))
            left, used = left - taken, used + taken
            if used == length:
                piece, used = next(rest, None), 0
        out.append(f'<bdi dir="ltr">{"".join(inside)}</bdi>' if run.ltr else "".join(inside))
    return "".join(out)


def _marked(text: str, piece: _Piece) -> str:
    inner = f'<code dir="ltr">{_escaped(text)}</code>' if piece.code else _escaped(text).replace("\n", "<br>")
    for mark in reversed(piece.marks):
        inner = f"<{mark}>{inner}</{mark}>"
    return inner
