"""From a name to a running engine: "demo", a folder, a hub id, or "openai:http://host:port/v1#name"."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model import convert, cores, family, kept, memory, original_llava, prompt, quantized, registry
from model.answer import Tags
from model.checkpoint import Checkpoint, inspect
from model.engine import QUANTIZATIONS, Engine, Identity
from model.errors import CheckpointError, CheckpointNotFound, ModelError, QuantizationUnavailable, TowerNotFound

if TYPE_CHECKING:
    from model.local import LocalEngine
    from model.reading import Budget

log = logging.getLogger(__name__)

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
_GEMMA_THOUGHT = ("<unused94>thought", "<unused95>")
_BOXES = {"gemma3": "gemma", "qwen2-vl": "qwen2", "qwen2.5-vl": "qwen2.5", "qwen3-vl": "qwen3"}
"""How checkpoints of a family write boxes, when they do; see `model.boxes`."""


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

    source: "demo", a folder, a hub id (`owner/name`, fetched, like the tower it names, only when `download`), or
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
    download = download and names_the_hub(source)  # what lies here is opened without asking anybody anything
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if not download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        checkpoint = inspect(locate(source, download=download))
        if download and tower is None:
            tower = fetched_tower(checkpoint)

        def work(unwanted: threading.Event) -> LocalEngine:
            engine = load(
                checkpoint,
                name="demo" if source == "demo" else source,
                quantization=quantization,
                progress=partial(_note, progress, unwanted),
                device=device,
                context=context,
                readers=readers,
                tower=tower,
                weights_cache=weights_cache,
                check=check,
                cuda_graphs=cuda_graphs,
            )
            if unwanted.is_set():
                engine.close()
            return engine

        return cores.on_a_thread_that_ends(work)
    except ModelError as error:  # a class is enough for a reader; the operator needs the file's or library's name
        log.error("%s: %s", type(error).__name__, error)
        raise
    except Exception as error:  # configurations hold anything: whatever that makes a library raise means the same
        log.error("%s: %s", type(error).__name__, error)
        raise CheckpointError(f"the checkpoint cannot be opened: {type(error).__name__}: {error}") from error


def _note(progress: Callable[[float], None] | None, unwanted: threading.Event, share: float) -> None:
    """Pass progress on; ends the loading that nobody waits for any more."""
    if unwanted.is_set():
        raise KeyboardInterrupt
    if progress is not None:
        progress(share)


def fetched_tower(checkpoint: Checkpoint) -> Path | None:
    """The folder of the tower that an original LLaVA checkpoint names, fetched unless it lies at hand already; None
    for all others. Raises CheckpointNotFound."""
    if not checkpoint.original:
        return None
    try:
        return original_llava.find_tower(checkpoint).folder
    except TowerNotFound:
        return locate(str(checkpoint.config.get("mm_vision_tower", "")), download=True)


def names_the_hub(source: str) -> bool:
    """Whether a source is `owner/name` and nothing on this machine."""
    return source.count("/") == 1 and not source.startswith((".", "/", "~")) and not Path(source).is_dir()


def locate(source: str, *, download: bool = False) -> Path:
    """The folder of a source. Raises CheckpointNotFound."""
    if source == "demo":
        return DEMO
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if names_the_hub(source):
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
    known = registry.find(name, checkpoint)
    source = _Source(
        checkpoint,
        name,
        device or quantized.default_device(),
        context_tokens(checkpoint, known, context),
        known,
        original_llava.find_tower(checkpoint, tower) if checkpoint.original else None,
    )
    revision = kept.revision(checkpoint, source.tower_files, weights_cache)
    place = kept.Kept.of(
        checkpoint,
        cache=weights_cache,
        revision=revision,
        tower=source.tower.config if source.tower else {},
        quantization=quantization,
        plain=str(quantized.plain_dtype(checkpoint, quantization, source.device)),
    )

    def start(ready: Checkpoint | None) -> LocalEngine:
        return _start(
            source,
            ready,
            place=place,
            revision=revision,
            quantization=quantization,
            progress=progress,
            readers=readers,
            check=check,
            cuda_graphs=cuda_graphs,
        )

    ready = place.checkpoint(checkpoint)
    if ready is not None:
        log.info("quantised weights are read from the copy of an earlier start: %s", ready.folder.name)
        try:
            return start(ready)
        except CheckpointError as error:
            place.discard(str(error))
    return start(None)


@dataclass(frozen=True)
class _Source:
    """A recognised checkpoint and where it will run."""

    checkpoint: Checkpoint
    name: str
    device: str
    context: int
    known: registry.Known | None
    tower: original_llava.Tower | None

    @property
    def tower_files(self) -> tuple[Path, ...]:
        """Weight files of a tower that lies outside the checkpoint."""
        return tuple(sorted({stored.file for _, stored in self.tower.tensors.values()})) if self.tower else ()


def _start(
    source: _Source,
    ready: Checkpoint | None,
    *,
    place: kept.Kept,
    revision: str,
    quantization: str,
    progress: Callable[[float], None] | None,
    readers: int | None,
    check: bool,
    cuda_graphs: bool,
) -> LocalEngine:
    """ready: the same weights, quantised by an earlier start."""
    from model.local import LocalEngine, Parts

    checkpoint, known, window = source.checkpoint, source.known, source.context
    tokenizer = family.load_tokenizer(checkpoint)
    loaded = quantized.load(
        ready or checkpoint,
        quantization=quantization,
        device=source.device,
        context=window,
        progress=progress,
        tower=source.tower,
        image_token_id=len(tokenizer),
        ours=ready is not None,
    )
    quantized.restore_generation_config(loaded.model, checkpoint.folder)
    if ready is None:  # before the first step, which repacks 4-bit weights on some CPUs
        place.keep(loaded.weight_bytes, lambda folder: convert.write(loaded.model, checkpoint, folder))
    preprocessor = source.tower.folder if source.tower else None
    adapter = family.build(checkpoint, tokenizer, loaded.model.config, preprocessor=preprocessor)
    adapter.fit(window)
    tags = Tags(thinking=thinking_tags(tokenizer, known))
    composer = prompt.Composer(adapter, prompt.find_template(adapter), context=window, thinking=tags.thinking)
    identity = _identify(source, loaded, adapter, revision=revision)
    parts = Parts(loaded.model, adapter, composer, identity, end_tokens(tokenizer, loaded.model), tags)
    bounds = replace(budget(checkpoint, loaded, window, readers), recorded=cuda_graphs)
    engine = LocalEngine(parts, bounds)
    if check:
        from model.selftest import require_sense

        require_sense(engine)
    return engine


def thinking_tags(tokenizer: Any, known: registry.Known | None) -> tuple[tuple[str, str], ...]:
    """What encloses reasoning: what the registry says, else the usual tags, and those of any tokenizer that has
    MedGemma's, whatever its folder is called."""
    if known is not None and known.thinking:
        return (known.thinking,)
    found = Tags().thinking
    names = set(tokenizer.get_added_vocab())
    return (*found, _GEMMA_THOUGHT) if {"<unused94>", "<unused95>"} <= names else found


