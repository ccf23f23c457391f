"""Series and their frames: facts in rows, samples in blobs. Knows sessions, not when they commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session, aliased

from storage import conversations, search
from storage.errors import AlreadyStored, NotFound
from storage.records import NewFrame, SeriesRecord
from storage.tables import FrameRow, SeriesRow


def add(
    session: Session,
    owner: str,
    conversation_id: str,
    *,
    facts: Mapping[str, Any],
    descriptor: Mapping[str, Any],
    frames: int,
) -> str:
    conversations.owned(session, owner, conversation_id)
    last = session.scalar(select(func.max(SeriesRow.number)).where(SeriesRow.conversation_id == conversation_id))
    row = SeriesRow(
        id=conversations.new_id(),
        owner=owner,
        conversation_id=conversation_id,
        number=0 if last is None else last + 1,  # not their count: one may have been taken back
        facts=dict(facts),
        descriptor=dict(descriptor),
        frames=frames,
        complete=False,
        created_at=conversations.now(),
    )
    session.add(row)
    index(session, row)
    return row.id


def index(session: Session, row: SeriesRow) -> None:
    """Make the conversation findable by what lists show of this series."""
    search.index(
        session,
        owner=row.owner,
        conversation_id=row.conversation_id,
        source_id=row.id,
        source="series",
        written=search.words_of_series(row.facts, row.descriptor),
    )


def owned(session: Session, owner: str, series_id: str) -> SeriesRow:
    """The row, if it is `owner`'s, also of a conversation deleted meanwhile: files still arriving are kept, should it
    be taken back. Raises NotFound."""
    row = session.get(SeriesRow, series_id)
    if row is None or row.owner != owner:
        raise NotFound("series")
    return row


def add_frames(
    session: Session, owner: str, series_id: str, frames: Sequence[NewFrame], keep: Callable[[], list[str]]
) -> None:
    """Rows for `frames`, whose samples `keep` makes blobs. Raises NotFound, AlreadyStored."""
    series = owned(session, owner, series_id)
    numbers = [frame.index for frame in frames]
    if not all(0 <= number < series.frames for number in numbers):
        raise NotFound("frame")
    known = select(FrameRow.number).where(FrameRow.series_id == series_id, FrameRow.number.in_(numbers))
    if len(set(numbers)) < len(numbers) or session.scalar(known.limit(1)) is not None:
        raise AlreadyStored("frame")
    session.add_all(
        FrameRow(owner=owner, series_id=series_id, number=frame.index, meta=dict(frame.meta), blob=blob)
        for frame, blob in zip(frames, keep(), strict=True)
    )


def replace_frames(
    session: Session, owner: str, series_id: str, frames: Sequence[NewFrame], keep: Callable[[], list[str]]
) -> list[str]:
    """Give frames that are there other samples, which `keep` makes blobs; the blobs they had. Raises NotFound."""
    rows = [session.get(FrameRow, (series_id, frame.index)) for frame in frames]
    found = [row for row in rows if row is not None and row.owner == owner]
    if len(found) < len(frames):
        raise NotFound("frame")
    before = [row.blob for row in found]
    for row, frame, blob in zip(found, frames, keep(), strict=True):
        row.meta, row.blob = dict(frame.meta), blob
    return before


def frame(session: Session, owner: str, series_id: str, index: int) -> tuple[dict[str, Any], str]:
    """What the viewer needs for one frame, and the blob its samples are in. Raises NotFound."""
    found = (
        select(FrameRow)
        .join(SeriesRow)
        .where(
            FrameRow.series_id == series_id, FrameRow.number == index, conversations.present(SeriesRow.conversation_id)
        )
    )
    row = session.scalar(found)
    if row is None or row.owner != owner:
        raise NotFound("frame")
    return row.meta, row.blob


def frame_sizes(session: Session, owner: str, series_id: str) -> dict[int, tuple[int, int]]:
    """(rows, columns) of every stored frame, by its number. Raises NotFound."""
    one(session, owner, series_id)
    sides = (FrameRow.meta["rows"].as_integer(), FrameRow.meta["columns"].as_integer())
    found = select(FrameRow.number, *sides).where(FrameRow.series_id == series_id).order_by(FrameRow.number)
    return {number: (rows, columns) for number, rows, columns in session.execute(found)}


def one(session: Session, owner: str, series_id: str) -> SeriesRecord:
    query = _with_counts(owner).where(SeriesRow.id == series_id, conversations.present(SeriesRow.conversation_id))
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound("series")
    return _of(found)


def of_conversation(session: Session, owner: str, conversation_id: str) -> tuple[SeriesRecord, ...]:
    conversations.owned(session, owner, conversation_id)
    query = _with_counts(owner).where(SeriesRow.conversation_id == conversation_id)
    return tuple(_of(found) for found in session.execute(query.order_by(SeriesRow.number)))


def written(session: Session, owner: str, series_id: str) -> SeriesRecord:
    """One that has just been written, whatever became of its conversation meanwhile."""
    return _of(session.execute(_with_counts(owner).where(SeriesRow.id == series_id)).one())


def firsts(session: Session, owner: str, conversation_ids: Sequence[str]) -> dict[str, SeriesRecord]:
    """The first series of each conversation that has one, by conversation."""
    sibling = aliased(SeriesRow)
    first = select(func.min(sibling.number)).where(sibling.conversation_id == SeriesRow.conversation_id)
    query = _with_counts(owner).where(
        SeriesRow.conversation_id.in_(conversation_ids),
        SeriesRow.number == first.scalar_subquery(),
        conversations.present(SeriesRow.conversation_id),
    )
    return {record.conversation_id: record for record in map(_of, session.execute(query))}


def _with_counts(owner: str) -> Select[SeriesRow, int]:
    stored = select(func.count()).where(FrameRow.series_id == SeriesRow.id).scalar_subquery()
    return select(SeriesRow, stored).where(SeriesRow.owner == owner)


def _of(found: Row[SeriesRow, int]) -> SeriesRecord:
    row, stored = found
    return SeriesRecord(
        id=row.id,
        owner=row.owner,
        conversation_id=row.conversation_id,
        number=row.number,
        facts=row.facts,
        descriptor=row.descriptor,
        frames=row.frames,
        stored_frames=stored,
        complete=row.complete,
        created_at=row.created_at,
    )
