"""Which checkpoints load, from what, in which precision, and which are refused and why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import Message, Sampling, errors, open_engine
from model.checkpoint import inspect
from model.convert import convert
from model.local import LocalEngine
from model.selftest import first_logits
from tests import checkpoints

SHARED = Path(__file__).resolve().parents[2] / "shared"
ORIGINAL = SHARED / "llava-original-tiny"
GREEDY = Sampling(temperature=0.0, max_new_tokens=12)


def opened(folder: Path, quantization: str = "fp32", **options: Any) -> LocalEngine:
    engine = open_engine(str(folder), quantization=quantization, device="cpu", **options)
    assert isinstance(engine, LocalEngine)
    return engine


def logits_of(engine: LocalEngine, messages: list[Message]) -> Any:
    import torch

    with torch.inference_mode():
        return first_logits(engine, messages)


def tokens_of(engine: LocalEngine, messages: list[Message], count: int = 12) -> list[int]:
    request = engine._request(messages, Sampling(temperature=0.0, max_new_tokens=count), None, None, None)
    engine.scheduler.submit(request)
    while request.finish is None:
        request.events.get(timeout=60)
    return list(request.answer.ids)


QUESTIONS = [
    [Message("user", "What imaging modality is this?")],
    [Message("user", "ما نوع هذا الفحص؟", (checkpoints.picture(1, (120, 50)),))],
    [Message("user", "Compare them.", (checkpoints.picture(2, (40, 90)), checkpoints.picture(3)))],
]


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.make_llava(tmp_path_factory.mktemp("hf") / "llava")


# --- original LLaVA ---


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the reference checkpoint of the original code is not here")
def test_logits_and_greedy_tokens_of_the_original_implementation_are_reproduced() -> None:
    import numpy as np
    from PIL import Image

    reference = json.loads((ORIGINAL / "reference.json").read_text(encoding="utf-8"))
    engine = opened(ORIGINAL)
    image_id = engine.composer.adapter.image_token_id
    for number, case in enumerate(reference["cases"]):
        images = (Image.open(ORIGINAL / case["image"]),) if case["image"] else ()
        messages = [Message("user", case["question"], images)]
        prompt = engine.composer.compose(messages, reserve=24, raw_answer=lambda _: None)
        expected: list[int] = []
        for token in case["input_ids"]:
            expected += [image_id] * 64 if token == reference["image_token_index"] else [token]
        assert list(prompt.ids) == expected
        stored = np.load(ORIGINAL / f"first-logits-{number}.npy").ravel()
        assert np.abs(logits_of(engine, messages).numpy() - stored).max() < 1e-4
        assert tokens_of(engine, messages, 24) == case["greedy_ids"]
    engine.close()


@pytest.mark.parametrize("inside", [True, False], ids=["tower inside", "tower beside"])
@pytest.mark.parametrize("kind", ["llava_llama", "llava_mistral"])
def test_original_names_give_the_same_logits_as_the_hugging_face_twin(tmp_path: Path, inside: bool, kind: str) -> None:
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=inside, kind=kind)
    assert len(inspect(folder).files) > 1
    ours, twin = opened(folder), opened(tmp_path / "twin")
    for messages in QUESTIONS:
        assert (logits_of(ours, messages) - logits_of(twin, messages)).abs().max() < 1e-4
    ours.close()
    twin.close()


def test_an_original_checkpoint_without_its_tower_says_so(tmp_path: Path) -> None:
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=False)
    shutil.rmtree(folder / "vision-tower")
    with pytest.raises(errors.TowerNotFound, match="vision-tower"):
        opened(folder)


@pytest.mark.parametrize("quantization", ["fp32", "nf4"])
def test_a_converted_checkpoint_answers_as_before_and_loads_in_transformers(tmp_path: Path, quantization: str) -> None:
    import torch
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    folder = checkpoints.make_original_llava(tmp_path / "original")
    target = convert(folder, tmp_path / "converted", quantization=quantization)
    before, after = opened(folder, quantization), opened(target, quantization)
    assert after.identity.quantization == quantization
    for messages in QUESTIONS:
        ours, theirs = logits_of(before, messages), logits_of(after, messages)
        assert (ours - theirs[: len(ours)]).abs().max() < 1e-4
    stock = LlavaForConditionalGeneration.from_pretrained(target)
    processor = AutoProcessor.from_pretrained(target)
    prompt = after.composer.compose(QUESTIONS[1], reserve=1, raw_answer=lambda _: None)
    text = "<|begin_of_text|>" + "<image>" + "x"
    made = processor(images=QUESTIONS[1][0].images[0], text=text, return_tensors="pt")
    assert made["input_ids"].tolist()[0].count(stock.config.image_token_id) == prompt.pixels[0].tokens
    assert torch.allclose(made["pixel_values"], prompt.pixels[0].tensors["pixel_values"], atol=0.05)
    before.close()
    after.close()


# --- Hugging Face ---


def test_prompt_and_pixels_are_those_of_the_stock_processor_on_the_padded_picture(llava: Path) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoTokenizer, LlavaProcessor

    from model.family_llava import pad_to_square

    engine = opened(llava)
    processor = LlavaProcessor(
        image_processor=AutoImageProcessor.from_pretrained(llava, backend="pil"),
        tokenizer=AutoTokenizer.from_pretrained(llava),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=checkpoints.LLAMA_TEMPLATE,
    )
    for messages in QUESTIONS[1:]:
        parts: list[dict[str, Any]] = [{"type": "image"} for _ in messages[0].images]
        parts.append({"type": "text", "text": messages[0].text})
        text = processor.apply_chat_template([{"role": "user", "content": parts}], add_generation_prompt=True)
        squares = [pad_to_square(image, (122, 116, 104)) for image in messages[0].images]
        theirs = processor(images=squares, text=text, add_special_tokens=False, return_tensors="pt")
        ours = engine.composer.compose(messages, reserve=1, raw_answer=lambda _: None)
        assert list(ours.ids) == theirs["input_ids"][0].tolist()
        pixels = torch.cat([pixels.tensors["pixel_values"] for pixels in ours.pixels])
        assert torch.equal(pixels, theirs["pixel_values"])
    engine.close()


def test_gemma_prompts_are_those_of_the_stock_processor(tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoTokenizer, Gemma3Processor

    from model.family_llava import pad_to_square

    folder = checkpoints.make_gemma(tmp_path / "gemma")
    engine = opened(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for name in ("boi_token", "eoi_token", "image_token"):
        token = {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        }
        setattr(tokenizer, name, token[name])
        setattr(tokenizer, name + "_id", tokenizer.convert_tokens_to_ids(token[name]))
    processor = Gemma3Processor(
        AutoImageProcessor.from_pretrained(folder, backend="pil"),
        tokenizer,
        chat_template=checkpoints.GEMMA_TEMPLATE,
        image_seq_length=4,
    )
    for messages in QUESTIONS[1:]:
        parts: list[dict[str, Any]] = [{"type": "image"} for _ in messages[0].images]
        parts.append({"type": "text", "text": messages[0].text})
        text = processor.apply_chat_template([{"role": "user", "content": parts}], add_generation_prompt=True)
        squares = [pad_to_square(image, (0, 0, 0)) for image in messages[0].images]
        theirs = processor(images=squares, text=text, add_special_tokens=False, return_tensors="pt")
        ours = engine.composer.compose(messages, reserve=1, raw_answer=lambda _: None)
        assert list(ours.ids) == theirs["input_ids"][0].tolist()
    engine.close()


def test_a_wide_picture_is_padded_and_nothing_is_cut_off(llava: Path) -> None:
    from PIL import Image

    engine = opened(llava, check=False)
    plain = Image.new("RGB", (200, 50), (10, 10, 10))
    marked = plain.copy()
    marked.paste((250, 250, 250), (0, 0, 20, 50))  # at the far left, which cropping to a square would lose
    values = [engine.composer.adapter.prepare(image).tensors["pixel_values"] for image in (plain, marked)]
    assert (values[0] - values[1]).abs().max() > 1
    engine.close()


def test_without_a_template_the_prompt_is_the_one_the_authors_trained_with(tmp_path: Path) -> None:
    folder = checkpoints.make_llava(tmp_path / "bare", template=False)
    engine = opened(folder, check=False)
    tokenizer = engine.composer.adapter.tokenizer
    prompt = engine.composer.compose(
        [Message("user", "Q?", (checkpoints.picture(1),))], reserve=1, raw_answer=lambda _: None
    )
    text = tokenizer.decode(prompt.ids).replace("<image>" * 16, "<image>")
    assert text == (
        "<|begin_of_text|><|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nA chat between a curious user "
        "and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the "
        "user's questions.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n<image>\nQ?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    engine.close()


# --- precision ---


@pytest.mark.parametrize(
    "make",
    [checkpoints.make_llava, checkpoints.make_gemma, checkpoints.make_qwen, checkpoints.make_text],
    ids=["llava", "gemma3", "qwen2.5-vl", "text"],
)
def test_four_bits_reach_every_layer_of_the_language_model_and_nothing_else(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    import bitsandbytes as bnb
    from torch import nn

    engine = opened(make(tmp_path / "model"), "nf4")
    model = engine.decoder.model
    quantized = {name for name, module in model.named_modules() if isinstance(module, bnb.nn.Linear4bit)}
    plain = {name for name, module in model.named_modules() if type(module) is nn.Linear}
    layers = engine.composer.adapter.config.get_text_config().num_hidden_layers
    assert len(quantized) == 7 * layers
    assert all(".layers." in name and "vision" not in name and "visual" not in name for name in quantized)
    assert "lm_head" in plain
    assert engine.identity.quantization == "nf4"
    engine.close()


def test_the_experts_of_a_mixtral_are_quantised_one_by_one(tmp_path: Path) -> None:
    import bitsandbytes as bnb

    engine = opened(checkpoints.make_text(tmp_path / "mixtral", kind="mixtral"), "nf4")
    names = [name for name, part in engine.decoder.model.named_modules() if isinstance(part, bnb.nn.Linear4bit)]
    assert len(names) == 3 * (4 + 4 * 3)  # layers x (attention + experts x matrices)
    assert len(tokens_of(engine, QUESTIONS[0])) > 0
    engine.close()


def test_split_experts_compute_what_fused_ones_do(tmp_path: Path) -> None:
    import torch
    from transformers import MixtralForCausalLM

    from model import mixtral_experts
    from model.weights import Shelf, lazy_state

    folder = checkpoints.make_text(tmp_path / "mixtral", kind="mixtral")
    fused = MixtralForCausalLM.from_pretrained(folder)
    state = lazy_state(mixtral_experts.names(inspect(folder).tensors), Shelf())
    split = mixtral_experts.split_class().from_pretrained(None, config=fused.config, state_dict=state)
    ids = torch.arange(4, 60).unsqueeze(0)
    with torch.inference_mode():
        assert (fused(ids).logits - split(ids).logits).abs().max() < 1e-4


@pytest.mark.parametrize("quantization", ["int8", "bf16"])
def test_other_precisions_answer_too(llava: Path, quantization: str) -> None:
    engine = opened(llava, quantization)
    assert engine.identity.quantization == quantization
    assert len(tokens_of(engine, QUESTIONS[1])) > 0
    engine.close()


def test_an_unknown_precision_is_refused(llava: Path) -> None:
    with pytest.raises(errors.QuantizationUnavailable, match="nf4"):
        opened(llava, "int3")


def test_a_quantised_tower_would_be_noticed(llava: Path) -> None:
    import bitsandbytes as bnb

    from model.quantized import prove

    engine = opened(llava, "nf4", check=False)
    model = engine.decoder.model
    model.multi_modal_projector = None
    model.model.multi_modal_projector.linear_1 = bnb.nn.Linear4bit(64, 128)
    with pytest.raises(errors.QuantizationUnavailable, match="must not be"):
        prove(model, "nf4")
    engine.close()


def test_progress_goes_up_to_one_and_the_fingerprint_follows_the_weights(llava: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    engine = opened(llava, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    other = checkpoints.make_llava(tmp_path / "other", seed=9)
    second = opened(other, check=False)
    assert engine.identity.revision != second.identity.revision
    copy = shutil.copytree(llava, tmp_path / "copy")
    third = opened(copy, check=False)
    assert engine.identity.revision == third.identity.revision
    for one in (engine, second, third):
        one.close()


def test_quantised_weights_are_kept_for_the_next_start(
    tmp_path: Path, llava: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model import kept

    monkeypatch.setattr(kept, "WORTH_KEEPING", 0)
    first = opened(llava, "nf4", weights_cache=tmp_path / "weights")
    kept = [path for path in (tmp_path / "weights").iterdir() if path.is_dir()]
    assert len(kept) == 1
    second = opened(llava, "nf4", weights_cache=tmp_path / "weights")
    assert second.identity == first.identity
    for messages in QUESTIONS:
        assert (logits_of(first, messages) - logits_of(second, messages)).abs().max() < 1e-4
    first.close()
    second.close()


DEMO = Path(__file__).resolve().parents[1] / "assets" / "demo-model"


@pytest.mark.skipif(not (DEMO / "config.json").exists(), reason="the demonstration model has not been trained yet")
def test_the_demonstration_model_takes_the_path_of_every_other() -> None:
    import torch
    from transformers import LlavaForConditionalGeneration

    quantized = open_engine("demo")
    assert quantized.identity.demonstration
    assert quantized.identity.quantization == "nf4"
    assert quantized.identity.languages == ("en", "ar")
    quantized.close()
    engine = open_engine("demo", quantization="fp32", device="cpu")
    assert isinstance(engine, LocalEngine)
    stock = LlavaForConditionalGeneration.from_pretrained(DEMO, dtype=torch.float32)
    for messages in QUESTIONS[:2]:
        prompt = engine.composer.compose(messages, reserve=1, raw_answer=lambda _: None)
        inputs: dict[str, Any] = {"input_ids": torch.tensor([prompt.ids])}
        if prompt.pixels:
            inputs["pixel_values"] = prompt.pixels[0].tensors["pixel_values"]
        with torch.inference_mode():
            out = stock.generate(**inputs, do_sample=False, max_new_tokens=40)[0, len(prompt.ids) :].tolist()
        ours = tokens_of(engine, messages, 40)
        assert ours == out[: len(ours)]
    engine.close()


# --- refusals ---


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _phi(folder: Path) -> None:
    _edit(folder, model_type="phi3_v", auto_map={"AutoModelForCausalLM": "modeling_phi3_v.Phi3VForCausalLM"})


def _pickle(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        file.rename(file.with_name("pytorch_model.bin"))


def _unknown(folder: Path) -> None:
    _edit(folder, model_type="never_heard_of")


def _cut(folder: Path) -> None:
    file = next(folder.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-1000])


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _no_preprocessor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").unlink()


def _missing_shard(folder: Path) -> None:
    index = {"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _missing_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = next(folder.glob("*.safetensors"))
    state = load_file(file)
    del state[next(name for name in state if name.endswith("k_proj.weight"))]
    save_file(state, file, metadata={"format": "pt"})


def _loses_images(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for m in messages %}{{ m['role'] }}{% endfor %}")


def _broken_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = next(folder.glob("*.safetensors"))
    state = load_file(file)
    state[next(name for name in state if name.endswith("lm_head.weight"))].fill_(float("nan"))
    save_file(state, file, metadata={"format": "pt"})


def _blind(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = next(folder.glob("*.safetensors"))
    state = load_file(file)
    for name in state:
        if "projector.linear_2" in name:
            state[name].zero_()
    save_file(state, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_phi, errors.RemoteCodeRefused),
        (_pickle, errors.PickleRefused),
        (_unknown, errors.UnknownArchitecture),
        (_cut, errors.CheckpointIncomplete),
        (_no_tokenizer, errors.CheckpointIncomplete),
        (_no_config, errors.CheckpointIncomplete),
        (_no_preprocessor, errors.CheckpointIncomplete),
        (_missing_shard, errors.CheckpointIncomplete),
        (_missing_tensor, errors.CheckpointIncomplete),
        (_loses_images, errors.SelfTestFailed),
        (_broken_weights, errors.SelfTestFailed),
        (_blind, errors.SelfTestFailed),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_served_is_refused_with_its_reason(
    llava: Path, tmp_path: Path, spoil: Callable[[Path], None], expected: type[Exception]
) -> None:
    folder = shutil.copytree(llava, tmp_path / "spoiled")
    spoil(folder)
    with pytest.raises(expected):
        opened(folder)


def test_a_folder_that_is_not_there_is_not_looked_for_elsewhere() -> None:
    for name in ("./nowhere", "owner/never-published"):
        with pytest.raises(errors.CheckpointNotFound):
            open_engine(name)


def test_too_little_memory_is_known_before_anything_is_loaded(llava: Path) -> None:
    from model import memory, quantized

    checkpoint = inspect(llava)
    from dataclasses import replace

    stored = {name: replace(one, shape=(10**6, 10**6)) for name, one in checkpoint.tensors.items()}
    huge = replace(checkpoint, tensors=stored)
    assert memory.needed_bytes(huge, "nf4", context=1) > memory.available_bytes("cpu")
    with pytest.raises(errors.NotEnoughMemory) as caught:
        quantized.load(huge, quantization="nf4", device="cpu", context=1)
    assert caught.value.needed > caught.value.available > 0


def test_the_estimate_of_memory_is_close_to_what_is_taken(llava: Path) -> None:
    from model import memory

    for quantization in ("fp32", "bf16", "nf4"):
        engine = opened(llava, quantization, check=False)
        estimate = memory.weight_bytes(inspect(llava), quantization)
        assert 0.8 < estimate / engine.identity.weight_bytes < 1.6
        engine.close()


def test_every_error_class_is_published_once() -> None:
    assert len(set(errors.ALL)) == len(errors.ALL) >= 25
    assert all(issubclass(one, errors.ModelError) and one.__doc__ for one in errors.ALL)
