"""`python -m app`. Imports nothing at its start but Python's own, to say in words when the rest is not installed."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_OWN = ("app", "dicom", "model", "storage")


def main(typed: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it ended (see `--help`)."""
    try:
        from app.command_line import main as run

        return run(typed)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if not missing or missing in _OWN:
            raise  # a mistake of ours, and nothing to install
        sys.stderr.buffer.write(f"{_not_installed(missing)}\n".encode())
        return 1


def _not_installed(package: str) -> str:
    """The sentence as the set-up scripts read theirs (tools/say.sh): Fluent may be what is missing."""
    asked = (os.environ.get(name) for name in ("BASIRA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    language = "ar" if next(filter(None, asked), "en").startswith("ar") else "en"
    sentences = (_ROOT / "locales" / language / "setup.ftl").read_text(encoding="utf-8").splitlines()
    words = next(line for line in sentences if line.startswith("setup-package = ")).partition(" = ")[2]
    return words.replace("{ $first }", package)


def _leave(ended: list[int]) -> None:
    """Leave at once, everything being closed: taking all libraries apart costs many seconds on a busy machine."""
    if ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended[0])


if __name__ == "__main__":
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    codes: list[int] = []
    atexit.register(_leave, codes)  # the first that is registered is the last that is called
    codes.append(main())
    sys.exit(codes[0])
