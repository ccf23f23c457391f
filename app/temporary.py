"""Where temporary files lie: a private folder for each run, gone with it. Knows no upload."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import DiskFull, FolderUnusable, StorageError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def of_disk(error: OSError) -> StorageError:
    """What an error of the file system means for whoever keeps something there."""
    kind = DiskFull if error.errno in _NO_ROOM else FolderUnusable
    return kind(type(error).__name__)


@contextmanager
def private_folder(data: Path) -> Iterator[Path]:
    """Put every temporary file of this process into a folder of its own below `data`, and remove it at the end.

    Folders that dead runs left behind are removed first. Each run holds a lock on its folder: the number of a
    process says nothing, in a container it is the same at every start. Raises FolderUnusable, DiskFull.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        everyone = data / "temporary"
        everyone.mkdir(mode=0o700, exist_ok=True)
        _remove_abandoned(everyone)
        own, lock = _made(everyone)
    except OSError as error:
        raise of_disk(error) from error
    previous, tempfile.tempdir = tempfile.tempdir, str(own)
    os.environ["GRADIO_TEMP_DIR"] = str(own / "gradio")
    try:
        yield own
    finally:
        tempfile.tempdir = previous
        shutil.rmtree(own, ignore_errors=True)
        os.close(lock)


def leave_no_dump() -> None:
    """Let the system write no image of this process's memory when it crashes: originals and pictures lie in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _remove_abandoned(everyone: Path) -> None:
    for folder in everyone.iterdir():
        if (lock := _locked(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _made(everyone: Path) -> tuple[Path, int]:
    while True:
        folder = everyone / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        lock = _locked(folder)
        # Between mkdir and the lock another run may have taken the folder for a dead one's and removed it.
        if lock is not None and folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds `folder` until it is closed or its process dies; None while another one does."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # gone, or nothing of ours
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
