"""What makes a processor fast changes no answer: attention by products, 4-bit layers called directly, one thread."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from model import Finish, Message, Sampling, attention, family, packed_layers
from model.keyvalues import KeyValues
from tests import checkpoints
from tests.asking import logits_of, opened

needs_bfloat16 = pytest.mark.skipif(
    not attention._multiplies_bfloat16(), reason="this processor does not multiply bfloat16 itself"
)
needs_kernel = pytest.mark.skipif(
    packed_layers._kernel() is None, reason="bitsandbytes has no kernel for this processor (AVX512-BF16)"
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- attention ---


@pytest.mark.parametrize("shared", [1, 3, 6])
def test_products_attend_as_the_fused_kernel_does_to_everything_before_each_token(
    shared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read from the beginning, in one block and in many, whatever number of heads shares a key."""
    query, key, value = drawn(2, 6, 37, 16), drawn(2, shared, 37, 16, seed=1), drawn(2, shared, 37, 16, seed=2)
    expected = functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    for block in (1 << 20, 2 * 6 * 37 * 5):
        monkeypatch.setattr(attention, "_BLOCK", block)
        found = attention.attend(query, key, value, scale=0.25, causal=True)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_products_attend_to_a_whole_picture_and_to_what_a_mask_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "_BLOCK", 6 * 50 * 4)
    query, held = drawn(1, 6, 10, 16), drawn(1, 2, 64, 16, seed=1)
    key, value = held[:, :, :50], drawn(1, 2, 64, 16, seed=2)[:, :, :50]  # a cache has room behind
    mask = (torch.arange(50)[None] <= torch.arange(40, 50)[:, None])[None, None]
    for allowed in (None, mask):
        expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed, enable_gqa=True)
        found = attention.attend(query, key, value, allowed, scale=0.25)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_products_attend_for_one_token_of_several_readers_each_as_far_as_it_has_read() -> None:
    query, key, value = drawn(3, 6, 1, 16), drawn(3, 2, 64, 16, seed=1), drawn(3, 2, 64, 16, seed=2)
    mask = (torch.arange(50)[None] <= torch.tensor([[9], [49], [0]]))[:, None, None, :]
    expected = functional.scaled_dot_product_attention(
        query, key[:, :, :50], value[:, :, :50], attn_mask=mask, enable_gqa=True
    )
    found = attention.attend(query, key[:, :, :50], value[:, :, :50], mask, scale=0.25)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@needs_bfloat16
