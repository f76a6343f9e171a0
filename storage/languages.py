"""Which text search configuration of Postgres is for which language."""

from __future__ import annotations

CONFIGURATIONS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
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
"""By the first part of a BCP 47 tag. What Postgres knows no endings of is `simple`."""

UNSPACED = "ㄱ-ㆎ가-힣㐀-䶿一-鿿ぁ-ヿ々"
"""Characters that are searched by pairs (Korean, Chinese, Japanese), for brackets of a regex."""


def configuration_of(language: str) -> str:
    """Return the configuration for a language given by its BCP 47 tag."""
    return CONFIGURATIONS.get(language.partition("-")[0].lower(), "simple")
