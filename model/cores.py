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


def on_a_thread_that_ends(work: Callable[[], T]) -> T:
    """What the work gives or raises; the helpers it computed with are gone when it returns."""
    found: Future[T] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except BaseException as problem:  # raised again where it is waited for
            found.set_exception(problem)

    thread = threading.Thread(target=run, name="loading", daemon=True)
    thread.start()
    try:
        return found.result()
    finally:
        if found.done():  # else the wait was interrupted, and nobody should wait for a large checkpoint then
            thread.join()
