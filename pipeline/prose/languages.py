"""In what script and language each line of a page is written.

The script is that of most letters. Where it leaves a choice of languages, `py3langid` (a naive
Bayes classifier over bytes, https://aclanthology.org/P12-3005/) says how likely each is, for the
line and for the page: the page is what is expected of a line before it is looked at, so that a
short line takes the page's language and a long one may be of another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

FEWEST_LETTERS = 40
"""A page, or what it has in one script, with fewer letters is in no language that can be told."""

STRANGER = 0.01
"""How likely a line is, before it is looked at, in a language that the page does not seem to be."""

SCRIPTS = {
    "Kore": "ᄀ-ᇿㄱ-ㆎ가-힣",
    "Jpan": "ぁ-ヿｦ-ﾟ",
    "Hani": "㐀-䶿一-鿿",
    "Cyrl": "Ѐ-ԯ",
    "Grek": "Ͱ-Ͽἀ-῿",
    "Arab": "؀-ۿݐ-ݿ",
    "Hebr": "֐-׿",
    "Deva": "ऀ-ॿ",
    "Thai": "฀-๿",
    "Armn": "԰-֏",
    "Geor": "Ⴀ-ჿ",
    "Latn": "A-Za-zªºÀ-ÖØ-öø-ʯḀ-ỿﬀ-ﬆ",
}
"""Characters by script (ISO 15924), for the brackets of a regex."""

WRITTEN_IN = {
    "ar": "Arab", "be": "Cyrl", "bg": "Cyrl", "el": "Grek", "fa": "Arab", "he": "Hebr",
    "hi": "Deva", "hy": "Armn", "ja": "Jpan", "ka": "Geor", "ko": "Kore", "mk": "Cyrl",
    "mr": "Deva", "ne": "Deva", "ru": "Cyrl", "sr": "Cyrl", "th": "Thai", "uk": "Cyrl",
    "ur": "Arab", "yi": "Hebr", "zh": "Hani",
}  # fmt: skip
"""Scripts by language; of those not named here it is Latin."""

_OF_SCRIPT = {script: re.compile(f"[{characters}]") for script, characters in SCRIPTS.items()}


@dataclass(frozen=True, slots=True)
class Written:
    """The script (ISO 15924) and language (BCP 47) of a line; `None` where they cannot be told."""

    script: str | None
    language: str | None


def identify(
    texts: Sequence[str], languages: Sequence[str], seen: Sequence[str | None] = ()
) -> list[Written]:
    """Return in what each line of a page is written; `languages` are those that it may be in.

    `seen` are scripts that are known without reading, `None` of lines of which they are not.
    """
    known = seen or [None] * len(texts)
    scripts = [its or script_of(text) for its, text in zip(known, texts, strict=True)]
    # Chinese characters on a page of Korean or Japanese are part of these.
    mixed = next((script for script in ("Kore", "Jpan") if script in scripts), None)
    scripts = [mixed if mixed and script == "Hani" else script for script in scripts]
    found: dict[int, str | None] = {}
    for script in {*scripts} - {None}:
        members = [i for i, its in enumerate(scripts) if its == script]
        own = [name for name in languages if WRITTEN_IN.get(name, "Latn") == script]
        found |= zip(members, _choose([texts[i] for i in members], own), strict=True)
    return [Written(script, found.get(i)) for i, script in enumerate(scripts)]


def script_of(text: str) -> str | None:
    """Return the script of most letters of a text, `None` where it has no letters.

    Kana make a text Japanese and Hangul Korean, though most characters may be Chinese.
    """
    counts = {script: len(found.findall(text)) for script, found in _OF_SCRIPT.items()}
    for script in ("Jpan", "Kore"):
        if counts[script] and counts[script] + counts["Hani"] > sum(counts.values()) / 2:
            return script
    script = max(counts, key=lambda name: counts[name])
    return script if counts[script] else None


def _choose(texts: Sequence[str], languages: Sequence[str]) -> list[str | None]:
    """Return the language of each line of a page, all of one script that these are written in."""
    if len(languages) < 2:
        return [languages[0] if languages else None] * len(texts)
    letters = sum(character.isalpha() for text in texts for character in text)
    if letters < FEWEST_LETTERS:
        return [None] * len(texts)
    page = chances_of("\n".join(texts), languages)
    return [
        max(languages, key=lambda name: line[name] * (page[name] + STRANGER))
        for line in (chances_of(text, languages) for text in texts)
    ]


def chances_of(text: str, languages: Sequence[str]) -> Mapping[str, float]:
    """Return how likely a text is in each of some languages, one of them being its own."""
    said = dict(_identifier().rank(text))
    chances = {name: said.get(name, 0.0) + 1e-9 for name in languages}
    total = sum(chances.values())
    return {name: chance / total for name, chance in chances.items()}


def likelihood(text: str, languages: Sequence[str]) -> float:
    """Return how likely the likeliest of some languages is, among all that can be told apart."""
    said = dict(_identifier().rank(text))
    return max((said.get(name, 0.0) for name in languages), default=0.0)


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
