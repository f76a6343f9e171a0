"""The errors that reach a user, each as one line: what, the reason, and the remedy."""

from __future__ import annotations


class LedgermillError(Exception):
    """Anything that a user can act on; `str()` of it is the one line that they read."""


class BadInput(LedgermillError):
    """Input that will never be readable as it is: not retried, set aside with its reason."""

    def __init__(self, what: str, reason: str, remedy: str) -> None:
        super().__init__(f"{what}: {reason}; {remedy}")
        self.what = what
        self.reason = reason
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[BadInput], tuple[str, str, str]]:
        return type(self), (self.what, self.reason, self.remedy)


class Unavailable(LedgermillError):
    """A service, file or device that may come back: the work is tried again."""
