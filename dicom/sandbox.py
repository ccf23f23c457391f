"""A pool of child processes that read untrusted bytes. Knows processes and pipes; knows no file format.

Children are started afresh (never forked), with a bare environment, bounded address space and processor
time, and are killed when the wall clock bound passes; a dead one is replaced on the next call. Requests and
small results cross pipes; arrays cross shared memory. What a child sends is unpickled with an allow-list, so
that a child taken over by a hostile file cannot make this process run anything.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import queue
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

import dicom.errors
from dicom.errors import DecoderCrashed, DicomError, TookTooLong
from dicom.limits import Limits

_HEADER = struct.Struct("<Q")
_START_SECONDS = 60.0  # importing the decoders on a busy machine; no file has been read yet
_KEPT_BYTES = 64 * 1024 * 1024  # shared memory beyond this is given back after each answer
_REUSED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""For glibc: up to 64 MiB of a frame's memory are kept for the next one; asking anew costs a third of a CR's time."""
_SCANS = ("scan", "scan_many", "scan_one")
"""Tasks bounded by `Limits.seconds_per_scan`; the last may read one small uncompressed frame along."""
_MESSAGE_BYTES = 256 * 1024 * 1024
_KEPT_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "VIRTUAL_ENV",
)
_PLAIN = {("builtins", name) for name in ("set", "frozenset", "complex", "slice", "range")}
_PACKAGES = ("dicom.values", "dicom.facts", "dicom.headers", "dicom.inspection", "dicom.slides")


class _Unpickler(pickle.Unpickler):
    """Only this package's values and plain builtins; arrays come from shared memory."""

    def __init__(self, data: bytes, memory: int | None) -> None:
        super().__init__(io.BytesIO(data))
        self._memory = memory

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN or (module in _PACKAGES and "." not in name):
            return super().find_class(module, name)
        raise pickle.UnpicklingError("a worker sent a value outside the allow-list")

    def persistent_load(self, pid: Any) -> Any:
        offset, dtype, shape = pid
        if self._memory is None or np.dtype(dtype).hasobject:
            raise pickle.UnpicklingError("a worker sent an array without shared memory")
        array = np.empty(shape, dtype)
        if array.size and _fill(array.reshape(-1).view(np.uint8), self._memory, offset) != array.nbytes:
            raise pickle.UnpicklingError("a worker announced more than its shared memory holds")
        return array


def _fill(target: NDArray[np.uint8], descriptor: int, offset: int) -> int:
    """Bytes copied from a file into an array; without a copy in between where the system can."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [target.data], offset)
    found = os.pread(descriptor, target.size, offset)
    target[: len(found)] = np.frombuffer(found, np.uint8)
    return len(found)


class _Child:
    """One worker process with its pipes and its shared memory."""

    def __init__(self, limits: Limits) -> None:
        self._memory = _shared_memory()
        self._limits = limits
        root = str(Path(__file__).resolve().parents[1])
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment |= {
            "PYTHONPATH": root,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
            **_REUSED_MEMORY,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dicom.worker", str(self._memory.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders print file contents and paths
            pass_fds=(self._memory.fileno(),),
            env=environment,
            cwd=root,
            start_new_session=True,  # Ctrl-C in a terminal is for the program, which then ends its workers
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise DecoderCrashed("the worker has no pipes")
        self._in, self._out = self._process.stdin, self._process.stdout
        self._send(limits)
        try:
            self._receive(time.monotonic() + _START_SECONDS)
        except EOFError as fault:
            self.kill()
            raise DecoderCrashed("a worker process did not start") from fault

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, task: str, arguments: tuple[Any, ...]) -> Any:
        """The result of one task. Raises the task's `DicomError`, `TookTooLong` or `DecoderCrashed`."""
        bounds = self._limits
        quick = task in _SCANS
        seconds = min(bounds.seconds_per_scan, bounds.seconds_per_step) if quick else bounds.seconds_per_step
        deadline = time.monotonic() + seconds
        try:
            self._send((task, arguments))
            kind, *rest = self._receive(deadline)
        except (BrokenPipeError, ConnectionError, EOFError) as fault:
            if -self._process.wait() in (signal.SIGXCPU, signal.SIGPROF):  # its own limits of processor time
                raise TookTooLong("Limits.seconds_per_step: processor time") from fault
            raise DecoderCrashed("a worker process died") from fault
        if kind == "error":
            raise known_error(rest[0], rest[1])
        return rest[0]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _send(self, message: Any) -> None:
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self._in.write(_HEADER.pack(len(data)) + data)
        self._in.flush()

    def _receive(self, deadline: float) -> Any:
        (length,) = _HEADER.unpack(self._exactly(_HEADER.size, deadline))
        if length > _MESSAGE_BYTES:
            raise EOFError("a worker announced an oversized message")
        data = self._exactly(length, deadline)
        memory = self._memory.fileno()
        result = _Unpickler(data, memory).load()
        if os.fstat(memory).st_size > _KEPT_BYTES:
            os.ftruncate(memory, 0)
        return result

    def _exactly(self, count: int, deadline: float) -> bytes:
        parts, descriptor = [], self._out.fileno()
        while count:
            left = deadline - time.monotonic()
            if left <= 0 or not _readable(descriptor, left):
                self.kill()
                raise TookTooLong("Limits.seconds_per_scan or seconds_per_step: wall clock")
            part = os.read(descriptor, min(count, 1 << 20))
            if not part:
                raise EOFError("a worker closed its pipe")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def kill(self) -> None:
        """End the process and give back its pipes and memory. Safe to call twice."""
        self._process.kill()
        for stream in (self._in, self._out, self._memory):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()


