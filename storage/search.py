"""Finding conversations by words of either language. Knows where they are indexed, not how they are spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    Select,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Session

from storage.spelling import spread, ways_to_find
from storage.tables import ConversationRow, SearchRow, SeriesRow, SpellingRow, TurnRow

SPELLING = 2
"""Raised with every change to `spelling.py`: what was indexed by another is indexed anew at the next start."""
Source = Literal["title", "series", "turn"]
_TRIGRAM = 3
_EXCERPT = 72  # characters: three lines of a list that is 232 pixels wide
_READ = 20  # turns of a conversation that are looked through for the sentence
_SENTENCE_END = re.compile(r"(?<=[.!?؟؛\n])\s+|\n+")


@dataclass(frozen=True)
class Excerpt:
    """The sentence a search found, as it was written, and which characters of it are the words looked for.

    `found`: (start, end) in code points of `text`, in order, apart.
    """

    text: str
    found: tuple[tuple[int, int], ...]


def index(session: Session, *, owner: str, conversation_id: str, source_id: str, source: Source, written: str) -> None:
    """Make `written` findable as the text of `source_id`, in place of what was there."""
    row = session.scalar(select(SearchRow).where(SearchRow.source_id == source_id))
    if row is not None:
        row.text = spread(written)
        return
    session.add(
        SearchRow(
            owner=owner, conversation_id=conversation_id, source_id=source_id, source=source, text=spread(written)
        )
    )


def forget(session: Session, source_ids: list[str]) -> None:
    session.execute(delete(SearchRow).where(SearchRow.source_id.in_(source_ids)))


def containing(owner: str, query: str) -> list[ColumnElement[bool]]:
    """Conditions on a conversation: one per word of `query`, each found in its title, its series or its turns."""
    return [ConversationRow.id.in_(_conversations(owner, ways)) for ways in _words(query)]


def title_first(owner: str, query: str) -> list[ColumnElement[int]]:
    """What found conversations are ordered by before their age: how many words of `query` their title holds."""
    in_title = [
        case((ConversationRow.id.in_(_conversations(owner, ways).where(SearchRow.source == "title")), 1), else_=0)
        for ways in _words(query)
    ]
    return [sum(in_title[1:], in_title[0]).desc()] if in_title else []


def excerpts(session: Session, owner: str, conversation_ids: Sequence[str], query: str) -> dict[str, Excerpt]:
    """By conversation, the sentence of its first turns found that holds most of the words; none where only its title
    or the captions of its images do, which lists show anyway."""
    words = _words(query)
    if not words:
        return {}
    nth = func.row_number().over(partition_by=TurnRow.conversation_id, order_by=TurnRow.number)
    found = (
        select(TurnRow.conversation_id, TurnRow.question, TurnRow.answer, nth.label("nth"))
        .join(SearchRow, SearchRow.source_id == TurnRow.id)
        .where(
            SearchRow.owner == owner,
            SearchRow.conversation_id.in_(conversation_ids),
            or_(*map(_holds, words)),
        )
        .subquery()
    )
    texts: dict[str, list[str]] = {}
    for conversation, question, answer in session.execute(
        select(found.c.conversation_id, found.c.question, found.c.answer)
        .where(found.c.nth <= _READ)
        .order_by(found.c.conversation_id, found.c.nth)
    ):
        texts.setdefault(conversation, []).extend((question, answer))
    best = {conversation: _best(written, words) for conversation, written in texts.items()}
    return {conversation: excerpt for conversation, excerpt in best.items() if excerpt is not None}


def _best(texts: list[str], words: list[tuple[str, ...]]) -> Excerpt | None:
    most, best = 0, None
    for sentence in (part for text in texts for part in _SENTENCE_END.split(text) if part.strip()):
        marks = _marks(sentence, words)
        if (held := len({word for _, word in marks})) > most:
            most, best = held, (sentence, tuple(span for span, _ in marks))
        if most == len(words):  # no later one can hold more, and long texts take long
            break
    return _shortened(*best) if best else None


def index_anew(session: Session) -> None:
    """Index everything again, once, when the ways of writing a word that are made one have changed."""
    known = session.get(SpellingRow, 1)
    if known is not None and known.version == SPELLING:
        return
    session.execute(delete(SearchRow))
    for row in session.scalars(select(ConversationRow).where(ConversationRow.title != "")):
        _put(session, row, row.id, "title", row.title)
    for series in session.scalars(select(SeriesRow)):
        _put(session, series, series.conversation_id, "series", words_of_series(series.facts, series.descriptor))
    for turn in session.scalars(select(TurnRow).where(TurnRow.superseded_by.is_(None))):
        _put(session, turn, turn.conversation_id, "turn", f"{turn.question}\n{turn.answer}")
    session.merge(SpellingRow(id=1, version=SPELLING))


def words_of_series(facts: dict[str, Any], descriptor: dict[str, Any]) -> str:
    """What a series can be found by: the caption that lists show of it, in every language, and its code words."""
    caption = descriptor.get("caption") or {}
    codes = [value for value in facts.values() if isinstance(value, str)]
    return "\n".join([*map(str, caption.values()), *codes])


def _put(
    session: Session, row: ConversationRow | SeriesRow | TurnRow, conversation_id: str, source: Source, written: str
) -> None:
    session.add(
        SearchRow(
            owner=row.owner,
            conversation_id=conversation_id,
            source_id=row.id,
            source=source,
            text=spread(written),
        )
    )


def _conversations(owner: str, ways: tuple[str, ...]) -> Select[str]:
    return select(SearchRow.conversation_id).where(SearchRow.owner == owner, _holds(ways))


def _words(query: str) -> list[tuple[str, ...]]:
    return [ways for word in query.split() if (ways := ways_to_find(word))]


def _holds(ways: tuple[str, ...]) -> ColumnElement[bool]:
    return or_(*(_holds_phrase(phrase) for phrase in ways))


def _holds_phrase(phrase: str) -> ColumnElement[bool]:
    if len(phrase) < _TRIGRAM:  # too short for the index
        return SearchRow.text.contains(phrase, autoescape=True)
    quoted = '"' + phrase.replace('"', '""') + '"'
    matching: ColumnExpressionArgument[bool] = literal_column("search_index").op("MATCH")(quoted)
    return SearchRow.id.in_(select(literal_column("rowid")).select_from(table("search_index")).where(matching))


def _marks(sentence: str, words: list[tuple[str, ...]]) -> tuple[tuple[tuple[int, int], int], ...]:
    """((start, end), number of the word looked for) of every written word that holds one."""
    return tuple(
        ((written.start(), written.end()), number)
        for written in re.finditer(r"\S+", sentence)
        for number in [_first_held(spread(written[0]), words)]
        if number is not None
    )


def _first_held(text: str, words: list[tuple[str, ...]]) -> int | None:
    return next((number for number, ways in enumerate(words) if any(phrase in text for phrase in ways)), None)


def _shortened(sentence: str, found: tuple[tuple[int, int], ...]) -> Excerpt:
    """At most _EXCERPT characters around the first word found, cut between words, with … where it was cut."""
    if len(sentence) <= _EXCERPT:
        return Excerpt(sentence, found)
    start = max(0, min(found[0][0] - _EXCERPT // 3, len(sentence) - _EXCERPT))
    end = min(len(sentence), start + _EXCERPT)
    if start and (space := sentence.find(" ", start, found[0][0])) >= 0:
        start = space + 1
    if end < len(sentence) and (space := sentence.rfind(" ", found[0][1], end)) >= 0:
        end = space
    before, after = "… " if start else "", " …" if end < len(sentence) else ""
    moved = tuple((a - start + len(before), b - start + len(before)) for a, b in found if a >= start and b <= end)
    return Excerpt(before + sentence[start:end] + after, moved)
