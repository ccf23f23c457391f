"""From words typed to a command and its options. Knows their names, not what they do."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Sequence

from app.commands.call import Misuse

COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "serve": ("app.commands.serve", ()),
    "ask": ("app.commands.ask", ("--image*", "--frame", "--json", "words*")),
    "inspect": ("app.commands.files", ("--json", "words*")),
    "render": ("app.commands.files", ("--out", "--window", "--frame", "words*")),
    "export": ("app.commands.record", ("--out", "--pictures")),
    "models": ("app.commands.models", ("--json",)),
    "convert": ("app.commands.models", ("--quantization", "--tower", "words*")),
    "evaluate": ("app.commands.evaluate", ("--questions", "--images", "--out")),
    "serve-model": ("app.commands.serve_model", ("--host", "--port")),
    "doctor": ("app.commands.doctor", ("--json", "--verify")),
    "settings": ("app.commands.settings", ("--json",)),
}
"""Command → the module whose `run_<command>` does it, and its options: `*` takes several words."""

FLAGS = ("--json", "--verify")
LANGUAGES = ("en", "ar")


class _Parser(argparse.ArgumentParser):
    """argparse without its English: whatever is wrong becomes a Misuse."""

    def error(self, message: str) -> None:  # type: ignore[override] # argparse says NoReturn, as this is
        raise Misuse("usage-wrong")


def parse(typed: Sequence[str]) -> argparse.Namespace:
    """The command (default serve) and its options. Raises Misuse."""
    common, rest = _understood(_common(), _negative_joined(typed), argparse.Namespace())
    common.command = "serve"
    if common.help:
        return common
    if rest and not rest[0].startswith("-"):
        common.command = rest.pop(0)
    if common.command not in COMMANDS:
        close = difflib.get_close_matches(common.command, COMMANDS, n=1)
        raise Misuse("usage-command-close", close[0]) if close else Misuse("usage-command", common.command)
    return _parsed(COMMANDS[common.command][1], rest, common)


def _common() -> _Parser:
    parser = _Parser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--shape", action="store_true")
    parser.add_argument("--language", choices=LANGUAGES)
    return parser


def _parsed(options: Sequence[str], rest: list[str], into: argparse.Namespace) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in options:
        _add(parser, option)
    found, unknown = _understood(parser, rest, into)
    if unknown:
        raise Misuse("usage-option", unknown[0])
    return found


def _negative_joined(typed: Sequence[str]) -> list[str]:
    """`--window -600/1500` as one word: argparse takes a value that begins with a minus for an option."""
    words: list[str] = []
    for word in typed:
        if words and words[-1] == "--window" and re.match(r"-[\d.]", word):
            words[-1] = f"--window={word}"
        else:
            words.append(word)
    return words


def _understood(
    parser: argparse.ArgumentParser, words: list[str], into: argparse.Namespace
) -> tuple[argparse.Namespace, list[str]]:
    try:
        return parser.parse_known_args(words, into)
    except argparse.ArgumentError as error:
        raise Misuse("usage-value", error.argument_name or "") from error


def _add(parser: argparse.ArgumentParser, option: str) -> None:
    name = option.rstrip("*")
    if option in FLAGS:
        parser.add_argument(name, action="store_true")
    elif option == "words*":
        parser.add_argument("words", nargs="*")
    elif option.endswith("*"):
        parser.add_argument(name, nargs="+", action="extend", default=[])
    else:
        parser.add_argument(name)


def whole(text: str | None, name: str, otherwise: int) -> int:
    """A whole number of at least 0 that was typed after `name`. Raises Misuse."""
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit()):
        raise Misuse("usage-value", name)
    return int(text)
