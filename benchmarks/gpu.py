"""The BiMediX2-8B configuration with random weights on one GPU: ours against the authors' way of serving and vLLM.

    python -m benchmarks.gpu [--json] [--repeats 5]          on a machine with CUDA and bitsandbytes
    python -m benchmarks.gpu --tiny --device cpu             the same code on a toy, to see that it runs

A checkpoint of 16.7 GB is written to a temporary folder (`--folder` says on which disk; it needs 30.5 GB and is deleted
at the end) and everything is loaded from there, ours by `open_engine` as the program does it: bfloat16, NF4 quantised
at the first start, NF4 from the copy that the first start kept. Baselines of the same run: `from_pretrained` and
`generate` + `TextIteratorStreamer` as in the authors' script, in both precisions, and vLLM where it is installed, in
this Python or in another (`--vllm-python`).

Columns: tokens per second of one reader and of sixteen, image and question to first token, the turn after it. Under
each value: how many times as good as `generate` in the same precision, and how much of what the device can do at most.
Each row runs in a process of its own; one that fails says why in a line and costs no other. `--limit SECONDS` leaves
out the rows for which no time is left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu_limits import Lengths, Rates, limits
from benchmarks.gpu_rows import Spec
from model.checkpoint import Checkpoint, inspect

ROOT = Path(__file__).resolve().parents[1]
Found = dict[str, Any]


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    precision: str
    recorded: bool = False

    @property
    def file(self) -> str:
        """What its files are called."""
        return self.name.replace(",", "").replace(" ", "-")


ROWS = (
    Row("generate bf16", "generate", "bf16"),
    Row("engine bf16", "engine", "bf16"),
    Row("engine bf16, recorded", "engine", "bf16", recorded=True),
    Row("generate nf4", "generate", "nf4"),
    Row("engine nf4", "engine", "nf4"),  # the first start, which keeps the copy that the next one reads
    Row("engine nf4, recorded", "engine", "nf4", recorded=True),
    Row("vllm bf16", "vllm", "bf16"),
    Row("vllm nf4", "vllm", "nf4"),
)
PREPARE = Row("prepare", "prepare", "bf16")
COLUMNS = {
    "one_tok_s": "tok/s, 1 reader",
    "sixteen_tok_s": "tok/s, 16 readers",
    "first_token_ms": "first token, ms",
    "next_turn_ms": "next turn, ms",
}
GOALS = {"one_tok_s": 400.0, "sixteen_tok_s": 4000.0, "first_token_ms": 60.0, "next_turn_ms": 25.0}
"""On an H200 in NF4, of which the first is 40 % of what its bandwidth allows at 2,048 tokens of context."""
ROW_SECONDS = 900.0  # a process that takes longer hangs


def better(column: str, value: float, other: float) -> float:
    """How many times as good: more tokens in a second, or fewer milliseconds."""
    return value / other if column.endswith("tok_s") else other / value


# --- one process for each row ---


@dataclass(frozen=True)
class Run:
    """What all rows share. until: when no row is begun or goes on any more, in seconds of the monotonic clock."""

    place: Path
    options: argparse.Namespace
    until: float

    @property
    def folder(self) -> Path:
        return self.place / "checkpoint"

    def measure(self, row: Row) -> Found:
        """What the row's process found, and in `failed` why it did not find everything."""
        seconds = min(ROW_SECONDS, self.until - time.monotonic())
        if seconds <= 0:
            return {"failed": "left out: the time was up"}
        to, log = self.place / f"{row.file}.jsonl", self.place / f"{row.file}.log"
        spec = Spec(
            row=row.name,
            kind=row.kind,
            precision=row.precision,
            recorded=row.recorded,
            folder=str(self.folder),
            cache=str(self.place / f"kept-{row.precision}"),  # apart, so that each first start computes all it must
            device=self.options.device,
            tiny=self.options.tiny,
            repeats=self.options.repeats,
            tokens=self.options.tokens,
            to=str(to),
        )
        python, module = sys.executable, "benchmarks.gpu_rows"
        if row.kind == "vllm":
            python, module = self.options.vllm_python or sys.executable, "benchmarks.gpu_vllm"
        ended = run([python, "-m", module, json.dumps(asdict(spec))], log, seconds)
        found = read(to)
        if ended and not found.get("failed"):
            found["failed"] = ended
        if "failed" in found:
            found["failed"] = told_better(str(found["failed"]), log)
        return found


