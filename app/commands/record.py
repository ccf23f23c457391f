"""`export`: the record as JSONL, with the pictures beside it when asked for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from app.commands.call import DONE, REFUSED, Call
from app.notices import sentence

if TYPE_CHECKING:
    from storage import Store


def run_export(call: Call) -> int:
    from storage import StorageError, Store

    pictures = Path(call.arguments.pictures) if call.arguments.pictures else None
    count = 0
    try:
        with _output(call.arguments.out) as out, Store(call.settings.data) as store:
            if pictures is not None:
                pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
            for turn in store.export(None):
                out.write(json.dumps(turn, ensure_ascii=False) + "\n")
                count += 1
                if pictures is not None:
                    _write_pictures(store, turn["owner"], turn["pictures"], pictures)
    except StorageError as error:
        call.terminal.complain(sentence(error, call.locale))
        return REFUSED
    except BrokenPipeError:
        raise
    except OSError as error:
        call.complain("cannot-write", path=call.arguments.out or "", reason=error.strerror or "")
        return REFUSED
    if call.arguments.out:
        call.say("export-done", count=count, path=call.arguments.out)
    return DONE


@contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    """Standard output, or a file only its owner can read: it holds what people asked about patients."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file


def _write_pictures(store: Store, owner: str, pictures: list[dict[str, str]], folder: Path) -> None:
    for picture in pictures:
        target = folder / f"{picture['png_sha256']}.png"
        if not target.exists():
            target.write_bytes(store.picture(owner, picture["id"])[1])
