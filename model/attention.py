"""Attention in bfloat16 on a processor, by matrix products; knows no tokens, no cache, no checkpoint.

torch's fused kernel for processors multiplies bfloat16 at a fraction of what its matrix products reach (measured,
docs/engine-log.md: 512 tokens read at once 2 times, an image's 577 patches 2.4 times as long). Small products stay with
it, where the number of calls decides, and steps whose keys are many, where memory does.

Scores are rounded to bfloat16 before the softmax, as in transformers' own "eager" attention, where the fused kernel
keeps them in float32. In float32, and on every other device, nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NAME = "basira_products"
_WORTH = 1 << 16  # scores of one layer from which products are faster than the fused kernel
_STEP_BYTES = 12 << 20  # keys of one step up to which they are: products copy them, out of a cache that has room
_BLOCK = 1 << 20  # scores at a time: what stays in the processor's own memory between the steps
_ROWS = 64  # tokens that a block should have at least


def prefer_products(model: Any, *, on: bool = True) -> bool:
    """Let a bfloat16 model attend by products, its tower included, where the processor multiplies such numbers itself;
    on=False: as it was loaded. Parts not loaded with transformers' "sdpa" stay as they are. Whether any changed."""
    import torch
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    weight = model.get_input_embeddings().weight
    if weight.device.type != "cpu" or weight.dtype != torch.bfloat16 or not _multiplies_bfloat16():
        return False
    ALL_ATTENTION_FUNCTIONS.register(NAME, attention_forward)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)
    before, after = ("sdpa", NAME) if on else (NAME, "sdpa")
    found = [config for config in _configurations(model) if config._attn_implementation == before]
    for config in found:
        config._attn_implementation = {"": after}  # its own; a bare name would reach its parts, whatever they have
    return bool(found)


def _multiplies_bfloat16() -> bool:
    import torch

    library: Any = torch.backends.mkldnn  # untyped
    instructions = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(library.is_available() and instructions())


def _configurations(model: Any) -> Iterator[Any]:
    """Of every module that has one: parts hold configurations of their own, which need not be the model's."""
    seen = {id(module.config): module.config for module in model.modules() if hasattr(module, "config")}
    yield from (config for config in seen.values() if hasattr(config, "_attn_implementation"))


def attention_forward(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """The signature of transformers' AttentionInterface. query: (rows, heads, tokens, width); key, value: (rows, heads
    or fewer, places, width). Returns (rows, tokens, heads, width)."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, tokens, width = query.shape
    large = rows * heads * tokens * key.shape[2] >= _WORTH
    if tokens == 1 and key.numel() * key.element_size() > _STEP_BYTES:
        large = False
    usual = not dropout and others.get("position_bias") is None and others.get("softcap") is None
    boolean = attention_mask is None or (attention_mask.dtype == torch.bool and attention_mask.shape[1] == 1)
    if not (large and usual and boolean and query.dtype == torch.bfloat16):
        result: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **others
        )
        return result
    wants_causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    made = attend(
        query,
        key,
        value,
        attention_mask,
        scale=width**-0.5 if scaling is None else scaling,
        causal=tokens > 1 and attention_mask is None and wants_causal,
    )
    return made.transpose(1, 2).contiguous(), None


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    scale: float,
    causal: bool = False,
) -> torch.Tensor:
    """softmax(scale · query · keyᵀ) · value, (rows, heads, tokens, width of value).

    Heads that share a key are multiplied together. mask: (rows or 1, 1, tokens, places), true where one may look;
    each token must be allowed somewhere. causal: token n looks at the first n + 1 places.
    """
    rows, heads, tokens, _ = query.shape
    shared, places = key.shape[1], key.shape[2]
    if tokens == 1:
        return _one_token(query, key, value, mask, scale)
    groups = heads // shared
    made = query.new_empty(rows, shared, groups, tokens, value.shape[-1])
    asked = query.reshape(rows, shared, groups, tokens, -1)
    together = max(1, min(shared, _BLOCK // (groups * _ROWS * places)))
    for row in range(rows):
        own = None if mask is None else mask[min(row, mask.shape[0] - 1), 0]
        for first in range(0, shared, together):
            heads_now = slice(first, first + together)
            made[row, heads_now] = _some_heads(
                asked[row, heads_now], key[row, heads_now], value[row, heads_now], own, scale, causal
            )
    return made.view(rows, heads, tokens, -1)


def _some_heads(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
    causal: bool,
) -> torch.Tensor:
    """Of one row. query: (shared heads, groups, tokens, width); key, value: (shared heads, places, width); mask:
    (tokens, places). Copies keys and values once: each product would copy them out of a cache with room again."""
    import torch

    shared, groups, tokens, _ = query.shape
    places = key.shape[1]
    keys, values = key.contiguous(), value.contiguous()
    made = query.new_empty(shared, groups, tokens, value.shape[-1])
    nothing = query.new_zeros(1)
    size = max(1, _BLOCK // (shared * groups * places))
    for start in range(0, tokens, size):
        end = min(tokens, start + size)
        seen = end if causal else places
        asked = query[:, :, start:end].flatten(1, 2)
        scores = torch.baddbmm(nothing, asked, keys[:, :seen].transpose(1, 2), beta=0, alpha=scale)
        allowed = mask[start:end] if mask is not None else None
        if causal:
            allowed = torch.ones(end - start, seen, dtype=torch.bool).tril(start)
        if allowed is not None:
            scores.view(shared, groups, end - start, seen).masked_fill_(~allowed, float("-inf"))
        chances = torch.softmax(scores, -1)
        made[:, :, start:end] = torch.bmm(chances, values[:, :seen]).view(shared, groups, end - start, -1)
    return made


def _one_token(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scale: float
) -> torch.Tensor:
    """Keys by query and not the other way round, which is four times slower while a cache has room behind its keys."""
    import torch

    rows, heads, _, width = query.shape
    shared = key.shape[1]
    asked = query.reshape(rows * shared, heads // shared, width)
    scores = torch.bmm(key.flatten(0, 1), asked.transpose(1, 2)).transpose(1, 2)
    scores = scores.to(torch.float32, copy=True, memory_format=torch.contiguous_format).mul_(scale)
    if mask is not None:
        scores.view(rows, heads, 1, -1).masked_fill_(~mask, float("-inf"))
    chances = torch.softmax(scores, -1).to(query.dtype)
    return torch.bmm(chances, value.flatten(0, 1)).view(rows, heads, 1, -1)
