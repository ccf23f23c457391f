"""Turns as plain dictionaries that other programs can read. Knows no file and no format of a trainer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from storage import ratings, turns
from storage.database import Database
from storage.records import PictureRecord, RatingEvent, Turn
from storage.tables import ConversationRow


def export(database: Database, owner: str | None) -> Iterator[dict[str, Any]]:
    """Every turn of `owner` (None: of everybody), conversation by conversation, oldest first.

    Each conversation is read in a transaction of its own: none is held while the caller writes.
    """
    with database.reading() as session:
        heads = (
            select(ConversationRow.id, ConversationRow.owner)
            .where(ConversationRow.deleted_at.is_(None))
            .order_by(ConversationRow.created_at, ConversationRow.id)
        )
        if owner is not None:
            heads = heads.where(ConversationRow.owner == owner)
        found = [(key, whose) for key, whose in session.execute(heads)]
    for conversation_id, whose in found:
        yield from _conversation(database, whose, conversation_id)


def _conversation(database: Database, owner: str, conversation_id: str) -> list[dict[str, Any]]:
    with database.reading() as session:
        head = session.get(ConversationRow, conversation_id)
        if head is None or head.deleted_at is not None:  # gone since the list was made
            return []
        rated = ratings.of_conversation(session, owner, conversation_id)
        return [
            _turn(turn, head.title, rated.get(turn.id))
            for turn in turns.of_conversation(session, owner, conversation_id, include_superseded=True)
        ]


def _turn(turn: Turn, title: str, rating: RatingEvent | None) -> dict[str, Any]:
    return {
        "conversation": turn.conversation_id,
        "title": title,
        "turn": turn.id,
        "number": turn.number,
        "owner": turn.owner,
        "created_at": turn.created_at.isoformat(),
        "finished_at": turn.finished_at.isoformat() if turn.finished_at else None,
        "superseded_by": turn.superseded_by,
        "language": turn.language,
        "question": turn.question,
        "answer": turn.answer,
        "status": turn.status,
        "error": turn.error,
        "model": turn.model,
        "settings": turn.settings,
        "model_input": turn.model_input,
        "timings": turn.timings,
        "pictures": [_picture(picture) for picture in turn.pictures],
        "rating": _rating(rating) if rating and rating.thumb else None,
        "rating_taken_back": rating.created_at.isoformat() if rating and not rating.thumb else None,
    }


def _picture(picture: PictureRecord) -> dict[str, Any]:
    return {
        "id": picture.id,
        "sha256": picture.sha256,
        "png_sha256": picture.blob,
        "facts": picture.facts,
        "view": picture.view,
    }


def _rating(event: RatingEvent) -> dict[str, Any]:
    return {
        "thumb": event.thumb,
        "reasons": list(event.reasons),
        "comment": event.comment,
        "rater": event.rater,
        "created_at": event.created_at.isoformat(),
        "snapshot": event.snapshot,
    }
