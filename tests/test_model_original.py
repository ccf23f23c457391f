"""What LLaVA's own format comes with: a `tokenizer.model` and nothing else, a tower under another name."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main
from model.answer import Answer
from model.checkpoint import inspect
from model.family import load_tokenizer
from tests import checkpoints
from tests.asking import QUESTIONS, opened, tokens_of
from tests.checkpoint_words import TEXTS

_LLAVA_MED = {
    "tokenizer_class": "LlamaTokenizer",
    "add_bos_token": True,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "pad_token": "<unk>",
    "unk_token": "<unk>",
    "legacy": True,
    "clean_up_tokenization_spaces": False,
    "sp_model_kwargs": {},
}


@pytest.fixture(params=[_LLAVA_MED, None], ids=["with its settings", "alone"])
def llava_med(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Llava-Mistral whose only tokenizer is a SentencePiece model, as LLaVA-Med v1.5 is published."""
    from sentencepiece import SentencePieceTrainer

    folder = checkpoints.make_original_llava(tmp_path / "original", kind="llava_mistral")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    if request.param is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(request.param))
    made = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_writer=made,
        vocab_size=400,
        model_type="bpe",
        byte_fallback=True,  # this and the next two as Llama's and Mistral's
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(made.getvalue())
    return folder


@pytest.mark.parametrize("text", ["Is there  an effusion?\nYes [/INST]", "ما نوع هذا الفحص؟", "a 日本 in no sentence"])
def test_a_tokenizer_model_gives_the_ids_and_the_text_that_sentencepiece_gives(llava_med: Path, text: str) -> None:
    from sentencepiece import SentencePieceProcessor

    theirs: Any = SentencePieceProcessor(model_file=str(llava_med / "tokenizer.model"))
    tokenizer = load_tokenizer(inspect(llava_med))
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert ids == theirs.encode(text)
    answer = Answer(tokenizer)
    for token in ids:
        answer.feed(token)
    answer.finish()
    assert answer.text == text == theirs.decode(ids)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (theirs.bos_id(), theirs.eos_id())


def test_a_checkpoint_with_only_a_tokenizer_model_answers_about_images(llava_med: Path) -> None:
    engine = opened(llava_med)
    prompt = engine.composer.compose(QUESTIONS[1], reserve=1, raw_answer=lambda _: None)
    tokenizer = engine.composer.adapter.tokenizer
    assert list(prompt.ids).count(tokenizer.bos_token_id) == 1
    assert len(prompt.spans) == len(QUESTIONS[1][0].images)
    assert len(tokens_of(engine, QUESTIONS[1])) > 0
    assert tokenizer.eos_token_id in engine._parts.end_tokens
    engine.close()


def test_converting_fetches_the_tower_that_opening_would_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoints.make_original_llava(tmp_path / "original", tower_inside=False)
    tower = shutil.move(folder / "vision-tower", tmp_path / "elsewhere")
    hub = {"owner/llava": folder, "openai/clip-vit-large-patch14-336": tower}
    fetched: list[str] = []

    def fetch(name: str, **options: Any) -> str:
        fetched.append(name)
        return str(hub[name])

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.setenv("BASIRA_DATA", str(tmp_path / "data"))
    assert main(["convert", "owner/llava", str(tmp_path / "converted"), "--quantization", "fp32"]) == 0
    assert fetched == ["owner/llava", "openai/clip-vit-large-patch14-336"]
    opened(tmp_path / "converted").close()
    fetched.clear()
    assert main(["convert", str(folder), str(tmp_path / "again"), "--quantization", "fp32"]) != 0
    assert fetched == []  # a folder names nothing on the hub
