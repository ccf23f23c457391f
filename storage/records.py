"""What the record gives and takes: frozen values, detached from the database. Knows no table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, cast

Status = Literal["running", "complete", "truncated", "stopped", "failed", "interrupted"]
"""`interrupted`: the process that was answering ended, or no longer exists."""
Ending = Literal["complete", "truncated", "stopped", "failed", "interrupted"]
"""How a turn ends that its own process ends."""
Thumb = Literal["up", "down"]
Json = dict[str, Any]


@dataclass(frozen=True)
class Conversation:
    """A conversation's head. `title` is empty until a question or a person names it; times are UTC."""

    id: str
    owner: str
    language: str
    title: str
    created_at: datetime
    updated_at: datetime
    turns: int
    """Turns that were not superseded."""


@dataclass(frozen=True)
class SeriesRecord:
    """What was uploaded: allow-listed facts and a descriptor for the viewer; frames lie beside it."""

    id: str
    owner: str
    conversation_id: str
    number: int
    facts: Json
    descriptor: Json
    frames: int
    stored_frames: int
    complete: bool
    created_at: datetime


@dataclass(frozen=True)
class NewFrame:
    """One frame to store: what the viewer must know to show it, and its samples as bytes."""

    index: int
    meta: Mapping[str, Any]
    samples: bytes


@dataclass(frozen=True)
class NewPicture:
    """Exactly what the model is shown: PNG bytes, fingerprint of the pixels, facts, and the view it was."""

    png: bytes
    sha256: str
    facts: Mapping[str, Any]
    view: Mapping[str, Any]
    series_id: str | None = None


@dataclass(frozen=True)
class PictureRecord:
    """A stored picture; `sha256` is the fingerprint of its pixels, `blob` the SHA-256 of its PNG bytes."""

    id: str
    owner: str
    turn_id: str
    number: int
    sha256: str
    blob: str
    facts: Json
    view: Json
    series_id: str | None


@dataclass(frozen=True)
class Turn:
    """One question and what was shown as its answer. `superseded_by` is the turn that took its place."""

    id: str
    owner: str
    conversation_id: str
    number: int
    question: str
    answer: str
    language: str
    status: Status
    error: str | None
    model: Json
    settings: Json
    written_input: str
    """`model_input` as it is kept: it repeats the conversation, 200 turns hold 5 MB, and a list of them needs none."""
    timings: Json
    superseded_by: str | None
    created_at: datetime
    finished_at: datetime | None
    pictures: tuple[PictureRecord, ...]
    told: str
    """The text of the last message that the model was given: the question, after what was said of its pictures."""

    @cached_property
    def model_input(self) -> Json:
        """The messages that the model was given."""
        return cast("Json", json.loads(self.written_input))


@dataclass(frozen=True)
class RatingEvent:
    """One act of rating; a later one of the same rater replaces it in meaning, never in the table.

    `thumb` None withdraws. `snapshot` is what was rated: question, answer, model, settings, prompt hash,
    hashes, facts and views of the pictures, frozen at that moment.
    """

    id: str
    turn_id: str
    rater: str
    number: int
    thumb: Thumb | None
    reasons: tuple[str, ...]
    comment: str
    snapshot: Json
    created_at: datetime


@dataclass(frozen=True)
class Verification:
    """Outcome of re-deriving every hash. The lists name blobs (SHA-256) or pictures (id)."""

    blobs: int
    missing: tuple[str, ...]
    altered: tuple[str, ...]
    orphaned: tuple[str, ...]
    pictures_altered: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not (self.missing or self.altered or self.pictures_altered)


@dataclass(frozen=True)
class Health:
    """What an operator asks about the database."""

    schema: str
    sqlite: str
    wal_reset_bug: bool
    integrity: str
    """`ok`, or the first line of SQLite's quick check."""
    bytes: int
    """The database with its write-ahead log, and all blobs."""
    conversations: int
    turns: int
    unfinished_erasures: int
