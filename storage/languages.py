"""Which text search configuration of Postgres is for which language, and what has none.

Korean words grow endings on (평균기온은 holds 기온), Chinese and Japanese know no spaces: such
characters are searched by pairs that overlap, which `mill.search_text` makes of them. A word of
several is a phrase of such pairs; one character alone is what some pair begins with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

CONFIGURATIONS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""By the first part of a BCP 47 tag, as of PostgreSQL 16; of others no endings are known."""

UNSPACED = "ㄱ-ㆎ가-힣㐀-䶿一-鿿ぁ-ヿ々"
"""Characters that are searched by pairs (Korean, Chinese, Japanese), for brackets of a regex."""


def configuration_of(language: str) -> str:
    """Return the configuration for a language given by its BCP 47 tag."""
    return CONFIGURATIONS.get(language.partition("-")[0].lower(), "simple")


def has_unspaced(text: str) -> bool:
    """Tell whether any character is searched by pairs."""
    return _UNSPACED.search(text) is not None


def quoted(query: str) -> str:
    """Return what somebody looks for with the words that are searched by pairs as phrases."""
    parts = query.split('"')
    parts[::2] = (_WORD.sub(r'\1"\2"', part) for part in parts[::2])
    return '"'.join(parts)


def with_beginnings(asked: str) -> str:
    """Return a tsquery in which a single character is met by any pair that it begins."""
    return _ALONE.sub(r"\g<0>:*", asked)


def nearly(pairs: Sequence[str], most: bool) -> list[str]:
    """Return of which pairs of characters any is to be found, where a word may be misread.

    They come with spaces between those that go together: all, or any two of them.
    """
    if most or len(pairs) < 2:
        return [" ".join(pairs)]
    if len(pairs) == 2:
        return list(pairs)
    return [" ".join(two) for two in combinations(pairs[:_MOST_PAIRS], 2)]


_UNSPACED = re.compile(f"[{UNSPACED}]")
_WORD = re.compile(rf'(?<!\S)(-?)([^\s"]*[{UNSPACED}][^\s"]*)')
_ALONE = re.compile(rf"'[{UNSPACED}]'")
_MOST_PAIRS = 8
