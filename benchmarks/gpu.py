"""The BiMediX2-8B configuration with random weights on one GPU: ours against the authors' way of serving.

    python -m benchmarks.gpu [--json] [--repeats 5]          on a machine with CUDA and bitsandbytes
    python -m benchmarks.gpu --tiny --device cpu             the same code on a toy, to see that it runs

In one run: `generate` + `TextIteratorStreamer` as in the authors' script (bf16 and NF4), our engine in NF4 with and
without recorded steps, one reader and sixteen. Goals on an H200: batch 1 >= 400 tok/s, batch 16 >= 4,000 tok/s,
image and question to first token <= 60 ms, turn 2 and later <= 25 ms. Speed does not depend on what weights say, and
the weights are never on disk: loading is measured by benchmarks.loading.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model import Finish, Identity, Message, Sampling
from model.answer import Tags
from model.checkpoint import Checkpoint
from model.family_llava import build
from model.local import LocalEngine, Parts
from model.prompt import Composer, find_template
from model.reading import Budget
from tests import checkpoints

WORDS = "Describe what you see in this image and say whether anything is abnormal."
LIMIT_ONE, LIMIT_SIXTEEN = 976, 8585  # tok/s that an H200's memory bandwidth allows, 8B NF4 at 2k context


def make_model(folder: Path, device: str, *, tiny: bool) -> tuple[Any, Checkpoint, Any]:
    """Model in bfloat16, its checkpoint without weights, its tokenizer."""
    import torch
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    vocabulary = 128_256
    tokenizer = checkpoints.make_tokenizer(
        folder, checkpoints.LLAMA3_SPECIALS, bos="<|begin_of_text|>", eos="<|eot_id|>"
    )
    text = checkpoints.llama_text(len(tokenizer) if tiny else vocabulary)
    vision = checkpoints.clip_vision()
    if not tiny:
        text |= {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
        text |= {"num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072}
        vision = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24}
        vision |= {"num_attention_heads": 16, "image_size": 336, "patch_size": 14}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**vision),
        text_config=LlamaConfig(**text),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=-2,
    )
    (folder / "preprocessor_config.json").write_text(json.dumps(checkpoints.clip_preprocessor(vision["image_size"])))
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = LlavaForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.no_grad():  # the head never chooses a token the small tokenizer does not have
        model.lm_head.weight[len(tokenizer) :] = 0
        model.lm_head.weight[: len(tokenizer)].normal_(0, 0.02)
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model, Checkpoint(folder, "llava", False, config.to_dict(), (), {}), tokenizer


def quantize(model: Any) -> None:
    """NF4 with double quantisation, in place, the language model's layers only."""
    import bitsandbytes as bnb
    import torch
    from torch import nn

    for name, module in list(model.model.language_model.named_modules()):
        if type(module) is nn.Linear and name.startswith("layers."):
            four = bnb.nn.Linear4bit(
                module.in_features,
                module.out_features,
                bias=module.bias is not None,
                compute_dtype=torch.bfloat16,
                compress_statistics=True,
                quant_type="nf4",
                device="meta",
            )
            weight = module.weight.data
            four.weight = bnb.nn.Params4bit(
                weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=four
            ).to(weight.device)
            model.model.language_model.set_submodule(name, four)


@contextmanager
def engine_around(model: Any, checkpoint: Checkpoint, tokenizer: Any, *, recorded: bool) -> Iterator[LocalEngine]:
    """Our engine on a model that is already in memory; answers have no end tokens."""
    adapter = build(checkpoint, tokenizer, model.config)
    composer = Composer(adapter, find_template(adapter), context=4096)
    device = str(model.device)
    identity = Identity("random-8b", "", "llava", "nf4", device, False, True, 4096)
    budget = Budget(readers=16, context=4096, chunk=2048, shared_chunk=512, parked_bytes=8 << 30, recorded=recorded)
    engine = LocalEngine(Parts(model, adapter, composer, identity, frozenset(), Tags()), budget)
    try:
        yield engine
    finally:
        engine.close()


def ask(engine: LocalEngine, messages: list[Message], tokens: int, conversation: str | None = None) -> Finish:
    finish = list(engine.stream(messages, Sampling(temperature=0.0, max_new_tokens=tokens), conversation=conversation))[
        -1
    ]
    assert isinstance(finish, Finish)
    assert finish.error is None, finish.error
    return finish


