"""Letters without case and accents, one for one: what is found is at the same place in the text."""

from __future__ import annotations

import unicodedata
from functools import lru_cache


def folded(text: str) -> str:
    """Return a text of the same length in small letters without accents."""
    return "".join(map(_letter, text))


@lru_cache(maxsize=4096)
def _letter(character: str) -> str:
    if "가" <= character <= "힣":
        return character
    spread = unicodedata.normalize("NFKD", character)[0].lower()
    return spread if len(spread) == 1 else character
