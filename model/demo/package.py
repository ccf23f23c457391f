"""Writes the finished model as a Hugging Face folder, exactly what a real checkpoint brings. Trains nothing."""

from pathlib import Path
from typing import Any

from model.demo.pictures import GRID, SIDE

CARD = "CARD.md"


def processor_for(tokenizer: Any) -> Any:
    """Pads to a square with the mean colour (never crops), resizes, normalises; one placeholder per patch."""
    import transformers
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    side = {"height": SIDE, "width": SIDE}
    pictures = LlavaImageProcessorPil(do_pad=True, do_resize=True, size=side, do_center_crop=False, crop_size=side)
    library: Any = transformers  # partly untyped
    return library.LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=SIDE // GRID,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=tokenizer.chat_template,
    )


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Save weights (bfloat16), tokenizer, processor, template and greedy generation settings."""
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    library: Any = transformers  # partly untyped
    model.generation_config = library.GenerationConfig(
        do_sample=False,
        max_new_tokens=160,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    processor_for(tokenizer).save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)  # transformers writes weights for their owner only; these are for everybody to read
