"""A file that is opened with the first row written to it, and is not there without any."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from storage.exports.files import writing

_File = TypeVar("_File")


class Growing(ABC, Generic[_File]):
    """A context in which a file grows; what it needs to be closed goes on its `stack`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stack = ExitStack()
        self._file: _File | None = None

    @abstractmethod
    def open(self) -> _File:
        """Open the file and write its head."""

    def opened(self) -> _File:
        """Return the file, opened where it is not yet."""
        if self._file is None:
            self._file = self.open()
        return self._file

    @property
    def written(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    @property
    def files(self) -> list[Path]:
        """The file, as soon as there is one."""
        return [self.path] if self.written else []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stack.__exit__(kind, error, trace)
        if not self.written and kind is None:
            with writing(self.path):
                self.path.unlink(missing_ok=True)  # of an earlier export
