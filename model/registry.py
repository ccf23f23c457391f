"""The checkpoints we know by name: what they are, what they need; read from `checkpoints.toml`, loads nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.checkpoint import Checkpoint

_FILE = Path(__file__).parent / "checkpoints.toml"


@dataclass(frozen=True)
class Known:
    """One entry. memory_gb: at 4-bit with one context. images: most per conversation, 0 for text-only.
    context: tokens it was trained with. boxes: convention of `model.boxes`. thinking: the tags around thoughts.
    sampling: what its authors recommend. batched: several readers in one step. gated: fetched only by who accepted
    its terms. loads: False when it is refused. notes: what else is to be known, each a word for one sentence."""

    id: str
    family: str
    licence: str
    languages: tuple[str, ...]
    context: int
    images: int
    memory_gb: float
    boxes: str = ""
    thinking: tuple[str, str] | None = None
    sampling: tuple[tuple[str, float], ...] = ()
    batched: bool = True
    gated: bool = False
    loads: bool = True
    notes: tuple[str, ...] = ()


def known_checkpoints() -> tuple[Known, ...]:
    """All entries, in the order of the file."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["checkpoint"]
    return tuple(_entry(entry) for entry in entries)


def find(name: str, checkpoint: Checkpoint | None = None) -> Known | None:
    """The entry of a hub id, of a folder named like one, or of a checkpoint that says where it came from."""
    wanted = {name, Path(name).name}
    if checkpoint is not None:
        wanted |= {checkpoint.name, checkpoint.name.rsplit("/", 1)[-1]}
    for entry in known_checkpoints():
        if entry.id in wanted or entry.id.rsplit("/", 1)[-1] in wanted:
            return entry
    return None


def _entry(entry: dict[str, Any]) -> Known:
    thinking = entry.get("thinking")
    return Known(
        id=entry["id"],
        family=entry["family"],
        licence=entry["licence"],
        languages=tuple(entry["languages"]),
        context=int(entry["context"]),
        images=int(entry["images"]),
        memory_gb=float(entry["memory_gb"]),
        boxes=entry.get("boxes", ""),
        thinking=(str(thinking[0]), str(thinking[1])) if thinking else None,
        sampling=tuple(sorted((str(k), float(v)) for k, v in entry.get("sampling", {}).items())),
        batched=bool(entry.get("batched", True)),
        gated=bool(entry.get("gated", False)),
        loads=bool(entry.get("loads", True)),
        notes=tuple(str(note) for note in entry.get("notes", ())),
    )
