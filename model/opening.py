"""From a name to a running engine: "demo", a folder, a hub id, or "openai:http://host:port/v1#name"."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model import convert, family, memory, original_llava, prompt, quantized, registry
from model.answer import Tags
from model.checkpoint import Checkpoint, inspect
from model.engine import QUANTIZATIONS, Engine, Identity
from model.errors import CheckpointNotFound, QuantizationUnavailable, TowerNotFound
from model.weights import stored_tensors, weight_files

if TYPE_CHECKING:
    from model.local import LocalEngine
    from model.reading import Budget

DEMO = Path(__file__).resolve().parents[1] / "assets" / "demo-model"
_END_NAMES = (
    "<|eot_id|>",
    "<|im_end|>",
    "<end_of_turn>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "</s>",
)


def open_engine(
    source: str,
    *,
    quantization: str = "nf4",
    progress: Callable[[float], None] | None = None,
    device: str | None = None,
    context: int | None = None,
    readers: int | None = None,
    tower: Path | None = None,
    download: bool = False,
    weights_cache: Path | None = None,
    api_key: str | None = None,
    check: bool = True,
    cuda_graphs: bool = False,
) -> Engine:
    """Load a model and start its engine.

    source: "demo", a folder, a hub id (`owner/name`, fetched only when `download`), or
    "openai:http://host:port/v1#model-name". quantization: nf4, int8, bf16 or fp32. progress: called with 0…1.
    context: most tokens of one sequence, by default what the checkpoint was made for, at most 8192.
    readers: answered at once. tower: folder of the vision tower of an original LLaVA checkpoint.
    weights_cache: folder where quantised weights are kept for the next start. check: run the self-test.
    cuda_graphs: record each shape of step once and replay it (on a CPU the same steps run unrecorded).
    Raises the CheckpointError family, NotEnoughMemory, and for a server the RemoteError family.
    """
    if source.startswith("openai:"):
        from model.remote import RemoteEngine

        return RemoteEngine.connect(source.removeprefix("openai:"), api_key=api_key)
    if quantization not in QUANTIZATIONS:
        raise QuantizationUnavailable(f"unknown quantisation {quantization!r}: one of {', '.join(QUANTIZATIONS)}")
    os.environ.setdefault("HF_HUB_OFFLINE", "0" if download else "1")
    checkpoint = inspect(locate(source, download=download))
    if download and checkpoint.original and tower is None:
        tower = _fetched_tower(checkpoint)
    return load(
        checkpoint,
        name="demo" if source == "demo" else source,
        quantization=quantization,
        progress=progress,
        device=device,
        context=context,
        readers=readers,
        tower=tower,
        weights_cache=weights_cache,
        check=check,
        cuda_graphs=cuda_graphs,
    )


def _fetched_tower(checkpoint: Checkpoint) -> Path | None:
    """The folder of the tower that an original LLaVA checkpoint names, fetched unless it lies at hand already."""
    try:
        return original_llava.find_tower(checkpoint).folder
    except TowerNotFound:
        return locate(str(checkpoint.config.get("mm_vision_tower", "")), download=True)


def locate(source: str, *, download: bool = False) -> Path:
    """The folder of a source. Raises CheckpointNotFound."""
    if source == "demo":
        return DEMO
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if source.count("/") == 1 and not source.startswith((".", "/", "~")):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError, HfHubHTTPError  # isort: skip

        try:
            wanted = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
            return Path(snapshot_download(source, local_files_only=not download, allow_patterns=wanted))
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
            raise CheckpointNotFound(f"{source} is not on this machine and could not be fetched") from error
    raise CheckpointNotFound(f"no folder {source}")


def load(
    checkpoint: Checkpoint,
    *,
    name: str,
    quantization: str,
    progress: Callable[[float], None] | None = None,
    device: str | None = None,
    context: int | None = None,
    readers: int | None = None,
    tower: Path | None = None,
    weights_cache: Path | None = None,
    check: bool = True,
    cuda_graphs: bool = False,
) -> LocalEngine:
    """Load a recognised checkpoint and start its engine; see `open_engine`."""
    from model.local import LocalEngine, Parts

    device = device or quantized.default_device()
    known = registry.find(name, checkpoint)
    window = context_tokens(checkpoint, known, context)
    tokenizer = family.load_tokenizer(checkpoint)
    found_tower = original_llava.find_tower(checkpoint, tower) if checkpoint.original else None
    revision = convert.cached_fingerprint(checkpoint, weights_cache)
    kept = convert.cached_weights(weights_cache, revision, quantization)
    loaded = quantized.load(
        inspect_kept(kept, checkpoint) if kept else checkpoint,
        quantization=quantization,
        device=device,
        context=window,
        progress=progress,
        tower=found_tower,
        image_token_id=len(tokenizer),
    )
    if kept is None:
        convert.keep_weights(weights_cache, loaded.model, checkpoint, revision, loaded.quantization)
    adapter = family.build(
        checkpoint, tokenizer, loaded.model.config, preprocessor=found_tower.folder if found_tower else None
    )
    adapter.learn_window(window)
    tags = Tags() if known is None or not known.thinking else replace(Tags(), thinking=(known.thinking,))
    composer = prompt.Composer(adapter, prompt.find_template(adapter), context=window, thinking=tags.thinking)
    identity = _identify(checkpoint, loaded, adapter, known, name=name, revision=revision, context=window)
    parts = Parts(loaded.model, adapter, composer, identity, end_tokens(tokenizer, loaded.model), tags)
    bounds = replace(budget(checkpoint, loaded, window, readers), recorded=cuda_graphs)
    engine = LocalEngine(parts, bounds)
    if check:
        from model.selftest import require_sense

        require_sense(engine)
    return engine


def inspect_kept(kept: Path, checkpoint: Checkpoint) -> Checkpoint:
    """The quantised copy of a checkpoint; the configuration it was made from stays with the original."""
    files = weight_files(kept)
    config = json.loads((kept / "config.json").read_text(encoding="utf-8"))
    return Checkpoint(kept, checkpoint.family, False, config, files, stored_tensors(files), "bitsandbytes")


def context_tokens(checkpoint: Checkpoint, known: registry.Known | None, asked: int | None) -> int:
    """Most tokens of one sequence: what was asked, else what the checkpoint was trained with, at most 8192."""
    most = int(checkpoint.text_config.get("max_position_embeddings") or 8192)
    trained = checkpoint.config.get("tokenizer_model_max_length")
    if known is not None and known.context:
        most = min(most, known.context)
    elif isinstance(trained, int):
        most = min(most, trained)
    return min(most, asked or 8192)


def end_tokens(tokenizer: Any, model: Any) -> frozenset[int]:
    """Every token that ends an answer: of the generation settings, of the tokenizer, and well-known ones it has."""
    found: set[int] = set()
    for value in (getattr(model.generation_config, "eos_token_id", None), tokenizer.eos_token_id):
        if isinstance(value, int):
            found.add(value)
        elif value is not None:
            found.update(int(item) for item in value)
    vocabulary = tokenizer.get_added_vocab()
    found.update(vocabulary[name] for name in _END_NAMES if name in vocabulary)
    return frozenset(found)


def budget(checkpoint: Checkpoint, loaded: quantized.Loaded, context: int, readers: int | None) -> Budget:
    """Bounds from the memory that is left after loading: half for running sequences, a quarter for parked ones."""
    from model.reading import Budget

    on_gpu = loaded.device.startswith("cuda")
    left = memory.available_bytes(loaded.device)
    per_token = memory.cache_bytes_per_token(checkpoint, element=loaded.plain.itemsize)
    return Budget(
        readers=readers or (16 if on_gpu else 8),
        context=context,
        active_tokens=max(context, left // 2 // per_token),
        chunk=2048 if on_gpu else 512,
        shared_chunk=512 if on_gpu else 128,
        parked_bytes=left // 4 if on_gpu else min(left // 8, 2 << 30),
        parked_host_bytes=memory.available_bytes("cpu") // 8,
    )


def _recommended(model: Any) -> tuple[tuple[str, float], ...]:
    """What the checkpoint's own generation settings say about sampling."""
    settings = model.generation_config
    if not getattr(settings, "do_sample", False):
        return ()
    found = [(name, getattr(settings, name, None)) for name in ("temperature", "top_k", "top_p")]
    return tuple((name, float(value)) for name, value in found if value is not None)


def _identify(
    checkpoint: Checkpoint,
    loaded: quantized.Loaded,
    adapter: family.Adapter,
    known: registry.Known | None,
    *,
    name: str,
    revision: str,
    context: int,
) -> Identity:
    demonstration = checkpoint.folder.resolve() == DEMO.resolve()
    languages = known.languages if known else ()
    return Identity(
        name="basira-demo" if demonstration else (known.id if known else Path(name).name or name),
        revision=revision,
        family=checkpoint.family,
        quantization=loaded.quantization,
        device=loaded.device,
        demonstration=demonstration,
        accepts_images=adapter.accepts_images,
        context_tokens=context,
        languages=("en", "ar") if demonstration else languages,
        licence=known.licence if known else "",
        batched=adapter.batched,
        recommended=known.sampling if known else _recommended(loaded.model),
        boxes=known.boxes if known else "",
        parameters=loaded.parameters,
        weight_bytes=loaded.weight_bytes,
    )
