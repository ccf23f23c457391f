"""Which checkpoints are refused, with which reason, and that none of their code ever runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import errors, open_engine
from model.checkpoint import inspect
from tests import checkpoints
from tests.asking import opened


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.make_llava(tmp_path_factory.mktemp("hf") / "llava")


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


def _code(name: str, **settings: Any) -> Callable[[Path], None]:
    """A file of settings that names Python code beside it, which would leave a trace."""

    def spoil(folder: Path) -> None:
        path = folder / name
        found = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(found | settings))
        (folder / "theirs.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()\nclass Theirs: pass\n")

    spoil.__name__ = "_code_in_" + name.partition(".")[0]
    return spoil


def _written(name: str, text: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(text)

    spoil.__name__ = f"_damaged_{name.partition('.')[0]}"
    return spoil


def _other_shape(folder: Path) -> None:
    text = json.loads((folder / "config.json").read_text())["text_config"]
    _edit(folder, text_config=text | {"intermediate_size": 320})


def _impossible(folder: Path) -> None:
    text = json.loads((folder / "config.json").read_text())["text_config"]
    _edit(folder, text_config=text | {"hidden_size": "wide"})


def _library_missing(folder: Path) -> None:
    _edit(folder, quantization_config={"quant_method": "awq", "bits": 4})


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
        (_code("config.json", auto_map={"AutoModelForCausalLM": "theirs.Theirs"}), errors.RemoteCodeRefused),
        (
            _code(
                "tokenizer_config.json", tokenizer_class="Theirs", auto_map={"AutoTokenizer": ["theirs.Theirs", None]}
            ),
            errors.RemoteCodeRefused,
        ),
        (
            _code(
                "preprocessor_config.json",
                image_processor_type="Theirs",
                auto_map={"AutoImageProcessor": "theirs.Theirs"},
            ),
            errors.RemoteCodeRefused,
        ),
        (_written("model.safetensors", "not at all"), errors.CheckpointIncomplete),
        (_written("model.safetensors.index.json", "{}"), errors.CheckpointIncomplete),
        (_written("tokenizer.json", "{"), errors.CheckpointIncomplete),
        (_written("generation_config.json", "{"), errors.CheckpointIncomplete),
        (_written("preprocessor_config.json", "{"), errors.CheckpointIncomplete),
        (_other_shape, errors.CheckpointIncomplete),
        (_impossible, errors.CheckpointError),
        (_library_missing, errors.QuantizationUnavailable),
        (_loses_images, errors.SelfTestFailed),
        (_broken_weights, errors.SelfTestFailed),
        (_blind, errors.SelfTestFailed),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_served_is_refused_with_its_reason(
    llava: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    expected: type[Exception],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")  # nobody is asked whether their code may run
    folder = shutil.copytree(llava, tmp_path / "spoiled")
    spoil(folder)
    with pytest.raises(expected) as refusal:
        opened(folder)
    assert str(refusal.value) in caplog.text  # the operator learns which file or library it is
    assert not (folder / "ran").exists()


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
