"""What the engine gains over plain `generate`, on the CPU, in one run.

    python -m benchmarks.engine [--json] [--quantization nf4] [--checkpoint FOLDER|demo] [--only reuse,readers,…]

Model: a Llava of about 130 M random parameters with 576 tokens per image (speed does not depend on what weights
say), or the one asked for. Baselines run in turn with ours on the same weights, in a process of their own; `generate`
writes exactly as many tokens as the engine did:
    reuse     time to first token of turn 2 and later, against reading the whole conversation anew
    decoding  tokens per second of 8 readers writing at once, against `generate` one after another
    readers   the same with an image each, and two answers of 64 tokens; `room`: three answers of 160
    overhead  one reader, against bare `generate` with the same cache left behind
    cancel    steps and time from the cancel flag to the finish
    memory    resident memory after 1,000 short requests, against after the first 100
`cpu_ratio` is the same comparison in processor time of the two processes, which other work on the machine hardly
touches.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.random_llava import make_middle
from model import Finish, Message, Piece, Sampling, open_engine
from model.attention import prefer_products
from model.cores import on_a_thread_that_ends
from model.keyvalues import KeyValues
from model.local import LocalEngine
from model.packed_layers import shorten
from tests import checkpoints

WORDS = "Describe what you see in this image and say whether anything is abnormal. "


def sampling(tokens: int) -> Sampling:
    return Sampling(temperature=0.0, max_new_tokens=tokens, may_repeat=True)


def answer_of(
    engine: LocalEngine, messages: list[Message], tokens: int, conversation: str | None = None
) -> tuple[str, Finish]:
    events = list(engine.stream(messages, sampling(tokens), conversation=conversation))
    last = events[-1]
    assert isinstance(last, Finish)
    assert last.error is None, last.error
    return "".join(event.text for event in events if isinstance(event, Piece)) or "Nothing.", last


def finish_of(engine: LocalEngine, messages: list[Message], tokens: int, conversation: str | None = None) -> Finish:
    return answer_of(engine, messages, tokens, conversation)[1]


class Alone:
    """transformers' own `generate` on the same weights, in a process of its own: there it computes on a main thread
    with nobody beside it, as in the authors' script, and with the attention and the 4-bit layers that transformers
    loads."""

    def __init__(self, checkpoint: str, quantization: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve_alone, args=(theirs, checkpoint, quantization), daemon=True)
        self._process.start()

    def generate(self, messages: list[Message], tokens: int) -> tuple[float, float]:
        """Seconds, and seconds of processor time, for exactly so many tokens, the picture's preparation included, as in
        ours."""
        return self._ask("generate", messages, tokens)

    def bare_step(self, rows: int) -> float:
        """Seconds of one step of the model for so many rows, as ours runs it, with nothing around it."""
        return self._ask("step", rows)[0]

    def close(self) -> None:
        self._ours.close()
        self._process.join()

    def _ask(self, *what: Any) -> tuple[float, float]:
        self._ours.send(what)
        seconds, work = self._ours.recv()
        return seconds, work


def _serve_alone(pipe: Any, checkpoint: str, quantization: str) -> None:
    engine = open_engine(checkpoint, quantization=quantization, device="cpu", check=False)
    assert isinstance(engine, LocalEngine)
    while True:
        try:
            what, *arguments = pipe.recv()
        except EOFError:
            return
        as_loaded = what == "generate"
        prefer_products(engine.decoder.model, on=not as_loaded)
        shorten(engine.decoder.model, on=not as_loaded)
        busy = time.process_time()
        seconds = (_generate if as_loaded else _bare_step)(engine, *arguments)
        pipe.send((seconds, time.process_time() - busy))


def _generate(engine: LocalEngine, messages: list[Message], tokens: int) -> float:
    import torch

    model = engine.decoder.model
    start = time.perf_counter()
    prompt = engine.composer.compose(messages, reserve=64, raw_answer=lambda _: None)
    ids = torch.tensor([prompt.ids])
    inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if prompt.pixels:
        pixels = torch.cat([part.tensors["pixel_values"] for part in prompt.pixels])
        inputs["pixel_values"] = pixels.to(model.model.vision_tower.dtype)
    with torch.inference_mode():
        model.generate(**inputs, do_sample=False, max_new_tokens=tokens, min_new_tokens=tokens)
    return time.perf_counter() - start


def _bare_step(engine: LocalEngine, rows: int) -> float:
    import torch

    cache, times = KeyValues(rows, 256), []
    with torch.inference_mode():
        for length in range(100, 130):
            start = time.perf_counter()
            engine.decoder.step([1] * rows, [length] * rows, [0] * rows, cache)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def reuse(engine: LocalEngine, alone: Alone, repeats: int) -> dict[str, float]:
    """Turns 2 to 4 of a conversation with an image, kept and read anew."""
    kept: list[float] = []
    anew: list[float] = []
    work: list[float] = []
    for number in range(repeats):
        talk = [Message("user", WORDS, (checkpoints.picture(number, (400, 300)),))]
        name = f"reuse {number}"
        for turn in range(4):
            busy = time.process_time()
            first = finish_of(engine, talk, 1, name)
            ours = time.process_time() - busy
            if turn:
                assert first.seconds_to_first_token is not None  # from the call, its preparation included
                kept.append(first.seconds_to_first_token)
                seconds, busy = alone.generate(talk, 1)
                anew.append(seconds)
                work.append(busy / ours)
            said, _ = answer_of(engine, talk, 24, name)
            talk = [*talk, Message("assistant", said), Message("user", f"And what of part {turn}?")]
    return {
        "floor_ms": alone.bare_step(1) * 1e3,
        "ours_ms": statistics.median(kept) * 1e3,
        "baseline_ms": statistics.median(anew) * 1e3,
        "ratio": statistics.median(b / a for a, b in zip(kept, anew, strict=True)),
        "cpu_ratio": statistics.median(work),
    }


def readers(
    engine: LocalEngine, alone: Alone, repeats: int, *, count: int = 8, turns: int = 2, tokens: int = 64
) -> dict[str, float]:
    """Eight readers ask about images of their own and have follow-ups answered, in so many tokens each.

    Floor: each first question read once with nobody else there, then full batches of bare steps.
    """
    ratios, floors, ours, theirs, work = [], [], [], [], []
    for repeat in range(repeats):
        first = [
            [Message("user", WORDS, (checkpoints.picture(1000 * tokens + 100 * repeat + n, (300, 300)),))]
            for n in range(count)
        ]
        start, busy = time.perf_counter(), time.process_time()
        with ThreadPoolExecutor(count) as people:
            talks = [
                people.submit(_talk, engine, messages, turns, tokens, f"{tokens} {repeat} {n}")
                for n, messages in enumerate(first)
            ]
            asked = [turn for talk in talks for turn in talk.result()]
        together, ours_work = time.perf_counter() - start, time.process_time() - busy
        one_by_one, their_work = _one_after_another(alone, asked)
        work.append(their_work / ours_work)
        total = sum(wrote for _, wrote in asked)
        unseen = [(checkpoints.picture(1000 * tokens + 100 * repeat + 50 + n, (300, 300)),) for n in range(count)]
        read_once = sum(finish_of(engine, [Message("user", WORDS, shown)], 1).seconds for shown in unseen)
        floors.append(total / (read_once + total / count * alone.bare_step(count)))
        ours.append(total / together)
        theirs.append(total / one_by_one)
        ratios.append(one_by_one / together)
    return {
        "floor_tokens_per_second": statistics.median(floors),
        "ours_tokens_per_second": statistics.median(ours),
        "baseline_tokens_per_second": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "cpu_ratio": statistics.median(work),
    }


def _one_after_another(alone: Alone, asked: list[tuple[list[Message], int]]) -> tuple[float, float]:
    """Seconds and processor seconds that `generate` takes for all of these."""
    found = [alone.generate(messages, wrote) for messages, wrote in asked]
    return sum(seconds for seconds, _ in found), sum(work for _, work in found)


def room(engine: LocalEngine, alone: Alone, repeats: int) -> dict[str, float]:
    """The same with answers as long as a short report, and two follow-ups."""
    return readers(engine, alone, min(repeats, 2), turns=3, tokens=160)


def _talk(
    engine: LocalEngine, messages: list[Message], turns: int, tokens: int, name: str
) -> list[tuple[list[Message], int]]:
    """What was asked at each turn, everything before it included, and how many tokens the answer took."""
    asked = []
    for _ in range(turns):
        answer, finish = answer_of(engine, messages, tokens, name)
        asked.append((messages, finish.new_tokens))
        messages = [*messages, Message("assistant", answer), Message("user", "And is it normal?")]
    return asked


def decoding(engine: LocalEngine, alone: Alone, repeats: int, *, count: int = 8, tokens: int = 128) -> dict[str, float]:
    """Only writing: short prompts without images, eight at once against one after another."""
    ratios, ours, theirs = [], [], []
    messages = [Message("user", "Hi")]
    work = []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        ends: list[Finish] = []
        threads = [
            threading.Thread(target=lambda ends=ends: ends.append(finish_of(engine, messages, tokens)))
            for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together, ours_work = time.perf_counter() - start, time.process_time() - busy
        one_by_one, their_work = _one_after_another(alone, [(messages, end.new_tokens) for end in ends])
        work.append(their_work / ours_work)
        total = sum(end.new_tokens for end in ends)
        ours.append(total / together)
        theirs.append(total / one_by_one)
        ratios.append(one_by_one / together)
    return {
        "floor_tokens_per_second": count / alone.bare_step(count),
        "ours_tokens_per_second": statistics.median(ours),
        "baseline_tokens_per_second": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "cpu_ratio": statistics.median(work),
    }


def overhead(engine: LocalEngine, alone: Alone, repeats: int, *, tokens: int = 64) -> dict[str, float]:
    """One reader, image and all, strictly in turns with bare `generate`; above 1 means the engine is slower."""
    ratios, ours, theirs, work = [], [], [], []
    for number in range(repeats):
        messages = [Message("user", WORDS, (checkpoints.picture(900 + number, (300, 300)),))]
        busy = time.process_time()
        finish = finish_of(engine, messages, tokens)
        ours_work = time.process_time() - busy
        bare, their_work = alone.generate(messages, finish.new_tokens)
        work.append(ours_work / their_work)
        ours.append(finish.seconds)
        theirs.append(bare)
        ratios.append(finish.seconds / bare)
    return {
        "ours_ms": statistics.median(ours) * 1e3,
        "baseline_ms": statistics.median(theirs) * 1e3,
        "ratio": statistics.median(ratios),
        "cpu_ratio": statistics.median(work),
    }


def cancel(engine: LocalEngine, alone: Alone, repeats: int) -> dict[str, float]:
    """From setting the flag to the finish."""
    steps, milliseconds = [], []
    for _ in range(repeats):
        flag = threading.Event()
        request = engine._request([Message("user", WORDS)], sampling(500), None, flag, None)
        engine.scheduler.submit(request)
        shown = 0
        while not isinstance(event := request.events.get(), Finish):
            shown += isinstance(event, Piece)
            if shown == 3 and not flag.is_set():
                at, start = request.new_tokens, time.perf_counter()
                flag.set()
        milliseconds.append((time.perf_counter() - start) * 1e3)
        steps.append(event.new_tokens - at)
    return {"steps": float(max(steps)), "ours_ms": statistics.median(milliseconds)}


def growth(engine: LocalEngine, alone: Alone, repeats: int) -> dict[str, float]:
    """A thousand short requests, half of them kept conversations, from two readers at once."""
    pictures = [checkpoints.picture(n, (100, 100)) for n in range(4)]

    def some(first: int, count: int) -> None:
        for n in range(first, first + count):
            shown = (pictures[n % 4],) if n % 10 == 0 else ()
            finish_of(engine, [Message("user", f"Short {n}", shown)], 3, f"kept {n % 8}" if n % 2 else None)

    def both(first: int, count: int) -> None:
        threads = [threading.Thread(target=some, args=(first + half * count, count)) for half in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    both(0, 50)
    before = _resident()
    both(100, 450)
    after = _resident()
    return {"after_100_mb": before / 1e6, "after_1000_mb": after / 1e6, "ratio": after / before}


def _resident() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


MEASURES: dict[str, Callable[[LocalEngine, Alone, int], dict[str, float]]] = {
    "overhead": overhead,
    "reuse": reuse,
    "decoding": decoding,
    "readers": readers,
    "room": room,
    "cancel": cancel,
    "memory": growth,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quantization", default="nf4", choices=["nf4", "bf16", "fp32"])
    parser.add_argument("--checkpoint", default="", help="a folder, or demo; else a random Llava of 130 M")
    parser.add_argument("--only", default=",".join(MEASURES))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        checkpoint = options.checkpoint or str(on_a_thread_that_ends(lambda _: make_middle(Path(place) / "middle")))
        opened = open_engine(checkpoint, quantization=options.quantization, device="cpu", check=False)
        alone = Alone(checkpoint, options.quantization)
        assert isinstance(opened, LocalEngine)
        finish_of(opened, [Message("user", WORDS, (checkpoints.picture(5),))], 4)  # first use allocates
        alone.generate([Message("user", "Hi")], 4)
    found: dict[str, Any] = {
        "quantization": options.quantization,
        "parameters_millions": round(opened.identity.parameters / 1e6),
        "weights_mb": round(opened.identity.weight_bytes / 1e6),
    }
    for name in options.only.split(","):
        found[name] = MEASURES[name](opened, alone, options.repeats)
        if not options.json:
            row = "  ".join(f"{key} {value:.3g}" for key, value in found[name].items())
            print(f"{name:>10}  {row}", flush=True)
    alone.close()
    opened.close()
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
