"""Whether an answer runs in a circle: the same words over and over, exactly; knows tokens or characters, no meaning.

Models that have lost the thread write one sentence, or one syllable, until a limit ends them. The rule: the end of
the answer consists of one piece, repeated without any change, at least `TIMES` times and over at least `TOKENS`
tokens; `PATIENCE` times as many where the piece holds no letter. Reports, tables, lists and code stay below it: their
rows differ at least in a name or a number, which makes them no repetition at all; a line of dashes, a matrix of zeros
or an empty table has no letters and is shorter than `PATIENCE * TOKENS`; nobody writes "no" 256 times. A circle whose
rounds differ (a counter that goes up) is not found: a table of fifty levels, all normal, looks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

TIMES = 4  # rounds
TOKENS = 256
PATIENCE = 3
LONGEST = 256  # tokens of one round
CHARACTERS_PER_TOKEN = 3  # where only text is at hand; of Latin text there are more, of Arabic fewer
EVERY = 8  # tokens between two looks, which makes a look cost nothing


def round_of(written: Sequence[int] | str, shortest: int, longest: int) -> int:
    """Length of the smallest piece whose repetitions alone make up the end of what was written, over at least
    `shortest` places and `TIMES` rounds; 0 when there is none of at most `longest` places."""
    length = len(written)
    if length < shortest:
        return 0
    last = written[-1]
    for size in range(1, min(longest, length // TIMES) + 1):
        if written[-1 - size] != last:
            continue
        end = written[-max(shortest, TIMES * size) :]
        if end[size:] == end[:-size]:
            return size
    return 0


def in_ids(ids: list[int], text_of: Callable[[list[int]], str]) -> bool:
    """Whether the tokens of an answer end in a circle; looks at every `EVERY`th token only. text_of: decodes some."""
    if len(ids) % EVERY or not (size := round_of(ids, TOKENS, LONGEST)):
        return False
    return _has_letters(text_of(ids[-size:])) or round_of(ids, PATIENCE * TOKENS, LONGEST) > 0


class TextWatch:
    """The same for text that comes in pieces of any length, as from a server whose tokens nobody sees."""

    def __init__(self) -> None:
        self._end = ""
        self._unseen = 0

    def runs_in_circle(self, more: str) -> bool:
        """Whether the text so far, with this at its end, ends in a circle."""
        shortest, longest = TOKENS * CHARACTERS_PER_TOKEN, LONGEST * CHARACTERS_PER_TOKEN
        self._end = (self._end + more)[-max(PATIENCE * shortest, TIMES * longest) :]
        self._unseen += len(more)
        if self._unseen < EVERY * CHARACTERS_PER_TOKEN:
            return False
        self._unseen = 0
        size = round_of(self._end, shortest, longest)
        return size > 0 and (_has_letters(self._end[-size:]) or round_of(self._end, PATIENCE * shortest, longest) > 0)


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)
