"""One row of benchmarks.gpu, measured in a process of its own: a row that crashes the device costs nobody else.

`python -m benchmarks.gpu_rows SPEC` is called by benchmarks.gpu. What is known is appended to a file at once, a line
of JSON each, so that a process that dies keeps what it had measured.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import gpu_limits
from benchmarks.gpu_limits import READERS
from benchmarks.random_llava import DiskTooSmall, make_bimedix2
from model import Finish, Message, Piece, Sampling, kept, memory, open_engine
from model.checkpoint import Checkpoint, inspect
from model.errors import SelfTestFailed
from model.local import LocalEngine
from tests import checkpoints

WORDS = "Describe what you see in this image and say whether anything is abnormal."
FOLLOW = "And what of the left side?"
CONTEXT = 4096  # tokens, as BiMediX2 was trained
PICTURE = (512, 400)
_ONE_AFTER_ANOTHER = 2  # readers whom the baseline answers in turn: the rate of sixteen is theirs
_PATIENCE = 300  # seconds until a streamer whose `generate` died is given up


@dataclass(frozen=True)
class Spec:
    """What a row's process is told."""

    row: str
    kind: str
    """prepare, generate or engine; vllm for benchmarks.gpu_vllm."""
    precision: str
    recorded: bool
    folder: str
    cache: str
    device: str
    tiny: bool
    repeats: int
    tokens: int
    to: str
    """The file that is written to."""


Tell = Callable[..., None]


def told_to(spec: Spec) -> Tell:
    """A function that writes down what is known so far."""

    def tell(**known: object) -> None:
        with Path(spec.to).open("a", encoding="utf-8") as file:
            file.write(json.dumps(known) + "\n")

    return tell


def run(given: str, measure: Callable[[Spec, Tell], None]) -> None:
    """Measure what was asked for; whatever goes wrong becomes one line of the table, and is told in full in the log."""
    spec = Spec(**json.loads(given))
    tell = told_to(spec)
    try:
        measure(spec, tell)
    except Exception as error:  # a row that fails, for whatever reason, is a result
        traceback.print_exc()
        tell(failed=reason(error))
        sys.exit(1)


def tell_one(tell: Tell, rates: Sequence[float], firsts: Sequence[float], seconds: Sequence[float]) -> None:
    """What one reader found: tokens per second, and milliseconds to the first token of the question with an image and
    of the turn after it. The first round warmed up."""
    tell(
        one_tok_s=statistics.median(rates[1:]),
        first_token_ms=statistics.median(firsts[1:]),
        next_turn_ms=statistics.median(seconds[1:]),
    )


def reason(error: BaseException) -> str:
    """One line."""
    first = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


# --- the folder and the machine ---


def prepare(spec: Spec, tell: Tell) -> None:
    """Write the checkpoint, then measure the disk and the device that everything is compared with."""
    start = time.perf_counter()
    try:
        shard = {"shard_bytes": 200_000} if spec.tiny else {}  # a toy has several shards, too
        make_bimedix2(Path(spec.folder), tiny=spec.tiny, **shard)
    except DiskTooSmall as error:
        tell(failed=f"{error}; --folder names another disk")
        return
    checkpoint = inspect(Path(spec.folder))
    tell(written_bytes=checkpoint.stored_bytes, shards=len(checkpoint.files), written_seconds=_since(start))
    tell(read_bytes_per_second=gpu_limits.reading_speed(list(checkpoint.files)))
    tell(versions=_versions(), device=_device_name(spec.device))
    tell(**asdict(gpu_limits.measure_rates(spec.device)))


