"""What the documents point at exists, and nothing in them waits to be filled in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("assets/*/*.md")])
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@each_document
def test_every_link_and_picture_of_a_document_is_there(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


@each_document
def test_no_document_waits_to_be_filled_in(path: Path) -> None:
    assert re.findall(r"\b[A-Z]+_TABLE\b|\bTODO\b|\bTBD\b|\bXXX\b", path.read_text(encoding="utf-8")) == []


def test_every_command_a_document_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    targets = {name for text in texts for name in re.findall(r"`make ([a-z]+)`", text)}
    modules = {name for text in texts for name in re.findall(r"python -m ((?:benchmarks|tests|model)\.[a-z_.]+)", text)}
    assert {name for name in targets if f"\n{name}:" not in makefile} == set()
    assert {name for name in modules if not (ROOT / (name.rstrip(".").replace(".", "/") + ".py")).exists()} == set()
