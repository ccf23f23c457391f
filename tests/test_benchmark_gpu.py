"""The GPU benchmark runs from end to end on a toy, so that a GPU is the only thing it waits for; what it concludes from
its numbers is right."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import gpu
from benchmarks.gpu_limits import Lengths, Rates, limits
from benchmarks.random_llava import DiskTooSmall, bimedix2_config, make_bimedix2, stored_shapes
from model.checkpoint import Checkpoint
from model.weights import Stored
from tests.checkpoint_words import LLAMA3_SPECIALS, make_tokenizer

ROOT = Path(__file__).resolve().parents[1]
OURS = [row.name for row in gpu.ROWS if row.kind == "engine"]
BASELINES = [row.name for row in gpu.ROWS if row.kind == "generate"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command says with `--json`, after it left nothing behind."""
    place = tmp_path_factory.mktemp("disk")
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--device", "cpu", "--json"]
    done = subprocess.run(
        [*command, "--repeats", "1", "--tokens", "12", "--folder", str(place)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},  # a toy's steps are smaller than handing them to other threads
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(place.iterdir()) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# a minute of a free processor: seven processes that each import transformers; several on a busy machine
@pytest.mark.timeout(1800)
def test_every_row_is_measured_in_one_command(report: dict[str, Any]) -> None:
    assert list(report["rows"]) == [row.name for row in gpu.ROWS]
    for name in (*OURS, *BASELINES):
        row = report["rows"][name]
        assert "failed" not in row, row
        assert all(row[column] > 0 for column in gpu.COLUMNS)
        assert all(row["limit"][column] > 0 for column in gpu.COLUMNS)
        assert set(row["times_baseline"]) == {*gpu.COLUMNS, "load_seconds"}
        assert row["load_seconds"] > 0
        assert row["load_floor_seconds"] > 0
    assert report["prepared"]["device"] == "cpu"
    assert report["prepared"]["versions"]["torch"] != "not installed"


@pytest.mark.timeout(1800)
def test_the_program_loads_from_disk_and_the_next_start_from_the_copy_of_the_first(report: dict[str, Any]) -> None:
    first, following = report["rows"]["engine nf4"], report["rows"]["engine nf4, recorded"]
    assert report["prepared"]["shards"] > 1
    assert first["start"].startswith("first start, quantising")
    assert following["start"].endswith("the 4-bit copy")
    assert following["load_bytes"] < first["load_bytes"]
    assert not any("note" in report["rows"][name] for name in OURS)  # not even the self-test was left out


@pytest.mark.timeout(1800)
def test_the_second_turn_of_ours_reads_only_what_is_new(report: dict[str, Any]) -> None:
    for name in OURS:
        row = report["rows"][name]
        assert row["reused_tokens"] >= row["lengths"]["prompt"]


@pytest.mark.timeout(1800)
def test_a_row_that_cannot_be_measured_says_why_and_costs_no_other(report: dict[str, Any]) -> None:
    try:
        import vllm  # noqa: F401  # only whether it is there
    except ImportError:
        assert report["rows"]["vllm bf16"]["failed"] == "vLLM is not installed"
        assert report["rows"]["vllm nf4"]["failed"] == "vLLM is not installed"


@pytest.mark.timeout(1800)
def test_the_tables_hold_all_rows_and_say_that_a_toy_is_not_judged(
    report: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    gpu.show(report)
    shown = capsys.readouterr().out
    assert all(row.name in shown for row in gpu.ROWS)
    assert shown.count("not judged, a toy") == len(gpu.GOALS)
    assert shown.count("of the limit") == len(OURS) + len(BASELINES)


def test_goals_are_met_or_missed_by_the_best_of_our_rows_in_nf4() -> None:
    rows = {
        "generate nf4": {"one_tok_s": 900.0},
        "engine bf16": {"one_tok_s": 800.0},
        "engine nf4": {"one_tok_s": 300.0, "first_token_ms": 50.0, "next_turn_ms": 30.0},
        "engine nf4, recorded": {"one_tok_s": 450.0, "first_token_ms": 70.0},
    }
    found = {goal["column"]: (goal["is"], goal.get("row")) for goal in gpu.goals(rows, tiny=False)}
    assert found == {
        "one_tok_s": ("met", "engine nf4, recorded"),
        "sixteen_tok_s": ("not measured", None),
        "first_token_ms": ("met", "engine nf4"),
        "next_turn_ms": ("missed", "engine nf4"),
    }


def test_the_limit_of_the_whole_model_is_what_an_h200_allows(tmp_path: Path) -> None:
    """976 and 8,585 tokens per second at 2,048 tokens of context and 4.8 TB/s: what the goals were set against."""
    tokenizer = make_tokenizer(tmp_path, LLAMA3_SPECIALS, bos="<|begin_of_text|>", eos="<|eot_id|>")
    config = bimedix2_config(tokenizer, tiny=False)
    shapes = stored_shapes(config)
    tensors = {name: Stored(tmp_path, shape, "BF16", 2) for name, shape in shapes.items()}
    checkpoint = Checkpoint(tmp_path, "llava", False, config.to_dict(), (), tensors)
    assert 8.3e9 < sum(stored.elements for stored in tensors.values()) < 8.4e9
    best = limits(checkpoint, "nf4", Rates(4.8e12, 790e12), Lengths(prompt=2048, short=2048, answer=0, follow=30))
    assert best["one_tok_s"] == pytest.approx(976, rel=0.01)
    assert best["sixteen_tok_s"] == pytest.approx(8585, rel=0.01)
    assert best["first_token_ms"] == pytest.approx(1e3 * 2 * 6.98e9 * 2048 / 790e12, rel=0.03)  # arithmetic
    assert best["next_turn_ms"] == pytest.approx(1e3 / 976, rel=0.01)  # a step's bytes


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(DiskTooSmall, match=r"GB of disk are missing"):
        make_bimedix2(tmp_path / "checkpoint", tiny=True)
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ([sys.executable, "-c", "print('all is well')"], ""),
        (
            [sys.executable, "-c", "import os; print('device lost', flush=True); os.abort()"],
            "ended with -6: device lost",
        ),
        ([sys.executable, "-c", "import time; time.sleep(600)"], "stopped after 3 s"),
        (["no-such-python"], "no-such-python cannot be run"),
    ],
    ids=["well", "crashed", "hangs", "no Python"],
)
def test_how_a_process_ended_is_told_in_a_line(tmp_path: Path, command: list[str], why: str) -> None:
    told = gpu.run(command, tmp_path / "log", 3.0 if "sleep" in command[-1] else 100.0)
    assert why in told
    assert bool(told) == bool(why)


def test_the_cause_of_a_failed_vllm_is_looked_for_above(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ValueError: no kernel\nRuntimeError: Engine core initialization failed. See root cause above.\n")
    assert gpu.told_better("RuntimeError: Engine core … See root cause above.", log) == "ValueError: no kernel"
    assert gpu.told_better("OutOfMemoryError: CUDA", log) == "OutOfMemoryError: CUDA"