@pytest.mark.parametrize("family", ["llava", "gemma", "qwen2-vl", "qwen2.5-vl", "qwen3-vl", "phi3", "gemma2"])
def test_a_model_in_bfloat16_says_the_same_with_products(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every layer and the tower by products, against everything as transformers loaded it."""
    makers: dict[str, Any] = {"llava": checkpoints.make_llava, "gemma": checkpoints.make_gemma}
    if family in makers:
        folder = makers[family](tmp_path / family)
    elif family.startswith("qwen"):
        folder = checkpoints.make_qwen(tmp_path / family, kind=family)
    else:
        folder = checkpoints.make_text(tmp_path / family, kind=family)
    engine = opened(folder, "bf16", check=False)
    monkeypatch.setattr(attention, "_WORTH", 0)
    pictures = (checkpoints.picture(1, (120, 50)),) if engine.identity.accepts_images else ()
    messages = [Message("user", "What imaging modality is this, and is anything abnormal?", pictures)]
    ours = logits_of(engine, messages)
    changed = attention.prefer_products(engine.decoder.model, on=False)
    engine.scheduler.embeddings.clear()
    theirs = logits_of(engine, messages)
    engine.close()
    assert changed == (family != "gemma2"), "what needs transformers' own attention keeps it"
    assert torch.nn.functional.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0) > 0.999
    assert (ours - theirs).abs().max() < 0.05 * theirs.abs().max()


@needs_bfloat16
def test_a_part_that_needs_transformers_own_attention_keeps_it_beside_a_tower_that_does_not(tmp_path: Path) -> None:
    """A Llava with a Gemma 2 decoder, which caps its scores."""
    from transformers import Gemma2Config, LlavaConfig, LlavaForConditionalGeneration

    folder = checkpoints.make_llava(tmp_path / "llava")
    made = LlavaConfig.from_pretrained(folder)
    plain = made.text_config
    made.text_config = Gemma2Config(
        vocab_size=plain.vocab_size,
        hidden_size=plain.hidden_size,
        intermediate_size=plain.intermediate_size,
        num_hidden_layers=2,
        num_attention_heads=plain.num_attention_heads,
        num_key_value_heads=plain.num_key_value_heads,
        head_dim=16,
        sliding_window=64,
        max_position_embeddings=plain.max_position_embeddings,
    )
    torch.manual_seed(1)
    LlavaForConditionalGeneration(made).to(torch.bfloat16).save_pretrained(folder)
    engine = opened(folder, "bf16", check=False)
    model = engine.decoder.model
    names = [part.config._attn_implementation for part in (model.model.language_model, model.model.vision_tower)]
    finish = list(engine.stream([Message("user", "Hi", (checkpoints.picture(1),))], Sampling(max_new_tokens=3)))[-1]
    engine.close()
    assert names == ["eager", attention.NAME]
    assert isinstance(finish, Finish)
    assert finish.error is None


@needs_bfloat16
def test_what_stands_in_the_spare_places_of_a_cache_is_never_seen(tmp_path: Path) -> None:
    """Steps read a few places more than there are tokens, so that their shapes repeat."""
    engine = opened(checkpoints.make_llava(tmp_path / "llava"), "bf16", check=False)
    found = []
    with torch.inference_mode():
        for rubbish in (0.0, 1e4):
            cache = KeyValues(3, 128)
            engine.decoder.step([5, 6, 7], [70, 80, 90], [0, 0, 0], cache)
            for part in (*cache.keys, *cache.values):
                part[:] = drawn(*part.shape)
                for row, length in enumerate((70, 80, 90)):
                    part[row, :, length:] = rubbish
            found.append(engine.decoder.step([5, 6, 7], [70, 80, 90], [0, 0, 0], cache))
    engine.close()
    assert torch.equal(*found)


def test_a_model_in_float32_keeps_the_attention_it_was_loaded_with(tmp_path: Path) -> None:
    engine = opened(checkpoints.make_llava(tmp_path / "llava"), "fp32", check=False)
    names = {config._attn_implementation for config in attention._configurations(engine.decoder.model)}
    engine.close()
    assert names == {"sdpa"}


# --- 4-bit layers ---


def four_bit_layer(rows: int, columns: int, *, bias: bool) -> Any:
    import bitsandbytes as bnb

    library: Any = bnb
    layer = library.nn.Linear4bit(columns, rows, bias=bias, compute_dtype=torch.bfloat16, quant_type="nf4")
    weight = drawn(rows, columns).bfloat16()
    layer.weight = library.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", compress_statistics=True)
    if bias:
        layer.bias.data = drawn(rows).bfloat16()
    return layer.requires_grad_(False).eval().to("cpu")


@needs_kernel
@pytest.mark.parametrize("bias", [True, False])
def test_a_4_bit_layer_called_directly_gives_the_same_numbers_to_the_last_bit(bias: bool) -> None:
    layer = four_bit_layer(96, 128, bias=bias)
    whole = drawn(2, 5, 256).bfloat16()
    given = [whole[..., :128], whole[:, :1, 128:], drawn(7, 128).bfloat16(), drawn(3, 2, 128)]
    with torch.inference_mode():
        assert packed_layers.shorten(layer) == 1
        directly = [layer(x) for x in given for _ in range(2)]  # the first call packs, the next go straight on
        packed_layers.shorten(layer, on=False)
        plainly = [layer(x) for x in given for _ in range(2)]
    for ours, theirs in zip(directly, plainly, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)


@needs_kernel
def test_new_weights_and_copies_of_a_4_bit_layer_multiply_by_what_they_hold() -> None:
    import bitsandbytes as bnb

    library: Any = bnb
    layer, x = four_bit_layer(96, 128, bias=False), drawn(3, 128).bfloat16()
    packed_layers.shorten(layer)
    with torch.inference_mode():
        for seed in range(20):
            weight = drawn(96, 128, seed=seed).bfloat16()
            layer.weight = library.nn.Params4bit(weight, requires_grad=False, quant_type="nf4").to("cpu")
            twin = four_bit_layer(96, 128, bias=False)
            twin.weight = library.nn.Params4bit(weight, requires_grad=False, quant_type="nf4").to("cpu")
            expected = twin(x)
            assert torch.equal(layer(x), expected)
            assert torch.equal(layer(x), expected)
            assert torch.equal(copy.deepcopy(layer)(x), expected)


@needs_kernel
def test_layers_of_odd_shapes_stay_with_bitsandbytes() -> None:
    layer = four_bit_layer(96, 128, bias=False)
    layer.support_avx512bf16_for_cpu = False
    assert packed_layers.shorten(layer) == 0


@needs_kernel
def test_a_model_in_4_bit_calls_its_layers_directly() -> None:
    from model.opening import DEMO

    engine = opened(DEMO, "nf4", check=False)
    layers = [module for module in engine.decoder.model.modules() if type(module).__name__ == "Linear4bit"]
    engine.close()
    assert layers
    assert all(isinstance(layer.forward, packed_layers._Direct) for layer in layers)


# --- threads ---


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has no helpers")
def test_only_the_thread_that_serves_the_model_keeps_helpers() -> None:
    """Opening on the main thread leaves none behind there: they appear only when the main thread itself computes."""
    program = """
        import os, time, torch
        from model import open_engine
        def threads():
            time.sleep(1)  # one that ends is listed a moment longer
            return len(os.listdir("/proc/self/task"))
        engine = open_engine("demo", device="cpu")
        before = threads()
        torch.randn(2000, 2000) @ torch.randn(2000, 2000)
        print(threads() - before, torch.get_num_threads() - 1)
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=300, check=True
    )
    appeared, helpers = found.stdout.split()
    assert appeared == helpers


def test_loading_that_nobody_waits_for_any_more_ends_and_leaves_no_engine() -> None:
    """Ctrl-C while a checkpoint is loaded."""
    from model import open_engine

    shares: list[float] = []

    def progress(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.5)  # until the main thread has noticed

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            open_engine("demo", device="cpu", progress=progress)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(shares) == 3
    names = [thread.name for thread in threading.enumerate()]
    assert "loading" not in names
    assert "inference" not in names


def test_what_loading_raises_reaches_whoever_opens_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from model import errors, open_engine

    folder = checkpoints.make_llava(tmp_path / "llava")
    (folder / "tokenizer.json").write_text("{}")  # noticed only when loading has begun
    seen: list[str] = []
    load_tokenizer = family.load_tokenizer

    def noticed(checkpoint: Any) -> Any:
        seen.append(threading.current_thread().name)
        return load_tokenizer(checkpoint)

    monkeypatch.setattr(family, "load_tokenizer", noticed)
    with pytest.raises(errors.CheckpointIncomplete, match="tokenizer"):
        open_engine(str(folder), device="cpu")
    assert seen == ["loading"]
    assert not [thread for thread in threading.enumerate() if thread.name == "loading"]
