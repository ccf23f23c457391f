"""Turns: begun before the first token, grown, finished, superseded; the pictures the model saw with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Text, func, select, type_coerce, update
from sqlalchemy.orm import Session, defer

from storage import conversations, search, series
from storage.errors import AlreadyFinished, NotFound
from storage.records import Ending, NewPicture, PictureRecord, Status, Turn
from storage.tables import ConversationRow, PictureRow, TurnRow


@dataclass(frozen=True)
class Beginning:
    """All that is known of a turn before its first token."""

    question: str
    language: str
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    model_input: Mapping[str, Any]
    pictures: Sequence[NewPicture]
    replaces: str | None
    run: str


def begin(
    session: Session, owner: str, conversation_id: str, beginning: Beginning, keep: Callable[[], list[str]]
) -> Turn:
    """Store a turn; `keep` makes its pictures blobs. Raises NotFound before anything is kept."""
    conversation = conversations.owned(session, owner, conversation_id)
    moment = conversations.now()
    row = TurnRow(
        id=conversations.new_id(),
        owner=owner,
        conversation_id=conversation_id,
        number=_next_number(session, conversation_id),
        question=beginning.question,
        answer="",
        language=beginning.language,
        status="running",
        error=None,
        model=dict(beginning.model),
        settings=dict(beginning.settings),
        model_input=dict(beginning.model_input),
        timings={},
        superseded_by=None,
        run=beginning.run,
        created_at=moment,
        finished_at=None,
    )
    if beginning.replaces is not None:
        _supersede(session, owner, row, beginning.replaces)
        if _named_by(session, conversation, beginning.replaces):
            conversation.title = ""  # and is named anew below
    session.add(row)
    session.flush()
    for picture in beginning.pictures:
        if picture.series_id is not None:
            series.owned(session, owner, picture.series_id)
    _add_pictures(session, row, beginning.pictures, keep())
    conversation.updated_at = moment
    if not conversation.title:
        conversations.rename(session, owner, conversation_id, beginning.question)
    _index(session, row)
    session.flush()
    return _records(session, TurnRow.id == row.id)[0]


def owned(session: Session, owner: str, turn_id: str) -> TurnRow:
    """The row, if it is `owner`'s and its conversation not deleted. Raises NotFound."""
    row = session.scalar(select(TurnRow).where(TurnRow.id == turn_id, conversations.present(TurnRow.conversation_id)))
    if row is None or row.owner != owner:
        raise NotFound("turn")
    return row


def _running(session: Session, owner: str, turn_id: str) -> TurnRow:
    """The row, also of a conversation deleted meanwhile, which may be taken back. Raises NotFound, AlreadyFinished."""
    row = session.get(TurnRow, turn_id)
    if row is None or row.owner != owner:
        raise NotFound("turn")
    if row.status != "running":
        raise AlreadyFinished("turn")
    return row


def grow(session: Session, owner: str, turn_id: str, answer_so_far: str) -> None:
    _running(session, owner, turn_id).answer = answer_so_far


def finish(
    session: Session,
    owner: str,
    turn_id: str,
    *,
    answer: str,
    status: Ending,
    error: str | None,
    timings: Mapping[str, Any],
) -> Turn:
    row = _running(session, owner, turn_id)
    moment = conversations.now()
    row.answer, row.status, row.error, row.timings = answer, status, error, dict(timings)
    row.finished_at = moment
    session.execute(update(ConversationRow).where(ConversationRow.id == row.conversation_id).values(updated_at=moment))
    if row.superseded_by is None:
        _index(session, row)
    session.flush()
    return _records(session, TurnRow.id == row.id)[0]


def interrupt_abandoned(session: Session, living: frozenset[str]) -> int:
    """Mark turns whose run is dead; what they had shown stays. Returns how many."""
    abandoned = session.scalars(select(TurnRow).where(TurnRow.status == "running", TurnRow.run.not_in(living))).all()
    for row in abandoned:
        row.status, row.finished_at = "interrupted", conversations.now()
        if row.superseded_by is None:
            _index(session, row)
    return len(abandoned)


def one(session: Session, owner: str, turn_id: str) -> Turn:
    return _records(session, TurnRow.id == owned(session, owner, turn_id).id)[0]


def of_conversation(
    session: Session, owner: str, conversation_id: str, *, include_superseded: bool
) -> tuple[Turn, ...]:
    conversations.owned(session, owner, conversation_id)
    counted = [] if include_superseded else [TurnRow.superseded_by.is_(None)]
    return _records(session, TurnRow.conversation_id == conversation_id, *counted)


