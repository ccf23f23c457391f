"""Gemma 3 (MedGemma): a fixed number of tokens per image, tokens of one image see each other in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.checkpoint import Checkpoint
from model.family import Adapter, Features, Pixels, load_image_processor
from model.family_llava import pad_to_square, shrink_strip

if TYPE_CHECKING:
    from PIL import Image


@dataclass
class GemmaAdapter(Adapter):
    """Pictures are padded to a black square: boxes are written on a 0-1000 scale of that square."""

    processor: Any = None
    begin: str = "<start_of_image>"
    end: str = "<end_of_image>"
    tokens_per_image: int = 256

    accepts_images = True
    bidirectional_images = True

    @property
    def placeholder(self) -> str:
        return self.begin

    def expand(self, tokens: int) -> str:
        return f"\n\n{self.begin}{self.image_token * tokens}{self.end}\n\n"

    def prepare(self, image: Image.Image) -> Pixels:
        side = int(self.config.vision_config.image_size)
        square = pad_to_square(shrink_strip(image, side), (0, 0, 0))
        values = self.processor(images=square, return_tensors="pt", do_pan_and_scan=False)["pixel_values"]
        return Pixels({"pixel_values": values}, self.tokens_per_image, square.size)

    def encode(self, model: Any, pixels: Pixels) -> Features:
        tower = model.model.vision_tower
        out = model.get_image_features(pixels.tensors["pixel_values"].to(tower.device, tower.dtype))
        rows = out.pooler_output[0]
        return Features(rows.reshape(-1, rows.shape[-1]))


def build(checkpoint: Checkpoint, tokenizer: Any, config: Any) -> GemmaAdapter:
    processor = load_image_processor(checkpoint.folder)
    token_id = int(config.image_token_id)
    begin = tokenizer.convert_ids_to_tokens(int(config.boi_token_index))
    end = tokenizer.convert_ids_to_tokens(int(config.eoi_token_index))
    return GemmaAdapter(
        checkpoint,
        tokenizer,
        config,
        image_token=str(tokenizer.convert_ids_to_tokens(token_id)),
        image_token_id=token_id,
        processor=processor,
        begin=str(begin),
        end=str(end),
        tokens_per_image=int(config.mm_tokens_per_image),
    )
