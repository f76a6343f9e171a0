"""Between the host and the device: neither waits for the other while there is more to do.

On a GPU work is only queued by whoever asks for it. While it computes one batch, the host decodes
the one before and prepares the one after; both ways data goes through pinned memory, which the
device copies by itself. On a CPU all of this comes to nothing, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Work = TypeVar("Work")
Fetch = Callable[[], NDArray[np.float32]]
"""Waits until the device is through, and returns what it found."""


def send(values: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the host on a device; the copy may still be under way."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def fetch(found: Tensor) -> Fetch:
    """Have a tensor (any shape) brought back as float32 right after what is queued before it."""
    if found.device.type != "cuda":
        return lambda: np.asarray(found.float().cpu().numpy(), np.float32)
    found = found.float()
    host = torch.empty(found.shape, dtype=torch.float32, pin_memory=True)
    host.copy_(found, non_blocking=True)
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record(torch.cuda.current_stream(found.device))

    def wait() -> NDArray[np.float32]:
        done.synchronize()
        return np.asarray(host.numpy(), np.float32)

    return wait


def one_ahead(queued: Iterable[tuple[Work, Fetch]]) -> Iterator[tuple[Work, NDArray[np.float32]]]:
    """Yield each piece of work with what was found, the next one being queued before it."""
    before: tuple[Work, Fetch] | None = None
    for piece in queued:
        if before is not None:
            yield before[0], before[1]()
        before = piece
    if before is not None:
        yield before[0], before[1]()
