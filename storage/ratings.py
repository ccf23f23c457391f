"""Ratings: events that are added and never changed, each with a copy of what was rated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import turns
from storage.conversations import new_id, now
from storage.errors import ContradictoryRating, NotFinished
from storage.records import RatingEvent, Thumb, Turn
from storage.tables import RatingRow

REASONS: Mapping[Thumb, tuple[str, ...]] = MappingProxyType(
    {
        "up": ("correct", "helpful", "clear"),
        "down": ("wrong-finding", "wrong-side", "missed", "invented", "wrong-language", "unclear", "harmful"),
    }
)
"""What may be said of an answer with which thumb, as codes that count the same in every language. The states there are:

| thumb | reasons         | comment | is                       |
| up    | some of `up`    | any     | a rating                 |
| down  | some of `down`  | any     | a rating                 |
| None  | none            | none    | the rating taken back    |

Everything else contradicts itself and is refused. What older versions kept of a rating taken back is not read.
"""
COMMENT_CHARACTERS = 10_000


def rate(
    session: Session, owner: str, turn_id: str, *, thumb: Thumb | None, reasons: Sequence[str], comment: str
) -> RatingEvent:
    """Add an event. Raises NotFound, NotFinished, ContradictoryRating."""
    if not agrees(thumb, reasons, comment):
        raise ContradictoryRating
    turn = turns.one(session, owner, turn_id)
    if turn.status == "running":
        raise NotFinished("turn")
    last = _newest(session, turn_id, owner)
    if thumb is None and last is None:
        raise ContradictoryRating  # there is nothing to take back
    if thumb is None and last is not None and last.thumb is None:
        return _record(last)  # taken back already, perhaps in another tab
    row = RatingRow(
        id=new_id(),
        owner=owner,
        conversation_id=turn.conversation_id,
        turn_id=turn_id,
        rater=owner,
        number=last.number + 1 if last else 0,
        thumb=thumb,
        reasons=list(dict.fromkeys(reasons)),
        comment=comment,
        snapshot=snapshot(turn),
        created_at=now(),
    )
    session.add(row)
    return _record(row)


def agrees(thumb: Thumb | None, reasons: Sequence[str], comment: str) -> bool:
    """Whether this is one of the states above."""
    if thumb is None:
        return not reasons and not comment
    return thumb in REASONS and set(reasons) <= set(REASONS[thumb]) and len(comment) <= COMMENT_CHARACTERS


def current(session: Session, owner: str, turn_id: str) -> RatingEvent | None:
    """The rater's newest event, None if there is none. Raises NotFound."""
    turns.owned(session, owner, turn_id)
    row = _newest(session, turn_id, owner)
    return _record(row) if row else None


def of_conversation(session: Session, owner: str, conversation_id: str) -> dict[str, RatingEvent]:
    """The newest event of `owner` on each turn that has one, by turn."""
    query = select(RatingRow).where(RatingRow.conversation_id == conversation_id, RatingRow.rater == owner)
    return {row.turn_id: _record(row) for row in session.scalars(query.order_by(RatingRow.number))}


def snapshot(turn: Turn) -> dict[str, Any]:
    """What is being rated, complete enough to be judged without the turn."""
    prompt = json.dumps(turn.model_input, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return {
        "question": turn.question,
        "answer": turn.answer,
        "status": turn.status,
        "language": turn.language,
        "model": turn.model,
        "settings": turn.settings,
        "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
        "pictures": [
            {"sha256": picture.sha256, "blob": picture.blob, "facts": picture.facts, "view": picture.view}
            for picture in turn.pictures
        ],
    }


def _newest(session: Session, turn_id: str, rater: str) -> RatingRow | None:
    query = select(RatingRow).where(RatingRow.turn_id == turn_id, RatingRow.rater == rater)
    return session.scalars(query.order_by(RatingRow.number.desc()).limit(1)).one_or_none()


def _record(row: RatingRow) -> RatingEvent:
    return RatingEvent(
        id=row.id,
        turn_id=row.turn_id,
        rater=row.rater,
        number=row.number,
        thumb=cast("Thumb | None", row.thumb),
        reasons=tuple(row.reasons),
        comment=row.comment,
        snapshot=row.snapshot,
        created_at=row.created_at,
    )
