"""Tensors from many files for many threads, as transformers reads checkpoints that it does not quantise itself."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from model import weights
from model.weights import Shelf, Stored, stored_tensors, weight_files
from tests import checkpoints
from tests.asking import QUESTIONS, logits_of, opened


@pytest.fixture
def _at_every_line() -> Iterator[None]:
    """Threads change places at every line of the module, where by themselves they do once in a million."""

    def pause(frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename != weights.__file__:
            return None
        time.sleep(1e-5)
        return pause

    threading.settrace(pause)
    yield
    threading.settrace(None)


@pytest.mark.usefixtures("_at_every_line")
def test_threads_that_read_at_once_each_get_the_tensor_they_asked_for(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    for file in range(4):
        tensors = {f"{file}.{number}": torch.full((50,), 10.0 * file + number) for number in range(5)}
        save_file(tensors, tmp_path / f"{file}.safetensors")
    stored = stored_tensors(weight_files(tmp_path))
    wanted = [*stored.items()] * 10
    random.Random(1).shuffle(wanted)
    sizes: list[int] = []
    shelf = Shelf(sizes.append)

    def read(asked: tuple[str, Stored]) -> bool:
        file, _, number = asked[0].partition(".")
        return bool((shelf.read(*asked) == 10.0 * int(file) + int(number)).all())

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, wanted))
    shelf.close()
    assert sum(sizes) == 10 * sum(one.size for one in stored.values())


@pytest.mark.usefixtures("_at_every_line")
def test_a_checkpoint_of_many_files_computes_what_the_same_in_one_does(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    whole = checkpoints.make_llava(tmp_path / "whole")
    parts = shutil.copytree(whole, tmp_path / "parts", ignore=shutil.ignore_patterns("*.safetensors"))
    checkpoints._save_shards(load_file(whole / "model.safetensors"), parts, "100KB")
    assert len(weight_files(parts)) > 5
    seen: list[float] = []
    one, many = opened(whole, check=False), opened(parts, progress=seen.append, check=False)
    assert (logits_of(one, QUESTIONS[1]) - logits_of(many, QUESTIONS[1])).abs().max() < 1e-4
    assert seen == sorted(seen)
    for engine in (one, many):
        engine.close()
