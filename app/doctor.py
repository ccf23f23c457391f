"""What this machine has and lacks, found by looking. Says it in keys and values; repairs nothing."""

from __future__ import annotations

import importlib.metadata
import io
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.locale import Locale
from app.notices import key_of
from app.numbers import written
from app.settings import Settings

ASSETS = Path(__file__).resolve().parent.parent / "assets"
FONTS = ("Regular", "Medium", "SemiBold")
LEAST_FREE_BYTES = 2 * 1024**3
GIGABYTE = 1e9


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `what` and `problem` are sentence keys, `values` what they need.

    `value` needs no language; where it does, the sentence `<what>-value` takes its place.
    """

    what: str
    value: str = "–"
    problem: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    harmless: bool = False
    """A note: nothing is wrong now."""

    def shown(self, locale: Locale) -> str:
        key = f"{self.what}-value"
        return locale.sentence(key, **self.values) if self.values and locale.has(key) else self.value

    def said(self, locale: Locale) -> str | None:
        return locale.sentence(self.problem, **self.values) if self.problem else None


def examine(settings: Settings, *, verify: bool = False) -> Iterator[Finding]:
    """Every finding, in the order people ask. `verify` re-derives the hash of everything stored: slow."""
    yield Finding("doctor-python", f"{platform.python_version()} ({platform.system()} {platform.machine()})")
    yield from _libraries()
    yield _detector()
    yield from _devices()
    yield _model(settings)
    yield from _record(settings, verify=verify)
    yield _fonts()
    yield _disk(settings)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _libraries() -> Iterator[Finding]:
    for package in ("torch", "transformers", "bitsandbytes", "gradio", "pydicom"):
        version = _version(package)
        problem = None if version else "doctor-library-missing"
        yield Finding(f"doctor-{package}", version or "–", problem, {"package": package})


def _detector() -> Finding:
    """Without it nothing looks for text burned into pictures, and the page says so of each."""
    from dicom import text_detector

    missing = None if text_detector.is_there() else "error-detector-missing"
    return Finding(
        "doctor-detector", f"PP-OCRv6 ({text_detector.PACKAGE} {_version(text_detector.PACKAGE) or '–'})", missing
    )


def _devices() -> Iterator[Finding]:
    from model.hardware import devices

    try:
        found = devices()
    except (ImportError, OSError) as error:  # a torch built for another system fails while it is loaded
        yield Finding("doctor-device", problem="doctor-torch-broken", values={"reason": type(error).__name__})
        return
    for device in found:
        free, total = (written(size / GIGABYTE) for size in (device.free_bytes, device.total_bytes))
        yield Finding("doctor-device", values={"name": device.name, "free": free, "total": total})
    if all(device.kind == "cpu" for device in found):
        yield Finding("doctor-gpu", problem="doctor-no-gpu", harmless=True)


def _model(settings: Settings) -> Finding:
    from model import ModelError
    from model.checkpoint import inspect
    from model.opening import locate

    if settings.model.startswith("openai:"):
        return Finding("doctor-model", settings.model)
    try:
        checkpoint = inspect(locate(settings.model))
    except ModelError as error:
        return Finding("doctor-model", settings.model, key_of(type(error)))
    form = "LLaVA" if checkpoint.original else checkpoint.family
    size = f"{written(checkpoint.stored_bytes / GIGABYTE)} GB"
    return Finding("doctor-model", f"{settings.model} ({form}, {size}, {settings.quantization})")


def _record(settings: Settings, *, verify: bool) -> Iterator[Finding]:
    from storage import SQLITE_VERSION, StorageError, Store, sqlite_has_wal_reset_bug

    folder = settings.data
    yield _folder(folder)
    if (folder / "basira.sqlite3").exists():
        try:
            with Store(folder) as store:
                health = store.health()
                sound = not verify or store.verify(_fingerprint).sound
        except StorageError as error:
            yield Finding("doctor-database", problem=key_of(type(error)))
            return
        damaged = "error-damaged" if health.integrity != "ok" or not sound else None
        values = {
            "conversations": str(health.conversations),
            "turns": str(health.turns),
            "size": written(health.bytes / 1e6),
            "schema": health.schema,
        }
        yield Finding("doctor-database", problem=damaged, values=values)
    else:
        yield Finding("doctor-database", problem="doctor-no-database", harmless=True)
    bug = "doctor-wal-bug" if sqlite_has_wal_reset_bug() else None
    yield Finding("doctor-sqlite", SQLITE_VERSION, bug, harmless=True)


def _fingerprint(png: bytes) -> str:
    from PIL import Image

    from dicom import fingerprint

    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        return fingerprint(image)


def _folder(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("doctor-data", str(folder), "error-folder-unusable")
    if existing == folder and folder.stat().st_mode & 0o077:
        return Finding("doctor-data", str(folder), "doctor-folder-open", {"path": str(folder)})
    return Finding("doctor-data", str(folder))


def _fonts() -> Finding:
    there = [name for name in FONTS if (ASSETS / "fonts" / f"IBMPlexSansArabic-{name}.woff2").is_file()]
    problem = None if len(there) == len(FONTS) else "doctor-fonts-missing"
    return Finding("doctor-fonts", f"IBM Plex Sans Arabic: {', '.join(there) or '–'}", problem)


def _disk(settings: Settings) -> Finding:
    existing = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    problem = "doctor-disk-low" if free < LEAST_FREE_BYTES else None
    return Finding("doctor-disk", f"{written(free / GIGABYTE)} GB", problem)
