"""Every format loads and computes what its Hugging Face twin does, with the prompt it was trained with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import Message, errors, open_engine
from model.checkpoint import inspect
from model.convert import convert
from model.local import LocalEngine
from tests import checkpoints
from tests.asking import QUESTIONS, logits_of, opened, tokens_of

SHARED = Path(__file__).resolve().parents[2] / "shared"
ORIGINAL = SHARED / "llava-original-tiny"


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


def _vision_half(folder: Path, twin: Path) -> None:
    from transformers import CLIPVisionModel, LlavaForConditionalGeneration

    tower: Any = LlavaForConditionalGeneration.from_pretrained(twin).model.vision_tower
    half = CLIPVisionModel(tower.config)
    half.load_state_dict(tower.state_dict(), strict=False)
    half.save_pretrained(folder)


def _whole_clip(folder: Path, twin: Path) -> None:
    from safetensors.torch import load_file, save_file

    found = {}
    for name, tensor in load_file(twin / "model.safetensors").items():
        if "vision_tower." in name:
            rest = name.partition("vision_tower.")[2].removeprefix("vision_model.")
            found["vision_model." + rest] = tensor
    save_file(found | {"text_model.final_layer_norm.bias": tensor.clone()}, folder / "model.safetensors")


def _another_llava(folder: Path, twin: Path) -> None:
    shutil.copyfile(twin / "model.safetensors", folder / "model.safetensors")


@pytest.mark.parametrize("save", [_vision_half, _whole_clip, _another_llava])
def test_a_named_tower_may_be_stored_in_any_of_its_forms(tmp_path: Path, save: Callable[[Path, Path], None]) -> None:
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=False)
    (folder / "vision-tower" / "model.safetensors").unlink()
    given = (folder / "vision-tower").rename(tmp_path / "clip-vit-large-patch14-336")  # the name it has in config.json
    save(given, tmp_path / "twin")
    ours, twin = opened(folder), opened(tmp_path / "twin")
    for messages in QUESTIONS:
        assert (logits_of(ours, messages) - logits_of(twin, messages)).abs().max() < 1e-4
    ours.close()
    twin.close()


def test_a_tower_that_is_only_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=False)
    tower = folder / "vision-tower"
    (tower / "model.safetensors").rename(tower / "pytorch_model.bin")
    with pytest.raises(errors.PickleRefused, match="tower"):
        opened(folder)


def test_only_a_named_hub_model_may_reach_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program always allows fetching what was named; a folder or the demonstration model names nothing there."""
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=False)
    shutil.rmtree(folder / "vision-tower")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "mm_vision_tower": "openai/clip-vit-base-patch32"}))
    fetched: list[str] = []
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **options: fetched.append(name))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(errors.TowerNotFound):
        opened(folder, download=True)
    assert fetched == []


def test_a_folder_is_opened_without_asking_anybody_for_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def address(host: str, *rest: object) -> None:
        asked.append(host)
        raise OSError("no network in this test")

    monkeypatch.setattr("socket.getaddrinfo", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    opened(checkpoints.make_llava(tmp_path / "llava"), download=True).close()
    assert asked == []


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


def test_what_is_quantised_already_or_cannot_be_whole_is_not_converted(tmp_path: Path) -> None:
    folder = checkpoints.make_original_llava(tmp_path / "original")
    target = convert(folder, tmp_path / "four", quantization="nf4")
    with pytest.raises(errors.QuantizationUnavailable, match="already"):
        convert(target, tmp_path / "again")
    with pytest.raises(errors.CheckpointError, match="exists"):
        convert(folder, target)
    next(folder.glob("*.safetensors")).unlink()
    with pytest.raises(errors.CheckpointIncomplete):
        convert(folder, tmp_path / "half")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["four", "original", "twin"]


# --- Hugging Face ---


def _transformers_4(name: str) -> str:
    return name.replace("vision_tower.", "vision_tower.vision_model.") if "vision_model" not in name else name


def _transformers_4_52(name: str) -> str:
    name = _transformers_4(name)
    if name.startswith("language_model.lm_head"):
        return name.removeprefix("language_model.")
    if name.startswith("language_model.model."):
        return "model.language_model." + name.removeprefix("language_model.model.")
    return name if name.startswith(("model.", "lm_head.")) else "model." + name


def _qwen_4_52(name: str) -> str:
    if name.startswith("visual."):
        return "model." + name
    return "model.language_model." + name.removeprefix("model.") if name.startswith("model.") else name


@pytest.mark.parametrize(
    ("make", "rename"),
    [
        (checkpoints.make_llava, _transformers_4),
        (checkpoints.make_llava, _transformers_4_52),
        (checkpoints.make_gemma, _transformers_4),
        (checkpoints.make_gemma, _transformers_4_52),
        (checkpoints.make_qwen, _qwen_4_52),
    ],
    ids=lambda value: value.__name__,
)
def test_tensors_may_have_the_names_of_any_release(
    tmp_path: Path, make: Callable[[Path], Path], rename: Callable[[str], str]
) -> None:
    from safetensors.torch import load_file, save_file

    folder = make(tmp_path / "model")
    renamed = shutil.copytree(folder, tmp_path / "renamed")
    file = renamed / "model.safetensors"
    state = {rename(name): tensor for name, tensor in load_file(file).items()}
    assert set(state) != set(load_file(file))
    save_file(state, file, metadata={"format": "pt"})
    ours, theirs = opened(renamed), opened(folder)
    assert (logits_of(ours, QUESTIONS[1]) - logits_of(theirs, QUESTIONS[1])).abs().max() == 0
    ours.close()
    theirs.close()


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
