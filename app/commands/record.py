"""`export`: the record as JSONL, with the pictures beside it when asked for."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from app.commands.call import DONE, REFUSED, Call
from app.notices import sentence
from app.terminal import json_line

if TYPE_CHECKING:
    from storage import Store


def run_export(call: Call) -> int:
    """Exit code: 1 when there is no record, or it cannot be read, or its copy cannot be written."""
    from storage import StorageError, Store
    from storage.store import FILE_NAME

    folder = call.settings.data
    if not (folder / FILE_NAME).exists():  # opening would make one, and hide that the folder is the wrong one
        call.complain("export-no-record", folder=str(folder))
        return REFUSED
    pictures = Path(call.arguments.pictures) if call.arguments.pictures else None
    try:
        with Store(folder) as store, _output(call.arguments.out) as out:
            count = _export(store, out, pictures)
    except StorageError as error:
        call.terminal.complain(sentence(error, call.locale))
        return REFUSED
    except BrokenPipeError:
        raise
    except OSError as error:
        path = error.filename or call.arguments.out or call.arguments.pictures or "stdout"
        call.complain("cannot-write", path=str(path), reason=error.strerror or "")
        return REFUSED
    if call.arguments.out:
        call.say("export-done", count=count, path=call.arguments.out)
    return DONE


def _export(store: Store, out: TextIO, pictures: Path | None) -> int:
    """Write every turn; how many there were."""
    if pictures is not None:
        pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
    count = 0
    for turn in store.export(None):
        out.write(json_line(turn, out))
        count += 1
        if pictures is not None:
            _write_pictures(store, turn["owner"], turn["pictures"], pictures)
    return count


@contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    """Standard output, or a file only its owner can read: it holds what people asked about patients."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
    elif _is_special(path):
        with open(path, "w", encoding="utf-8") as file:
            yield file
    else:
        with _replacing(Path(os.path.realpath(path))) as draft, draft.open("w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


def _is_special(path: str) -> bool:
    """Whether something is there that a file must not take the place of: a device, a pipe, a folder."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A new file beside `target` that takes its place once it is whole; if that fails the old one stays."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".export-", dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _write_pictures(store: Store, owner: str, pictures: list[dict[str, str]], folder: Path) -> None:
    for picture in pictures:
        target = folder / f"{picture['png_sha256']}.png"
        if not target.exists():
            with _replacing(target) as draft:
                draft.write_bytes(store.picture(owner, picture["id"])[1])
