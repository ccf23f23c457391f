"""Quantised weights kept for the next start: what they are named after, when they are worthless, how they go.

The name is a digest of everything the kept weights depend on: the contents of the weight files (those of a tower
that lies elsewhere included), the configuration, the precision and the library that names the tensors. Whatever
changes, changes the name; what was kept under another name for the same checkpoint is deleted when the new one is
there. A copy that turns out to be damaged is deleted and made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.checkpoint import Checkpoint
from model.errors import CheckpointIncomplete
from model.weights import fingerprint, stored_tensors, weight_files

log = logging.getLogger(__name__)

WORTH_KEEPING = 512 * 1024 * 1024  # stored bytes; below this, quantising again is faster than it matters
_FORM = 2  # of what is kept; a change makes everything kept before worthless
_ABANDONED = 24 * 3600  # seconds after which a half-written copy belongs to a process that is gone
_NOTE = "kept.json"


def revision(checkpoint: Checkpoint, tower: Sequence[Path], cache: Path | None) -> str:
    """sha256 over the weight files and those of a tower that lies elsewhere; with a cache folder, read again only
    when a file's size or time changed."""
    files = (*checkpoint.files, *tower)
    if cache is None:
        return fingerprint(files)
    state = [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    ledger = cache / "fingerprints.json"
    known = _read(ledger)
    key = str(checkpoint.folder.resolve())
    entry = known.get(key)
    if isinstance(entry, dict) and entry.get("files") == state and isinstance(entry.get("sha256"), str):
        return str(entry["sha256"])
    found = fingerprint(files)
    known[key] = {"files": state, "sha256": found}
    try:
        cache.mkdir(parents=True, exist_ok=True)
        part = ledger.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(ledger)
    except OSError as error:  # the fingerprint is computed anew at the next start, no more
        log.warning("the ledger of fingerprints cannot be written: %s", type(error).__name__)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Kept:
    """The place of one checkpoint's quantised weights, whether or not they are there. cache: None keeps nothing."""

    cache: Path | None
    name: str
    source: str
    """The folder of the checkpoint, so that what an older revision left behind can be found."""

    @classmethod
    def of(
        cls,
        checkpoint: Checkpoint,
        *,
        cache: Path | None,
        revision: str,
        tower: dict[str, Any],
        quantization: str,
        plain: str,
    ) -> Kept:
        """tower: the configuration of a tower that lies elsewhere. plain: dtype of what is not quantised. Plain,
        small and already quantised checkpoints are not worth keeping: their place is nowhere."""
        worth = quantization == "nf4" and not checkpoint.prequantized and checkpoint.stored_bytes >= WORTH_KEEPING
        depends = [_FORM, revision, checkpoint.config, tower, quantization, plain, _library()]
        digest = hashlib.sha256(json.dumps(depends, sort_keys=True, default=str).encode()).hexdigest()
        return cls(cache if worth else None, f"{digest[:24]}-{quantization}", str(checkpoint.folder.resolve()))

    @property
    def folder(self) -> Path | None:
        """Where they are, None when they are not."""
        if self.cache is None or not (self.cache / self.name / _NOTE).is_file():
            return None
        return self.cache / self.name

    def checkpoint(self, made_from: Checkpoint) -> Checkpoint | None:
        """The kept copy as a checkpoint; its tokenizer, template and original configuration stay with the one it
        was made from. None when there is none; a copy that lost a file is deleted."""
        folder = self.folder
        if folder is None:
            return None
        config = _read(folder / "config.json")
        try:
            files = weight_files(folder)
            tensors = stored_tensors(files)
        except (CheckpointIncomplete, OSError):
            tensors = {}
        if not tensors or not config:
            self.discard("a file of it is missing or cut short")
            return None
        return Checkpoint(folder, made_from.family, False, config, files, tensors, "bitsandbytes")

    def discard(self, reason: str) -> None:
        """Delete the copy: the next start makes it again."""
        if self.cache is not None:
            log.warning("quantised weights kept by an earlier start are deleted: %s", reason)
            shutil.rmtree(self.cache / self.name, ignore_errors=True)

    def keep(self, size: int, write: Callable[[Path], None]) -> None:
        """Write a freshly quantised model of `size` bytes, unless the disk is nearly full. A failure to keep is
        logged and nothing else: the model in memory is good."""
        if self.cache is None:
            return
        part = self.cache / f"{self.name}.part-{os.getpid()}"
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            self._sweep()
            if shutil.disk_usage(self.cache).free < 2 * size:
                return
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            write(part)
            (part / _NOTE).write_text(json.dumps({"source": self.source}), encoding="utf-8")
            if self.folder is None:
                shutil.rmtree(self.cache / self.name, ignore_errors=True)
                part.rename(self.cache / self.name)
            self._forget_older()
        except OSError as error:
            log.warning("quantised weights cannot be kept: %s", type(error).__name__)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _sweep(self) -> None:
        """What a killed process left half-written."""
        assert self.cache is not None
        for part in self.cache.glob("*.part-*"):
            if time.time() - part.stat().st_mtime > _ABANDONED:
                shutil.rmtree(part, ignore_errors=True)

    def _forget_older(self) -> None:
        """Copies made from earlier contents of the same folder, in the same precision."""
        assert self.cache is not None
        precision = self.name.partition("-")[2]
        for note in self.cache.glob(f"*-{precision}/{_NOTE}"):
            if note.parent.name != self.name and _read(note).get("source") == self.source:
                shutil.rmtree(note.parent, ignore_errors=True)


def _library() -> str:
    """The tensors' names and layout belong to these."""
    from importlib import metadata

    found = []
    for package in ("transformers", "bitsandbytes"):
        try:
            found.append(metadata.version(package))
        except metadata.PackageNotFoundError:
            found.append("")
    return " ".join(found)
