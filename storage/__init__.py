"""What happened, kept: conversations, turns, pictures, frames, ratings. Knows no screen and no engine."""

from storage.database import SCHEMA, SQLITE_VERSION, sqlite_has_wal_reset_bug
from storage.errors import (
    AlreadyFinished,
    AlreadyStored,
    Busy,
    ContradictoryRating,
    Damaged,
    DiskFull,
    FolderUnusable,
    NewerSchema,
    NotFinished,
    NotFound,
    StorageError,
)
from storage.ratings import REASONS
from storage.records import (
    Conversation,
    Ending,
    Health,
    NewFrame,
    NewPicture,
    PictureRecord,
    RatingEvent,
    SeriesRecord,
    Turn,
    Verification,
)
from storage.search import Excerpt
from storage.spelling import normalised
from storage.store import Store

__all__ = [
    "REASONS",
    "SCHEMA",
    "SQLITE_VERSION",
    "AlreadyFinished",
    "AlreadyStored",
    "Busy",
    "ContradictoryRating",
    "Conversation",
    "Damaged",
    "DiskFull",
    "Ending",
    "Excerpt",
    "FolderUnusable",
    "Health",
    "NewFrame",
    "NewPicture",
    "NewerSchema",
    "NotFinished",
    "NotFound",
    "PictureRecord",
    "RatingEvent",
    "SeriesRecord",
    "StorageError",
    "Store",
    "Turn",
    "Verification",
    "normalised",
    "sqlite_has_wal_reset_bug",
]
