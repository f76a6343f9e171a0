"""What may go wrong with a server, apart from what will never work."""

from __future__ import annotations

from pipeline.errors import BadInput, Unavailable


class Later(Unavailable):
    """Nothing came of it now; to be tried again after so many `seconds`, if they are known."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        super().__init__(text)
        self.seconds = seconds


class SizeRefused(BadInput):
    """A server of images does not serve one in the size that was asked for."""
