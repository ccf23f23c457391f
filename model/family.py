"""What differs between families of checkpoints, behind one interface; knows no queue, no conversation.

An adapter prepares an image (pixels and how many tokens it takes), encodes it, says which positions and which
attention mask the tokens have, and runs the decoder. Everything is passed to the decoder explicitly (embeddings,
positions, masks), so that nothing is remembered inside the module between two readers' steps: that is what makes
batching and reuse exact also for Qwen's `rope_deltas` and Gemma's window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.checkpoint import Checkpoint
from model.errors import CheckpointIncomplete

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass(frozen=True)
class Pixels:
    """A prepared image: what the tower takes, and the number of tokens it becomes."""

    tensors: dict[str, torch.Tensor]
    tokens: int
    sent_size: tuple[int, int]
    """(width, height) in pixels of what the tower saw, padding included; boxes may refer to it."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(part.numel() * part.element_size() for part in self.tensors.values())


@dataclass(frozen=True)
class Features:
    """An encoded image. rows: (tokens, hidden). deep: extra rows added after the first layers (Qwen3-VL)."""

    rows: torch.Tensor
    deep: tuple[torch.Tensor, ...] = ()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(part.numel() * part.element_size() for part in (self.rows, *self.deep))


@dataclass(frozen=True)
class Span:
    """Where an image's tokens stand in a prompt."""

    start: int
    length: int
    sha256: str
    """Over mode, size and pixels: placeholders of different images are equal, their hashes are not."""

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True)
class Positions:
    """Rotary positions of a prompt: (axes, tokens), and what to add to an index after its end."""

    table: torch.Tensor
    delta: int = 0

    def at(self, start: int, end: int) -> torch.Tensor:
        """(axes, end - start); indices past the prompt continue in step."""
        import torch

        known = self.table[:, start : min(end, self.table.shape[1])]
        first = max(start, self.table.shape[1])
        if end <= first:
            return known
        more = torch.arange(first, end, dtype=torch.long).expand(self.table.shape[0], -1) + self.delta
        return torch.cat([known, more], dim=1)


@dataclass
class Adapter:
    """The base: a text-only decoder. Subclasses add images."""

    checkpoint: Checkpoint
    tokenizer: Any
    config: Any
    """The transformers configuration of the loaded model."""
    image_token: str = ""
    image_token_id: int = -1
    window: int | None = None
    """Tokens a sliding layer looks back, itself included; None without such layers."""
    mixed_layers: bool = False
    """Some layers slide and some do not: the model takes a mask per kind."""
    control_strings: tuple[str, ...] = field(default=())

    batched = True
    accepts_images = False
    bidirectional_images = False
    axes = 1

    def fit(self, context: int) -> None:
        """Learn how long sequences may become. Reads the sliding window from the configuration; one at least as long
        as the context is none."""
        text = self.config.get_text_config()
        window = getattr(text, "sliding_window", None)
        kinds = set(getattr(text, "layer_types", None) or ())
        if getattr(text, "use_sliding_window", True) is False or (kinds and "sliding_attention" not in kinds):
            window = None
        self.mixed_layers = len(kinds) > 1
        self.window = int(window) if window and (self.mixed_layers or window < context) else None

    # --- images ---

    @property
    def placeholder(self) -> str:
        """What a chat template writes where an image stands."""
        return self.image_token

    def prepare(self, image: Image.Image) -> Pixels:
        raise NotImplementedError("a text-only model has no images")

    def expand(self, tokens: int) -> str:
        """The text that replaces one placeholder before tokenising."""
        return self.image_token * tokens

    def encode(self, model: Any, pixels: Pixels) -> Features:
        raise NotImplementedError("a text-only model has no images")

    # --- one step ---

    def positions(self, model: Any, ids: Sequence[int], spans: Sequence[Span], pixels: Sequence[Pixels]) -> Positions:
        import torch

        return Positions(torch.arange(len(ids), dtype=torch.long).unsqueeze(0))

    def embed(self, model: Any, ids: torch.Tensor) -> torch.Tensor:
        """(rows, tokens) → (rows, tokens, hidden); image tokens, which the table may not have, as token 0."""
        if self.image_token_id >= 0:
            ids = ids.masked_fill(ids == self.image_token_id, 0)
        embedded: torch.Tensor = model.get_input_embeddings()(ids)
        return embedded

    def run(
        self,
        model: Any,
        *,
        embeddings: torch.Tensor,
        positions: torch.Tensor,
        mask: Any,
        cache: Any,
        deep: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Logits of the last token of each row, (rows, vocabulary), float32. positions: (axes, rows, tokens)."""
        out = model(
            inputs_embeds=embeddings,
            position_ids=positions[0] if self.axes == 1 else positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits[:, -1].float()
        return logits


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The checkpoint's tokenizer, from its own files only. Raises CheckpointIncomplete when they do not suffice."""
    from transformers import AutoConfig, AutoTokenizer, LlamaTokenizer, PreTrainedTokenizerFast

    folder = checkpoint.folder
    # said aloud: left out, transformers asks on the terminal whether the checkpoint's own code may run
    arguments: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        if checkpoint.original and (folder / "tokenizer.json").is_file():
            return PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        if checkpoint.original and (folder / "tokenizer.model").is_file():
            # the automatic choice takes another class when no configuration names one: other ids, no line breaks
            return LlamaTokenizer.from_pretrained(folder, local_files_only=True)
        if checkpoint.original:  # its model type is unknown to the automatic choice
            return AutoTokenizer.from_pretrained(folder, config=AutoConfig.for_model("llama"), **arguments)
        return AutoTokenizer.from_pretrained(folder, **arguments)
    except Exception as error:  # the tokenizers library raises bare Exceptions for a file it cannot read
        raise CheckpointIncomplete(f"the tokenizer cannot be built from its files: {error}") from error


def load_image_processor(folder: Path) -> Any:
    """The image preprocessor of a folder, always the Pillow one: pixels must not depend on what happens to be
    installed. Raises CheckpointIncomplete."""
    import transformers

    auto: Any = transformers.AutoImageProcessor  # untyped

    try:
        return auto.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
    except Exception as error:  # settings of any wrong kind raise whatever their first use raises
        raise CheckpointIncomplete(f"the image preprocessor cannot be built: {error}") from error


def build(checkpoint: Checkpoint, tokenizer: Any, config: Any, *, preprocessor: Path | None = None) -> Adapter:
    """The adapter of a checkpoint's family. preprocessor: folder of the image preprocessor when it is elsewhere."""
    from model import family_gemma, family_llava, family_qwen

    if checkpoint.family == "text":
        return Adapter(checkpoint, tokenizer, config)
    if checkpoint.family == "llava":
        return family_llava.build(checkpoint, tokenizer, config, preprocessor=preprocessor)
    if checkpoint.family == "gemma3":
        return family_gemma.build(checkpoint, tokenizer, config)
    return family_qwen.build(checkpoint, tokenizer, config)
