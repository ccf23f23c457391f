"""From an error's class to the sentence that says what happened and what to do. Knows nothing else of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.locale import Locale, languages

UNEXPECTED = "error-unexpected"


def key_of(kind: type[BaseException]) -> str:
    """`TooManyFrames` → `error-too-many-frames`, or its nearest ancestor's key that has a sentence."""
    locale = Locale("en")
    return next((key for key in _keys(kind) if locale.has(key)), UNEXPECTED)


def _keys(kind: type[BaseException]) -> Iterator[str]:
    for ancestor in kind.__mro__:
        yield _key(ancestor.__name__)


def _key(name: str) -> str:
    return "error-" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def notice(error: BaseException) -> dict[str, str]:
    """What to tell a reader about `error`, by language code."""
    key = key_of(type(error))
    return {code: Locale(code).sentence(key) for code in languages()}


def notice_named(name: str) -> dict[str, str]:
    """What to tell about an error of which only the class name was kept, in a stored turn."""
    key = _key(name)
    return Locale("en").both(key if Locale("en").has(key) else UNEXPECTED)


def sentence(error: BaseException, locale: Locale) -> str:
    """The same in one language."""
    return locale.sentence(key_of(type(error)))
