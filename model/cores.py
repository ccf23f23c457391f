"""Which thread computes with all cores; knows no model, no request.

Every thread that computes with several cores keeps helpers of its own. As soon as there are more of them than cores,
GNU's OpenMP (torch's, on Linux) lets all of them sleep between two pieces of work instead of waiting awake, and a
step of the model takes twice as long (measured, docs/engine-log.md). So exactly one thread computes with all cores,
the one that serves the model, and whatever else does, loading above all, happens on a thread that ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
_LAST_SECONDS = 5.0  # for work that nobody waits for any more to notice and clean up


def on_a_thread_that_ends(work: Callable[[threading.Event], T]) -> T:
    """What the work gives or raises; the helpers it computed with are gone when it returns.

    The work is given an event that is set when the wait was interrupted (Ctrl-C): it should then end soon, and close
    what it still makes.
    """
    found: Future[T] = Future()
    unwanted = threading.Event()
    thread = threading.Thread(target=_run, args=(work, unwanted, found), name="loading", daemon=True)
    thread.start()
    try:
        return found.result()
    finally:
        if not found.done():
            unwanted.set()
        thread.join(None if found.done() else _LAST_SECONDS)
        del found  # an exception in it holds this frame, which holds it


def _run(work: Callable[[threading.Event], T], unwanted: threading.Event, found: Future[T]) -> None:
    try:
        found.set_result(work(unwanted))
    except BaseException as problem:  # raised again where it is waited for
        found.set_exception(problem)
