"""One way of writing each character: composed, of ordinary width, of the script of its word."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_NARROW_KANA = re.compile(r"[\uff61-\uff9f]+")
_WORD = re.compile(r"[^\W\d_]+")

_LATIN = "ABEZHIKMNOPTYXaopcyxeijsBHMKTCPAEOXaceopxyTMKHBPC"
_LIKE_LATIN = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαορсухеіјѕВНМКТСРАЕОХасеорхуТМКНВРС"
_TO_LATIN = str.maketrans(dict(zip(_LIKE_LATIN, _LATIN, strict=True)))
_IN_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_FOREIGN = re.compile(r"[Ͱ-Ͽа-яА-ЯіјѕІЈЅ]")


def normalized(text: str, script: str | None = None) -> str:
    """Return a text in NFC, its characters of ordinary width, its blanks single.

    Wide punctuation stays where it belongs, in Chinese and Japanese. A Greek or Cyrillic letter
    within a Latin word is the Latin one that it looks like.
    """
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    if script not in ("Hani", "Jpan"):
        text = text.translate(_WIDE)
    text = _NARROW_KANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return " ".join(_WORD.sub(_of_one_script, text).split())


def _of_one_script(word: re.Match[str]) -> str:
    said = word[0]
    if said.isascii() or not _FOREIGN.search(said):
        return said
    latin = len(_IN_LATIN.findall(said))
    return said.translate(_TO_LATIN) if latin > len(said) / 2 else said
