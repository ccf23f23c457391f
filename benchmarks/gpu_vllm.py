"""The rows of vLLM in benchmarks.gpu, in a process and, with `--vllm-python`, an environment of its own.

`python -m benchmarks.gpu_vllm SPEC` is called by benchmarks.gpu. vLLM runs inside the process (`AsyncLLM`), so that no
HTTP is counted against it; its automatic prefix caching serves the second turn. Written from its documentation: none
of it has run.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu_limits import READERS, drop_from_memory
from benchmarks.gpu_rows import CONTEXT, FOLLOW, PICTURE, WORDS, Spec, Tell, run, said, tell_one
from tests import checkpoints

_SHARE = 0.8  # of the device's memory, which vLLM takes at once


def measure_vllm(spec: Spec, tell: Tell) -> None:
    """bf16: the folder as it is. nf4: quantised by vLLM while it loads, with bitsandbytes."""
    try:
        import vllm
    except ModuleNotFoundError as error:
        if error.name != "vllm":
            raise
        tell(failed="vLLM is not installed")
        return
    asyncio.run(_columns(spec, tell, f"vLLM {vllm.__version__} until its first token, compiling included"))


async def _columns(spec: Spec, tell: Tell, start: str) -> None:
    from transformers import AutoTokenizer
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    files = list(Path(spec.folder).glob("*.safetensors"))
    tokenizer = AutoTokenizer.from_pretrained(spec.folder)
    drop_from_memory(files)
    began = time.perf_counter()
    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(
            model=spec.folder,
            dtype="bfloat16",
            quantization="bitsandbytes" if spec.precision == "nf4" else None,
            max_model_len=CONTEXT,
            max_num_seqs=READERS,
            gpu_memory_utilization=_SHARE,
            limit_mm_per_prompt={"image": 1},
            enable_prefix_caching=True,
            disable_log_stats=True,
        )
    )
    try:
        asked = Asked(engine, tokenizer)
        await asked.ask([said("user", "Hi")], None, 1)  # what it compiles and records, it does before it answers
        tell(
            start=start,
            load_seconds=time.perf_counter() - began,
            load_bytes=sum(file.stat().st_size for file in files),
        )
        await _one(asked, spec, tell)
        await _sixteen(asked, spec, tell)
    finally:
        engine.shutdown()


class Asked:
    """An engine that is asked in messages."""

    def __init__(self, engine: Any, tokenizer: Any) -> None:
        self._engine, self._tokenizer, self._numbers = engine, tokenizer, itertools.count()

    async def ask(self, talk: list[dict[str, Any]], image: Any, tokens: int) -> tuple[str, float, float]:
        """The answer, milliseconds to its first token, tokens per second after it."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        start, at = time.perf_counter(), 0.0
        prompt: dict[str, Any] = {
            "prompt": self._tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
        }
        if image is not None:
            prompt["multi_modal_data"] = {"image": image}
        sampling = SamplingParams(
            temperature=0.0, max_tokens=tokens, ignore_eos=True, output_kind=RequestOutputKind.DELTA
        )
        text, wrote, name = "", 0, str(next(self._numbers))
        async for output in self._engine.generate(prompt=prompt, sampling_params=sampling, request_id=name):
            at = at or time.perf_counter()
            text += output.outputs[0].text
            wrote += len(output.outputs[0].token_ids)
        if wrote != tokens:
            raise RuntimeError(f"{wrote} tokens instead of {tokens}")
        after = time.perf_counter() - at
        return text or "Nothing.", 1e3 * (at - start), (tokens - 1) / after if tokens > 1 else 0.0


async def _one(asked: Asked, spec: Spec, tell: Tell) -> None:
    """One reader, with an image, and the turn after it; the first round warms up."""
    rates, firsts, seconds = [], [], []
    for number in range(spec.repeats + 1):
        talk, image = [said("user", WORDS, images=1)], checkpoints.picture(number, PICTURE)
        text, first, rate = await asked.ask(talk, image, spec.tokens)
        talk += [said("assistant", text), said("user", FOLLOW)]
        seconds.append((await asked.ask(talk, image, 2))[1])
        rates.append(rate)
        firsts.append(first)
    tell_one(tell, rates, firsts, seconds)


async def _sixteen(asked: Asked, spec: Spec, tell: Tell) -> None:
    totals = []
    for _ in range(spec.repeats + 1):
        start = time.perf_counter()
        talks = ([said("user", f"{WORDS} {number}")] for number in range(READERS))
        await asyncio.gather(*(asked.ask(talk, None, spec.tokens) for talk in talks))
        totals.append(READERS * spec.tokens / (time.perf_counter() - start))
    tell(sixteen_tok_s=statistics.median(totals[1:]))


if __name__ == "__main__" and len(sys.argv) > 1:
    run(sys.argv[1], measure_vllm)
