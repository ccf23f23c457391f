"""The command line: finds the command that was typed and runs it; knows no command's inside."""

from __future__ import annotations

import importlib
import io
import itertools
import logging
import os
import sys
from collections.abc import Sequence

from app.commands.call import FAILED, MISUSED, REFUSED, STOPPED, Call, Misuse
from app.commands.help import show_help
from app.commands.parser import COMMANDS, LANGUAGES, parse
from app.failures import WithoutMessages, trace
from app.locale import Locale
from app.notices import UNEXPECTED
from app.settings import SettingError, operator_locale, read_settings
from app.terminal import Terminal

log = logging.getLogger(__name__)


def main(typed: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says how it ended (see `--help`)."""
    words = list(sys.argv[1:] if typed is None else typed)
    for stream in (sys.stdout, sys.stderr):  # where a terminal has no Arabic letters, its words still come through
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    locale = _locale(words)
    terminal = Terminal(sys.stdout, sys.stderr, shape="--shape" in words)
    try:
        arguments = parse(words)
        if arguments.help:
            show_help(terminal, locale)
            return 0
        return _run(Call(arguments, read_settings(), locale, terminal))
    except Misuse as misuse:
        terminal.complain(locale.sentence(misuse.key, what=misuse.what))
        terminal.complain(locale.sentence("usage-see-help"))
        return MISUSED
    except SettingError as error:
        terminal.complain(error.sentence(locale))
        return MISUSED
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except ModuleNotFoundError:
        raise  # told by whoever started this
    except Exception as error:  # nobody foresaw it: its place helps whoever mends it, its message may name a patient
        log.error("an unexpected %s", trace(error))
        terminal.complain(locale.sentence(UNEXPECTED))
        return FAILED


def _run(call: Call) -> int:
    handler = logging.StreamHandler()
    handler.setFormatter(WithoutMessages("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it recommends a package that fetches code by itself
    name: str = call.arguments.command
    module = importlib.import_module(COMMANDS[name][0])
    code: int = getattr(module, "run_" + name.replace("-", "_"))(call)
    return code


def _locale(words: Sequence[str]) -> Locale:
    """The language to speak: what `--language` says, before anything else is understood."""
    for word, following in itertools.pairwise([*words, ""]):
        asked = following if word == "--language" else word.removeprefix("--language=")
        if word.startswith("--language") and asked in LANGUAGES:
            return Locale(asked)
    return operator_locale()
