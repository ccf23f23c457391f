"""What Gradio says by itself, on the page and on the terminal, made ours. Knows no screen."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

import jinja2

from app.failures import trace

log = logging.getLogger(__name__)
_SOCIAL = re.compile(r'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')
"""Tags for cards on social networks: Gradio's name, and pictures on other hosts."""


class Plain(jinja2.BaseLoader):
    """Loads what `loader` does, less the tags that would speak for Gradio."""

    def __init__(self, loader: jinja2.BaseLoader) -> None:
        self._loader = loader

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, name, fresh = self._loader.get_source(environment, template)
        return _SOCIAL.sub("", source), name, fresh


class _Traces:
    """Stands where Gradio has Python's `traceback`: what it would print of an error is logged as ours are."""

    def print_exc(self, *_: object, **__: object) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            log.error("an unexpected %s", trace(error))

    def print_exception(self, *_: object, **__: object) -> None:
        self.print_exc()

    def format_exc(self, *_: object, **__: object) -> str:
        error = sys.exc_info()[1]
        return trace(error) if error is not None else ""

    format_exception = format_exc


def _say_nothing(*_: object, **__: object) -> None:
    """Stands where Gradio has `print`: some of what it prints is an error's message, none of it is for our operator."""


def keep_messages_out_of_the_log(libraries: Sequence[str] = ("gradio", "gradio_client")) -> None:
    """Let no module of `libraries` that is loaded print anything, and none log more of an error than class and place:
    they repeat what was typed, a file's name or a value. So does `logging` itself when it cannot write a record."""
    logging.raiseExceptions = False
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in libraries and module is not None:
            vars(module)["print"] = _say_nothing
            if isinstance(vars(module).get("traceback"), ModuleType):
                vars(module)["traceback"] = _Traces()


def speak_for_ourselves(environment: jinja2.Environment) -> None:
    """Make `environment`, of Gradio's templates, leave those tags out."""
    if environment.loader is not None and not isinstance(environment.loader, Plain):
        environment.loader = Plain(environment.loader)
