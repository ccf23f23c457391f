"""How a turn ended, written for as long as the record refuses it. Knows no turn."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from storage import AlreadyFinished, Busy, DiskFull, NotFound

_INSIST = 10.0  # seconds that the end of a turn is tried again, while its reader waits, when the record cannot take it
_PAUSE = 0.5
_OWED = 5.0  # seconds between the trials after that, for as long as the program runs


def insist(ending: Callable[[], object]) -> None:
    """Write the end of a turn even if the record is busy or the disk full for a while; then raise what it raised, and
    go on trying in the background: a turn must not be left running by a program that runs."""
    deadline = time.monotonic() + _INSIST
    while True:
        try:
            ending()
            return
        except (Busy, DiskFull):
            if time.monotonic() > deadline:
                threading.Thread(target=_owe, args=(ending,), name="owed ending", daemon=True).start()
                raise
            time.sleep(_PAUSE)


def _owe(ending: Callable[[], object]) -> None:
    while True:
        time.sleep(_OWED)
        with contextlib.suppress(Busy, DiskFull):
            with contextlib.suppress(NotFound, AlreadyFinished):  # erased, or interrupted by another start
                ending()
            return
