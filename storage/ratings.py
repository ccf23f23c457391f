"""Ratings: events that are added and never changed, each with a copy of what was rated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import turns
from storage.conversations import new_id, now
from storage.errors import NotFinished
from storage.records import RatingEvent, Thumb, Turn
from storage.tables import RatingRow

_CODE = re.compile(r"[a-z][a-z0-9-]{0,63}")
COMMENT_CHARACTERS = 10_000


def rate(
    session: Session, owner: str, turn_id: str, *, thumb: Thumb | None, reasons: Sequence[str], comment: str
) -> RatingEvent:
    """Add an event. Raises NotFound, NotFinished; ValueError for what no screen of ours sends."""
    if thumb not in ("up", "down", None) or len(comment) > COMMENT_CHARACTERS:
        raise ValueError("thumb is up, down or None; the comment is bounded")
    if not all(_CODE.fullmatch(reason) for reason in reasons):
        raise ValueError("reasons are codes, so that they can be counted in every language")
    turn = turns.one(session, owner, turn_id)
    if turn.status == "running":
        raise NotFinished("turn")
    last = _newest(session, turn_id, owner)
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


def current(session: Session, owner: str, turn_id: str) -> RatingEvent | None:
    """The rater's newest event, None if there is none. Raises NotFound."""
    turns.owned(session, owner, turn_id)
    row = _newest(session, turn_id, owner)
    return _record(row) if row else None


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
