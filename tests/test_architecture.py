"""The promises of the design that a machine can keep: who imports whom, where sentences live, what has state."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "dicom", "model", "storage")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
EVERYTHING = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
SLOW = {"torch", "transformers", "gradio", "bitsandbytes", "accelerate"}
ARABIC_WORD = re.compile("[\u0621-\u064a]{2,}")
MUTATING = {"append", "add", "extend", "insert", "update", "setdefault", "pop", "clear", "remove", "discard"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


SCREENS, TRAINING = ROOT / "app" / "web", ROOT / "model" / "demo"
SPEAKS_TO_MODELS = ROOT / "model" / "selftest.py"
"""Tries whether a model answers in both languages, so it has to ask something; nobody else reads it."""


def outside(*parts: Path) -> pytest.MarkDecorator:
    chosen = [path for path in SOURCES if not any(path.is_relative_to(part) for part in parts)]
    return pytest.mark.parametrize("path", chosen, ids=name)


each_source = pytest.mark.parametrize("path", SOURCES, ids=name)
each_file = pytest.mark.parametrize("path", EVERYTHING, ids=name)
each_other_file = pytest.mark.parametrize("path", [p for p in EVERYTHING if p != Path(__file__)], ids=name)


def test_the_islands_keep_to_themselves() -> None:
    """import-linter with the contracts of pyproject.toml."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@outside(SCREENS, TRAINING)  # they are Gradio and torch, and imported only when they run
def test_slow_libraries_are_imported_where_they_are_used(path: Path) -> None:
    assert set(imported_at_start(tree(path).body)) & SLOW == set()


def imported_at_start(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name.split(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module.split(".")[0]
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            yield from imported_at_start(statement.orelse)
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            yield from imported_at_start(statement.body)


def test_the_command_line_starts_without_any_slow_library() -> None:
    code = (
        "import sys, app.__main__, app.commands.ask, app.commands.doctor, app.commands.files, dicom, model, storage\n"
        f"print(sorted(set(sys.modules) & {SLOW!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@outside(TRAINING, SPEAKS_TO_MODELS)  # what a model is trained on is data, not what the program says
def test_no_sentence_in_code_is_arabic(path: Path) -> None:
    assert [text for text in strings(tree(path)) if ARABIC_WORD.search(text)] == []


@pytest.mark.parametrize("path", [p for p in SOURCES if p.is_relative_to(ROOT / "app")], ids=name)
def test_no_sentence_in_the_app_is_english(path: Path) -> None:
    assert [text for text in strings(tree(path)) if is_sentence(text)] == []


def is_sentence(text: str) -> bool:
    """Four words or more of plain letters, and nothing of a pattern, a path or markup."""
    words = text.split()
    plain = [word for word in words if re.fullmatch(r"[A-Za-z][a-z’']*[.,;:?!]?", word)]
    return len(plain) >= 4 and len(plain) >= 0.8 * len(words)


def strings(module: ast.Module) -> Iterator[str]:
    """String constants people could come to read: no docstrings, no messages of exceptions, asserts and logs."""
    technical = {id(node) for part in ast.walk(module) for node in _technical(part)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in technical:
            yield node.value


def _technical(part: ast.AST) -> Iterator[ast.AST]:
    if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
        yield part.value
    elif isinstance(part, ast.Raise | ast.Assert) or (isinstance(part, ast.Call) and _is_technical_call(part.func)):
        yield from ast.walk(part)


def _is_technical_call(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id in ("log", "logging", "warnings")
    called = function.id if isinstance(function, ast.Name) else ""
    return called.endswith(("Error", "Warning")) or called in RAISED


def _raised() -> set[str]:
    import dicom
    import model

    # BadRequest is answered in OpenAI's protocol, which is English, to programs.
    return {kind.__name__ for kind in (*dicom.ALL, *model.ALL_ERRORS)} | {"BadRequest"}


RAISED = _raised()


@each_source
def test_no_module_has_state_that_changes(path: Path) -> None:
    module = tree(path)
    assert [node for node in ast.walk(module) if isinstance(node, ast.Global)] == []
    containers = set(module_containers(module))
    assert {found for found in containers if not found.strip("_").isupper()} == set()
    assert set(mutated(module)) & containers == set()


def module_containers(module: ast.Module) -> Iterator[str]:
    for statement in module.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(
            statement.value, ast.List | ast.Dict | ast.Set
        ):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__")


def mutated(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATING:
            owner = node.func.value
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            owner = node.value
        else:
            continue
        if isinstance(owner, ast.Name):
            yield owner.id


@each_file
def test_every_module_begins_by_saying_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)) or (path.name == "__init__.py" and not text.strip())


@each_source
def test_no_module_is_longer_than_can_be_kept_in_mind(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@each_other_file
def test_exceptions_to_the_rules_say_why(path: Path) -> None:
    """`noqa`, `type: ignore` and catching everything carry their reason on the same line."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := re.search(r"#\s*(noqa|type: ignore)[^#\s]*(?:\[[^\]]*\]|: ?[A-Z0-9, ]+)?(.*)", line):
            assert len(found.group(2).strip(" #-")) > 2, line
        if re.match(r"\s*except (Base)?Exception\b.*:\s*(#.*)?$", line):
            assert "#" in line or "BaseException" in line, line


@each_other_file
def test_nothing_is_left_for_later_and_nothing_names_this_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\bTODO\b|\bFIXME\b|\bXXX\b", text) == []
    assert re.findall(r"[\"'](?:/work/|/root/|/home/)\S*", text) == []
