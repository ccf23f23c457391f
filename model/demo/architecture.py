"""The shape of the demonstration model: a small Llava and the heads that help its tower learn. No data here."""

from typing import Any

from model.demo.pictures import GRID, SIDE
from model.demo.scene import FINDINGS, MODALITIES, PARTS

VISION: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 768,
    "num_hidden_layers": 8,
    "num_attention_heads": 3,
}
TEXT: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
CONTEXT = 1024  # tokens up to which the last stage trains; what a written model declares is in its configuration


def tower_config() -> Any:
    """The CLIP tower's configuration."""
    from transformers import CLIPVisionConfig

    return CLIPVisionConfig(**VISION, image_size=SIDE, patch_size=SIDE // GRID)


def build(vocabulary: int, image_token: int, bos: int, eos: int, pad: int) -> Any:
    """An untrained LlavaForConditionalGeneration in float32."""
    from transformers import LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    text = LlamaConfig(
        **TEXT,
        vocab_size=vocabulary,
        max_position_embeddings=CONTEXT,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=pad,
        tie_word_embeddings=False,
    )
    configure: Any = LlavaConfig  # its stub names the image token by an older name
    config = configure(
        vision_config=tower_config(),
        text_config=text,
        image_token_id=image_token,
        image_seq_length=GRID * GRID,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    return LlavaForConditionalGeneration(config)


def helper_heads() -> Any:
    """Heads thrown away after the tower's own training: what the whole picture is, what each patch holds."""
    from torch import nn

    width = VISION["hidden_size"]
    return nn.ModuleDict(
        {
            "modality": nn.Linear(width, len(MODALITIES)),
            "part": nn.Linear(width, len(PARTS)),
            "finding": nn.Linear(2 * width, len(FINDINGS) + 1),
            "side": nn.Linear(2 * width, 3),
            "tissue": nn.Linear(width, 5),
            "patch": nn.Linear(width, len(FINDINGS) - 1),
        }
    )
