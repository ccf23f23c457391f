"""Long narrow films on their way to the tower: small enough to be padded, and still what the tower would have seen."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.family_llava import LlavaAdapter, pad_to_square, shrink_strip
from tests import checkpoints
from tests.asking import opened


def film(width: int, height: int) -> Image.Image:
    """Soft shades along both sides, as a scoliosis film or a panoramic one has."""
    across = np.sin(np.linspace(0, 25, width))[None, :]
    down = np.sin(np.linspace(0, 9, height))[:, None]
    return Image.fromarray((127 + 60 * across + 60 * down).astype(np.uint8))


@pytest.mark.parametrize("size", [(4664, 3064), (3064, 4664), (2000, 400), (4096, 200), (9000, 8000), (300, 300)])
def test_ordinary_pictures_keep_their_very_pixels(size: tuple[int, int]) -> None:
    picture = Image.new("L", size)
    assert shrink_strip(picture, 336) is picture


@pytest.mark.parametrize("size", [(20_000, 900), (900, 20_000), (5000, 1), (60_000, 300)])
@pytest.mark.parametrize("side", [96, 336, 896])
def test_a_film_is_never_padded_to_more_than_eight_times_what_the_tower_reads(size: tuple[int, int], side: int) -> None:
    small = shrink_strip(Image.new("L", size), side)
    assert max(small.size) <= max(4096, 8 * side)
    assert max(small.size) >= 4 * side
    assert min(small.size) >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss")
def test_the_tower_sees_of_a_film_what_it_would_have_seen_padded_in_full_at_a_fraction_of_the_memory(
    tmp_path: Path,
) -> None:
    engine = opened(checkpoints.make_llava(tmp_path / "llava"), check=False)
    adapter = engine.composer.adapter
    assert isinstance(adapter, LlavaAdapter)
    picture = film(12_000, 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours = adapter.prepare(picture).tensors["pixel_values"]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    whole = pad_to_square(picture, adapter.pad_colour)
    theirs = adapter.processor(images=whole, return_tensors="pt")["pixel_values"]
    assert grown < 250_000, f"{grown} KiB for a picture whose square holds {whole.width**2 * 3 >> 10}"
    assert float((ours - theirs).abs().mean()) < 0.02
    engine.close()
