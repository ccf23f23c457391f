"""4-bit layers on a processor, straight to bitsandbytes' own kernel; knows no model, no token.

On processors with AVX512-BF16 bitsandbytes packs a layer's weights at its first use and multiplies with one call into
its library. Around that call its Python looks things up that never change, which takes as long as the product itself
for layers of a thousand columns (measured, docs/engine-log.md). Here they are looked up once. The numbers are the same
to the last bit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def shorten(model: Any, *, on: bool = True) -> int:
    """Let the 4-bit layers of a model on such a processor multiply directly; on=False: as bitsandbytes does. How many
    layers that concerns."""
    kernel = _kernel()
    layers = [module for module in model.modules() if kernel is not None and _suits(module)]
    for layer in layers:
        layer.__dict__.pop("forward", None)
        if on:
            layer.forward = _Direct(layer, kernel)
    return len(layers)


def _kernel() -> Any:
    """bitsandbytes' function for NF4 and bfloat16; None where this build or processor has none."""
    try:
        from bitsandbytes import cextension, functional
    except ImportError:
        return None
    library: Any = functional  # untyped
    found = library.has_avx512bf16()
    return getattr(cextension.lib, "gemv_4bit_inference_cpu_nf4_bf16", None) if found else None


def _suits(module: Any) -> bool:
    return (
        type(module).__name__ == "Linear4bit"
        and module.weight.device.type == "cpu"
        and module.weight.quant_type == "nf4"
        and module.support_avx512bf16_for_cpu
    )


class _Direct:
    """A layer's forward: bitsandbytes' own until the weights are packed, and for everything but bfloat16."""

    def __init__(self, layer: Any, kernel: Callable[..., None]) -> None:
        self._plain: Callable[[torch.Tensor], torch.Tensor] = layer.forward
        self._layer, self._kernel = layer, kernel
        self._weight: int | None = None
        self._fixed: tuple[Any, ...] = ()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        import torch

        layer = self._layer
        packed = layer.weight.data
        if packed.data_ptr() != self._weight and not self._look_up(packed):
            return self._plain(x)
        if x.dtype != torch.bfloat16 or x.requires_grad:
            return self._plain(x)
        columns, rows, weight, scales, block = self._fixed
        given = x.reshape(-1, layer.in_features)
        if given.stride(1) != 1:
            given = given.contiguous()
        made = torch.empty((given.shape[0], layer.out_features), dtype=torch.bfloat16)
        self._kernel(
            ctypes.c_int64(given.shape[0]),
            rows,
            columns,
            ctypes.c_void_p(given.data_ptr()),
            weight,
            scales,
            ctypes.c_void_p(made.data_ptr()),
            block,
            ctypes.c_int64(given.stride(0)),
            ctypes.c_int64(made.stride(0)),
        )
        if layer.bias is not None:
            made += layer.bias.to(torch.bfloat16)
        return made.view(*x.shape[:-1], layer.out_features)

    def _look_up(self, packed: torch.Tensor) -> bool:
        """Whether the weights are packed by now. Packing replaces their memory, so that its address tells."""
        import torch

        state = self._layer.weight.quant_state
        if not getattr(state, "packing_format_for_cpu", False) or self._layer.compute_dtype != torch.bfloat16:
            return False
        self._scales = state.absmax  # the address below is good while this is held
        self._fixed = (
            ctypes.c_int64(self._layer.in_features),
            ctypes.c_int64(self._layer.out_features),
            ctypes.c_void_p(packed.data_ptr()),
            ctypes.c_void_p(self._scales.data_ptr()),
            ctypes.c_int64(state.blocksize),
        )
        self._weight = packed.data_ptr()
        return True
