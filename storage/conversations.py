"""Conversations: begun, listed, found, named. Knows sessions, not when they commit."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Row, Select, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage import search
from storage.errors import NotFound
from storage.records import Conversation
from storage.tables import ConversationRow, TurnRow

TITLE_CHARACTERS = 80


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return uuid.uuid4().hex


def start(session: Session, owner: str, language: str) -> Conversation:
    moment = now()
    row = ConversationRow(id=new_id(), owner=owner, language=language, title="", created_at=moment, updated_at=moment)
    session.add(row)
    return _record(row, 0)


def owned(session: Session, owner: str, conversation_id: str) -> ConversationRow:
    """The row, if it is `owner`'s and not deleted. Raises NotFound."""
    row = session.get(ConversationRow, conversation_id)
    if row is None or row.owner != owner or row.deleted_at is not None:
        raise NotFound("conversation")
    return row


def present(conversation_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """The condition that the conversation of a row is not deleted."""
    return exists().where(ConversationRow.id == conversation_id, ConversationRow.deleted_at.is_(None))


def discard(session: Session, owner: str, conversation_id: str, run: str) -> None:
    row = owned(session, owner, conversation_id)
    row.deleted_at, row.deleted_by = now(), run


def restore(session: Session, owner: str, conversation_id: str) -> None:
    row = session.get(ConversationRow, conversation_id)
    if row is None or row.owner != owner:
        raise NotFound("conversation")
    row.deleted_at = row.deleted_by = None


def one(session: Session, owner: str, conversation_id: str) -> Conversation:
    found = session.execute(_heads(owner).where(ConversationRow.id == conversation_id)).one_or_none()
    if found is None:
        raise NotFound("conversation")
    return _of(found)


def newest(session: Session, owner: str, query: str | None, limit: int, offset: int) -> tuple[Conversation, ...]:
    heads = _heads(owner)
    if query:
        heads = heads.where(*search.containing(owner, query)).order_by(*search.title_first(owner, query))
    heads = heads.order_by(ConversationRow.updated_at.desc(), ConversationRow.id.desc())
    return tuple(_of(found) for found in session.execute(heads.limit(limit).offset(offset)))


def rename(session: Session, owner: str, conversation_id: str, title: str) -> None:
    row = owned(session, owner, conversation_id)
    row.title = shortened(title)
    search.index(session, owner=owner, conversation_id=row.id, source_id=row.id, source="title", written=row.title)


def shortened(written: str) -> str:
    """One line of at most TITLE_CHARACTERS, cut at a word where there is one."""
    line = " ".join(written.split())
    if len(line) <= TITLE_CHARACTERS:
        return line
    cut = line[: TITLE_CHARACTERS - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def _heads(owner: str) -> Select[ConversationRow, int]:
    turns = (
        select(func.count())
        .where(TurnRow.conversation_id == ConversationRow.id, TurnRow.superseded_by.is_(None))
        .scalar_subquery()
    )
    return select(ConversationRow, turns).where(ConversationRow.owner == owner, ConversationRow.deleted_at.is_(None))


def _of(found: Row[ConversationRow, int]) -> Conversation:
    row, turns = found
    return _record(row, turns)


def _record(row: ConversationRow, turns: int) -> Conversation:
    return Conversation(
        id=row.id,
        owner=row.owner,
        language=row.language,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        turns=turns,
    )
