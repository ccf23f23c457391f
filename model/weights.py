"""Safetensors files of a folder: names, sizes, a fingerprint, and reading one tensor at a time; knows no model."""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.errors import CheckpointIncomplete

if TYPE_CHECKING:
    import torch

_BYTES = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
_LARGEST_HEADER = 100 * 1024 * 1024  # bytes; the format's own limit


@dataclass(frozen=True)
class Part:
    """Rows of one matrix of a block of three dimensions. turned: the block holds the matrix with rows and columns
    exchanged."""

    number: int
    first: int
    end: int
    turned: bool


@dataclass(frozen=True)
class Stored:
    """One tensor in a file, or a part of one: shape in elements, size in bytes."""

    file: Path
    shape: tuple[int, ...]
    dtype: str
    size: int
    part: Part | None = None

    def matrix(self, number: int, first: int, end: int, *, turned: bool) -> Stored:
        """The rows first…end of a matrix of this block."""
        count, *sides = self.shape
        shape = (end - first, sides[0 if turned else 1])
        size = self.size * shape[0] * shape[1] // (count * sides[0] * sides[1])
        return replace(self, shape=shape, size=size, part=Part(number, first, end, turned))

    @property
    def elements(self) -> int:
        count = 1
        for side in self.shape:
            count *= side
        return count


def read_header(file: Path) -> dict[str, Stored]:
    """Names and shapes of one safetensors file, without reading its tensors.

    Raises CheckpointIncomplete when the file is shorter than its header says.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else _LARGEST_HEADER + 1
        if length > min(_LARGEST_HEADER, size):
            raise CheckpointIncomplete(f"{file.name} is not a whole safetensors file")
        try:
            entries: dict[str, Any] = json.loads(stream.read(length))
        except ValueError as error:
            raise CheckpointIncomplete(f"{file.name} has a damaged header") from error
    found = {}
    try:
        for name, entry in entries.items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            if 8 + length + end > size:
                raise CheckpointIncomplete(f"{file.name} is cut short: {name} is missing")
            found[name] = Stored(file, tuple(entry["shape"]), entry["dtype"], end - start)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointIncomplete(f"{file.name} has a damaged header") from error
    return found


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files that make up the checkpoint; empty when there are none.

    Raises CheckpointIncomplete when the index is damaged or names a file that is not there.
    """
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            names = sorted({str(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CheckpointIncomplete(f"{index.name} is damaged") from error
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise CheckpointIncomplete(f"the index names {len(missing)} missing file(s), first {missing[0]}")
        return tuple(folder / name for name in names)
    return tuple(sorted(folder.glob("*.safetensors")))


def stored_tensors(files: tuple[Path, ...]) -> dict[str, Stored]:
    """Every tensor of the files by its name."""
    found: dict[str, Stored] = {}
    for file in files:
        found.update(read_header(file))
    return found


def fingerprint(files: tuple[Path, ...]) -> str:
    """sha256 over the names and contents of the files: which weights these are, whatever the folder is called."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda path: path.name):
        digest.update(file.name.encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


class Shelf:
    """Reads tensors from many files, holding one file open at a time and no tensor after it was handed out.

    Several threads may read at once, in turns: transformers reads what it does not quantise itself on threads of its
    own. The turns cost nothing, because safetensors keeps the interpreter to itself while it reads; what comes after,
    casting and moving to the device, is done side by side.
    """

    def __init__(self, progress: Callable[[int], None] | None = None) -> None:
        """progress: called with the bytes of each tensor, never by two threads at once."""
        self._turn = threading.RLock()
        self._progress = progress
        self._path: Path | None = None
        self._handle: Any = None

    def read(self, name: str, stored: Stored) -> torch.Tensor:
        """The tensor on the CPU in its stored dtype, in memory of its own (not a view of the file)."""
        with self._turn:
            if self._path != stored.file:
                self.close()
                self._handle = _open(stored.file)
                self._path = stored.file
            tensor = _get(self._handle, name, stored.part)
            if self._progress is not None:
                self._progress(stored.size)
        return tensor

    def close(self) -> None:
        with self._turn:
            self._handle = self._path = None  # the last reference closes the file


def _open(file: Path) -> Any:
    import safetensors

    safe_open: Any = safetensors.safe_open  # untyped
    try:
        # pread instead of mmap: pages of a mapped 16 GB file count as this process's memory until unmapped
        return safe_open(file, framework="pt", device="cpu", backend="pread").__enter__()
    except TypeError:  # safetensors before 0.7 knows only mmap
        return safe_open(file, framework="pt", device="cpu").__enter__()


def _get(handle: Any, name: str, part: Part | None) -> torch.Tensor:
    tensor: torch.Tensor
    if part is None:
        tensor = handle.get_tensor(name)
    elif part.turned:
        tensor = handle.get_slice(name)[part.number, :, part.first : part.end].T.contiguous()
    else:
        tensor = handle.get_slice(name)[part.number, part.first : part.end]
    return tensor


class LazyTensor:
    """What `from_pretrained` takes in a state dict instead of a tensor: reads itself when indexed."""

    def __init__(self, shelf: Shelf, name: str, stored: Stored) -> None:
        self._shelf, self._name, self._stored = shelf, name, stored

    def get_shape(self) -> list[int]:
        return list(self._stored.shape)

    def get_dtype(self) -> str:
        return self._stored.dtype

    def __getitem__(self, key: object) -> torch.Tensor:
        tensor = self._shelf.read(self._name, self._stored)
        return tensor if key is Ellipsis else tensor[key]  # type: ignore[index]  # an index as torch takes it


def lazy_state(tensors: Mapping[str, tuple[str, Stored]], shelf: Shelf) -> dict[str, LazyTensor]:
    """target name → lazy tensor, from target name → (stored name, where)."""
    return {target: LazyTensor(shelf, name, stored) for target, (name, stored) in tensors.items()}
