"""Small random checkpoints of every family, built offline in seconds; used by tests and benchmarks alike.

Weights are random but not small: answers differ with the image and with every token of the prompt, so that equal
tokens mean equal computation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from model.quantized import quiet
from tests.checkpoint_words import (
    GEMMA_SPECIALS,
    GEMMA_TEMPLATE,
    LLAMA3_SPECIALS,
    LLAMA_TEMPLATE,
    QWEN_SPECIALS,
    QWEN_TEMPLATE,
    make_tokenizer,
)

CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def picture(number: int, size: tuple[int, int] = (90, 60)) -> Image.Image:
    """A deterministic picture without meaning; different numbers give clearly different ones."""
    import numpy as np

    random = np.random.default_rng(number)
    coarse = random.integers(0, 255, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def _randomise(model: Any, seed: int, *, embedding: float = 0.5, head: float = 3.0) -> None:
    """Weights of unit gain and small embeddings, so that every token of the prompt moves the answer and greedy
    choices are not ties."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "embed_tokens" in name:
                parameter.normal_(0.0, embedding)
            elif parameter.dim() > 1:
                parameter.normal_(0.0, 1.6 / parameter.shape[-1] ** 0.5)
            elif parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.05)
        weight = model.get_output_embeddings().weight
        weight.normal_(0.0, head / weight.shape[-1] ** 0.5)


def _save(model: Any, folder: Path, *, eos: Sequence[int], shard: str = "5GB") -> None:
    model.generation_config.eos_token_id = list(eos)
    model.generation_config.pad_token_id = 0
    model.eval()
    with quiet():
        model.save_pretrained(folder, max_shard_size=shard)


