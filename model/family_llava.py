"""Llava: CLIP-style tower, projector, any decoder; the picture is padded to a square, never cropped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.checkpoint import Checkpoint
from model.errors import UnreadableImage
from model.family import Adapter, Features, Pixels, load_image_processor

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_TOKEN = "<image>"
_FAR_LARGER = 8  # times the side of what the tower reads, and _AT_LEAST pixels: below, a picture keeps its very pixels
_AT_LEAST = 4096
_NARROW = 2  # as long as this many times its width: padding would then be more than half of the square


@dataclass
class LlavaAdapter(Adapter):
    """`processor` turns a square RGB picture into pixel values of (1, 3, side, side)."""

    processor: Any = None
    pad_colour: tuple[int, int, int] = (122, 116, 104)
    side: int = 336
    tokens_per_image: int = 576

    accepts_images = True

    def prepare(self, image: Image.Image) -> Pixels:
        square = pad_to_square(shrink_strip(image, self.side), self.pad_colour)
        values = self.processor(images=square, return_tensors="pt")["pixel_values"]
        if tuple(values.shape[-2:]) != (self.side, self.side):
            raise UnreadableImage(f"the preprocessor gave {tuple(values.shape)}, the tower takes {self.side}")
        return Pixels({"pixel_values": values}, self.tokens_per_image, square.size)

    def encode(self, model: Any, pixels: Pixels) -> Features:
        tower = model.model.vision_tower
        values = pixels.tensors["pixel_values"].to(tower.device, tower.dtype)
        out = model.get_image_features(
            pixel_values=values,
            vision_feature_layer=self.config.vision_feature_layer,
            vision_feature_select_strategy=self.config.vision_feature_select_strategy,
        )
        return Features(out.pooler_output[0])


def pad_to_square(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """The picture in the middle of a square of its longer side, as the checkpoints were trained."""
    from PIL import Image as Pillow

    image = image.convert("RGB")
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    square = Pillow.new("RGB", (side, side), colour)
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    return square


def shrink_strip(image: Image.Image, side: int) -> Image.Image:
    """A long narrow picture far larger than the `side` pixels the tower reads, made smaller; any other as it is.

    A film of 20,000 x 1,000 pixels would be padded to 1.2 GB, of which 19 parts in 20 are padding.
    """
    from PIL import Image as Pillow

    longer, shorter = max(image.size), min(image.size)
    most = max(_AT_LEAST, _FAR_LARGER * side)
    if longer <= most or longer <= _NARROW * shorter:
        return image
    scale = most / longer
    width, height = (max(1, round(edge * scale)) for edge in image.size)
    return image.resize((width, height), Pillow.Resampling.BOX)


def build(checkpoint: Checkpoint, tokenizer: Any, config: Any, *, preprocessor: Path | None = None) -> LlavaAdapter:
    """Patch size, strategy and extra tokens come from the model's configuration, whatever the processor says."""
    processor = load_image_processor(preprocessor or checkpoint.folder)
    vision = config.vision_config
    side, patch = int(vision.image_size), int(getattr(vision, "patch_size", 14))
    has_class_token = "clip" in str(vision.model_type)
    patches = (side // patch) ** 2
    dropped = config.vision_feature_select_strategy == "default"
    token, token_id = image_token(tokenizer, config.image_token_id)
    mean = tuple(getattr(processor, "image_mean", None) or (0.5, 0.5, 0.5))
    return LlavaAdapter(
        checkpoint,
        tokenizer,
        config,
        image_token=token,
        image_token_id=token_id,
        processor=processor,
        pad_colour=(int(mean[0] * 255), int(mean[1] * 255), int(mean[2] * 255)),
        side=side,
        tokens_per_image=patches + (1 if has_class_token else 0) - (1 if dropped else 0),
    )


def image_token(tokenizer: Any, configured: int) -> tuple[str, int]:
    """The image token and its id: the configuration's id when the tokenizer knows it, else a token that is added
    here (original LLaVA has none; the id is never looked up in the embedding)."""
    token = tokenizer.convert_ids_to_tokens(configured) if 0 <= configured < len(tokenizer) else None
    known = tokenizer.get_added_vocab()
    if token is not None and token in known:
        return str(token), int(configured)
    if DEFAULT_TOKEN not in known:
        tokenizer.add_tokens([DEFAULT_TOKEN], special_tokens=True)
    return DEFAULT_TOKEN, int(tokenizer.convert_tokens_to_ids(DEFAULT_TOKEN))
