"""No message of an exception reaches the log: whatever Gradio prints of one is found in its source, and made ours."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.shell import keep_messages_out_of_the_log
from tests.serving import ROOT

SECRET = "MUSTERMANN^ERIKA"
_TELLS = {"print_exc", "print_exception", "format_exc", "format_exception", "print"}
ELSEWHERE = re.compile(
    r"gradio\.(cli|screen_recording_utils|ipython_ext|exceptions$)|gradio_client\.(client|cli|exceptions)"
)
"""Parts of the libraries that no request reaches: commands, clients, a route that is closed."""


@cache
def sources() -> tuple[tuple[str, Path], ...]:
    found = []
    for package in ("gradio", "gradio_client"):
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        root = Path(spec.origin).parent
        for path in sorted(root.rglob("*.py")):
            parts = (package, *path.relative_to(root).with_suffix("").parts)
            found.append((".".join(part for part in parts if part != "__init__"), path))
    return tuple(found)


def telling(tree: ast.AST) -> Iterator[str]:
    """What a module calls that may write an error's message."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _TELLS:
                yield name


PROBE = """
import asyncio, json, sys
from app.loading import LoadingEngine
from app.locale import Locale
from app.server import create_app
from app.settings import Settings
from pathlib import Path
from storage import Store
with Store(Path(sys.argv[1])) as store:
    create_app(Settings(model="openai:http://127.0.0.1:9/v1#none"), store, LoadingEngine(print), Locale("en"))
    silent = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("gradio", "gradio_client") and module is not None:
            mine = vars(module)
            traced = mine.get("traceback")
            silent[name] = [mine["print"].__module__, getattr(type(traced), "__module__", "") if traced else "none"]
sys.__stdout__.write(json.dumps(silent))
"""


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """For every module of Gradio that the running program has loaded whose `print` and `traceback` it uses."""
    data = tmp_path_factory.mktemp("silence") / "data"
    told = subprocess.run(
        [sys.executable, "-c", PROBE, str(data)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    )
    found: dict[str, list[str]] = json.loads(told.stdout)
    return found


def test_every_place_where_gradio_writes_what_an_error_says_is_made_ours(silent: dict[str, list[str]]) -> None:
    found = 0
    for name, path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = set(telling(tree))
        if not told or ELSEWHERE.match(name) or name not in silent:
            continue
        found += 1
        assert silent[name][0] == "app.shell", name
        if told != {"print"}:
            assert silent[name][1] == "app.shell", name
        inner = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "traceback"]
        assert inner == [], f"{name} takes its functions out of traceback"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = {alias.name for line in ast.walk(node) if isinstance(line, ast.Import) for alias in line.names}
                assert "traceback" not in names, f"{name}.{node.name} imports it anew"
    assert found > 3


def test_what_prints_an_error_is_loaded_before_it_is_silenced(silent: dict[str, list[str]]) -> None:
    """A module that is loaded later would print as it likes."""
    printing = {
        name
        for name, path in sources()
        if "print_exc" in path.read_text(encoding="utf-8") and not ELSEWHERE.match(name)
    }
    assert {"gradio.routes", "gradio.route_utils", "gradio.utils", "gradio.queueing"} <= printing
    assert printing <= silent.keys()


def test_a_log_that_cannot_be_written_says_nothing_of_what_was_to_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", True)
    keep_messages_out_of_the_log(())
    said = io.StringIO()
    log = logging.Logger("library")
    log.addHandler(logging.StreamHandler(said))
    with redirect_stderr(said), redirect_stdout(said):
        log.error("%d", SECRET)
    assert SECRET not in said.getvalue()
