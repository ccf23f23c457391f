"""The one screen that explains the command line."""

from __future__ import annotations

from app.locale import Locale
from app.terminal import Terminal

SYNTAX = {
    "serve": "serve",
    "ask": "ask --image FILE… QUESTION",
    "inspect": "inspect FILE…",
    "render": "render --out DIR FILE…",
    "export": "export [--out FILE]",
    "models": "models",
    "convert": "convert SOURCE FOLDER",
    "evaluate": "evaluate --questions FILE",
    "serve-model": "serve-model",
    "doctor": "doctor",
    "settings": "settings",
}


def show_help(terminal: Terminal, locale: Locale) -> None:
    """At most 24 lines of 80 characters, in the operator's language."""
    terminal.say(locale.sentence("help-title"))
    terminal.say("python -m app [COMMAND] [--language en|ar] [--shape]")
    terminal.say()
    terminal.rows([(syntax, locale.sentence(f"help-{name}")) for name, syntax in SYNTAX.items()])
    terminal.say()
    terminal.rows([(f"--{name}", locale.sentence(f"help-{name}")) for name in ("language", "shape")])
    terminal.say()
    terminal.say(locale.sentence("help-exit-codes"))
    terminal.say(locale.sentence("help-settings-hint"))
