"""The tables, as the newest migration leaves them. Never seen outside this package."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
Document = JSON().with_variant(JSONB(), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A point in time. SQLite drops offsets, so UTC goes in and comes back marked as UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a point in time needs its offset")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: String(64),
        datetime: Moment,
        dict[str, Any]: Document,
        list[str]: Document,
    }


class Owned:
    """Every row says whose it is."""

    owner: Mapped[str] = mapped_column(String(128), index=True)


class ConversationRow(Owned, Base):
    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str]
    title: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    deleted_at: Mapped[datetime | None]
    """Deleted, and not yet erased for good: nobody sees it, and it can still be taken back."""
    deleted_by: Mapped[str | None]
    """The run of the program that erases it for good, see runs.py."""


class SeriesRow(Owned, Base):
    __tablename__ = "series"
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    number: Mapped[int]
    facts: Mapped[dict[str, Any]]
    descriptor: Mapped[dict[str, Any]]
    frames: Mapped[int]
    complete: Mapped[bool]
    created_at: Mapped[datetime]


class FrameRow(Owned, Base):
    __tablename__ = "frames"
    series_id: Mapped[str] = mapped_column(ForeignKey("series.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    meta: Mapped[dict[str, Any]]
    blob: Mapped[str] = mapped_column(index=True)


class TurnRow(Owned, Base):
    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("conversation_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"))
    number: Mapped[int]
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    language: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    error: Mapped[str | None] = mapped_column(String(128))
    model: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    model_input: Mapped[dict[str, Any]]
    timings: Mapped[dict[str, Any]]
    superseded_by: Mapped[str | None]
    run: Mapped[str]
    """The run of the program that answers it, see runs.py."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class PictureRow(Owned, Base):
    __tablename__ = "pictures"
    __table_args__ = (UniqueConstraint("turn_id", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id"))
    number: Mapped[int]
    sha256: Mapped[str]
    blob: Mapped[str] = mapped_column(index=True)
    facts: Mapped[dict[str, Any]]
    view: Mapped[dict[str, Any]]
    series_id: Mapped[str | None] = mapped_column(ForeignKey("series.id"), index=True)


class RatingRow(Owned, Base):
    """Append-only: triggers refuse UPDATE, and DELETE unless the conversation is being erased."""

    __tablename__ = "rating_events"
    __table_args__ = (UniqueConstraint("turn_id", "rater", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id"))
    rater: Mapped[str] = mapped_column(String(128))
    number: Mapped[int]
    thumb: Mapped[str | None]
    reasons: Mapped[list[str]]
    comment: Mapped[str] = mapped_column(Text)
    snapshot: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class SearchRow(Owned, Base):
    """Normalised text of titles and turns, mirrored by triggers into the trigram index `search_index`."""

    __tablename__ = "search_texts"
    __table_args__ = (
        ForeignKeyConstraint(["conversation_id"], ["conversations.id"]),
        UniqueConstraint("source_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[str] = mapped_column(index=True)
    source_id: Mapped[str]
    """The conversation (its title), series or turn the text is of."""
    source: Mapped[str]
    """`title`, `series` or `turn`."""
    text: Mapped[str] = mapped_column(Text)


class SpellingRow(Base):
    """One row: by which version of spelling.py the texts above were indexed."""

    __tablename__ = "search_spelling"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]


class ErasureRow(Owned, Base):
    """An erasure under way: opens the append-only trigger, and is finished at the next start after a kill."""

    __tablename__ = "erasures"
    conversation_id: Mapped[str] = mapped_column(primary_key=True)
    """Of what is erased: a conversation, or a series whose frames were replaced (its id opens no trigger)."""
    blobs: Mapped[list[str]]
    created_at: Mapped[datetime]
