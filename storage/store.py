"""The record's door: every method names an owner first and never gives what belongs to another.

Thread-safe. Each method is one short transaction; none is open when it returns. Missing and foreign things
raise the same NotFound. Other errors: see errors.py.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from storage import conversations, erasure, export, ratings, search, series, turns, verification
from storage.blobs import Blobs
from storage.database import SCHEMA, Database, sqlite_has_wal_reset_bug
from storage.errors import FolderUnusable, StorageError
from storage.records import (
    Conversation,
    Ending,
    Health,
    NewFrame,
    NewPicture,
    PictureRecord,
    RatingEvent,
    SeriesRecord,
    Thumb,
    Turn,
    Verification,
)
from storage.reserve import Reserve
from storage.runs import Run, living
from storage.search import Excerpt
from storage.tables import ConversationRow, ErasureRow, TurnRow

FILE_NAME = "basira.sqlite3"
_HANDFUL = 8  # frames replaced in one transaction
Keep = Callable[[], list[str]]


class Store:
    """Everything kept in one folder: `basira.sqlite3`, `blobs/` and `runs/`, for their owner's eyes only."""

    def __init__(self, folder: Path) -> None:
        """Open, make or upgrade. Turns that a dead process left running become interrupted, erasures it
        left half-done are finished. Raises FolderUnusable, NewerSchema, Damaged, Busy."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._run = Run(folder / "runs")
            self._blobs = Blobs(folder / "blobs", self._run.id)
        except OSError as error:
            raise FolderUnusable(type(error).__name__) from error
        self.folder = folder
        self._database = Database(folder / FILE_NAME)
        self._reserve = Reserve(folder / "reserve")
        self._reserve.spent_on(self._clear_up)

    def _clear_up(self) -> None:
        with self._database.writing() as session:
            alive = living(self.folder / "runs") | {self._run.id}
            turns.interrupt_abandoned(session, alive)
            search.index_anew(session)
        self._blobs.clear_drafts(alive)
        abandoned = ConversationRow.deleted_by.not_in(alive)
        erasure.erase_discarded(self._database, self._blobs, abandoned)

    @contextmanager
    def _keeping(self, contents: Sequence[bytes]) -> Iterator[tuple[Session, Keep]]:
        """A write transaction, and what names `contents` as blobs once all checks are passed. The bytes
        reach the disk before the transaction begins, so that it stays short."""
        drafts = self._blobs.draft(contents)
        kept: list[str] = []

        def keep() -> list[str]:
            kept.extend(self._blobs.keep(drafts))
            return kept

        try:
            with self._database.writing() as session:
                yield session, keep
        except BaseException:
            erasure.remove_unreferred(self._database, self._blobs, kept)
            raise
        finally:
            self._blobs.discard(drafts)

    def close(self) -> None:
        with contextlib.suppress(StorageError):  # what could not be erased now is at the next start
            erasure.erase_discarded(self._database, self._blobs, ConversationRow.deleted_by == self._run.id)
        self._database.close()
        self._run.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Conversations

    def start_conversation(self, owner: str, *, language: str) -> Conversation:
        with self._database.writing() as session:
            return conversations.start(session, owner, language)

    def conversation(self, owner: str, conversation_id: str) -> Conversation:
        with self._database.reading() as session:
            return conversations.one(session, owner, conversation_id)

    def conversations(
        self, owner: str, *, search: str | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[Conversation, ...]:
        """Newest first. `search`: all its words must occur in the title, in turns that count or in what lists
        show of its series; those whose title holds most of them come first."""
        with self._database.reading() as session:
            return conversations.newest(session, owner, search, limit, offset)

    def excerpts(self, owner: str, conversation_ids: Sequence[str], query: str) -> dict[str, Excerpt]:
        """By conversation, the sentence of its turns in which the words of `query` were found, where there is one."""
        with self._database.reading() as session:
            return search.excerpts(session, owner, conversation_ids, query)

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        with self._database.writing() as session:
            conversations.rename(session, owner, conversation_id, title)

    def discard_conversation(self, owner: str, conversation_id: str) -> None:
        """Delete it so that it can be taken back: nobody sees it any more. It is erased for good by `erase_discarded`,
        when this store is closed, or at the next start. Raises NotFound."""
        with self._database.writing() as session:
            conversations.discard(session, owner, conversation_id, self._run.id)

    def restore_conversation(self, owner: str, conversation_id: str) -> None:
        """Take a deletion back. Raises NotFound when it has been erased."""
        with self._database.writing() as session:
            conversations.restore(session, owner, conversation_id)

    def erase_discarded(self, before: datetime) -> bool:
        """Erase for good what was deleted here before that moment; True, False: as `delete_conversation`."""
        due = and_(ConversationRow.deleted_by == self._run.id, ConversationRow.deleted_at <= before)
        return erasure.erase_discarded(self._database, self._blobs, due)

    def delete_conversation(self, owner: str, conversation_id: str) -> bool:
        """Erase it for good, rows and blobs. False: gone from every list, but a reader in another program
        delays overwriting the file until the next erasure or start."""
        return erasure.erase(self._database, self._blobs, owner, conversation_id)

    # Series and frames

    def add_series(
        self,
        owner: str,
        conversation_id: str,
        *,
        facts: Mapping[str, Any],
        descriptor: Mapping[str, Any],
        frames: int,
    ) -> SeriesRecord:
        with self._database.writing() as session:
            key = series.add(session, owner, conversation_id, facts=facts, descriptor=descriptor, frames=frames)
            session.flush()
            return series.written(session, owner, key)

    def add_frame(self, owner: str, series_id: str, index: int, *, meta: Mapping[str, Any], samples: bytes) -> None:
        self.add_frames(owner, series_id, [NewFrame(index, meta, samples)])

    def add_frames(self, owner: str, series_id: str, frames: Sequence[NewFrame]) -> None:
        """Several at once, ten times faster a frame. Raises NotFound, AlreadyStored, DiskFull."""
        with self._keeping([frame.samples for frame in frames]) as (session, keep):
            series.add_frames(session, owner, series_id, frames, keep)

    def replace_frames(self, owner: str, series_id: str, frames: Iterable[NewFrame]) -> bool:
        """Give stored frames other samples, a few in one transaction; what they held before is erased from the disk
        unless another frame holds the same. False: as for `delete_conversation`. Raises NotFound, DiskFull."""
        coming = iter(frames)
        while handful := list(itertools.islice(coming, _HANDFUL)):
            with self._keeping([frame.samples for frame in handful]) as (session, keep):
                before = series.replace_frames(session, owner, series_id, handful, keep)
                erasure.note(session, owner, series_id, before)
        return erasure.finish(self._database, self._blobs)

    def amend_series(self, owner: str, series_id: str, changes: Mapping[str, Any]) -> SeriesRecord:
        """Put `changes` into the descriptor, whose other entries stay. Raises NotFound."""
        with self._database.writing() as session:
            row = series.owned(session, owner, series_id)
            row.descriptor = {**row.descriptor, **changes}
            session.flush()
            return series.one(session, owner, series_id)

    def complete_series(
        self, owner: str, series_id: str, *, descriptor: Mapping[str, Any] | None = None
    ) -> SeriesRecord:
        """All frames that could be read are there; `descriptor`, when given, replaces the first one."""
        with self._database.writing() as session:
            row = series.owned(session, owner, series_id)
            row.complete = True
            if descriptor is not None:
                row.descriptor = dict(descriptor)
                series.index(session, row)
            session.flush()
            return series.written(session, owner, series_id)

    def erase_series(self, owner: str, series_id: str) -> bool:
        """Take a series back, rows and blobs; False when a question was asked about it, which keeps it."""
        return erasure.erase_series(self._database, self._blobs, owner, series_id)

    def series(self, owner: str, series_id: str) -> SeriesRecord:
        with self._database.reading() as session:
            return series.one(session, owner, series_id)

    def series_of(self, owner: str, conversation_id: str) -> tuple[SeriesRecord, ...]:
        """In the order they were added."""
        with self._database.reading() as session:
            return series.of_conversation(session, owner, conversation_id)

    def first_series(self, owner: str, conversation_ids: Sequence[str]) -> dict[str, SeriesRecord]:
        """By conversation, for those of `owner` that have one: what a list of conversations shows of each."""
        with self._database.reading() as session:
            return series.firsts(session, owner, conversation_ids)

    def frame(self, owner: str, series_id: str, index: int) -> tuple[dict[str, Any], bytes]:
        """(what the viewer needs to show it, its samples). Raises NotFound, Damaged."""
        with self._database.reading() as session:
            meta, blob = series.frame(session, owner, series_id, index)
        return meta, self._blobs.read(blob)

    def frame_sizes(self, owner: str, series_id: str) -> dict[int, tuple[int, int]]:
        """(rows, columns) of every stored frame, by its number. Raises NotFound."""
        with self._database.reading() as session:
            return series.frame_sizes(session, owner, series_id)

    # Turns and pictures

    def begin_turn(
        self,
        owner: str,
        conversation_id: str,
        *,
        question: str,
        language: str,
        model: Mapping[str, Any],
        settings: Mapping[str, Any],
        pictures: Sequence[NewPicture] = (),
        model_input: Mapping[str, Any],
        replaces: str | None = None,
    ) -> Turn:
        """Store a turn before its first token, status `running`. `replaces`: an earlier turn that, with all
        after it, no longer counts (regenerated, or its question edited); NotFound if it already did not.
        DiskFull when there would be no room to end it."""
        self._reserve.fill()
        beginning = turns.Beginning(question, language, model, settings, model_input, pictures, replaces, self._run.id)
        with self._keeping([picture.png for picture in pictures]) as (session, keep):
            return turns.begin(session, owner, conversation_id, beginning, keep)

    def append_answer(self, owner: str, turn_id: str, answer_so_far: str) -> None:
        """Keep what has been shown, whole; a kill afterwards loses only what came later."""
        with self._database.writing() as session:
            turns.grow(session, owner, turn_id, answer_so_far)

    def finish_turn(
        self,
        owner: str,
        turn_id: str,
        *,
        answer: str,
        status: Ending,
        error: str | None = None,
        timings: Mapping[str, Any],
    ) -> Turn:
        """End a running turn, once, on a full disk too. Raises AlreadyFinished, and NotFound if it was erased
        meanwhile."""

        def finish() -> Turn:
            with self._database.writing() as session:
                return turns.finish(session, owner, turn_id, answer=answer, status=status, error=error, timings=timings)

        return self._reserve.spent_on(finish)

    def turn(self, owner: str, turn_id: str) -> Turn:
        with self._database.reading() as session:
            return turns.one(session, owner, turn_id)

    def turns(self, owner: str, conversation_id: str, *, include_superseded: bool = False) -> tuple[Turn, ...]:
        """In the order they were asked."""
        with self._database.reading() as session:
            return turns.of_conversation(session, owner, conversation_id, include_superseded=include_superseded)

    def picture(self, owner: str, picture_id: str) -> tuple[PictureRecord, bytes]:
        """(its record, the PNG the model was shown). Raises NotFound, Damaged."""
        with self._database.reading() as session:
            record = turns.picture(session, owner, picture_id)
        return record, self._blobs.read(record.blob)

    # Ratings

    def rate(
        self, owner: str, turn_id: str, *, thumb: Thumb | None, reasons: Sequence[str] = (), comment: str = ""
    ) -> RatingEvent:
        """Add a rating, or with `thumb` None take it back; `storage.REASONS` says what goes with which thumb.
        Raises NotFound, NotFinished, ContradictoryRating."""
        with self._database.writing() as session:
            return ratings.rate(session, owner, turn_id, thumb=thumb, reasons=reasons, comment=comment)

    def current_ratings(self, owner: str, conversation_id: str) -> dict[str, RatingEvent]:
        """By turn, for those of the conversation that have been rated: the newest event of each. Raises NotFound."""
        with self._database.reading() as session:
            conversations.owned(session, owner, conversation_id)
            return ratings.of_conversation(session, owner, conversation_id)

    def current_rating(self, owner: str, turn_id: str) -> RatingEvent | None:
        with self._database.reading() as session:
            return ratings.current(session, owner, turn_id)

    # For operators

    def export(self, owner: str | None) -> Iterator[dict[str, Any]]:
        """One dictionary per turn, superseded ones included; None exports everybody's."""
        return export.export(self._database, owner)

    def verify(self, fingerprint: Callable[[bytes], str] | None = None) -> Verification:
        """Re-derive every hash. `fingerprint`, given a picture's PNG, returns the hash of its pixels."""
        return verification.verify(self._database, self._blobs, fingerprint)

    def health(self) -> Health:
        present = ConversationRow.deleted_at.is_(None)
        with self._database.reading() as session:
            counts = [
                session.scalar(select(func.count()).select_from(ConversationRow).where(present)),
                session.scalar(select(func.count()).select_from(TurnRow).join(ConversationRow).where(present)),
                session.scalar(select(func.count()).select_from(ErasureRow)),
            ]
        return Health(
            schema=SCHEMA,
            sqlite=sqlite3.sqlite_version,
            wal_reset_bug=sqlite_has_wal_reset_bug(),
            integrity=self._database.integrity(),
            bytes=self._database.size() + self._blobs.size(),
            conversations=counts[0] or 0,
            turns=counts[1] or 0,
            unfinished_erasures=counts[2] or 0,
        )
