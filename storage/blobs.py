"""Files named after the SHA-256 of their bytes. Knows no row that refers to them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from storage.errors import Damaged, DiskFull

_FLUSHERS = 8
"""Threads that wait for the disk: file systems flush together what is asked for together. Fifty 512 kB
files took 4.2 ms each one after another, 0.5 ms each so."""


@dataclass(frozen=True)
class Draft:
    """Bytes on their way: `path` None means that a file of that name was there already."""

    name: str
    content: bytes
    path: Path | None


class Blobs:
    """`<folder>/ab/ab12…`, each file written once, completely or not at all, readable by its owner only."""

    def __init__(self, folder: Path, run: str) -> None:
        """`run` marks this run's half-written files, so that others can tell them from abandoned ones."""
        self._folder = folder
        self._run = run
        self._drafts = folder / "drafts"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._drafts.mkdir(mode=0o700, exist_ok=True)

    def draft(self, contents: Iterable[bytes]) -> list[Draft]:
        """Put `contents` on the disk without giving them their names yet. Raises DiskFull."""
        drafts: list[Draft] = []
        try:
            for content in contents:
                name = hashlib.sha256(content).hexdigest()
                known = self.path(name).exists()
                drafts.append(Draft(name, content, None if known else self._write(content)))
            _flush([draft.path for draft in drafts if draft.path is not None])
        except OSError as error:
            self.discard(drafts)
            raise DiskFull(type(error).__name__) from error
        return drafts

    def keep(self, drafts: Sequence[Draft]) -> list[str]:
        """Give drafts their names; call it while nothing can be erased. Returns the names, in order."""
        shelves = {self._name(draft) for draft in drafts if not self.path(draft.name).exists()}
        _flush(sorted(shelves))
        return [draft.name for draft in drafts]

    def discard(self, drafts: Iterable[Draft]) -> None:
        """Remove what was drafted and not kept."""
        for draft in drafts:
            if draft.path is not None:
                draft.path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The bytes called `name`. Raises Damaged when they are gone (see `sound` for altered ones)."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError as error:
            raise Damaged("a stored file is missing") from error

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def names(self) -> Iterator[str]:
        """All that is stored, in no order."""
        for shelf in self._folder.iterdir():
            if len(shelf.name) == 2:
                yield from (path.name for path in shelf.iterdir())

    def size(self) -> int:
        """How large everything is together; what is erased meanwhile counts nothing."""
        total = 0
        for name in self.names():
            with contextlib.suppress(FileNotFoundError):
                total += self.path(name).stat().st_size
        return total

    def sound(self, name: str) -> bool:
        """Whether the bytes still have their name as their hash."""
        with self.path(name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == name

    def clear_drafts(self, living: frozenset[str]) -> None:
        """Remove what runs that no longer live left half-written."""
        for path in self._drafts.iterdir():
            if path.name.split("-")[0] not in living:
                path.unlink(missing_ok=True)

    def _write(self, content: bytes) -> Path:
        path = self._drafts / f"{self._run}-{uuid.uuid4().hex}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _name(self, draft: Draft) -> Path:
        final = self.path(draft.name)
        source = draft.path
        if source is None:  # a file of that name was there when this was drafted, and was erased since
            source = self._write(draft.content)
            _flush([source])
        final.parent.mkdir(mode=0o700, exist_ok=True)
        os.replace(source, final)
        return final.parent


def _flush(paths: Sequence[Path]) -> None:
    if len(paths) <= 1:
        for path in paths:
            _fsync(path)
        return
    with ThreadPoolExecutor(min(_FLUSHERS, len(paths)), thread_name_prefix="flush") as flushers:
        for _ in flushers.map(_fsync, paths):
            pass


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
