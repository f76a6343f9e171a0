"""How much memory a process holds, and that it goes first where there is too little."""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

_OOM = Path("/proc/self/oom_score_adj")
_FIRST = 500


def resident() -> int:
    """Return how many bytes of memory this process holds."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import psutil

        return int(psutil.Process().memory_info().rss)


def give_back() -> None:
    """Return to the system what was freed between what is still used.

    Networks take and free tensors of ever other sizes, and glibc keeps the gaps: they add up for
    hundreds of pages. Does nothing where the C library is another.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def go_first() -> None:
    """Have the kernel end this process, and no database, where memory runs out."""
    with contextlib.suppress(OSError):
        _OOM.write_text(str(_FIRST))
