"""What can go wrong with the record, one class per remedy. Knows no sentence for people.

StorageError
├── NotFound         there is no such thing, or it is another owner's: the two cannot be told apart
├── NotFinished      the turn is still being answered: wait
├── ContradictoryRating  reasons or words that do not go with the thumb, or with none: send what agrees
├── AlreadyFinished  the turn has ended: nothing more can be added to it
├── AlreadyStored    a frame is written once
├── FolderUnusable   the data folder cannot be made, read or written: choose another or mend its rights
├── NewerSchema      a newer version of the program wrote this database: run that one
├── Busy             another process held the database for longer than we wait: try again
├── DiskFull         no room, or the disk fails: make room
└── Damaged          what is stored is not what was stored: restore a backup
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StorageError(Exception):
    """Everything this package raises on purpose."""


class NotFound(StorageError):
    """Missing and foreign alike, so that an identifier tells nothing."""


class NotFinished(StorageError):
    """The turn is still running."""


class ContradictoryRating(StorageError):
    """None of the states that `ratings.REASONS` allows."""


class AlreadyFinished(StorageError):
    """The turn is no longer running."""


class AlreadyStored(StorageError):
    """A frame of that number is there."""


class FolderUnusable(StorageError):
    """The data folder."""


class NewerSchema(StorageError):
    """The database's revision is unknown to this version."""


class Busy(StorageError):
    """SQLITE_BUSY after the busy timeout."""


class DiskFull(StorageError):
    """SQLITE_FULL or SQLITE_IOERR."""


class Damaged(StorageError):
    """SQLITE_CORRUPT, SQLITE_NOTADB, or a blob whose bytes do not have its name as their hash."""


# Primary result codes, see sqlite.org/rescode.html; extended codes keep them in the low byte.
_BY_CODE: dict[int, type[StorageError]] = {
    sqlite3.SQLITE_BUSY: Busy,
    sqlite3.SQLITE_LOCKED: Busy,
    sqlite3.SQLITE_FULL: DiskFull,
    sqlite3.SQLITE_IOERR: DiskFull,
    sqlite3.SQLITE_CORRUPT: Damaged,
    sqlite3.SQLITE_NOTADB: Damaged,
    sqlite3.SQLITE_CANTOPEN: FolderUnusable,
    sqlite3.SQLITE_READONLY: FolderUnusable,
    sqlite3.SQLITE_PERM: FolderUnusable,
}


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors as ours; a programming error (constraint, syntax) passes through untouched."""
    try:
        yield
    except PoolTimeout as error:
        raise Busy("no connection became free") from error
    except DBAPIError as error:
        if (ours := kind_of(error.orig)) is None:
            raise
        # Statement and parameters stay out of the message: they hold what people wrote.
        raise ours from error.orig
    except sqlite3.Error as error:
        if (ours := kind_of(error)) is None:
            raise
        raise ours from error


def kind_of(error: BaseException | None) -> StorageError | None:
    """Our error for one of SQLite's, named after its code; None when it is a mistake of ours."""
    kind = _BY_CODE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    return kind(getattr(error, "sqlite_errorname", "SQLite")) if kind else None
