"""Gives a process a wrong clock: `time.time` is off by the seconds in the file $FAULTS_CLOCK.

Python loads it by its name in every process that a machine of the fault tests starts. The clock
that only ever goes forward, `time.monotonic`, is left alone: no machine sets that.
"""

from __future__ import annotations

import os
import time

_right = time.time
_file = os.environ.get("FAULTS_CLOCK")


def _wrong() -> float:
    try:
        with open(_file or "", encoding="ascii") as file:
            return _right() + float(file.read())
    except (OSError, ValueError):
        return _right()


if _file:
    time.time = _wrong