def run(command: list[str], log: Path, seconds: float) -> str:
    """Run to the end; why it did not end well, in a line, or nothing."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "VLLM_NO_USAGE_STATS": "1"}
    with log.open("wb") as written:
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=written, stderr=written, start_new_session=True
            )
        except OSError as error:  # the Python that was named for vLLM may not be one
            return f"{command[0]} cannot be run: {error.strerror}"
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"stopped after {seconds:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with what it started: vLLM's own processes hold the device
            process.wait()
    return "" if code == 0 else f"the process ended with {code}: {last_line(log)}"


def read(path: Path) -> Found:
    """What a row's process wrote down, a line cut short by its death left out."""
    found: Found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            found |= json.loads(line)
    return found


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")


def told_better(reason: str, log: Path) -> str:
    """vLLM says that the cause stands above: the last error in the log that is not this one."""
    if "root cause" not in reason or not log.is_file():
        return reason
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    causes = [found.group(0) for line in lines if (found := re.search(r"\w+(Error|Exception): .+", line))]
    return next((cause for cause in reversed(causes) if "root cause" not in cause), reason)


def measure_rows(run: Run, rows: Sequence[Row]) -> dict[str, Found]:
    """Row by row; what each found is shown at once, in case this process does not live to the end, and the end of the
    log of one that failed."""
    found: dict[str, Found] = {}
    for row in rows:
        start = time.monotonic()
        one = found[row.name] = run.measure(row)
        log = run.place / f"{row.file}.log"
        if "failed" in one and log.is_file():
            print(*log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:], sep="\n", file=sys.stderr)
        print(f"{row.name} ({time.monotonic() - start:.0f} s): {json.dumps(one)}", file=sys.stderr, flush=True)
    return found


# --- what the numbers mean ---


def judge(rows: dict[str, Found], prepared: Found, checkpoint: Checkpoint) -> None:
    """Add to each row its ratios to the baseline and its limits, as far as they are known."""
    lengths = next((row["lengths"] for row in rows.values() if "lengths" in row), None)
    for name, row in rows.items():
        precision = name.split()[1].rstrip(",")
        baseline = rows.get(f"generate {precision}", {})
        row["times_baseline"] = {
            column: better(column, row[column], baseline[column])
            for column in COLUMNS
            if column in row and column in baseline
        }
        if "load_seconds" in row and "read_bytes_per_second" in prepared:
            row["load_floor_seconds"] = row["load_bytes"] / prepared["read_bytes_per_second"]
        if "load_seconds" in row and "load_seconds" in baseline:
            row["times_baseline"]["load_seconds"] = baseline["load_seconds"] / row["load_seconds"]
        if lengths and "operations_per_second" in prepared:
            rates = Rates(prepared["bytes_per_second"], prepared["operations_per_second"])
            row["limit"] = limits(checkpoint, precision, rates, Lengths(**(lengths | row.get("lengths", {}))))


def goals(rows: dict[str, Found], *, tiny: bool) -> list[Found]:
    """For each goal the best of our rows in NF4, and whether it is reached; of a toy nothing is said."""
    found: list[Found] = []
    for column, goal in GOALS.items():
        ours = {name: row[column] for name, row in rows.items() if name.startswith("engine nf4") and column in row}
        judged: Found = {"column": column, "goal": goal, "is": "not measured"}
        if ours:
            name = max(ours, key=lambda one: better(column, ours[one], goal))
            reached = "met" if better(column, ours[name], goal) >= 1 else "missed"
            judged |= {"best": ours[name], "row": name, "is": "not judged, a toy" if tiny else reached}
        found.append(judged)
    return found


# --- showing them ---


