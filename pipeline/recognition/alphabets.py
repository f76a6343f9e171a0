"""What each model can write: small alphabets keep the models small."""

from __future__ import annotations

NUMERIC = "0123456789.,·-–—+°'\"½¼¾⅓⅔⅛⅜⅝⅞/:() "
"""Digits, signs, decimal marks (raised dot and comma too), fractions, degree, ditto, dashes."""

_ACCENTED = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŸàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœßſ"
_ASCII = "".join(map(chr, range(0x21, 0x7F)))

LATIN = f" {_ASCII}{_ACCENTED}\u0364⸗‘’‚“”„«»‹›–—…·•°§¶†£€½¼¾⅓⅔⅛⅜⅝⅞±×÷ªº№¹²³¿¡ﬁﬂ"
"""Western European print and handwriting, with the long s, the e above (U+0364) and the double
hyphen of Fraktur."""


def _syllables() -> str:
    """Return the 2,350 syllables of KS X 1001 in its order."""
    rows = (bytes((high, low)) for high in range(0xB0, 0xC9) for low in range(0xA1, 0xFF))
    return b"".join(rows).decode("euc_kr")


_JAMO = "".join(map(chr, range(0x3131, 0x3164)))

KOREAN = f" {_ASCII}{_syllables()}{_JAMO}·‘’“”「」『』《》〈〉–—…○×°₩※"
"""The syllables of KS X 1001, single letters, ASCII and Korean punctuation."""

ALPHABETS: dict[str, str] = {"numeric": NUMERIC, "latin": LATIN, "korean": KOREAN}
"""The characters of each model; class `i + 1` of its network is character `i`."""
