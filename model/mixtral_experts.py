"""Mixtral with its experts as matrices of their own: transformers fuses them into blocks that bitsandbytes skips.

Left fused, an 8x7B model in "4-bit" would keep 96 % of its weights in 16 bits. Same arithmetic, other layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from model.weights import Stored

_EXPERT = re.compile(r"(model\.layers\.\d+)\.(?:block_sparse_moe|mlp)\.experts\.(\d+)\.(w[123])\.weight(\..+)?")
_MATRICES = {"w1": "gate", "w2": "down", "w3": "up"}


def fused(tensors: Mapping[str, Stored]) -> bool:
    """Whether the experts are stored as blocks already, as transformers 5 may write them."""
    return any(".experts.gate_up_proj" in name for name in tensors)


def names(tensors: Mapping[str, Stored]) -> dict[str, tuple[str, Stored]]:
    """Our module's name → (stored name, where it is)."""
    found = {}
    for name, stored in tensors.items():
        match = _EXPERT.fullmatch(name)
        if match is None:
            target = name.replace(".block_sparse_moe.", ".mlp.")
        else:
            layer, number, matrix, statistics = match.groups()
            target = f"{layer}.mlp.experts.each.{number}.{_MATRICES[matrix]}.weight{statistics or ''}"
        found[target] = (name, stored)
    return found


def split_class() -> Any:
    """A MixtralForCausalLM whose experts are linear layers, so that each is found and quantised."""
    import torch
    from torch import nn
    from transformers import MixtralForCausalLM
    from transformers.activations import ACT2FN

    class Expert(nn.Module):
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.gate = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
            self.up = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
            self.down = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
            self.act = ACT2FN[config.hidden_act]

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.down(self.act(self.gate(hidden)) * self.up(hidden))
            return out

    class SplitExperts(nn.Module):
        def __init__(self, config: Any) -> None:
            super().__init__()
            self.each = nn.ModuleList([Expert(config) for _ in range(config.num_local_experts)])

        def forward(self, hidden: torch.Tensor, chosen: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            """hidden: (tokens, width); chosen, weights: (tokens, experts per token)."""
            out = torch.zeros_like(hidden)
            for number, expert in enumerate(self.each):
                tokens, places = torch.where(chosen == number)
                if len(tokens):
                    part = expert(hidden[tokens]) * weights[tokens, places, None]
                    out.index_add_(0, tokens, part.to(out.dtype))
            return out

    def build(self: Any, config: Any) -> None:
        MixtralForCausalLM.__init__(self, config)
        for layer in self.model.layers:
            layer.mlp.experts = SplitExperts(config)

    return type("SplitMixtral", (MixtralForCausalLM,), {"__init__": build})
