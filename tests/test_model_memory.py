"""Quantising while loading never takes the memory of the plain weights: a gigabyte is made, loaded and deleted."""

from __future__ import annotations

import shutil
import tempfile

import pytest

from model import memory

_DISK, _MEMORY = 4 << 30, 3 << 30  # bytes the test wants to find free


@pytest.mark.skipif(shutil.disk_usage(tempfile.gettempdir()).free < _DISK, reason="less than 4 GB of disk are free")
@pytest.mark.skipif(memory.available_bytes("cpu") < _MEMORY, reason="less than 3 GB of memory are free")
@pytest.mark.timeout(1200)  # half a minute on a free machine, minutes on one that is busy
def test_the_peak_of_loading_a_gigabyte_is_the_four_bit_size_plus_one_shard() -> None:
    from benchmarks.loading import measure

    found = measure(1.1)
    assert found["stored"] > 1e9
    assert found["peak"] < 1.1 * (found["loaded"] + found["largest_shard"])
    assert found["peak"] < 0.7 * found["stored"]
    assert found["again_peak"] < 1.3 * found["loaded"]
    assert 0.9 < found["estimated"] / found["loaded"] < 1.1