def _write(folder: Path, name: str, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")


def clip_preprocessor(side: int) -> dict[str, Any]:
    """The settings CLIP checkpoints come with: they crop unless told otherwise."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "crop_size": {"height": side, "width": side},
        "size": {"shortest_edge": side},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "resample": 3,
        "rescale_factor": 1 / 255,
    }


def llama_text(vocabulary: int, **changes: Any) -> dict[str, Any]:
    """A Llama 3.1 decoder in miniature: grouped heads, scaled rotary positions."""
    base: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 2048,
        },
        "tie_word_embeddings": False,
    }
    return base | changes


def clip_vision(side: int = 56, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": side,
        "patch_size": 14,
    }
    return base | changes


def make_llava(
    folder: Path,
    *,
    template: bool = True,
    seed: int = 1,
    text: dict[str, Any] | None = None,
    vision: dict[str, Any] | None = None,
    dtype: str = "float32",
    shard: str = "5GB",
) -> Path:
    """Hugging Face Llava. template=False leaves out the chat template, as BiMediX2-8B-hf might."""
    import torch
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    tokenizer = make_tokenizer(folder, LLAMA3_SPECIALS, bos="<|begin_of_text|>", eos="<|eot_id|>")
    vision_config = CLIPVisionConfig(**clip_vision(**(vision or {})))
    config = LlavaConfig(
        vision_config=vision_config,
        text_config=LlamaConfig(**llama_text(len(tokenizer), **(text or {}))),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        projector_hidden_act="gelu",
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )
    model = LlavaForConditionalGeneration(config)
    _randomise(model, seed)
    _save(model.to(getattr(torch, dtype)), folder, eos=[tokenizer.convert_tokens_to_ids("<|eot_id|>")], shard=shard)
    _write(folder, "preprocessor_config.json", clip_preprocessor(vision_config.image_size))
    _write(folder, "processor_config.json", {"processor_class": "LlavaProcessor", "image_token": "<image>"})
    if template:
        _write(folder, "chat_template.jinja", LLAMA_TEMPLATE)
    return folder


def make_original_llava(
    folder: Path, *, seed: int = 1, tower_inside: bool = True, kind: str = "llava_llama", shard: str = "700KB"
) -> Path:
    """The same weights as `make_llava(seed=seed)` under original names; the twin lies in `folder/../twin`."""
    from safetensors.torch import load_file, save_file

    twin = make_llava(folder.parent / "twin", template=False, seed=seed)
    config = json.loads((twin / "config.json").read_text())
    folder.mkdir(parents=True)
    state: dict[str, Any] = {}
    tower: dict[str, Any] = {}
    for file in sorted(twin.glob("*.safetensors")):
        for name, tensor in load_file(file).items():
            target = original_name(name)
            if ".vision_tower." in target and not tower_inside:
                tower[target.removeprefix("model.vision_tower.vision_tower.")] = tensor
            else:
                state[target] = tensor
    _save_shards(state, folder, shard)
    text = config["text_config"]
    rope = text.pop("rope_parameters")
    theta = rope.pop("rope_theta")
    old = {
        **text,
        "architectures": ["LlavaLlamaForCausalLM"],
        "model_type": kind,
        "rope_scaling": rope,
        "rope_theta": theta,
        "mm_vision_tower": "openai/clip-vit-large-patch14-336",
        "mm_projector_type": "mlp2x_gelu",
        "mm_hidden_size": 64,
        "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch",
        "mm_patch_merge_type": "flat",
        "mm_use_im_start_end": False,
        "image_aspect_ratio": "pad",
        "tokenizer_model_max_length": 4096,
        "torch_dtype": "float32",
    }
    _write(folder, "config.json", old)
    make_tokenizer(folder, LLAMA3_SPECIALS, bos="<|begin_of_text|>", eos="<|eot_id|>")
    clip = folder / "vision-tower"
    clip.mkdir()
    vision = config["vision_config"]
    _write(clip, "config.json", vision | {"model_type": "clip_vision_model"})
    _write(clip, "preprocessor_config.json", clip_preprocessor(vision["image_size"]))
    if tower:
        save_file(tower, clip / "model.safetensors", metadata={"format": "pt"})
    return folder


def original_name(name: str) -> str:
    """A Hugging Face Llava tensor name as LLaVA's own code calls it; also from transformers 4 checkpoints."""
    name = name.removeprefix("model.") if name.startswith("model.language_model") else name
    if name.startswith("language_model.model."):
        return "model." + name.removeprefix("language_model.model.")
    if name.startswith("language_model.lm_head"):
        return name.removeprefix("language_model.")
    if name.startswith("language_model."):
        return "model." + name.removeprefix("language_model.")
    if "multi_modal_projector" in name:
        rest = name.split("multi_modal_projector.")[1]
        return "model.mm_projector." + rest.replace("linear_1", "0").replace("linear_2", "2")
    if "vision_tower." in name:
        rest = name.split("vision_tower.")[1].removeprefix("vision_model.")
        return "model.vision_tower.vision_tower.vision_model." + rest
    return name


def _save_shards(state: dict[str, Any], folder: Path, shard: str) -> None:
    from huggingface_hub import save_torch_state_dict

    save_torch_state_dict(state, folder, max_shard_size=shard, safe_serialization=True)


def make_gemma(folder: Path, *, seed: int = 2, window: int = 48) -> Path:
    """Gemma 3 with a window shorter than a conversation, every second layer sliding."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    tokenizer = make_tokenizer(folder, GEMMA_SPECIALS, bos="<bos>", eos="<eos>")
    one = tokenizer.convert_tokens_to_ids
    config = Gemma3Config(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 192,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "sliding_window": window,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "max_position_embeddings": 8192,
            "query_pre_attn_scalar": 32,
        },
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 56,
            "patch_size": 14,
            "vision_use_head": False,
        },
        mm_tokens_per_image=4,
        boi_token_index=one("<start_of_image>"),
        eoi_token_index=one("<end_of_image>"),
        image_token_index=one("<image_soft_token>"),
    )
    model = Gemma3ForConditionalGeneration(config)
    _randomise(model, seed, head=0.5)  # tied, and multiplied by the root of the width where it is read
    _save(model, folder, eos=[one("<eos>"), one("<end_of_turn>")])
    _write(
        folder,
        "preprocessor_config.json",
        {
            "image_processor_type": "Gemma3ImageProcessor",
            "size": {"height": 56, "width": 56},
            "image_mean": [0.5] * 3,
            "image_std": [0.5] * 3,
            "do_resize": True,
            "do_rescale": True,
            "do_normalize": True,
            "resample": 2,
            "rescale_factor": 1 / 255,
            "image_seq_length": 4,
        },
    )
    _write(folder, "chat_template.jinja", GEMMA_TEMPLATE)
    return folder


def make_qwen(folder: Path, *, kind: str = "qwen2.5-vl", seed: int = 3) -> Path:
    """Qwen2-VL, Qwen2.5-VL, Qwen3-VL or its mixture of experts (qwen3-vl-moe) in miniature."""
    import transformers

    tokenizer = make_tokenizer(folder, QWEN_SPECIALS, bos=None, eos="<|im_end|>")
    one = tokenizer.convert_tokens_to_ids
    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
        "tie_word_embeddings": False,
    }
    vision: dict[str, Any] = {"depth": 3, "num_heads": 4, "patch_size": 14, "spatial_merge_size": 2}
    if kind == "qwen2-vl":
        names = ("Qwen2VLConfig", "Qwen2VLForConditionalGeneration")
        vision |= {"embed_dim": 64, "hidden_size": 128, "mlp_ratio": 2}
    elif kind == "qwen2.5-vl":
        names = ("Qwen2_5_VLConfig", "Qwen2_5_VLForConditionalGeneration")
        vision |= {"hidden_size": 64, "intermediate_size": 96, "out_hidden_size": 128, "fullatt_block_indexes": [1]}
        vision |= {"window_size": 56}
    else:
        names = ("Qwen3VLConfig", "Qwen3VLForConditionalGeneration")
        text |= {"head_dim": 32}
        text["rope_parameters"] |= {"mrope_interleaved": True}
        vision |= {
            "hidden_size": 64,
            "intermediate_size": 96,
            "out_hidden_size": 128,
            "deepstack_visual_indexes": [0, 1],
        }
        vision |= {"num_position_embeddings": 64, "patch_size": 16}
    if kind == "qwen3-vl-moe":
        names = ("Qwen3VLMoeConfig", "Qwen3VLMoeForConditionalGeneration")
        text |= {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 96, "mlp_only_layers": [1]}
    config = getattr(transformers, names[0])(
        text_config=text,
        vision_config=vision,
        image_token_id=one("<|image_pad|>"),
        video_token_id=one("<|video_pad|>"),
        vision_start_token_id=one("<|vision_start|>"),
        vision_end_token_id=one("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    model = getattr(transformers, names[1])(config)
    _randomise(model, seed)
    _save(model, folder, eos=[one("<|im_end|>"), one("<|endoftext|>")])
    patch = vision["patch_size"]
    _write(
        folder,
        "preprocessor_config.json",
        {
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": patch,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "size": {"shortest_edge": (2 * patch) ** 2, "longest_edge": (8 * patch) ** 2},
            "image_mean": CLIP_MEAN,
            "image_std": CLIP_STD,
            "do_resize": True,
            "do_rescale": True,
            "do_normalize": True,
            "do_convert_rgb": True,
            "resample": 3,
            "rescale_factor": 1 / 255,
        },
    )
    _write(folder, "chat_template.jinja", QWEN_TEMPLATE)
    return folder


def make_text(folder: Path, *, kind: str = "llama", seed: int = 4, text: dict[str, Any] | None = None) -> Path:
    """A text-only model: llama, mistral, mixtral (no template, as BiMediX), gemma, gemma2, gemma3_text, qwen2, qwen3,
    qwen2_moe and qwen3_moe (each with a layer that has no experts), phi3 (with factors for longer sequences, as its
    long variants have), cohere, granite or olmo2."""
    import transformers

    gemma, qwen = kind.startswith("gemma"), kind.startswith("qwen")
    specials = GEMMA_SPECIALS if gemma else QWEN_SPECIALS if qwen else ("<unk>", "<s>", "</s>")
    bos = "<bos>" if gemma else None if qwen else "<s>"
    eos = "<end_of_turn>" if gemma else "<|im_end|>" if qwen else "</s>"
    tokenizer = make_tokenizer(folder, specials, bos=bos, eos=eos)
    made = llama_text(len(tokenizer))
    if kind != "llama":
        made["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0}
    if kind == "mixtral":
        made |= {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None}
    if kind in ("qwen2_moe", "qwen3_moe"):
        made |= {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 96, "mlp_only_layers": [1]}
        made |= {"shared_expert_intermediate_size": 160} if kind == "qwen2_moe" else {}
    if kind in ("gemma2", "gemma3_text"):
        made |= {"sliding_window": 32, "layer_types": ["sliding_attention"] * 2 + ["full_attention"]}
        del made["rope_parameters"]
    if gemma or kind.startswith("qwen3"):
        made |= {"head_dim": 32}
    if kind == "mistral":
        made |= {"sliding_window": 32}
    if kind == "phi3":
        made |= {"original_max_position_embeddings": 2048}
        made["rope_parameters"] |= {"rope_type": "longrope", "short_factor": [1.0] * 16, "long_factor": [4.0] * 16}
    if kind in ("phi3", "cohere", "olmo2"):  # theirs lie beyond these few words
        made |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = transformers.AutoConfig.for_model(kind, **made | (text or {}))
    model = transformers.AutoModelForCausalLM.from_config(config)
    _randomise(model, seed, head=0.5 if gemma else 3.0)
    _save(model, folder, eos=[tokenizer.eos_token_id])
    if gemma:
        _write(folder, "chat_template.jinja", GEMMA_TEMPLATE)
    if qwen:
        _write(folder, "chat_template.jinja", QWEN_TEMPLATE)
    return folder
