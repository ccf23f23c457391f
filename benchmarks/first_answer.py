"""Time from question to first token, and tokens per second, of the demonstration model: 4-bit against bfloat16.

    python -m benchmarks.first_answer [--json] [--repeats 15] [--checkpoint FOLDER]

Both engines are open at once, each in a process of its own so that neither's threads stand in the other's way, and
asked in turn, one image and one question each time, a fresh image every time so that nothing is reused. Where the
demonstration model is not there (or with --middle), a Llava of about 130 M random parameters stands in.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.random_llava import make_middle
from model import Finish, Identity, Message, Sampling, open_engine
from model.local import LocalEngine
from model.opening import DEMO
from tests import checkpoints

QUESTIONS = ("What imaging modality is this?", "ما نوع هذا الفحص التصويري؟")


class Opened:
    """An engine in a process of its own."""

    def __init__(self, folder: Path | None, quantization: str) -> None:
        self._process = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_open, initargs=(folder, quantization)
        )

    def ask(self, number: int, tokens: int) -> tuple[float, float | None]:
        """Seconds to the first token, and tokens per second after it (None for an answer of one token)."""
        return self._process.submit(_ask, number, tokens).result()

    def identity(self) -> Identity:
        return self._process.submit(_identity).result()

    def close(self) -> None:
        self._process.shutdown()


_here: list[LocalEngine] = []  # the engine of such a process


def _open(folder: Path | None, quantization: str) -> None:
    opened = open_engine(str(folder or "demo"), quantization=quantization, device="cpu", check=folder is None)
    assert isinstance(opened, LocalEngine)
    _here.append(opened)


def _identity() -> Identity:
    return _here[0].identity


def _ask(number: int, tokens: int) -> tuple[float, float | None]:
    picture = checkpoints.picture(number, (256, 256))
    messages = [Message("user", QUESTIONS[number % 2], (picture,))]
    finish = list(_here[0].stream(messages, Sampling(temperature=0.0, max_new_tokens=tokens, may_repeat=True)))[-1]
    assert isinstance(finish, Finish)
    assert finish.error is None, finish.error
    first = finish.seconds_to_first_token
    assert first is not None
    rate = None if finish.new_tokens < 2 else (finish.new_tokens - 1) / (finish.seconds - first)
    return first, rate


def measure(folder: Path | None, repeats: int, tokens: int) -> dict[str, float | str]:
    """Medians of both, and the median of the ratios of neighbouring runs."""
    engines = {quantization: Opened(folder, quantization) for quantization in ("nf4", "bf16")}
    for engine in engines.values():
        engine.ask(0, 8)  # the first use repacks weights and allocates
    first: dict[str, list[float]] = {name: [] for name in engines}
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(1, repeats + 1):
        for name, engine in engines.items():
            seconds, rate = engine.ask(number, tokens)
            first[name].append(seconds)
            if rate is not None:
                rates[name].append(rate)
    found: dict[str, float | str] = {"model": engines["nf4"].identity().name}
    for name, engine in engines.items():
        found[f"{name}_first_token_ms"] = statistics.median(first[name]) * 1e3
        found[f"{name}_tokens_per_second"] = statistics.median(rates[name]) if rates[name] else 0.0
        found[f"{name}_weights_mb"] = engine.identity().weight_bytes / 1e6
        engine.close()
    found["first_token_ratio"] = statistics.median(b / a for a, b in zip(first["nf4"], first["bf16"], strict=True))
    if rates["nf4"] and rates["bf16"]:
        found["tokens_per_second_ratio"] = statistics.median(rates["nf4"]) / statistics.median(rates["bf16"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--checkpoint", type=Path, default=None)
    parser.add_argument("--middle", action="store_true", help="a Llava of 130 M random parameters")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.checkpoint
        if options.middle or (folder is None and not (DEMO / "config.json").is_file()):
            folder = make_middle(Path(place) / "middle")
        found = measure(folder, options.repeats, options.tokens)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{'':>8} {'first token':>12} {'tokens/s':>10} {'weights':>10}")
    for name in ("bf16", "nf4"):
        first, rate, size = (found[f"{name}_{what}"] for what in ("first_token_ms", "tokens_per_second", "weights_mb"))
        print(f"{name:>8} {first:>9.1f} ms {rate:>10.1f} {size:>7.1f} MB")
    ratio, faster = found["first_token_ratio"], found.get("tokens_per_second_ratio", 0.0)
    print(f"nf4 against bf16 ({found['model']}): first token {ratio:.2f} times as fast, tokens {faster:.2f} times")


if __name__ == "__main__":
    main()
