"""Mixtures of experts with the experts as matrices of their own: transformers fuses them into blocks that bitsandbytes
skips.

Left fused, an 8x7B Mixtral in "4-bit" would keep 96 % of its weights in 16 bits. Same arithmetic, other layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from model.errors import CheckpointError
from model.weights import Stored

TYPES = ("mixtral", "qwen2_moe", "qwen3_moe", "qwen3_vl_moe")
"""Model types whose experts are fused in the same way."""
_EXPERT = re.compile(r"(.+\.layers\.\d+)\.(?:block_sparse_moe|mlp)\.experts\.(\d+)\.(w[123]|\w+_proj)\.weight(\..+)?")
_MATRICES = {"w1": "gate", "w2": "down", "w3": "up", "gate_proj": "gate", "down_proj": "down", "up_proj": "up"}
_BLOCK = re.compile(r"(.+\.layers\.\d+)\.(?:block_sparse_moe|mlp)\.experts\.(gate_up|down)_proj")


def names(tensors: Mapping[str, Stored], hidden: int) -> dict[str, tuple[str, Stored]]:
    """Our module's name → (stored name, where it is), for experts that are stored one by one or as blocks. hidden: the
    width of the model."""
    found = {}
    for name, stored in tensors.items():
        if match := _EXPERT.fullmatch(name):
            layer, number, matrix, statistics = match.groups()
            found[f"{layer}.mlp.experts.each.{number}.{_MATRICES[matrix]}.weight{statistics or ''}"] = (name, stored)
        elif (match := _BLOCK.fullmatch(name)) and len(stored.shape) == 3:
            for matrix, part in _matrices(match[2], stored, hidden):
                found[f"{match[1]}.mlp.experts.each.{matrix}.weight"] = (name, part)
        else:
            found[name.replace(".block_sparse_moe.", ".mlp.")] = (name, stored)
    return found


def _matrices(kind: str, block: Stored, hidden: int) -> Iterator[tuple[str, Stored]]:
    """A block's matrices, which lie in it as a linear layer holds them, or turned, as in Qwen3-VL's checkpoints.

    Raises CheckpointError for square ones, of which nobody can say which way they lie.
    """
    count, *sides = block.shape
    if sides[0] == sides[1]:
        raise CheckpointError(
            f"square blocks of experts ({sides[0]}): whether they are turned cannot be seen; use bf16"
        )
    if kind == "down":
        for number in range(count):
            yield f"{number}.down", block.matrix(number, 0, hidden, turned=sides[0] != hidden)
        return
    turned = sides[1] != hidden
    inner = sides[1 if turned else 0] // 2
    for number in range(count):
        yield f"{number}.gate", block.matrix(number, 0, inner, turned=turned)
        yield f"{number}.up", block.matrix(number, inner, 2 * inner, turned=turned)


def split_class(fused_class: Any) -> Any:
    """The same model with experts that are linear layers, so that each is found and quantised."""
    import torch
    from torch import nn

    class Expert(nn.Module):
        def __init__(self, fused: Any) -> None:
            super().__init__()
            self.gate = nn.Linear(fused.hidden_dim, fused.intermediate_dim, bias=False)
            self.up = nn.Linear(fused.hidden_dim, fused.intermediate_dim, bias=False)
            self.down = nn.Linear(fused.intermediate_dim, fused.hidden_dim, bias=False)
            self.act = fused.act_fn

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.down(self.act(self.gate(hidden)) * self.up(hidden))
            return out

    class SplitExperts(nn.Module):
        def __init__(self, fused: Any) -> None:
            super().__init__()
            self.each = nn.ModuleList([Expert(fused) for _ in range(fused.num_experts)])

        def forward(self, hidden: torch.Tensor, chosen: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            """hidden: (tokens, width); chosen, weights: (tokens, experts per token)."""
            out = torch.zeros_like(hidden)
            for number in sorted(set(chosen.flatten().tolist())):  # of 128 experts a single token goes to 8
                tokens, places = torch.where(chosen == number)
                part = self.each[number](hidden[tokens]) * weights[tokens, places, None]
                out.index_add_(0, tokens, part.to(out.dtype))
            return out

    def build(self: Any, config: Any) -> None:
        fused_class.__init__(self, config)
        for module in list(self.modules()):
            if hasattr(module, "experts"):
                module.experts = SplitExperts(module.experts)

    return type(f"Split{fused_class.__name__}", (fused_class,), {"__init__": build})
