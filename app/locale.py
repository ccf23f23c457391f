"""A language: its code, its direction and its sentences. Knows Fluent files, not who reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import babel
from fluent.runtime import FluentBundle, FluentResource
from fluent.syntax import ast

FOLDER = Path(__file__).resolve().parent.parent / "locales"
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"


class SentenceError(LookupError):
    """A key or a placeholder that a language's Fluent files do not agree with; always a bug of ours."""


@cache
def languages() -> tuple[str, ...]:
    """Codes of the languages there is a folder for, English (the language of the sources) first."""
    codes = {folder.name for folder in FOLDER.iterdir() if any(folder.glob("*.ftl"))}
    return tuple(sorted(codes, key=lambda code: (code != "en", code)))


@dataclass(frozen=True)
class Locale:
    """One language of the program. Immutable, cheap, safe to share between threads."""

    code: str

    def __post_init__(self) -> None:
        if self.code not in languages():
            raise SentenceError(f"no language {self.code!r}; there are {', '.join(languages())}")

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        return "rtl" if babel.Locale.parse(self.code).text_direction == "rtl" else "ltr"

    def sentence(self, key: str, **values: str | float) -> str:
        """The sentence for people to read.

        Numbers choose plural forms and are written the language's way (so a port is passed as text).
        In a right-to-left language every text put in is wrapped in FSI…PDI (U+2068, U+2069): a file
        name or "3.5 × 2.1 cm" keeps its own order. Raises SentenceError for an unknown key or a value
        that is missing.
        """
        if self.direction == "ltr":
            return self.plain(key, **values)
        selectors = _shelf(self.code).selectors.get(key, frozenset())
        isolated = {name: value if name in selectors else _isolate(value) for name, value in values.items()}
        return self.plain(key, **isolated)

    def plain(self, key: str, **values: str | float) -> str:
        """The same sentence without isolates: for a model to read, or where the text is laid out by hand."""
        return _format(_shelf(self.code), self.code, key, values)

    def both(self, key: str, **values: str | float) -> dict[str, str]:
        """The sentence in every language, by code: for a page that switches without asking the server."""
        return {code: Locale(code).sentence(key, **values) for code in languages()}

    def has(self, key: str) -> bool:
        return key in _shelf(self.code).variables

    def catalogue(self) -> dict[str, str]:
        """Every sentence that needs no value, by key: what the browser gets to switch language at once."""
        return {key: self.sentence(key) for key, names in _shelf(self.code).variables.items() if not names}

    def placeholders(self) -> Mapping[str, frozenset[str]]:
        """The names of the values each sentence needs, by key (references followed)."""
        return _shelf(self.code).variables


@dataclass(frozen=True)
class _Shelf:
    """The parsed files of one language. `selectors` are values that choose a variant and are not shown."""

    bundle: FluentBundle
    variables: Mapping[str, frozenset[str]]
    selectors: Mapping[str, frozenset[str]]


def _isolate(value: str | float) -> str | float:
    # Babel already writes numbers with the marks that keep "-450" in order.
    return f"{FIRST_STRONG_ISOLATE}{value}{POP_ISOLATE}" if isinstance(value, str) and value else value


def _format(shelf: _Shelf, code: str, key: str, values: Mapping[str, str | float]) -> str:
    if key not in shelf.variables:
        raise SentenceError(f"locales/{code} has no sentence {key!r}")
    pattern = shelf.bundle.get_message(key).value
    assert pattern is not None, "the loader refuses messages without a value"
    text, errors = shelf.bundle.format_pattern(pattern, dict(values))
    if errors:
        raise SentenceError(f"locales/{code}, {key!r}: {'; '.join(str(error) for error in errors)}")
    return str(text)


@cache
def _shelf(code: str) -> _Shelf:
    bundle = FluentBundle([code], use_isolating=False)
    entries: dict[str, ast.Message | ast.Term] = {}
    for path in sorted((FOLDER / code).glob("*.ftl")):
        resource = FluentResource(path.read_text(encoding="utf-8"))
        for name, entry in _entries(resource, path):
            if name in entries:
                raise SentenceError(f"{path.parent.name}/{path.name}: {name!r} is defined twice")
            entries[name] = entry
        bundle.add_resource(resource)
    messages = [name for name in entries if not name.startswith("-")]
    return _Shelf(
        bundle,
        {name: frozenset(_variables(name, entries)) for name in messages},
        {name: frozenset(_selectors(entries[name])) for name in messages},
    )


def _entries(resource: ast.Resource, path: Path) -> Iterator[tuple[str, ast.Message | ast.Term]]:
    for entry in resource.body:
        if isinstance(entry, ast.Junk):
            first = (entry.content or "").strip().splitlines()[:1]
            raise SentenceError(f"{path.parent.name}/{path.name}: cannot be parsed at {first}")
        if isinstance(entry, ast.Message):
            if entry.value is None or entry.attributes:
                raise SentenceError(f"{path.parent.name}/{path.name}: {entry.id.name!r} must be one sentence")
            yield entry.id.name, entry
        elif isinstance(entry, ast.Term):
            yield f"-{entry.id.name}", entry


def _nodes(node: object) -> Iterator[object]:
    yield node
    if isinstance(node, ast.BaseNode):
        for value in vars(node).values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _variables(name: str, entries: Mapping[str, ast.Message | ast.Term]) -> set[str]:
    found: set[str] = set()
    for node in _nodes(entries[name]):
        if isinstance(node, ast.VariableReference):
            found.add(node.id.name)
        elif isinstance(node, ast.MessageReference) and node.id.name in entries:
            found |= _variables(node.id.name, entries)
    return found


def _selectors(entry: ast.Message | ast.Term) -> set[str]:
    return {
        node.selector.id.name
        for node in _nodes(entry)
        if isinstance(node, ast.SelectExpression) and isinstance(node.selector, ast.VariableReference)
    }