def show(report: Found) -> None:
    prepared, rows = report["prepared"], report["rows"]
    versions = " · ".join(f"{name} {version}" for name, version in prepared.get("versions", {}).items())
    print(f"{prepared.get('device', 'unknown device')} · {versions}" + (" · a toy" if report["tiny"] else ""))
    print(_measured(prepared))
    print(f"not all could be measured: {prepared['failed']}\n" if "failed" in prepared else "")
    print(f"{'':>24}" + "".join(f"{title:>20}" for title in COLUMNS.values()))
    for name, row in rows.items():
        print(f"{name:>24}" + "".join(_cell(row.get(column)) for column in COLUMNS))
        times, limit = row["times_baseline"], row.get("limit", {})
        if any(column in times for column in COLUMNS) and not name.startswith("generate"):
            baseline = f"times generate {name.split()[1].rstrip(',')}"
            print(f"{baseline:>24}" + "".join(_cell(times.get(column), "x") for column in COLUMNS))
        if limit and any(column in row for column in COLUMNS):
            print(f"{'limit':>24}" + "".join(_cell(limit[column]) for column in COLUMNS))
            shares = (row.get(column) and 100 * better(column, row[column], limit[column]) for column in COLUMNS)
            print(f"{'of the limit':>24}" + "".join(_cell(share, " %") for share in shares))
        for word in ("failed", "note"):
            if word in row:
                print(f"{word:>24}  {row[word]}")
    print(f"\n{'loading':>24}{'seconds':>10}{'floor':>10}{'read':>11}{'baseline':>10}{'host peak':>12}{'GPU peak':>12}")
    for name, row in rows.items():
        if "load_seconds" in row:
            print(_loading(name, row))
    print()
    for goal in report["goals"]:
        bound = "at least" if goal["column"].endswith("tok_s") else "at most"
        best = f": {goal['best']:.1f} by {goal['row']}" if "best" in goal else ""
        print(f"goal: {COLUMNS[goal['column']]} {bound} {goal['goal']:g}{best}: {goal['is']}")


def _measured(prepared: Found) -> str:
    """What the limits follow from."""
    told = [f"checkpoint {prepared['written_bytes'] / 1e9:.3g} GB in {prepared['shards']} shards"]
    if "read_bytes_per_second" in prepared:
        told.append(f"read from its disk at {prepared['read_bytes_per_second'] / 1e9:.2f} GB/s")
    if "operations_per_second" in prepared:
        told.append(f"copied on the device at {prepared['bytes_per_second'] / 1e12:.3g} TB/s")
        told.append(f"multiplied in bfloat16 at {prepared['operations_per_second'] / 1e12:.3g} TFLOP/s")
    return ", ".join(told)


def _cell(value: float | None, unit: str = "") -> str:
    return f"{'-' if value is None else f'{value:,.1f}{unit}':>20}"


def _loading(name: str, row: Found) -> str:
    floor, times = row.get("load_floor_seconds"), row["times_baseline"].get("load_seconds")
    return (
        f"{name:>24}{row['load_seconds']:>10.2f}"
        + f"{'-' if floor is None else f'{floor:.2f}':>10}{row['load_bytes'] / 1e9:>8.3f} GB"
        + f"{'-' if times is None else f'{times:.2f}x':>10}"
        + "".join(
            f"{'-' if key not in row else f'{row[key] / 1e9:.3f} GB':>12}"
            for key in ("host_peak_bytes", "device_peak_bytes")
        )
        + f"  {row.get('start', '')}"
    )


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object instead of tables")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128, help="written by each answer")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a toy instead of 8 billion weights")
    parser.add_argument("--folder", type=Path, default=None, help="where the checkpoint is written for a while")
    parser.add_argument("--vllm-python", default="", help="the Python of an environment that has vLLM")
    parser.add_argument("--only", default="", help="names of rows, separated by semicolons")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds for everything")
    return parser.parse_args()


def main() -> None:
    asked = options()
    if asked.device.startswith("cuda") and not _cuda():
        print("benchmarks.gpu was not run: no CUDA device here")
        return
    chosen = [name.strip() for name in asked.only.split(";") if name.strip()]
    rows = [row for row in ROWS if not chosen or row.name in chosen]
    if unknown := set(chosen) - {row.name for row in ROWS}:
        sys.exit(f"no row {', '.join(sorted(unknown))}; there are: {'; '.join(row.name for row in ROWS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is deleted then, too
    with tempfile.TemporaryDirectory(prefix="benchmarks-gpu-", dir=asked.folder) as place:
        run = Run(Path(place), asked, time.monotonic() + asked.limit)
        prepared = measure_rows(run, (PREPARE,))[PREPARE.name]
        if "written_bytes" not in prepared:
            sys.exit(f"benchmarks.gpu was not run: {prepared['failed']}")
        found = measure_rows(run, rows)
        judge(found, prepared, inspect(run.folder))
    report = {"tiny": asked.tiny, "prepared": prepared, "rows": found, "goals": goals(found, tiny=asked.tiny)}
    if asked.json:
        print(json.dumps(report))
    else:
        show(report)


if __name__ == "__main__":
    main()
