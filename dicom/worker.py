"""The child process of `sandbox`: reads a request, runs a task, replies. Imports no torch, no gradio.

Started as `python -m dicom.worker DESCRIPTOR`; the descriptor is the shared memory for arrays.
"""

from __future__ import annotations

import io
import logging
import os
import pickle
import select
import struct
import sys
import warnings
from typing import Any, BinaryIO

import numpy as np

from dicom.errors import DamagedFile, DicomError, TooComplex, TookTooMuchMemory
from dicom.limits import Limits

_HEADER = struct.Struct("<Q")
_SMALL = 1024  # bytes; smaller arrays travel inside the pickle's own bytes
_ALIGN = 64
_QUIET_SECONDS = 2.0  # without a request, after which deleted files are let go


class _Pickler(pickle.Pickler):
    """Arrays go to shared memory; everything else into the message."""

    def __init__(self, out: BinaryIO, descriptor: int) -> None:
        super().__init__(out, protocol=pickle.HIGHEST_PROTOCOL)
        self._descriptor, self._end = descriptor, 0

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, np.ndarray):
            return None
        array = np.ascontiguousarray(obj)
        offset = self._end
        self._end += -(-array.nbytes // _ALIGN) * _ALIGN or _ALIGN
        if os.fstat(self._descriptor).st_size < self._end:
            os.ftruncate(self._descriptor, self._end)
        view = memoryview(array.reshape(-1).view(np.uint8).data)
        done = 0
        while done < len(view):
            done += os.pwrite(self._descriptor, view[done:], offset + done)
        return offset, array.dtype.str, array.shape


def main() -> None:
    """Serve requests until the pipe closes."""
    descriptor = int(sys.argv[1])
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a decoder prints must not reach the reply pipe
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    limits = _read(requests)
    _bound_memory(limits)
    from dicom import tasks

    desk = tasks.Desk(limits)
    _write(replies, ("ok", None), descriptor)
    while True:
        while desk.keeps_files and not select.select([requests], [], [], _QUIET_SECONDS)[0]:
            desk.tidy()
        try:
            task, arguments = _read(requests)
        except EOFError:
            return
        _bound_time(limits)
        try:
            reply: tuple[Any, ...] = ("ok", desk.run(task, arguments))
        except DicomError as refused:
            reply = ("error", type(refused).__name__, str(refused))
        except MemoryError:
            reply = ("error", TookTooMuchMemory.__name__, "Limits.worker_memory_bytes")
        except RecursionError:
            reply = ("error", TooComplex.__name__, "Limits.nesting")
        except Exception as fault:  # a parser's own fault on hostile bytes: refused, never fatal
            reply = ("error", DamagedFile.__name__, f"{type(fault).__name__} while running {task}")
        _write(replies, reply, descriptor)


def _read(stream: BinaryIO) -> Any:
    head = stream.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise EOFError
    return pickle.loads(stream.read(_HEADER.unpack(head)[0]))


def _write(stream: BinaryIO, reply: Any, descriptor: int) -> None:
    out = io.BytesIO()
    try:
        _Pickler(out, descriptor).dump(reply)
    except (MemoryError, OSError):
        out = io.BytesIO()
        _Pickler(out, descriptor).dump(("error", TookTooMuchMemory.__name__, "Limits.worker_memory_bytes"))
    data = out.getvalue()
    stream.write(_HEADER.pack(len(data)) + data)
    stream.flush()


def _bound_memory(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # no such limits on this system; the wall clock still holds
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limits.worker_memory_bytes, limits.worker_memory_bytes))
    except (ValueError, OSError):
        if sys.platform != "darwin":  # macOS knows the limit but refuses to lower it
            raise


def _bound_time(limits: Limits) -> None:
    """Processor seconds from now; RLIMIT_CPU counts from the start of the process, hence the sum."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + limits.seconds_per_step + 2)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
