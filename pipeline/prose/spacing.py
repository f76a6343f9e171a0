"""Spaces between Korean words, put where the language has them (with `kiwipiepy`)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pipeline.errors import LedgermillError

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

LONGEST = 7
"""Syllables in a row that are no word by themselves, as a rule: only such are looked at."""

_RUN = re.compile(rf"[가-힣]{{{LONGEST},}}")


def respaced(text: str) -> str:
    """Return a line of Korean with the spaces that reading lost; no character else is changed.

    Spaces that were read stay. Raises `LedgermillError` where `kiwipiepy` is not installed.
    """
    if not _RUN.search(text):
        return text
    return _RUN.sub(lambda run: str(_kiwi().space(run[0])), text)


@cache
def _kiwi() -> Kiwi:
    try:
        from kiwipiepy import Kiwi
    except ImportError:
        raise LedgermillError(
            "spaces in Korean: kiwipiepy is not installed; pip install 'ledgermill[korean]', "
            "or leave `spacing` out of the profile"
        ) from None
    return Kiwi(num_workers=1)
