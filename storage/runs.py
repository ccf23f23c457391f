"""Which runs of the program still live, told by file locks that die with their process. Knows no turn."""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path


class Run:
    """This run: a name and an exclusive lock on `<folder>/<name>`, held until `end` or death."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / uuid.uuid4().hex
        self._file = _lock_new(self._path)

    @property
    def id(self) -> str:
        return self._path.name

    def end(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def living(folder: Path) -> frozenset[str]:
    """Names of the runs whose process still holds its lock. Files left by dead ones are removed."""
    alive: set[str] = set()
    for path in folder.iterdir():
        if _is_held(path):
            alive.add(path.name)
    return frozenset(alive)


def _lock_new(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Between open and flock another process may have taken the file for a dead run's and removed it.
        if _same(descriptor, path):
            return descriptor
        os.close(descriptor)


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(descriptor)
