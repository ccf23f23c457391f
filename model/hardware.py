"""What a model could run on here: processors and their memory. Loads nothing, decides nothing."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Literal

from model.memory import available_bytes


@dataclass(frozen=True)
class Device:
    """One processor. Memory in bytes; on the CPU it is the machine's, bounded by the container's limit."""

    kind: Literal["cpu", "cuda"]
    name: str
    free_bytes: int
    total_bytes: int


def devices() -> tuple[Device, ...]:
    """The CPU first, then every GPU that torch can use. Raises ImportError when torch is broken or missing."""
    import torch

    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cpu = Device("cpu", f"{os.cpu_count()} × {platform.machine()}", min(available_bytes("cpu"), total), total)
    gpus = []
    for number in range(torch.cuda.device_count()):
        free, all_ = torch.cuda.mem_get_info(number)
        gpus.append(Device("cuda", torch.cuda.get_device_name(number), int(free), int(all_)))
    return (cpu, *gpus)
