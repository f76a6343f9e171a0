"""Opening a source without trusting it: its bytes are parsed in a child process that can be lost.

The child has limits on memory and time, no secrets in its environment, and gets the bytes through
a file without a name. It serves many sources, one after the other; when one of them kills it or
takes too long, it is replaced, and the next child goes on behind the step that failed.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput, Unavailable
from pipeline.page import Transcription, from_json
from workers.sources.entry import Entry
from workers.sources.model import Limits, PageImage, RefusedSource

MAX_FAILURES = 10
"""How often one source may cost a child; what is left of it then is refused."""

_USES = 1000  # a child is replaced after so many sources, in case a decoder leaks
_START_SECONDS = 60.0
_MAX_HEADER = 1024**2
_MOST_TRANSCRIBED = 64 * 1024**2  # bytes of a PAGE or ALTO file
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
_PAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/jp2", "image/tiff"})


def open_document(data: bytes, name: str, limits: Limits) -> Iterator[PageImage | RefusedSource]:
    """Yield the pages of a source's bytes in order, and the parts of it that were refused.

    `name` is the source's, for messages and for naming pages; no file of that name is opened.
    Raises `BadInput` where the source as a whole is no page, and `Unavailable` where no child
    can be started.
    """
    after: tuple[int, ...] = ()
    pages = 0
    for failures in range(1, MAX_FAILURES + 1):
        child = _borrow()
        sound = False
        try:
            for found in child.open(data, name, limits, after):
                pages += isinstance(found, PageImage)
                if pages > limits.max_pages:
                    yield _rest(name, f"it has more than {limits.max_pages:,} pages")
                    return
                yield found
            sound = True
            return
        except BadInput:
            sound = True
            raise
        except _LostError as lost:
            if not child.position:
                raise BadInput(name, lost.reason, lost.remedy) from lost
            yield RefusedSource(f"{name}!/{child.part}", lost.reason, lost.remedy)
            if failures == MAX_FAILURES:
                yield _rest(name, f"it stopped the reader {failures} times")
            after = child.position
        finally:
            if sound:
                _give_back(child)
            else:
                child.kill()


def open_list(
    data: bytes, name: str, limits: Limits, base: str = "", group: str = ""
) -> list[Entry]:
    """Return what a list names (`workers.sources.lists`), in its order.

    Raises `BadInput` where it is no list, and `Unavailable` as `open_document` does.
    """
    order = {"do": "list", "name": name, "base": base, "group": group}
    with _lent(name) as child:
        return [Entry.from_json(answer["entry"]) for answer in child.ask(order, data, limits)]


def open_transcription(data: bytes, name: str, limits: Limits) -> Transcription:
    """Return what a PAGE or ALTO file says of its page.

    Raises `BadInput` where it is none, and `Unavailable` as `open_document` does.
    """
    if len(data) > _MOST_TRANSCRIBED:
        raise BadInput(name, f"it has more than {_MOST_TRANSCRIBED:,} bytes", "cut it into pages")
    made: Transcription | None = None
    with _lent(name) as child:
        for answer in child.ask({"do": "transcription", "name": name}, data, limits):
            made = child.transcription(answer, limits)
    assert made is not None
    return made


@contextmanager
def _lent(name: str) -> Iterator[_Child]:
    """Lend a child for an order that cannot be gone on with where it stopped the child."""
    child = _borrow()
    try:
        yield child
    except BadInput:
        _give_back(child)
        raise
    except _LostError as lost:
        child.kill()
        raise BadInput(name, lost.reason, lost.remedy) from lost
    except BaseException:
        child.kill()
        raise
    _give_back(child)


def _rest(name: str, reason: str) -> RefusedSource:
    return RefusedSource(f"{name}!/the rest", reason, "split it")


class _LostError(Exception):
    """The child died or had to be stopped."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class _Child:
    """One child process. `position` and `part` name the step that it is at."""

    def __init__(self) -> None:
        self.uses = 0
        self.position: tuple[int, ...] = ()
        self.part = ""
        self._source = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the child)
        environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(p).absolute()) for p in sys.path if p)
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "workers.sources.child"),
                    str(self._source.fileno()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[self._source.fileno()],
                env=environment,
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            self._source.close()
            raise Unavailable(f"page reader: cannot be started ({error}); it is retried") from error
        try:
            self._frame(_START_SECONDS)
        except _LostError as lost:
            self.kill()
            raise Unavailable(
                f"page reader: does not start ({lost.reason}); see `ledgermill doctor`"
            ) from lost

    def open(
        self, data: bytes, name: str, limits: Limits, after: tuple[int, ...]
    ) -> Iterator[PageImage | RefusedSource]:
        """Yield what the child finds. Raises `BadInput` and `_LostError`."""
        for answer in self.ask({"do": "open", "name": name, "after": after}, data, limits):
            if "at" in answer:
                self.position = tuple(int(number) for number in answer["at"])
                self.part = str(answer["name"])
            elif "refused" in answer:
                refused, reason, remedy = (str(text) for text in answer["refused"])
                yield RefusedSource(refused, reason, remedy)
            elif "page" in answer:
                yield self._page(answer, limits)

    def ask(self, order: dict[str, Any], data: bytes, limits: Limits) -> Iterator[dict[str, Any]]:
        """Yield the child's answers to an order about some bytes. Raises as `open` does."""
        self.uses += 1
        self.position = ()
        try:
            self._source.seek(0)
            self._source.truncate()
            self._source.write(data)
            self._source.flush()
        except OSError as error:
            raise Unavailable(f"{tempfile.gettempdir()}: cannot be written ({error})") from error
        self._order({**order, "size": len(data), "limits": asdict(limits)})
        while True:
            answer = self._frame(limits.max_open_seconds)
            if "failed" in answer:
                reason, remedy = (str(text) for text in answer["failed"])
                self._frame(limits.max_open_seconds)
                raise BadInput(order["name"], reason, remedy)
            if "out_of_memory" in answer:
                raise _out_of_memory(limits)
            if "end" in answer:
                return
            yield answer

    def _page(self, header: dict[str, Any], limits: Limits) -> PageImage:
        called, media_type, width, height = header["page"]
        size = int(header["bytes"])
        most = limits.max_bytes + 8 * limits.max_pixels + _MAX_HEADER
        if media_type not in _PAGE_TYPES or not 0 < size <= most:
            raise _LostError("its reader gave no page", "save it anew")
        data = self._read(size, limits.max_open_seconds)
        return PageImage(str(called), data, str(media_type), int(width), int(height))

    def transcription(self, header: dict[str, Any], limits: Limits) -> Transcription:
        size = int(header["bytes"])
        if not 0 < size <= 8 * _MOST_TRANSCRIBED:
            raise _LostError("its reader gave no transcription", "mend it")
        try:
            return from_json(json.loads(self._read(size, limits.max_open_seconds)))
        except (ValueError, KeyError, TypeError) as error:
            raise _LostError("its reader gave no transcription", "mend it") from error

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
        except OSError as error:
            raise self._lost() from error

    def _frame(self, seconds: float) -> dict[str, Any]:
        """Return the header of the next answer, which has to come within so many seconds."""
        length = int.from_bytes(self._read(4, seconds), "big")
        if length > _MAX_HEADER:
            raise _LostError("its reader gave no answer", "save it anew")
        header: dict[str, Any] = json.loads(self._read(length, seconds))
        return header

    def _read(self, count: int, seconds: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        data = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(data) < count:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise _too_slow(seconds)
                chunk = os.read(descriptor, min(count - len(data), 1024**2))
                if not chunk:
                    raise self._lost()
                data += chunk
        return bytes(data)

    def _lost(self) -> _LostError:
        """Return what became of a child that closed its pipe, which it does by dying."""
        self.kill()
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return _too_slow()
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return _LostError(
            f"its reader stopped ({how}), as it does on damaged files and for want of memory",
            "save it anew",
        )

    def kill(self) -> None:
        """End the child, and the programs that it runs, at once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close()

    def is_sound(self) -> bool:
        """Tell whether it can serve another source."""
        return self.uses < _USES and self._process.poll() is None

    def forget(self) -> None:
        """Leave a child to the process that started it."""
        self._process.returncode = 0  # not ours to wait for
        self._close()

    def _close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._source):
            if stream is not None:
                stream.close()


def _too_slow(seconds: float | None = None) -> _LostError:
    limit = "the time limit" if seconds is None else f"the limit of {seconds:,.0f} seconds"
    return _LostError(
        f"reading it took longer than {limit}", "save it anew, or raise LEDGERMILL_MAX_OPEN_SECONDS"
    )


def _out_of_memory(limits: Limits) -> _LostError:
    return _LostError(
        f"reading it takes more than the limit of {limits.max_open_memory:,} bytes of memory",
        "scale it down, or raise LEDGERMILL_MAX_OPEN_MEMORY",
    )


# --- the children that wait for work ------------------------------------------------------------

_idle: list[_Child] = []
_lock = threading.Lock()


def _borrow() -> _Child:
    """Return a child for one thread's use."""
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.is_sound():
                return child
            child.kill()
    return _Child()


def _give_back(child: _Child) -> None:
    if not child.is_sound():
        child.kill()
        return
    with _lock:
        _idle.append(child)


def _end_all() -> None:
    with _lock:
        while _idle:
            _idle.pop().kill()


def _forget_all() -> None:
    """After a fork the children are the parent's."""
    global _lock
    _lock = threading.Lock()
    while _idle:
        _idle.pop().forget()


atexit.register(_end_all)
os.register_at_fork(after_in_child=_forget_all)
