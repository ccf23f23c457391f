"""Peak memory and time of quantising while loading, on a checkpoint in the original LLaVA format of more than 1 GB.

    python -m benchmarks.loading [--json] [--gigabytes 1.1]

The checkpoint is made of random numbers in a temporary folder and deleted. Floor: the memory the loaded 4-bit
weights take. Baseline: the size of the stored weights, which is what loading first and quantising afterwards needs.
The second start reads the 4-bit copy that the first kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEASURE = """
import json, sys, time
from pathlib import Path
from model import convert, kept, memory, opening, quantized
from model.checkpoint import inspect
import torch, transformers, bitsandbytes
from transformers import LlavaForConditionalGeneration
checkpoint = inspect(Path(sys.argv[1]))
place = kept.Kept.of(checkpoint, cache=Path(sys.argv[2]), revision="", tower={}, quantization="nf4", plain="")
ready = place.checkpoint(checkpoint)
before = memory.peak_resident_bytes()
start = time.monotonic()
loaded = quantized.load(
    ready or checkpoint, quantization="nf4", device="cpu", context=512, image_token_id=511, ours=ready is not None
)
print(json.dumps({
    "seconds": time.monotonic() - start,
    "stored": checkpoint.stored_bytes,
    "largest_shard": max(file.stat().st_size for file in checkpoint.files),
    "loaded": loaded.weight_bytes,
    "estimated": memory.weight_bytes(checkpoint, "nf4"),
    "peak": memory.peak_resident_bytes() - before,
}))
if ready is None:
    place.keep(loaded.weight_bytes, lambda folder: convert.write(loaded.model, checkpoint, folder))
"""


def make(folder: Path, gigabytes: float) -> None:
    """Random weights under LLaVA's names, four layers per shard, bfloat16."""
    import torch
    from safetensors.torch import save_file

    from tests import checkpoints

    hidden, inner, kv, vocabulary = 2048, 5632, 512, 512
    per_layer = 2 * (2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * inner)  # bytes
    layers = max(1, round(gigabytes * 1e9 / per_layer))
    checkpoints.make_original_llava(folder)
    for file in folder.glob("*.safetensors*"):
        file.unlink()
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers}
    config |= {"num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": vocabulary}
    (folder / "config.json").write_text(json.dumps(config))
    random = torch.Generator().manual_seed(0)

    def matrix(*shape: int) -> torch.Tensor:
        return (torch.randn(*shape, generator=random, dtype=torch.float32) / shape[-1] ** 0.5).to(torch.bfloat16)

    block = matrix(inner, hidden)  # one random block, cut differently: speed and memory do not depend on values

    def cut(rows: int, columns: int) -> torch.Tensor:
        return block.reshape(-1)[: rows * columns].reshape(rows, columns).clone()

    names: dict[str, str] = {}
    state: dict[str, torch.Tensor] = {}
    for layer in range(layers):
        at = f"model.layers.{layer}."
        state |= {
            at + "self_attn.q_proj.weight": cut(hidden, hidden),
            at + "self_attn.o_proj.weight": cut(hidden, hidden),
            at + "self_attn.k_proj.weight": cut(kv, hidden),
            at + "self_attn.v_proj.weight": cut(kv, hidden),
            at + "mlp.gate_proj.weight": cut(inner, hidden),
            at + "mlp.up_proj.weight": cut(inner, hidden),
            at + "mlp.down_proj.weight": cut(hidden, inner),
            at + "input_layernorm.weight": torch.ones(hidden, dtype=torch.bfloat16),
            at + "post_attention_layernorm.weight": torch.ones(hidden, dtype=torch.bfloat16),
        }
        if layer % 4 == 3 or layer == layers - 1:
            _save(state, folder, f"model-{layer:05d}.safetensors", names, save_file)
            state = {}
    twin = {
        "model.embed_tokens.weight": matrix(vocabulary, hidden),
        "lm_head.weight": matrix(vocabulary, hidden),
        "model.norm.weight": torch.ones(hidden, dtype=torch.bfloat16),
        "model.mm_projector.0.weight": matrix(hidden, 64),
        "model.mm_projector.0.bias": torch.zeros(hidden, dtype=torch.bfloat16),
        "model.mm_projector.2.weight": matrix(hidden, hidden),
        "model.mm_projector.2.bias": torch.zeros(hidden, dtype=torch.bfloat16),
    }
    _save(twin, folder, "model-rest.safetensors", names, save_file)
    _tower(folder, names, save_file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def _save(
    state: dict[str, Any], folder: Path, file: str, names: dict[str, str], save_file: Callable[..., None]
) -> None:
    save_file(state, folder / file, metadata={"format": "pt"})
    names.update(dict.fromkeys(state, file))


def _tower(folder: Path, names: dict[str, str], save_file: Callable[..., None]) -> None:
    from safetensors.torch import load_file

    from tests.checkpoints import original_name

    tower = {}
    for file in (folder.parent / "twin").glob("*.safetensors"):
        tower |= {original_name(name): value for name, value in load_file(file).items() if "vision_tower" in name}
    _save(tower, folder, "model-tower.safetensors", names, save_file)


def measure(gigabytes: float) -> dict[str, float]:
    """Make, load twice in processes of their own (the second from the 4-bit copy that the first kept), delete.
    Bytes and seconds; what begins with `again_` is of the second."""
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "original"
        make(folder, gigabytes)
        command = [sys.executable, "-c", MEASURE, str(folder), str(Path(place) / "kept")]
        first, again = (
            json.loads(
                subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
            )
            for _ in range(2)
        )
    found: dict[str, float] = first | {"again_seconds": again["seconds"], "again_peak": again["peak"]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--gigabytes", type=float, default=1.1)
    options = parser.parse_args()
    found = measure(options.gigabytes)
    found["peak_over_floor"] = found["peak"] / found["loaded"]
    found["peak_over_stored"] = found["peak"] / found["stored"]
    if options.json:
        print(json.dumps(found))
        return
    for name in ("stored", "largest_shard", "loaded", "estimated", "peak"):
        print(f"{name:>18} {found[name] / 1e6:10.0f} MB")
    print(f"{'seconds':>18} {found['seconds']:10.1f}")
    print(f"{'next start: peak':>18} {found['again_peak'] / 1e6:10.0f} MB")
    print(f"{'seconds':>18} {found['again_seconds']:10.1f}")
    print(f"{'peak / 4-bit size':>18} {found['peak_over_floor']:10.2f}")
    print(f"{'peak / stored':>18} {found['peak_over_stored']:10.2f}")


if __name__ == "__main__":
    main()
