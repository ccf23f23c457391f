"""Room on the disk kept for the ends of turns, given up when there is no other. Knows bytes; knows no turn."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from storage.errors import DiskFull

T = TypeVar("T")
BYTES = 2 * 1024 * 1024
"""A long answer has 20 KiB; SQLite writes it to its log, to its pages and to the search index."""
_SHARES = (1, 2, 4, 8, 16)  # what is left of the room after it was used: as much of it as can be had again


class Reserve:
    """A file of zeros. Every turn that is begun finds it, so that the end of each can be written on a full disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self) -> None:
        """Have the room, from now on. Raises DiskFull."""
        try:
            self._have(BYTES)
        except OSError as error:
            raise DiskFull("no room to end what would be begun") from error

    def spent_on(self, work: Callable[[], T]) -> T:
        """What `work` returns; where the disk is full it is tried once more with this room given up."""
        try:
            return work()
        except DiskFull:
            self._give_up()
            done = work()
        for share in _SHARES:
            with contextlib.suppress(OSError):
                self._have(BYTES // share)
                break
        return done

    def _have(self, size: int) -> None:
        if self._path.exists() and self._path.stat().st_size >= size:
            return
        try:
            with open(self._path, "wb", opener=_private) as file:
                file.write(bytes(size))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._give_up()
            raise

    def _give_up(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
