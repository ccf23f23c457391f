"""Erasing a conversation, or what frames held before they were painted over, so that neither the database file nor
the blobs keep any of it.

Four steps, each safe to repeat after a kill: rows go (and a note of what is still to do stays), blobs
that nobody else refers to go, the file is rewritten, the note goes.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.orm import Session

from storage import conversations, series
from storage.blobs import Blobs
from storage.database import Database
from storage.tables import (
    ConversationRow,
    ErasureRow,
    FrameRow,
    PictureRow,
    RatingRow,
    SearchRow,
    SeriesRow,
    TurnRow,
)


def erase(database: Database, blobs: Blobs, owner: str, conversation_id: str) -> bool:
    """False: nobody can reach it any more, but a reader in another program held on to the old pages, which
    go with the next erasure or at the next start. Raises NotFound."""
    with database.writing() as session:
        _begin(session, conversations.owned(session, owner, conversation_id))
    return finish(database, blobs)


def erase_series(database: Database, blobs: Blobs, owner: str, series_id: str) -> bool:
    """Take back one series, e.g. whose reading was called off, with its frames. Raises NotFound.

    False, and nothing is erased: a question was asked about it, so it belongs to that turn.
    """
    with database.writing() as session:
        series.owned(session, owner, series_id)
        if session.scalar(select(exists().where(PictureRow.series_id == series_id))):
            return False
        frames = select(FrameRow.blob).where(FrameRow.series_id == series_id)
        names = sorted(set(session.scalars(frames)))
        note(session, owner, series_id, names)
        session.execute(delete(SearchRow).where(SearchRow.source_id == series_id))
        session.execute(delete(FrameRow).where(FrameRow.series_id == series_id))
        session.execute(delete(SeriesRow).where(SeriesRow.id == series_id))
    finish(database, blobs)
    return True


def erase_discarded(database: Database, blobs: Blobs, which: ColumnElement[bool]) -> bool:
    """Erase what was deleted and not taken back, where `which` is true of its conversation. As `erase`, otherwise."""
    with database.writing() as session:
        query = select(ConversationRow).where(ConversationRow.deleted_at.is_not(None), which)
        for row in session.scalars(query).all():
            _begin(session, row)
    return finish(database, blobs)


def _begin(session: Session, conversation: ConversationRow) -> None:
    session.add(
        ErasureRow(
            conversation_id=conversation.id,
            owner=conversation.owner,
            blobs=sorted(_blobs_of(session, conversation.id)),
            created_at=conversations.now(),
        )
    )
    session.flush()  # the append-only trigger looks for this row
    _delete_rows(session, conversation.id)


def note(session: Session, owner: str, series_id: str, blobs: Iterable[str]) -> None:
    """`blobs` of this series are to go. The note's key is the series': it opens no conversation's trigger."""
    known = session.get(ErasureRow, series_id)
    if known is not None:
        known.blobs = sorted({*known.blobs, *blobs})
        return
    session.add(
        ErasureRow(conversation_id=series_id, owner=owner, blobs=sorted(set(blobs)), created_at=conversations.now())
    )


def finish(database: Database, blobs: Blobs) -> bool:
    """Complete every erasure that has begun; False when the old pages are still held."""
    with database.writing() as session:
        # The write lock is held, so nobody can come to refer to a blob between the look and the removal.
        pending = session.scalars(select(ErasureRow)).all()
        if not pending:
            return True
        _remove_unreferred(session, blobs, {name for erasure in pending for name in erasure.blobs})
        done = [erasure.conversation_id for erasure in pending]
        for erasure in pending:
            erasure.blobs = []
    if not database.scrub():
        return False
    with database.writing() as session:
        for erasure in session.scalars(select(ErasureRow).where(ErasureRow.conversation_id.in_(done))):
            if not erasure.blobs:  # else more has been replaced meanwhile, and whoever did it finishes it
                session.delete(erasure)
    return True


def remove_unreferred(database: Database, blobs: Blobs, names: Iterable[str]) -> None:
    """Remove those of `names` that no row refers to: what a failed transaction had kept already."""
    if names:
        with database.writing() as session:
            _remove_unreferred(session, blobs, names)


def _remove_unreferred(session: Session, blobs: Blobs, names: Iterable[str]) -> None:
    for name in names:
        if not _referred(session, name):
            blobs.remove(name)


def _blobs_of(session: Session, conversation_id: str) -> set[str]:
    frames = select(FrameRow.blob).join(SeriesRow).where(SeriesRow.conversation_id == conversation_id)
    pictures = select(PictureRow.blob).join(TurnRow).where(TurnRow.conversation_id == conversation_id)
    return {*session.scalars(frames), *session.scalars(pictures)}


def _delete_rows(session: Session, conversation_id: str) -> None:
    turns = select(TurnRow.id).where(TurnRow.conversation_id == conversation_id)
    series = select(SeriesRow.id).where(SeriesRow.conversation_id == conversation_id)
    for statement in (
        delete(SearchRow).where(SearchRow.conversation_id == conversation_id),  # its trigger empties the index
        delete(RatingRow).where(RatingRow.conversation_id == conversation_id),
        delete(PictureRow).where(PictureRow.turn_id.in_(turns)),
        delete(TurnRow).where(TurnRow.conversation_id == conversation_id),
        delete(FrameRow).where(FrameRow.series_id.in_(series)),
        delete(SeriesRow).where(SeriesRow.conversation_id == conversation_id),
        delete(ConversationRow).where(ConversationRow.id == conversation_id),
    ):
        session.execute(statement)


def _referred(session: Session, name: str) -> bool:
    columns: Iterable[type[FrameRow] | type[PictureRow]] = (FrameRow, PictureRow)
    return any(session.scalar(select(exists().where(table.blob == name))) for table in columns)
