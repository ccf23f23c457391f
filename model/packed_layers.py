"""4-bit layers on a processor, straight to bitsandbytes' own kernel; knows no model, no token.

On processors with AVX512-BF16 bitsandbytes packs a layer's weights at its first use and multiplies with one call into
its library. Around that call its Python looks things up that never change, which takes as long as the product itself
for layers of a thousand columns (measured, docs/engine-log.md). Here nothing is looked up twice. The numbers are the
same to the last bit.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_number, _address = ctypes.c_int64, ctypes.c_void_p


def shorten(model: Any, *, on: bool = True) -> int:
    """Let the 4-bit layers of a model on such a processor multiply directly; on=False: as bitsandbytes does. How many
    layers that concerns."""
    layers = [module for module in model.modules() if _suits(module)] if _kernel() is not None else []
    for layer in layers:
        layer.__dict__.pop("forward", None)
        if on:
            layer.forward = _Direct(layer)
    return len(layers)


@functools.cache
def _kernel() -> Any:
    """bitsandbytes' function for NF4 and bfloat16; None where this build or processor has none."""
    try:
        from bitsandbytes import cextension, functional
    except ImportError:
        return None
    library: Any = functional  # untyped
    found = library.has_avx512bf16()
    loaded = getattr(cextension.lib, "_lib", None)  # what stands in front of it has a function of every name
    return getattr(loaded, "gemv_4bit_inference_cpu_nf4_bf16", None) if found else None


def _suits(module: Any) -> bool:
    return (
        type(module).__name__ == "Linear4bit"
        and module.weight.device.type == "cpu"
        and module.weight.quant_type == "nf4"
        and module.support_avx512bf16_for_cpu
    )


class _Direct:
    """A layer's forward: bitsandbytes' own until the weights are packed, and for everything but bfloat16."""

    def __init__(self, layer: Any) -> None:
        self._plain: Callable[[torch.Tensor], torch.Tensor] = layer.forward
        self._layer = layer
        self._state: Any = None
        # held, so that their addresses are nobody else's
        self._weight: torch.Tensor | None = None
        self._scales: torch.Tensor | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        layer = self._layer
        if x.dtype != torch.bfloat16 or x.requires_grad or not self._packed():
            return self._plain(x)
        assert self._weight is not None
        assert self._scales is not None
        given = x.reshape(-1, layer.in_features)
        if given.stride(1) != 1:
            given = given.contiguous()
        made = torch.empty((given.shape[0], layer.out_features), dtype=torch.bfloat16)
        _kernel()(
            _number(given.shape[0]),
            _number(layer.out_features),
            _number(layer.in_features),
            _address(given.data_ptr()),
            _address(self._weight.data_ptr()),
            _address(self._scales.data_ptr()),
            _address(made.data_ptr()),
            _number(self._state.blocksize),
            _number(given.stride(0)),
            _number(made.stride(0)),
        )
        if layer.bias is not None:
            made += layer.bias.to(torch.bfloat16)
        return made.view(*x.shape[:-1], layer.out_features)

    def _packed(self) -> bool:
        """Whether the weights that the layer has now are packed."""
        import torch

        weight = self._layer.weight
        state, data = weight.quant_state, weight.data
        if state is self._state and self._weight is not None and data.data_ptr() == self._weight.data_ptr():
            return True
        if not getattr(state, "packing_format_for_cpu", False) or self._layer.compute_dtype != torch.bfloat16:
            return False
        self._state, self._weight, self._scales = state, data, state.absmax
        return True
