"""The HTML document around the screens, which Gradio writes: without what it says about Gradio. Knows no screen."""

from __future__ import annotations

import re
from collections.abc import Callable

import jinja2

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


def speak_for_ourselves(environment: jinja2.Environment) -> None:
    """Make `environment`, of Gradio's templates, leave those tags out."""
    if environment.loader is not None and not isinstance(environment.loader, Plain):
        environment.loader = Plain(environment.loader)
