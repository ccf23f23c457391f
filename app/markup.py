"""Which characters of an answer are markup and which are the answer. Knows CommonMark; writes no HTML.

Clinical text is full of what CommonMark takes for markup: `3*4*5 cm`, `- 450 HU`, `> 3 cm`, `---` under a line. What
a reader could miss is not taken: left out are quotations, headings made by underlining, strikethrough, links and
pictures; a star inside a word or a number is a star; a list item that begins with a number keeps its sign. No
beginning of an answer shows markup that the whole does not have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, heading
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

_NEVER = ("link", "image", "autolink", "reference", "html_inline", "html_block", "code", "lheading", "blockquote")
"""Rules of CommonMark left out. "code" is the block indented by four spaces: models indent by accident."""
_NUMBER = re.compile(r"[+\-\u2212\u2013]?\s*[.\u066b]?(?:[\d½¼¾⅓⅔]|\Z)")
_RULE = re.compile(r"(?:-{3,}|\*{3,}|_{3,})[ \t]*$")
_LANGUAGE = re.compile(r"[A-Za-z][\w+#.-]*$")
_ESCAPED = frozenset("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~")
_ARABIC_LETTER = re.compile("[\u0620-\u064a]")


def blocks(source: str) -> list[Token]:
    """The block tokens of `source`; inline tokens hold their text, not yet parsed.

    What only looked like markup is back in that text: the sign or number before an item that begins with a number.
    Such an item has `meta["bare"]`.
    """
    tokens = _blocks.parse(source)
    for index, token in enumerate(tokens):
        if token.type == "list_item_open":
            _keep_sign(tokens, index)
        elif token.type == "fence" and token.info.strip() and not _LANGUAGE.match(token.info.strip()):
            token.content = f"{token.info.strip()}\n{token.content}"
    return tokens


def inline(source: str) -> Sequence[Token]:
    """The inline tokens of one block's text."""
    (parsed,) = _inline.parseInline(source)
    return parsed.children or ()


def _keep_sign(tokens: list[Token], index: int) -> None:
    item = tokens[index]
    marker = f"{item.info}{item.markup}"
    following = tokens[index + 1]
    if following.type == "list_item_close":
        item.meta["bare"] = marker
    elif following.type == "paragraph_open" and item.markup != "*" and _NUMBER.match(tokens[index + 2].content):
        item.meta["bare"] = marker
        tokens[index + 2].content = f"{marker} {tokens[index + 2].content}"


def _stars(state: StateInline, silent: bool) -> bool:
    """Stars and underscores that may open or close an emphasis; CommonMark's pairing follows."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    before = state.src[state.pos - 1] if state.pos else " "
    end = state.pos + scanned.length
    after = state.src[end] if end < state.posMax else " "
    can_open, can_close = scanned.can_open, scanned.can_close
    if marker == "*":
        within = before.isalnum() and after.isalnum()
        can_open, can_close = not after.isspace(), not before.isspace()
        if within and not _joins_words(before, after, scanned.length):
            can_open = can_close = False
        elif not within and before.isalnum():
            can_open = False
        elif not within and after.isalnum() and scanned.length == 1:
            can_close = False
        if scanned.length == 1 and after.isdigit() and state.src[: state.pos].rstrip()[-1:].isdigit():
            can_open = False  # "3 *4* 5"
    for _ in range(scanned.length):
        state.push("text", "", 0).content = marker
        last = len(state.tokens) - 1
        state.delimiters.append(Delimiter(ord(marker), scanned.length, last, -1, can_open, can_close))
    state.pos = end
    return True


def _joins_words(before: str, after: str, length: int) -> bool:
    """Two stars inside a word mark a part of it up only in Arabic, where prefixes are written onto words."""
    return length > 1 and bool(_ARABIC_LETTER.match(before) or _ARABIC_LETTER.match(after))


def _escape(state: StateInline, silent: bool) -> bool:
    """A backslash before a sign hides itself; before another one it is the beginning of a path."""
    if state.src[state.pos] != "\\" or state.pos + 1 >= state.posMax:
        return False
    following = state.src[state.pos + 1]
    if following != "\\" and following not in _ESCAPED:
        return False
    if not silent:
        token = state.push("text_special", "", 0)
        token.content = "\\\\" if following == "\\" else following
        token.markup, token.info = "\\" + following, "escape"
    state.pos += 2
    return True


def _line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A rule across: a whole line of it, ended, for three dashes may be the beginning of something else."""
    text = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not _RULE.match(text) or state.eMarks[start] >= len(state.src.rstrip(" ")):
        return False
    if not silent:
        state.line = start + 1
        token = state.push("hr", "hr", 0)
        token.map = [start, state.line]
    return True


def _heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A heading of some words; number signs alone are no heading."""
    text = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    return bool(text.strip("# \t")) and heading(state, start, end, silent)


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(list(_NEVER))
    parser.inline.ruler.at("emphasis", _stars)
    parser.inline.ruler.at("escape", _escape)
    parser.block.ruler.at("hr", _line, {"alt": ["paragraph", "list"]})
    parser.block.ruler.at("heading", _heading, {"alt": ["paragraph"]})
    return parser


_inline = _parser()
_blocks = _parser().disable("inline")
