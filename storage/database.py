"""The SQLite file: its engines, its pragmas, its schema. Knows no conversation."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from storage.errors import FolderUnusable, NewerSchema, translated

MIGRATIONS = Path(__file__).parent / "migrations"
_PRAGMAS = (
    "busy_timeout=5000",
    "journal_mode=WAL",
    "synchronous=FULL",  # 0.19 ms a commit against 0.02, and no acknowledged turn is lost
    "foreign_keys=ON",
    "recursive_triggers=ON",  # without it INSERT OR REPLACE goes around the append-only triggers
    "secure_delete=ON",
)


def _script_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _newest_revision() -> str:
    head = ScriptDirectory.from_config(_script_config()).get_current_head()
    assert head is not None, "the migrations folder is part of the program"
    return head


SCHEMA = _newest_revision()
"""The revision this version of the program reads and writes."""

SQLITE_VERSION = sqlite3.sqlite_version


class Database:
    """One file, two engines: writers one at a time from the first statement on, readers beside them."""

    def __init__(self, path: Path) -> None:
        """Open or make it, at the newest schema. Raises FolderUnusable, NewerSchema, Damaged, Busy."""
        self.path = path
        _create_private(path)
        self._writer = _engine(path, "BEGIN IMMEDIATE", _PRAGMAS, pool_size=1, max_overflow=0)
        self._reader = _engine(path, "BEGIN", (*_PRAGMAS, "query_only=ON"), pool_size=4, max_overflow=60)
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that holds SQLite's write lock from its start and commits at its end.

        A deferred one that reads before it writes fails under load, whatever the busy timeout
        (SQLITE_BUSY_SNAPSHOT); this one waits. Keep it short, and never hold it while a model generates.
        """
        with translated(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent snapshot that cannot write."""
        with translated(), Session(self._reader, expire_on_commit=False) as session, session.begin():
            yield session

    def scrub(self) -> bool:
        """Rewrite the file so that nothing erased is left in it. False: a reader held on to the old pages."""
        with translated(), self._writer.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.execute("INSERT INTO search_index(search_index) VALUES ('optimize')")
            raw.execute("VACUUM")  # into the WAL; the old pages go with the checkpoint
            blocked, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not blocked

    def size(self) -> int:
        """The file with its write-ahead log, which holds what is not yet copied into it."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def integrity(self) -> str:
        """`ok`, or the first thing SQLite's quick check found."""
        with self.reading() as session:
            return str(session.execute(text("PRAGMA quick_check(1)")).scalar_one())

    def close(self) -> None:
        self._reader.dispose()
        self._writer.dispose()

    def _migrate(self) -> None:
        config = _script_config()
        with translated(), self._writer.begin() as connection:
            if MigrationContext.configure(connection).get_current_revision() == SCHEMA:
                return
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise NewerSchema(str(error)) from error


def sqlite_has_wal_reset_bug(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> bool:
    """SQLite 3.7.0 to 3.51.2 may damage a WAL that several connections checkpoint; two have the remedy."""
    if version >= (3, 51, 3) or version < (3, 7, 0):
        return False
    return not ((3, 44, 6) <= version < (3, 45, 0) or (3, 50, 7) <= version < (3, 51, 0))


def _create_private(path: Path) -> None:
    # SQLite would make the file readable for others; its -wal and -shm take over these rights.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise FolderUnusable(type(error).__name__) from error


def _engine(path: Path, begin: str, pragmas: tuple[str, ...], **pool: int) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        json_serializer=lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False),
        hide_parameters=True,  # what people write stays out of logs and tracebacks
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