def _readable(descriptor: int, seconds: float) -> bool:
    """Whether something comes within `seconds`. `select.select` refuses descriptors beyond the first thousand."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def _shared_memory() -> IO[bytes]:
    """An anonymous file both processes map: memory where the system has memfd, else an unlinked file."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("pixels"), "r+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def known_error(name: str, message: str) -> DicomError:
    """The error a worker named, by its class."""
    kind = getattr(dicom.errors, name, None)
    if isinstance(kind, type) and issubclass(kind, DicomError):
        return kind(message)
    return DecoderCrashed("a worker named an unknown error")


class Sandbox:
    """At most `limits.workers` children, started on first use and kept."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(max(1, self.limits.workers)):
            self._idle.put(None)
        self._closed = False
        self._threads = ThreadPoolExecutor(max(1, self.limits.workers), thread_name_prefix="dicom")
        self._lock = threading.Lock()

    def call(self, task: str, *arguments: Any) -> Any:
        """The result of the worker's task `task`, waiting for an idle worker. Raises `DicomError`."""
        child = self._idle.get()
        kept: _Child | None = None
        try:
            if self._closed:
                raise DecoderCrashed("the sandbox is closed")
            if child is None or not child.alive:
                if child is not None:
                    child.kill()
                child = _Child(self.limits)
            result = child.ask(task, arguments)
            kept = child
            return result
        except (TookTooLong, DecoderCrashed):
            if child is not None:
                child.kill()
            raise
        except DicomError:
            kept = child
            raise
        except BaseException:  # an interrupted exchange leaves a reply in the pipe: the child cannot be reused
            if child is not None:
                child.kill()
            raise
        finally:
            self._idle.put(kept)

    def submit(self, task: str, *arguments: Any) -> Future[Any]:
        """`call` in the background; the future raises what `call` raises."""
        return self._threads.submit(self.call, task, *arguments)

    def map(self, task: str, argument_lists: Iterable[tuple[Any, ...]], *, ahead: int = 4) -> Iterator[Any]:
        """Results in order, `ahead` of the reader at most; a failed one is returned as its `DicomError`."""
        waiting: list[Future[Any]] = []
        source = iter(argument_lists)
        try:
            while True:
                for arguments in source:
                    waiting.append(self.submit(task, *arguments))
                    if len(waiting) >= max(1, ahead):
                        break
                if not waiting:
                    return
                future = waiting.pop(0)
                try:
                    yield future.result()
                except DicomError as refused:
                    yield refused
        finally:
            for future in waiting:
                future.cancel()

    def pids(self) -> tuple[int, ...]:
        """Process ids of idle children, for tests and diagnosis."""
        with self._idle.mutex:
            return tuple(child.pid for child in self._idle.queue if child is not None)

    def warm(self) -> None:
        """Start every worker now, so that the first file does not wait for it."""
        for future in [self.submit("ping") for _ in range(self.limits.workers)]:
            future.result()

    def close(self) -> None:
        """End all children. Later calls raise `DecoderCrashed`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        while True:
            try:
                child = self._idle.get_nowait()
            except queue.Empty:
                break
            if child is not None:
                child.kill()
        self._idle.put(None)  # a late caller finds a slot and is told that the sandbox is closed


@functools.cache
def shared_sandbox(limits: Limits) -> Sandbox:
    """The process-wide sandbox for these limits; closed when the interpreter ends."""
    import atexit

    sandbox = Sandbox(limits)
    atexit.register(sandbox.close)
    return sandbox


Progress = Callable[[int, int], None]
"""Called with (done, total)."""
