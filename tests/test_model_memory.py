"""Quantising while loading never takes the memory of the plain weights. Slow: asked for with BASIRA_SLOW_TESTS=1."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif(
    os.environ.get("BASIRA_SLOW_TESTS") != "1", reason="a minute and 1.1 GB of disk: BASIRA_SLOW_TESTS=1"
)
def test_the_peak_of_loading_a_gigabyte_is_the_four_bit_size_plus_one_shard() -> None:
    from benchmarks.loading import measure

    found = measure(1.1)
    assert found["stored"] > 1e9
    assert found["peak"] < 1.1 * (found["loaded"] + found["largest_shard"])
    assert found["peak"] < 0.7 * found["stored"]
    assert 0.9 < found["estimated"] / found["loaded"] < 1.1
