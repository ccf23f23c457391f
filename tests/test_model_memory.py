"""Quantising while loading never takes the memory of the plain weights, and what is computed before is what it takes:
a gigabyte is made, loaded and deleted; larger checkpoints are headers whose weights are holes in the file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from model import known_checkpoints, memory
from model.checkpoint import inspect
from tests import checkpoints

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


_SIZES = {"F32": 4, "BF16": 2, "U8": 1}
_MEDGEMMA = {"vocab_size": 262208, "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34}
_MEDGEMMA |= {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256}
_BIMEDIX = {"vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
_BIMEDIX |= {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128}


def _matrices(text: dict[str, int], *, head: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a decoder's matrices. head: the head is not the embedding."""
    hidden, inner = text["hidden_size"], text["intermediate_size"]
    queries, keys = (text[name] * text["head_dim"] for name in ("num_attention_heads", "num_key_value_heads"))
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (text["vocab_size"], hidden)}
    if head:
        found["lm_head.weight"] = (text["vocab_size"], hidden)
    for layer in range(text["num_hidden_layers"]):
        attention, mlp = (f"model.layers.{layer}.{part}." for part in ("self_attn", "mlp"))
        found |= {attention + "q_proj.weight": (queries, hidden), attention + "o_proj.weight": (hidden, queries)}
        found |= {attention + "k_proj.weight": (keys, hidden), attention + "v_proj.weight": (keys, hidden)}
        found |= {mlp + "gate_proj.weight": (inner, hidden), mlp + "up_proj.weight": (inner, hidden)}
        found |= {mlp + "down_proj.weight": (hidden, inner)}
    return found


def _header_only(folder: Path, text: dict[str, int], *, head: bool, dtype: str = "BF16", **config: Any) -> Path:
    """A checkpoint whose weights take no disk: the file is a header and a hole."""
    folder.mkdir()
    header: dict[str, Any] = {}
    end = 0
    for name, (rows, columns) in _matrices(text, head=head).items():
        begin, end = end, end + rows * columns * _SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": [rows, columns], "data_offsets": [begin, end]}
    written = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        file.truncate(8 + len(written) + end)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **text, **config}))
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("name", "text", "head", "tower"),
    [("google/medgemma-4b-it", _MEDGEMMA, False, 0.9e9), ("MBZUAI/BiMediX2-8B-hf", _BIMEDIX, True, 0.7e9)],
)
def test_the_memory_asked_for_before_loading_is_what_the_list_of_checkpoints_says(
    tmp_path: Path, name: str, text: dict[str, int], head: bool, tower: float
) -> None:
    known = next(known for known in known_checkpoints() if known.id == name)
    needed = memory.needed_bytes(inspect(_header_only(tmp_path / "it", text, head=head)), "nf4", context=known.context)
    assert 0.8 < (needed + tower) / (known.memory_gb * 1e9) < 1.25  # tower and projector, in bytes at 16 bits


def test_a_word_of_the_vocabulary_costs_its_row_and_nothing_for_quantising(tmp_path: Path) -> None:
    few = inspect(_header_only(tmp_path / "few", _BIMEDIX | {"vocab_size": 1000}, head=True))
    many = inspect(_header_only(tmp_path / "many", _BIMEDIX, head=True))
    more, fewer = (memory.needed_bytes(one, "nf4", context=4096) for one in (many, few))
    rows = 2 * (128256 - 1000) * 4096  # of the embedding and of the head
    assert more - fewer == pytest.approx(2 * rows * memory.WORKSPACE, rel=1e-6)
    assert memory.conversion_bytes(many, "nf4") == 16 * 14336 * 4096
    assert memory.conversion_bytes(many, "bf16") == 0  # as it is stored
    assert memory.conversion_bytes(many, "fp32") == 2 * 128256 * 4096  # the stored embedding, while it is cast


def test_weights_that_are_stored_quantised_need_nothing_for_quantising(tmp_path: Path) -> None:
    settings = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    stored = inspect(_header_only(tmp_path / "it", _BIMEDIX, head=True, dtype="U8", quantization_config=settings))
    assert memory.needed_bytes(stored, "nf4", context=0) == int(stored.stored_bytes * memory.WORKSPACE)


_PEAK = """
import sys
from pathlib import Path
from model import memory, quantized
from model.checkpoint import inspect
import torch, transformers, bitsandbytes
from transformers import LlavaForConditionalGeneration
checkpoint = inspect(Path(sys.argv[1]))
before = memory.peak_resident_bytes()
quantized.load(checkpoint, quantization=sys.argv[2], device="cpu", context=1)
print(memory.peak_resident_bytes() - before, memory.needed_bytes(checkpoint, sys.argv[2], context=1))
"""


@pytest.mark.parametrize("quantization", ["nf4", "bf16"])
@pytest.mark.skipif(memory.available_bytes("cpu") < _MEMORY, reason="less than 3 GB of memory are free")
def test_loading_a_large_vocabulary_takes_what_was_computed_before(tmp_path: Path, quantization: str) -> None:
    text = {"vocab_size": 131072, "hidden_size": 512, "intermediate_size": 1024}
    folder = checkpoints.make_llava(tmp_path / "llava", text=text, dtype="bfloat16")
    command = [sys.executable, "-c", _PEAK, str(folder), quantization]
    root = Path(__file__).resolve().parents[1]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    peak, needed = (int(word) for word in said.split()[-2:])
    assert 0.7 * needed < peak < needed + 64e6  # bytes; the rest is what libraries take at their first use