def _since(start: float) -> float:
    return time.perf_counter() - start


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device.startswith("cuda") else device


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {"python": sys.version.split()[0]}
    for package in ("torch", "transformers", "bitsandbytes", "accelerate", "safetensors"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


# --- loading ---


class Loading:
    """Seconds, bytes and memory from before a model is opened until it could be asked; the disk's part comes from
    the disk. Libraries are imported and the device is woken before: what is timed is the loading."""

    def __init__(self, spec: Spec, files: list[Path]) -> None:
        import torch

        importlib.import_module("transformers.models.llava.modeling_llava")
        if spec.precision == "nf4":
            importlib.import_module("bitsandbytes")
        torch.zeros(1, device=spec.device)
        self._spec = spec
        self._read = sum(file.stat().st_size for file in files)
        gpu_limits.drop_from_memory(files)
        self._host = memory.peak_resident_bytes()
        self._start = time.perf_counter()

    def tell(self, tell: Tell, start: str) -> None:
        import torch

        on_gpu = self._spec.device.startswith("cuda")
        if on_gpu:
            torch.cuda.synchronize()
        tell(
            start=start,
            load_seconds=_since(self._start),
            load_bytes=self._read,
            host_peak_bytes=memory.peak_resident_bytes() - self._host,
            device_peak_bytes=torch.cuda.max_memory_allocated() if on_gpu else 0,
        )


# --- our engine, opened as the program opens it ---


def measure_engine(spec: Spec, tell: Tell) -> None:
    """Open the folder through `open_engine`, then the four columns."""
    if spec.tiny:
        kept.WORTH_KEEPING = 0  # a toy's 4-bit weights are kept, too, so that the next start is tried
    engine = _opened(spec, tell)
    tell(weight_bytes=engine.identity.weight_bytes)
    try:
        _columns_of_engine(engine, spec, tell)
    finally:
        engine.close()


def _opened(spec: Spec, tell: Tell) -> LocalEngine:
    """The engine, with its self-test. That one judges what answers say and may refuse random weights; then it is left
    out, and what is timed is the second opening."""
    try:
        return _open(spec, tell, check=True)
    except SelfTestFailed as refusal:
        tell(note=f"opened without the self-test, which refused: {refusal}")
    return _open(spec, tell, check=False)


def _open(spec: Spec, tell: Tell, *, check: bool) -> LocalEngine:
    cache = Path(spec.cache)
    files, start = _what_is_read(inspect(Path(spec.folder)), cache, spec.precision)
    loading = Loading(spec, files)
    engine = open_engine(
        spec.folder,
        quantization=spec.precision,
        device=spec.device,
        context=CONTEXT,
        readers=READERS,
        weights_cache=cache,
        check=check,
        cuda_graphs=spec.recorded,
    )
    loading.tell(tell, start)
    assert isinstance(engine, LocalEngine)
    return engine


def _what_is_read(checkpoint: Checkpoint, cache: Path, precision: str) -> tuple[list[Path], str]:
    """The weight files that will be read, and what kind of start this is."""
    copy = next((note.parent for note in cache.glob("*-nf4/kept.json")), None)
    if precision == "nf4" and copy is not None:
        return sorted(copy.glob("*.safetensors")), "next start, from the 4-bit copy"
    if precision == "nf4":
        return list(checkpoint.files), "first start, quantising and keeping a copy"
    known = (cache / "fingerprints.json").is_file()
    return list(checkpoint.files), "next start" if known else "first start, with sha256 of all weights"


@dataclass(frozen=True)
class Answered:
    text: str
    finish: Finish
    first_token_ms: float
    """From the call; preparing the picture, which a `Finish` does not count, included."""

    @property
    def rate(self) -> float:
        first = self.finish.seconds_to_first_token or 0.0
        return (self.finish.new_tokens - 1) / (self.finish.seconds - first)


def ask(engine: LocalEngine, messages: list[Message], tokens: int, conversation: str | None = None) -> Answered:
    """Greedily, exactly so many tokens."""
    start = time.perf_counter()
    events = list(
        engine.stream(
            messages, Sampling(temperature=0.0, max_new_tokens=tokens, may_repeat=True), conversation=conversation
        )
    )
    took, finish = _since(start), events[-1]
    assert isinstance(finish, Finish)
    if finish.error is not None:
        raise finish.error
    if finish.new_tokens != tokens or finish.seconds_to_first_token is None:
        raise RuntimeError(f"{finish.new_tokens} tokens instead of {tokens}: {finish.reason}")
    text = "".join(event.text for event in events if isinstance(event, Piece)) or "Nothing."
    return Answered(text, finish, 1e3 * (took - finish.seconds + finish.seconds_to_first_token))


def _columns_of_engine(engine: LocalEngine, spec: Spec, tell: Tell) -> None:
    """One reader, sixteen readers, first token of an image and of the turn after it; the first round warms up."""
    rounds: list[tuple[Answered, Answered]] = []
    for number in range(spec.repeats + 1):
        talk = [Message("user", WORDS, (checkpoints.picture(number, PICTURE),))]
        first = ask(engine, talk, spec.tokens, f"c{number}")
        talk += [Message("assistant", first.text), Message("user", FOLLOW)]
        rounds.append((first, ask(engine, talk, 2, f"c{number}")))
    first, second = rounds[-1]
    lengths = {"prompt": first.finish.prompt_tokens, "answer": spec.tokens}
    lengths["follow"] = second.finish.prompt_tokens - first.finish.prompt_tokens - spec.tokens
    seconds = [following.first_token_ms for _, following in rounds]
    tell_one(tell, [asked.rate for asked, _ in rounds], [asked.first_token_ms for asked, _ in rounds], seconds)
    tell(reused_tokens=second.finish.reused_tokens)
    totals = []
    for _ in range(spec.repeats + 1):
        start = time.perf_counter()
        with ThreadPoolExecutor(READERS) as room:
            asked = [room.submit(ask, engine, [Message("user", f"{WORDS} {n}")], spec.tokens) for n in range(READERS)]
            short = [one.result().finish.prompt_tokens for one in asked]
        totals.append(READERS * spec.tokens / _since(start))
    tell(sixteen_tok_s=statistics.median(totals[1:]), lengths=lengths | {"short": short[0]})


# --- the baseline: transformers alone, as in the authors' script ---


def measure_generate(spec: Spec, tell: Tell) -> None:
    """`from_pretrained`, and `generate` on a thread with TextIteratorStreamer: one question after another, everything
    read anew each turn. Nothing of ours is used. The authors' 4-bit is NF4 with double quantisation wherever
    transformers puts it; bfloat16 stands for their float16, in both precisions, as in our rows."""
    import torch

    transformers: Any = importlib.import_module("transformers")  # untyped
    processor = transformers.AutoProcessor.from_pretrained(spec.folder)
    arguments: dict[str, Any] = {"dtype": torch.bfloat16, "device_map": {"": spec.device}}
    if spec.precision == "nf4":
        arguments["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    loading = Loading(spec, list(inspect(Path(spec.folder)).files))
    model, info = transformers.LlavaForConditionalGeneration.from_pretrained(
        spec.folder, output_loading_info=True, **arguments
    )
    loading.tell(tell, "from_pretrained")
    if info["missing_keys"]:
        raise RuntimeError(f"{len(info['missing_keys'])} tensors were not found in the files")
    _columns_of_generate(Streamed(model.eval(), processor, spec.device), spec, tell)


@dataclass(frozen=True)
class Streamed:
    """A model that is asked as the authors ask theirs."""

    model: Any
    processor: Any
    device: str

    def ask(self, talk: list[dict[str, Any]], images: list[Any], tokens: int) -> tuple[str, float, float]:
        """The answer, milliseconds to its first token, tokens per second after it."""
        import torch
        from transformers import TextIteratorStreamer

        start = time.perf_counter()
        inputs = self.read(talk, images).to(self.device, torch.bfloat16)
        streamer = TextIteratorStreamer(
            self.processor.tokenizer, skip_prompt=True, timeout=_PATIENCE, skip_special_tokens=True
        )
        arguments = {**inputs, "streamer": streamer, "do_sample": False, "max_new_tokens": tokens, "use_cache": True}
        failed: list[Exception] = []

        def write() -> None:
            try:
                self.model.generate(**arguments)
            except Exception as error:  # without an end the one who reads the stream would wait for ever
                failed.append(error)
                streamer.end()

        thread = threading.Thread(target=write)
        thread.start()
        pieces, at = [], []
        for piece in streamer:
            pieces.append(piece)
            at.append(time.perf_counter())
        thread.join()
        if failed:
            raise failed[0]
        if len(at) != tokens + 1:  # one piece for each token, empty ones too, and what was held back at the end
            raise RuntimeError(f"{len(at) - 1} tokens instead of {tokens}")
        return "".join(pieces) or "Nothing.", 1e3 * (at[0] - start), (tokens - 1) / (at[-1] - at[0])

    def read(self, talk: list[dict[str, Any]], images: list[Any]) -> Any:
        text = self.processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        return self.processor(images=images or None, text=text, return_tensors="pt")

    def length(self, talk: list[dict[str, Any]], images: list[Any]) -> int:
        return int(self.read(talk, images)["input_ids"].shape[1])


def said(role: str, text: str, images: int = 0) -> dict[str, Any]:
    """A message as chat templates take it."""
    return {"role": role, "content": [{"type": "image"}] * images + [{"type": "text", "text": text}]}


def _columns_of_generate(streamed: Streamed, spec: Spec, tell: Tell) -> None:
    rates, firsts, seconds = [], [], []
    lengths = {"answer": spec.tokens}
    for number in range(spec.repeats + 1):
        talk, images = [said("user", WORDS, images=1)], [checkpoints.picture(number, PICTURE)]
        text, first, rate = streamed.ask(talk, images, spec.tokens)
        lengths["prompt"] = streamed.length(talk, images)
        talk += [said("assistant", text), said("user", FOLLOW)]
        seconds.append(streamed.ask(talk, images, 2)[1])
        written = len(streamed.processor.tokenizer.encode(text, add_special_tokens=False))
        lengths["follow"] = streamed.length(talk, images) - lengths["prompt"] - written
        rates.append(rate)
        firsts.append(first)
    tell_one(tell, rates, firsts, seconds)
    start = time.perf_counter()
    for number in range(_ONE_AFTER_ANOTHER):
        streamed.ask([said("user", f"{WORDS} {number}")], [], spec.tokens)
    rate = _ONE_AFTER_ANOTHER * spec.tokens / _since(start)
    tell(sixteen_tok_s=rate, lengths=lengths | {"short": streamed.length([said("user", f"{WORDS} 0")], [])})


KINDS: dict[str, Callable[[Spec, Tell], None]] = {
    "prepare": prepare,
    "generate": measure_generate,
    "engine": measure_engine,
}


if __name__ == "__main__" and len(sys.argv) > 1:
    run(sys.argv[1], lambda spec, tell: KINDS[spec.kind](spec, tell))
