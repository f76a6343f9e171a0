"""What of the machine a worker may use, and how it is divided among the processes that read."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_MEMORY = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_NVIDIA = Path("/dev/nvidiactl")

SHARE = 0.8
"""Of the memory there is, one process takes no more than this by itself."""

_READER_MEMORY = 3 * 2**30
"""Bytes that the machine should have for each process that reads; most of the time it takes one."""


def most_memory(cgroups: tuple[Path, ...] = _MEMORY) -> int:
    """Return how many bytes the container has where it has a limit, else the machine."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in cgroups:
        with contextlib.suppress(OSError, ValueError):  # `max` is no limit
            most = min(most, int(file.read_text()))
    return most


def cores(quota: Path = _QUOTA) -> int:
    """Return how many cores this process may use, by its affinity and its container's quota."""
    may = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):  # `max` is no limit
        time, period = map(int, quota.read_text().split())
        may = min(may, -(-time // period))
    return max(1, may)


@dataclass(frozen=True, slots=True)
class Readers:
    """So many processes read, each with so many threads; None is as many as it may use."""

    processes: int
    threads: int | None


def share_out(device: str, processes: int | None = None, threads: int | None = None) -> Readers:
    """Divide the machine among readers, as far as `processes` and `threads` leave it open.

    On a processor there is one for each core as far as memory goes, since Python's lock lets one
    process use little more; each has twice its share of threads, for when others have nothing to
    do. A GPU has one reader.
    """
    if device.startswith("cuda") or (device == "auto" and _NVIDIA.exists()):
        return Readers(processes or 1, threads)
    may = cores()
    if processes is None:
        processes = max(1, min(may // (threads or 1), most_memory() // _READER_MEMORY))
    return Readers(processes, threads or min(may, 2 * -(-may // processes)))
