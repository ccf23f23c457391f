"""Qwen2-VL, Qwen2.5-VL, Qwen3-VL: tokens follow the picture's size, positions have three axes.

Built from the image processor and the tokenizer alone: their processor class insists on a video processor, which
needs torchvision. `rope_deltas`, which the model keeps on itself, is never used: every step gets its positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.checkpoint import Checkpoint
from model.family import Adapter, Features, Pixels, Positions, Span, load_image_processor

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass
class QwenAdapter(Adapter):
    """`merge`: patches per token along one side."""

    processor: Any = None
    merge: int = 2
    most_tokens: int = 1 << 20
    """Per image. Their own bound is 16,384, twice the context: a large radiograph alone would not fit."""

    accepts_images = True
    axes = 3

    def fit(self, context: int) -> None:
        """Also bounds an image to a quarter of the context."""
        super().fit(context)
        self.most_tokens = max(64, context // 4)

    def prepare(self, image: Image.Image) -> Pixels:
        patch = int(self.processor.patch_size)
        least, most = (int(self.processor.size[name]) for name in ("shortest_edge", "longest_edge"))
        most = min(most, self.most_tokens * (patch * self.merge) ** 2)
        bounds = {"shortest_edge": min(least, most), "longest_edge": most}
        made = self.processor(images=image.convert("RGB"), return_tensors="pt", size=bounds)
        grid = made["image_grid_thw"][0]
        size = (int(grid[2]) * patch, int(grid[1]) * patch)
        tensors = {"pixel_values": made["pixel_values"], "grid": made["image_grid_thw"]}
        return Pixels(tensors, int(grid.prod()) // self.merge**2, size)

    def encode(self, model: Any, pixels: Pixels) -> Features:
        visual = model.model.visual
        values = pixels.tensors["pixel_values"].to(visual.device, visual.dtype)
        out = model.get_image_features(values, pixels.tensors["grid"].to(visual.device))
        deep = getattr(out, "deepstack_features", None) or ()
        return Features(out.pooler_output[0], tuple(part[0] for part in deep))

    def positions(self, model: Any, ids: Sequence[int], spans: Sequence[Span], pixels: Sequence[Pixels]) -> Positions:
        import torch

        kinds = torch.zeros(1, len(ids), dtype=torch.int)
        for span in spans:
            kinds[0, span.start : span.end] = 1
        table, delta = model.model.get_rope_index(
            torch.tensor([ids]),
            mm_token_type_ids=kinds,
            image_grid_thw=torch.cat([part.tensors["grid"] for part in pixels]) if pixels else None,
        )
        return Positions(table[:, 0], int(delta[0, 0]))

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
        extra: dict[str, Any] = {}
        if deep is not None:
            where, rows = deep
            extra = {"visual_pos_masks": where, "deepstack_visual_embeds": list(rows)}
        out = model.model.language_model(
            inputs_embeds=embeddings,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            **extra,
        )
        logits: torch.Tensor = model.lm_head(out.last_hidden_state[:, -1]).float()
        return logits


def build(checkpoint: Checkpoint, tokenizer: Any, config: Any) -> QwenAdapter:
    processor = load_image_processor(checkpoint.folder)
    token_id = int(config.image_token_id)
    return QwenAdapter(
        checkpoint,
        tokenizer,
        config,
        image_token=str(tokenizer.convert_ids_to_tokens(token_id)),
        image_token_id=token_id,
        processor=processor,
        merge=int(processor.merge_size),
    )
