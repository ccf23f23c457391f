"""What several tests share: an empty record, an engine that goes on writing. Builders live beside their tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.local import LocalEngine
from storage import Store
from tests import checkpoints
from tests.asking import opened as engine_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """A tiny Llava for four readers whose answers are as long as asked."""
    opened = engine_of(checkpoints.make_llava(tmp_path_factory.mktemp("engine") / "llava"), readers=4)
    opened.scheduler._end_tokens = frozenset()
    yield opened
    opened.close()
