"""Half precision where a device computes with it."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which bfloat16 is used where the device computes with it."""
    able = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=able)
