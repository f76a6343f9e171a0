"""What PAGE XML and ALTO call languages and scripts, and we (BCP 47, ISO 15924)."""

from __future__ import annotations

import re

LANGUAGES = {
    "af": "Afrikaans", "ar": "Arabic", "be": "Belarusian", "bg": "Bulgarian", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "eo": "Esperanto", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian",
    "fi": "Finnish", "fo": "Faroese", "fr": "French", "ga": "Irish", "gl": "Galician",
    "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ka": "Georgian",
    "ko": "Korean", "la": "Latin", "lb": "Luxembourgish", "lt": "Lithuanian", "lv": "Latvian",
    "mk": "Macedonian", "mr": "Marathi", "ms": "Malay", "mt": "Maltese", "ne": "Nepali",
    "nl": "Dutch", "no": "Norwegian", "oc": "Occitan", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sa": "Sanskrit", "sk": "Slovak", "sl": "Slovene",
    "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "yi": "Yiddish",
    "zh": "Chinese",
}  # fmt: skip
"""What PAGE XML calls languages, by ISO 639-1."""

OF_NAME = {name: code for code, name in LANGUAGES.items()}

SCRIPTS = {
    "Arab": "Arab - Arabic",
    "Armn": "Armn - Armenian",
    "Cyrl": "Cyrl - Cyrillic",
    "Deva": "Deva - Devanagari (Nagari)",
    "Geor": "Geor - Georgian (Mkhedruli)",
    "Grek": "Grek - Greek",
    "Hani": "Hani - Han (Hanzi, Kanji, Hanja)",
    "Hebr": "Hebr - Hebrew",
    "Jpan": "Jpan - Japanese",
    "Kore": "Kore - Korean (alias for Hangul + Han)",
    "Latn": "Latn - Latin",
    "Thai": "Thai - Thai",
}
"""What PAGE XML calls scripts, by ISO 15924."""

_THREE_LETTERS = {
    "ara": "ar", "ces": "cs", "chi": "zh", "cze": "cs", "dan": "da", "deu": "de", "dut": "nl",
    "ell": "el", "eng": "en", "fin": "fi", "fra": "fr", "fre": "fr", "ger": "de", "gre": "el",
    "heb": "he", "hun": "hu", "ita": "it", "jpn": "ja", "kor": "ko", "lat": "la", "nld": "nl",
    "nor": "no", "pol": "pl", "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru", "spa": "es",
    "swe": "sv", "tur": "tr", "ukr": "uk", "yid": "yi", "zho": "zh",
}  # fmt: skip
"""ISO 639-2 of languages that BCP 47 names by two letters."""

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}")


def language_of(said: str | None) -> str | None:
    """Return the BCP 47 tag of a language that a document names, `None` where it is none."""
    if said is None or not _TAG.fullmatch(said):
        return None
    first, separator, rest = said.partition("-")
    return _THREE_LETTERS.get(first.lower(), first) + separator + rest
