"""What each model can write: small alphabets keep the models small."""

from __future__ import annotations

NUMERIC = "0123456789.,·-–—+°'\"½¼¾⅓⅔⅛⅜⅝⅞/:() "
"""Digits, signs, decimal marks (raised dot and comma too), fractions, degree, ditto, dashes."""

ALPHABETS: dict[str, str] = {"numeric": NUMERIC}
"""The characters of each model; class `i + 1` of its network is character `i`."""