def _records(session: Session, *which: ColumnElement[bool]) -> tuple[Turn, ...]:
    """In the order they were asked. The model's input is neither taken apart here nor copied."""
    written = type_coerce(TurnRow.model_input, Text)
    last = func.json_extract(TurnRow.model_input, "$.messages[#-1].text")
    query = select(TurnRow, written, last).options(defer(TurnRow.model_input)).where(*which).order_by(TurnRow.number)
    rows = session.execute(query).all()
    pictures = _pictures(session, [row.id for row, _, _ in rows])
    return tuple(_record(row, pictures.get(row.id, ()), text, str(told or "")) for row, text, told in rows)


def picture(session: Session, owner: str, picture_id: str) -> PictureRecord:
    found = (
        select(PictureRow)
        .join(TurnRow)
        .where(PictureRow.id == picture_id, conversations.present(TurnRow.conversation_id))
    )
    row = session.scalar(found)
    if row is None or row.owner != owner:
        raise NotFound("picture")
    return _picture_record(row)


def _next_number(session: Session, conversation_id: str) -> int:
    newest = session.scalar(select(func.max(TurnRow.number)).where(TurnRow.conversation_id == conversation_id))
    return 0 if newest is None else newest + 1


def _supersede(session: Session, owner: str, by: TurnRow, replaces: str) -> None:
    replaced = owned(session, owner, replaces)
    if replaced.conversation_id != by.conversation_id or replaced.superseded_by is not None:
        raise NotFound("turn")
    later = (
        TurnRow.conversation_id == by.conversation_id,
        TurnRow.number >= replaced.number,
        TurnRow.superseded_by.is_(None),
    )
    search.forget(session, list(session.scalars(select(TurnRow.id).where(*later))))
    session.execute(update(TurnRow).where(*later).values(superseded_by=by.id))


def _named_by(session: Session, conversation: ConversationRow, superseded: str) -> bool:
    """Whether the superseded turn was the first and its question, not a person, named the conversation."""
    left = select(TurnRow.id).where(TurnRow.conversation_id == conversation.id, TurnRow.superseded_by.is_(None))
    if session.scalar(left.limit(1)) is not None:
        return False
    question = session.scalar(select(TurnRow.question).where(TurnRow.id == superseded)) or ""
    return bool(conversation.title == conversations.shortened(question))


def _index(session: Session, row: TurnRow) -> None:
    search.index(
        session,
        owner=row.owner,
        conversation_id=row.conversation_id,
        source_id=row.id,
        source="turn",
        written=f"{row.question}\n{row.answer}",
    )


def _add_pictures(session: Session, turn: TurnRow, pictures: Sequence[NewPicture], blobs: Sequence[str]) -> None:
    rows = []
    for number, (new, blob) in enumerate(zip(pictures, blobs, strict=True)):
        rows.append(
            PictureRow(
                id=conversations.new_id(),
                owner=turn.owner,
                turn_id=turn.id,
                number=number,
                sha256=new.sha256,
                blob=blob,
                facts=dict(new.facts),
                view=dict(new.view),
                series_id=new.series_id,
            )
        )
    session.add_all(rows)


def _pictures(session: Session, turn_ids: Sequence[str]) -> dict[str, tuple[PictureRecord, ...]]:
    found: dict[str, tuple[PictureRecord, ...]] = {}
    query = select(PictureRow).where(PictureRow.turn_id.in_(turn_ids)).order_by(PictureRow.number)
    for row in session.scalars(query):
        found[row.turn_id] = (*found.get(row.turn_id, ()), _picture_record(row))
    return found


def _picture_record(row: PictureRow) -> PictureRecord:
    return PictureRecord(
        id=row.id,
        owner=row.owner,
        turn_id=row.turn_id,
        number=row.number,
        sha256=row.sha256,
        blob=row.blob,
        facts=row.facts,
        view=row.view,
        series_id=row.series_id,
    )


def _record(row: TurnRow, pictures: tuple[PictureRecord, ...], written_input: str, told: str) -> Turn:
    return Turn(
        id=row.id,
        owner=row.owner,
        conversation_id=row.conversation_id,
        number=row.number,
        question=row.question,
        answer=row.answer,
        language=row.language,
        status=cast(Status, row.status),
        error=row.error,
        model=row.model,
        settings=row.settings,
        written_input=written_input,
        timings=row.timings,
        superseded_by=row.superseded_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
        pictures=pictures,
        told=told,
    )
