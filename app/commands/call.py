"""One use of the command line: what was typed, the settings, and where to write. Knows no command."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from app.locale import Locale
from app.settings import Settings
from app.terminal import Terminal

DONE, REFUSED, MISUSED, TRUNCATED, FAILED, STOPPED = 0, 1, 2, 3, 4, 130
"""Exit codes, as `--help` explains them."""

ENDINGS = {"complete": DONE, "truncated": TRUNCATED, "failed": FAILED, "stopped": STOPPED}
"""How an answer ended → exit code."""


class Misuse(Exception):
    """What was typed cannot be meant. `key` is the sentence that says why, with `what` put in."""

    def __init__(self, key: str, what: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.what = what


@dataclass(frozen=True)
class Call:
    arguments: Namespace
    settings: Settings
    locale: Locale
    terminal: Terminal

    def say(self, key: str, **values: str | float) -> None:
        self.terminal.say(self.locale.sentence(key, **values))

    def complain(self, key: str, **values: str | float) -> None:
        self.terminal.complain(self.locale.sentence(key, **values))
