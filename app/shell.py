"""What Gradio says by itself, on the page and on the terminal, made ours. Knows no screen."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
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
    """Stands where Gradio's queue has Python's `traceback`, of which it uses this much."""

    def print_exc(self) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            log.error("an unexpected %s", trace(error))


def keep_messages_out_of_the_log(queue: ModuleType) -> None:
    """Make `queue`, Gradio's, log of an error only class and place: it prints messages that repeat what was typed."""
    vars(queue)["traceback"] = _Traces()


def speak_for_ourselves(environment: jinja2.Environment) -> None:
    """Make `environment`, of Gradio's templates, leave those tags out."""
    if environment.loader is not None and not isinstance(environment.loader, Plain):
        environment.loader = Plain(environment.loader)
