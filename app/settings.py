"""Every setting, its default and its bounds. The only reader of the environment; knows nobody who uses them.

Each field is read from `BASIRA_` + its name in capitals; the sentence explaining it is
`setting-<name>` in `locales/*/settings.ftl`. An empty variable counts as not set.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.locale import Locale, languages

if TYPE_CHECKING:
    from dicom import Limits

PREFIX = "BASIRA_"
MEBIBYTE = 1024 * 1024
QUANTIZATIONS = ("nf4", "int8", "bf16", "fp32")
_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_KEY_IN_A_LINK = re.compile(r"[A-Za-z0-9._~-]{16,200}")  # nothing a link would have to escape, too long to be guessed
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True)
class Kind:
    """How a setting's text is read (ValueError: it cannot be), and the sentence saying what is expected."""

    read: Callable[[str], Any]
    expected: str
    bounds: Mapping[str, str | float] = field(default_factory=dict)


class SettingError(ValueError):
    """A `BASIRA_…` variable that cannot be used: unknown, or not of the kind that is expected.

    The value is not repeated: it may be a secret pasted into the wrong variable.
    """

    def __init__(self, key: str, name: str, *, close: str = "", expected: Kind | None = None) -> None:
        super().__init__(f"{key}: {name}")
        self.key = key
        self.name = name
        self.close = close
        self.expected = expected

    def sentence(self, locale: Locale) -> str:
        kind = self.expected
        wanted = locale.sentence(kind.expected, **kind.bounds) if kind else ""
        return locale.sentence(self.key, name=self.name, close=self.close, expected=wanted)