def context_tokens(checkpoint: Checkpoint, known: registry.Known | None, asked: int | None) -> int:
    """Most tokens of one sequence: what was asked, else what the checkpoint was trained with, at most 8192."""
    most = int(checkpoint.text_config.get("max_position_embeddings") or 8192)
    most = min(most, _same_rotation_tokens(checkpoint) or most)
    trained = checkpoint.config.get("tokenizer_model_max_length")
    if known is not None and known.context:
        most = min(most, known.context)
    elif isinstance(trained, int):
        most = min(most, trained)
    return min(most, asked or 8192)


def _same_rotation_tokens(checkpoint: Checkpoint) -> int | None:
    """Up to how many tokens a LongRoPE checkpoint (Phi-3) turns keys by the same factors; None for any other.

    A longer sequence is turned by others, its first tokens too: keys read before would be wrong, and in a batch the
    longest row would choose for all. "dynamic" changes likewise, but beyond `max_position_embeddings` only.
    """
    text = checkpoint.text_config
    rope = text.get("rope_parameters") or text.get("rope_scaling") or {}
    kind = rope.get("rope_type") or rope.get("type")
    older_phi = text.get("model_type") == "phi3" and kind in ("su", "yarn")  # what transformers reads as longrope
    if kind != "longrope" and not older_phi:
        return None
    original = text.get("original_max_position_embeddings") or rope.get("original_max_position_embeddings")
    return int(original) if original else None


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
    found = [(name, getattr(settings, name, None)) for name in ("temperature", "top_k", "top_p", "repetition_penalty")]
    return tuple((name, float(value)) for name, value in found if value is not None)


def _identify(source: _Source, loaded: quantized.Loaded, adapter: family.Adapter, *, revision: str) -> Identity:
    checkpoint, known = source.checkpoint, source.known
    demonstration = checkpoint.folder.resolve() == DEMO.resolve()
    return Identity(
        name="basira-demo" if demonstration else (known.id if known else Path(source.name).name or source.name),
        revision=revision,
        family=checkpoint.family,
        quantization=loaded.quantization,
        device=loaded.device,
        demonstration=demonstration,
        accepts_images=adapter.accepts_images,
        context_tokens=source.context,
        languages=("en", "ar") if demonstration else (known.languages if known else ()),
        licence=known.licence if known else "",
        batched=adapter.batched,
        recommended=known.sampling if known and known.sampling else _recommended(loaded.model),
        boxes=known.boxes if known else _BOXES.get(checkpoint.family, ""),
        parameters=loaded.parameters,
        weight_bytes=loaded.weight_bytes,
    )
