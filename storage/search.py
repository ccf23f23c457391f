"""Finding conversations by words of either language. Knows how text is normalised and where it is indexed."""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import ColumnElement, Select, delete, literal_column, select, table
from sqlalchemy.orm import Session

from storage.tables import ConversationRow, SearchRow

_TRIGRAM = 3
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
    }
    | {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
)
# Harakat and Quranic marks; zero-width characters; every bidi control.
_DROPPED = re.compile(
    "[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
    "\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\u061c\ufeff]"
)


def normalised(written: str) -> str:
    """`written` with spelling variants made one: for comparing and indexing, never for keeping or showing.

    NFKC and case folding; harakat, tatweel and bidi controls dropped; one alef, ya, waw, kaf and ha;
    Western digits and decimal point.
    """
    folded = unicodedata.normalize("NFKC", written).casefold().translate(_SAME)
    return " ".join(_DROPPED.sub("", folded).split())


def index(session: Session, *, owner: str, conversation_id: str, source_id: str, written: str) -> None:
    """Make `written` findable as the text of `source_id`, in place of what was there."""
    row = session.scalar(select(SearchRow).where(SearchRow.source_id == source_id))
    if row is not None:
        row.text = normalised(written)
        return
    session.add(SearchRow(owner=owner, conversation_id=conversation_id, source_id=source_id, text=normalised(written)))


def forget(session: Session, source_ids: list[str]) -> None:
    session.execute(delete(SearchRow).where(SearchRow.source_id.in_(source_ids)))


def containing(owner: str, query: str) -> list[ColumnElement[bool]]:
    """Conditions on a conversation: one per word of `query`, each found somewhere in its title or turns."""
    return [ConversationRow.id.in_(_holding(owner, word)) for word in normalised(query).split()]


def _holding(owner: str, word: str) -> Select[str]:
    sources = select(SearchRow.conversation_id).where(SearchRow.owner == owner)
    if len(word) < _TRIGRAM:  # too short for the index
        return sources.where(SearchRow.text.contains(word, autoescape=True))
    phrase = '"' + word.replace('"', '""') + '"'
    index_column: ColumnElement[str] = literal_column("search_index")
    matching: Select[int] = select(literal_column("rowid")).select_from(table("search_index"))
    return sources.where(SearchRow.id.in_(matching.where(index_column.op("MATCH")(phrase))))