def _text(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError
    return text


def _whole(low: int, high: int) -> Kind:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Kind(read, "expected-whole", {"low": str(low), "high": str(high)})


def _number(low: float, high: float) -> Kind:
    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:  # so written, NaN is refused as well
            raise ValueError
        return value

    return Kind(read, "expected-number", {"low": f"{low:g}", "high": f"{high:g}"})


def _choice(*options: str) -> Kind:
    return Kind(lambda text: options[options.index(text)], "expected-choice", {"options": ", ".join(options)})


def _folder(text: str) -> Path:
    try:
        path = Path(text).expanduser().absolute()
        taken = path.exists() and not path.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long, a folder closed to us, no such account
        raise ValueError from error
    if taken:
        raise ValueError
    return path


def _names(text: str) -> tuple[str, ...]:
    """Names of hosts as a browser sends them: small letters, and names in other scripts in their ASCII form."""
    names = tuple(name.strip().encode("idna").decode().lower() for name in text.split(","))
    if not all(map(_HOST_NAME.fullmatch, names)):
        raise ValueError
    return names


def _link_key(text: str) -> str:
    if not _KEY_IN_A_LINK.fullmatch(text):
        raise ValueError
    return text


def _default_data() -> Path:
    """The platform's folder for what a program keeps for its user."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "basira"
    if sys.platform == "win32":
        return Path.home() / "AppData" / "Local" / "basira"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share").absolute() / "basira"


_TEXT = Kind(_text, "expected-text")
_FOLDER = Kind(_folder, "expected-folder")
_NAMES = Kind(_names, "expected-names")
_KEY = Kind(_link_key, "expected-key")


def _setting(kind: Kind, default: Any, *, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"kind": kind, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """What an operator may choose. Made by `read_settings`; in tests by keyword, unchecked."""

    host: str = _setting(_TEXT, "127.0.0.1")
    hostnames: tuple[str, ...] = _setting(_NAMES, ())
    page_key: str | None = _setting(_KEY, None, secret=True)
    port: int = _setting(_whole(1, 65535), 7860)
    data: Path = field(default_factory=_default_data, metadata={"kind": _FOLDER, "secret": False})
    lang: str | None = _setting(_choice("en", "ar"), None)

    model: str = _setting(_TEXT, "demo")
    model_key: str | None = _setting(_TEXT, None, secret=True)
    api_key: str | None = _setting(_TEXT, None, secret=True)
    facts: str = _setting(_choice("told", "silent"), "told")
    quantization: str = _setting(_choice(*QUANTIZATIONS), "nf4")
    max_new_tokens: int = _setting(_whole(1, 32768), 1024)
    temperature: float | None = _setting(_number(0, 2), None)
    top_p: float | None = _setting(_number(0.01, 1), None)
    seed: int | None = _setting(_whole(0, 2**31 - 1), None)
    context: int | None = _setting(_whole(512, 1_000_000), None)
    cuda_graphs: str = _setting(_choice("on", "off"), "off")
    batch: int | None = _setting(_whole(1, 64), None)
    queue: int = _setting(_whole(1, 1000), 32)
    answer_seconds: float = _setting(_number(1, 86400), 600.0)

    upload_mb: int = _setting(_whole(1, 1_000_000), 8192)
    file_mb: int = _setting(_whole(1, 1_000_000), 2048)
    files: int = _setting(_whole(1, 1_000_000), 20_000)
    frames: int = _setting(_whole(1, 1_000_000), 20_000)
    frame_megapixels: float = _setting(_number(0.01, 2000), 160.0)
    file_megapixels: float = _setting(_number(0.01, 1_000_000), 8000.0)
    raster_megapixels: float = _setting(_number(0.01, 2000), 120.0)
    nesting: int = _setting(_whole(1, 500), 64)
    elements: int = _setting(_whole(100, 100_000_000), 1_000_000)
    inflated_mb: int = _setting(_whole(1, 100_000), 1024)
    zip_ratio: float = _setting(_number(1, 100_000), 200.0)
    workers: int = _setting(_whole(1, 64), 2)
    worker_mb: int = _setting(_whole(256, 1_000_000), 3072)
    worker_seconds: float = _setting(_number(1, 3600), 30.0)
    scan_seconds: float = _setting(_number(1, 3600), 9.0)
    frame_seconds: float = _setting(_number(0.1, 3600), 1.0)
    megapixels_per_second: float = _setting(_number(0.01, 1000), 2.0)

    def limits(self) -> Limits:
        """The bounds on reading files that these settings mean; the others keep the reader's own."""
        from dicom import Limits

        return Limits(
            upload_bytes=self.upload_mb * MEBIBYTE,
            file_bytes=self.file_mb * MEBIBYTE,
            files=self.files,
            zip_members=self.files,
            frames=self.frames,
            frame_pixels=round(self.frame_megapixels * 1e6),
            file_pixels=round(self.file_megapixels * 1e6),
            raster_pixels=round(self.raster_megapixels * 1e6),
            nesting=self.nesting,
            elements=self.elements,
            inflated_bytes=self.inflated_mb * MEBIBYTE,
            zip_ratio=self.zip_ratio,
            workers=self.workers,
            worker_memory_bytes=self.worker_mb * MEBIBYTE,
            seconds_per_step=self.worker_seconds,
            seconds_per_scan=self.scan_seconds,
            seconds_per_frame=self.frame_seconds,
            pixels_per_second=self.megapixels_per_second * 1e6,
        )


@dataclass(frozen=True)
class Described:
    """One setting as people read it: variable, default as text, key of its sentence, value now."""

    variable: str
    default: str
    key: str
    value: str


def variable(name: str) -> str:
    """`max_new_tokens` → `BASIRA_MAX_NEW_TOKENS`."""
    return PREFIX + name.upper()


def describe(settings: Settings) -> tuple[Described, ...]:
    """All settings in the order of their declaration. A secret's value is never among them."""
    standard = Settings()
    return tuple(
        Described(
            variable(item.name),
            _shown(getattr(standard, item.name)),
            f"setting-{item.name.replace('_', '-')}",
            "***" if item.metadata["secret"] and getattr(settings, item.name) else _shown(getattr(settings, item.name)),
        )
        for item in fields(Settings)
    )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from `BASIRA_…` variables. Raises SettingError naming the first unknown or malformed one."""
    known = {variable(item.name): item for item in fields(Settings)}
    chosen: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            raise _unknown(name, known)
        if environ[name]:
            chosen[known[name].name] = _read(name, environ[name], known[name].metadata["kind"])
    return Settings(**chosen)


def _unknown(name: str, known: Mapping[str, object]) -> SettingError:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return SettingError("setting-unknown-close", name, close=close[0])
    return SettingError("setting-unknown", name)


def _read(name: str, text: str, kind: Kind) -> Any:
    try:
        return kind.read(text)
    except ValueError as error:
        raise SettingError("setting-malformed", name, expected=kind) from error


def operator_locale(environ: Mapping[str, str] = os.environ) -> Locale:
    """The operator's language: BASIRA_LANG, else the first locale variable that is set, else English.

    Never raises, for it is needed to say what is wrong with the other settings.
    """
    asked = environ.get(variable("lang"), "")
    if asked in languages():
        return Locale(asked)
    from_system = next((environ[name] for name in _LOCALE_VARIABLES if environ.get(name)), "")
    code = from_system.replace("-", "_").split("_")[0].split(".")[0].lower()
    return Locale(code if code in languages() else "en")