def rate(finish: Finish) -> float:
    assert finish.seconds_to_first_token is not None
    return (finish.new_tokens - 1) / (finish.seconds - finish.seconds_to_first_token)


def measure_engine(engine: LocalEngine, repeats: int, tokens: int) -> dict[str, float]:
    """One reader, sixteen readers, first token of an image and of the turn after it."""
    for _ in range(2):
        ask(engine, [Message("user", WORDS, (checkpoints.picture(1),))], 16)
    one, first, second = [], [], []
    for number in range(repeats):
        talk = [Message("user", WORDS, (checkpoints.picture(10 + number, (512, 400)),))]
        finish = ask(engine, talk, tokens, f"c{number}")
        assert finish.seconds_to_first_token is not None
        first.append(finish.seconds_to_first_token * 1e3)
        one.append(rate(finish))
        talk += [Message("assistant", "Nothing."), Message("user", "And on the left?")]
        again = ask(engine, talk, 2, f"c{number}")
        assert again.seconds_to_first_token is not None
        second.append(again.seconds_to_first_token * 1e3)
    totals = []
    for _ in range(repeats):
        threads = [
            threading.Thread(target=ask, args=(engine, [Message("user", f"{WORDS} {n}")], tokens)) for n in range(16)
        ]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        totals.append(16 * tokens / (time.perf_counter() - start))
    return {
        "one_tok_s": statistics.median(one),
        "sixteen_tok_s": statistics.median(totals[1:] or totals),
        "first_token_ms": statistics.median(first),
        "next_turn_ms": statistics.median(second),
    }


def measure_generate(engine: LocalEngine, repeats: int, tokens: int) -> dict[str, float]:
    """`generate` on a thread with TextIteratorStreamer, everything read anew each turn."""
    import torch
    from transformers import TextIteratorStreamer

    model, tokenizer = engine.decoder.model, engine.composer.adapter.tokenizer
    one, first = [], []
    for number in range(repeats + 1):
        talk = [Message("user", WORDS, (checkpoints.picture(50 + number, (512, 400)),))]
        start = time.perf_counter()
        prompt = engine.composer.compose(talk, reserve=64, raw_answer=lambda _: None)
        ids = torch.tensor([prompt.ids], device=model.device)
        pixels = prompt.pixels[0].tensors["pixel_values"].to(model.device, torch.bfloat16)
        streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
        arguments = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels}
        arguments |= {"streamer": streamer, "do_sample": False, "max_new_tokens": tokens, "min_new_tokens": tokens}
        thread = threading.Thread(target=model.generate, kwargs=arguments)
        thread.start()
        at = [time.perf_counter() for _ in streamer]
        thread.join()
        if number:  # the first warms up
            first.append((at[0] - start) * 1e3)
            one.append((tokens - 1) / (time.perf_counter() - at[0]))
    return {"one_tok_s": statistics.median(one), "first_token_ms": statistics.median(first)}


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if options.device == "cuda" and not _cuda():
        print("benchmarks.gpu was not run: no CUDA device here")
        return
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        model, checkpoint, tokenizer = make_model(Path(place), options.device, tiny=options.tiny)
        with engine_around(model, checkpoint, tokenizer, recorded=False) as engine:
            found["generate bf16"] = measure_generate(engine, options.repeats, options.tokens)
            found["engine bf16"] = measure_engine(engine, options.repeats, options.tokens)
        quantize(model)
        with engine_around(model, checkpoint, tokenizer, recorded=False) as engine:
            found["generate nf4"] = measure_generate(engine, options.repeats, options.tokens)
            found["engine nf4"] = measure_engine(engine, options.repeats, options.tokens)
        with engine_around(model, checkpoint, tokenizer, recorded=True) as engine:
            found["engine nf4, recorded"] = measure_engine(engine, options.repeats, options.tokens)
    if options.json:
        print(json.dumps(found))
        return
    columns = ("one_tok_s", "sixteen_tok_s", "first_token_ms", "next_turn_ms")
    print(f"{'':>22}" + "".join(f"{name:>16}" for name in columns))
    print(f"{'limit (H200)':>22}{LIMIT_ONE:>16}{LIMIT_SIXTEEN:>16}")
    for name, values in found.items():
        print(f"{name:>22}" + "".join(f"{values[c]:>16.1f}" if c in values else f"{'-':>16}" for c in columns))


if __name__ == "__main__":
    main()
