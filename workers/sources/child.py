"""The process in which untrusted bytes are parsed; `workers.sources.guard` starts and watches it.

It reads orders from its standard input, one JSON object a line, the bytes to be opened from the
file descriptor that it was given, and answers on its standard output in frames: four bytes of
length, a JSON object, and the bytes of a page where there is one. It inherits no secret, can
claim no more memory, processor time or file size than it is allowed, and ends with its parent.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import threading
import time
from typing import Any, BinaryIO

from workers.sources.model import Limits, PageImage, RefusedSource
from workers.sources.readers import Blob, read
from workers.sources.readers.step import At, refusal

_PARENT_SECONDS = 1.0


def main() -> None:
    """Answer orders until the parent closes the pipe or is gone."""
    source = int(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb")
    _send(answers, {"ready": True})
    # What decoders print is no answer, and of no use to anybody.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    for line in sys.stdin.buffer:
        _answer(json.loads(line), source, answers)


def _answer(order: dict[str, Any], source: int, answers: BinaryIO) -> None:
    limits = Limits(**order["limits"])
    size = int(order["size"])
    _limit(limits, size)
    try:
        with os.fdopen(os.dup(source), "rb") as file:
            _ORDERS[order["do"]](Blob(file, size), order, limits, answers)
    except MemoryError:
        _send(answers, {"out_of_memory": True})
        sys.exit(1)
    except Exception as error:
        refused = refusal(error, order["name"])
        _send(answers, {"failed": [refused.reason, refused.remedy]})
    _send(answers, {"end": True})


def _open(blob: Blob, order: dict[str, Any], limits: Limits, answers: BinaryIO) -> None:
    for step in read(blob, order["name"], limits, tuple(order["after"])):
        if isinstance(step, At):
            _limit_time(limits)
            _send(answers, {"at": step.position, "name": step.name})
        elif isinstance(step, RefusedSource):
            _send(answers, {"refused": [step.name, step.reason, step.remedy]})
        else:
            _send_page(answers, step)


def _list(blob: Blob, order: dict[str, Any], _: Limits, answers: BinaryIO) -> None:
    from workers.sources.lists import read_list  # not for those who open images

    for entry in read_list(blob.data(), order["name"], order["base"], order["group"]):
        _send(answers, {"entry": entry.to_json()})


def _transcription(blob: Blob, order: dict[str, Any], _: Limits, answers: BinaryIO) -> None:
    from pipeline.page import to_json
    from pipeline.transcribed import read_transcribed

    made = read_transcribed(blob.data(), order["name"]).transcription
    data = json.dumps(to_json(made, "", "")).encode()
    _send(answers, {"transcription": True, "bytes": len(data)}, data)


_ORDERS = {"open": _open, "list": _list, "transcription": _transcription}


def _limit(limits: Limits, size: int) -> None:
    """Set the limits of this process; the source itself, when it is mapped, comes on top."""
    _lower(resource.RLIMIT_AS, limits.max_open_memory + size)
    _lower(resource.RLIMIT_FSIZE, limits.max_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _limit_time(limits)


def _limit_time(limits: Limits) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime + limits.max_open_seconds
    _lower(resource.RLIMIT_CPU, math.ceil(seconds) + 1)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, hard))


def _send_page(answers: BinaryIO, page: PageImage) -> None:
    header = {
        "page": [page.name, page.media_type, page.width, page.height],
        "bytes": len(page.data),
    }
    _send(answers, header, page.data)


def _send(answers: BinaryIO, header: dict[str, Any], data: bytes = b"") -> None:
    packed = json.dumps(header).encode()
    answers.write(len(packed).to_bytes(4, "big") + packed)
    answers.write(data)
    answers.flush()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
