"""Where originals lie while they are read: files without a name, gone with the process. Knows no format.

Their bytes hold identities. A file that has no name is dropped by the system itself when the last process that holds it
ends, however that ends: it lies in memory (`memfd_create`) as far as the room goes, else on the disk (`O_TMPFILE`).
Readers want a path: a link in a private folder leads to this process's descriptor. Where the system has neither (macOS)
the files have names in that folder, and a helper process removes it as soon as this one is no more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dicom.errors import TooManyFiles

IN_MEMORY = 256 * 1024 * 1024
"""Bytes of one upload or archive that lie in memory; the rest goes to the disk. 500 slices of CT have about 250 MiB."""
NAMELESS = hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")
_JANITOR = "import shutil, sys; sys.stdin.buffer.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"


class Originals:
    """Files under numbers of our own, private to this account. Not safe to use from several threads at once.

    Raises OSError where the system has no room or no folder, `TooManyFiles` where it has no further descriptors.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY, nameless: bool = NAMELESS) -> None:
        self._nameless = nameless
        self._room = in_memory
        self._held: list[IO[bytes]] = []
        self.folder = Path(tempfile.mkdtemp(prefix="originals-"))  # mkdtemp: mode 0700
        janitor = None if nameless else _janitor(self.folder)
        self.close = weakref.finalize(self, _let_go, self.folder, self._held, janitor)
        """Drop all of them. Safe to call twice; done anyway when this object is forgotten or the interpreter ends."""
        if nameless:
            _allow_descriptors()

    def path(self, name: str, size: int) -> Path:
        """An empty file that about `size` bytes will be written to, by whatever process of this account."""
        path = self.folder / name
        if not self._nameless:
            return path
        fits = size <= self._room
        self._link(path, _in_memory() if fits else _on_disk())
        self._room -= size if fits else 0
        return path

    @contextmanager
    def growing(self, name: str) -> Iterator[Growing]:
        """A file that is written here, of a size not yet known; it can be read by its path afterwards."""
        path = self.folder / name
        if not self._nameless:
            with path.open("wb", buffering=0) as file:
                yield Growing(file, sys.maxsize)
            return
        growing = Growing(_in_memory(), self._room)
        try:
            yield growing
        except BaseException:
            growing.file.close()
            raise
        self._room = min(self._room, growing.room)
        self._link(path, growing.file)

    def _link(self, path: Path, file: IO[bytes]) -> None:
        self._held.append(file)
        path.symlink_to(f"/proc/{os.getpid()}/fd/{file.fileno()}")


class Growing:
    """One file being written: in memory while there is `room`, then on the disk."""

    def __init__(self, file: IO[bytes], room: int) -> None:
        self.file = file
        self.room = room
        self._in_memory = True

    def write(self, data: bytes) -> None:
        """Append `data`. Raises OSError."""
        if self._in_memory and len(data) > self.room:
            on_disk = _on_disk()
            self.file.seek(0)
            while piece := self.file.read(1 << 20):
                _write(on_disk, piece)
            self.file.close()
            self.file, self._in_memory = on_disk, False
        if self._in_memory:
            self.room -= len(data)
        _write(self.file, data)


def _write(file: IO[bytes], data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _in_memory() -> IO[bytes]:
    with _descriptors():
        return os.fdopen(os.memfd_create("original"), "r+b", buffering=0)


def _on_disk() -> IO[bytes]:
    with _descriptors():
        return tempfile.TemporaryFile(buffering=0)  # never has a name where the system can do without


@contextmanager
def _descriptors() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.EMFILE, errno.ENFILE):
            raise TooManyFiles("open files of this process") from fault
        raise


def _let_go(folder: Path, held: list[IO[bytes]], janitor: subprocess.Popen[bytes] | None) -> None:
    for file in held:
        with contextlib.suppress(OSError):
            file.close()
    held.clear()
    shutil.rmtree(folder, ignore_errors=True)
    if janitor is not None:
        janitor.communicate()


def _janitor(folder: Path) -> subprocess.Popen[bytes]:
    """A process that waits for the end of this one, whichever way, and removes `folder`."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _JANITOR, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )


def _allow_descriptors() -> None:
    """As many open files as the system lets this account have: each original needs one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
