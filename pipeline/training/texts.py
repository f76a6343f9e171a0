"""What drawn lines say: words of several languages, names, dates, prices and numbers, made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.training.augment import Rng, chance

Option = TypeVar("Option")

DICTIONARIES = Path("/usr/share/dict")
"""Where Debian's `wfrench`, `wbritish`, `wngerman`, `witalian` and `wspanish` put their words."""

FILES = {
    "french": "french",
    "english": "british-english",
    "german": "ngerman",
    "italian": "italian",
    "spanish": "spanish",
}
SHARES = {"french": 0.42, "english": 0.27, "german": 0.21, "italian": 0.05, "spanish": 0.05}

FREQUENT = {
    "french": "le la les de des du un une et à au aux en par pour sur dans ce cette qui que ne pas "
    "plus est son sa ses leur nous vous je il elle avec sans sous chez rue demeurant Paris veuve "
    "épouse entre dont même tout l' d' n' qu' s' Mr Mme No Me dit an mois jour francs vente bail "
    "notaire bien être était fait où été",
    "english": "the of and to a in that it is was for on with as be at by I this had not are but "
    "from or have an they which one you were her all she there would their we him been has when "
    "who will more no if out so said what up its Mr Mrs Dr Sir Dear very truly yours",
    "german": "der die das und in den von zu mit sich des auf für ist im dem nicht ein eine als "
    "auch es an werden aus er hat daß sie nach wird bei einer um am sind noch wie einem über einen "
    "so zum war haben nur oder aber vor zur bis mehr durch man sein wurde sey seyn",
    "italian": "il la di che e un a per in una non sono mi si lo ha le con ma del della anche",
    "spanish": "el la de que y en un ser se no haber por con su para como estar tener le lo año",
}

MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre"),
    *("octobre", "novembre", "décembre", "Xbre", "January", "February", "March", "April", "May"),
    *("June", "July", "August", "September", "October", "November", "December", "Januar"),
    *("Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober"),
    *("November", "Dezember"),
)

DELIMITERS = ((",", 0.09), (".", 0.05), (";", 0.015), (":", 0.015), ("-", 0.01), ("!", 0.008),
              ("?", 0.008), (" –", 0.006), (" —", 0.006), (" =", 0.002), ("…", 0.002))  # fmt: skip
PAIRS = ("()", "«»", "„“", "“”", '""', "''", "[]", "‘’", "‹›")
LONG_LINE = 58


@dataclass(frozen=True, slots=True)
class Texts:
    """The words that lines are put together from: all, and the frequent ones, of each language."""

    words: Mapping[str, Sequence[str]]
    frequent: Mapping[str, Sequence[str]]


def read_texts(own: Sequence[str] = (), folder: Path = DICTIONARIES) -> Texts:
    """Return what word lists there are, and the words of `own` lines as French frequent ones.

    A language without a list has its frequent words alone.
    """
    frequent = {language: tuple(text.split()) for language, text in FREQUENT.items()}
    words = {}
    for language, name in FILES.items():
        file = folder / name
        found = file.read_text("utf-8").split() if file.exists() else []
        words[language] = tuple(w for w in found if not w.endswith("'s")) or frequent[language]
    heard = tuple(word for line in own for word in line.split())
    if heard:
        words["own"] = heard
    return Texts(words, frequent)


def line_text(texts: Texts, rng: Rng) -> str:
    """Return a made-up line of 1 to about 60 characters."""
    kind = rng.random()
    if kind < 0.16:
        return _pick(SHORT, rng)(rng)
    language = _language(rng)
    length = int(rng.integers(3, LONG_LINE)) if chance(rng, 0.75) else int(rng.integers(1, 14))
    parts: list[str] = []
    while sum(map(len, parts)) + len(parts) < length:
        parts.append(_word(texts, language, rng))
    text = " ".join(parts).replace("' ", "'")
    if chance(rng, 0.05):
        text = text.upper()
    elif chance(rng, 0.3):
        text = text[:1].upper() + text[1:]
    return text[: LONG_LINE + 8].strip()


def _word(texts: Texts, language: str, rng: Rng) -> str:
    draw = rng.random()
    if draw < 0.36:
        word = _pick(texts.frequent[language], rng)
    elif draw < 0.47 and "own" in texts.words:
        word = _pick(texts.words["own"], rng)
    elif draw < 0.91:
        word = _pick(texts.words[language], rng)
    else:
        word = _pick(SHORT, rng)(rng)
    if chance(rng, 0.09):
        word = word[:1].upper() + word[1:]
    elif chance(rng, 0.012):
        word = word.upper()
    if chance(rng, 0.025):
        pair = _pick(PAIRS, rng)
        return pair[0] + word + pair[1]
    at = rng.random()
    for sign, share in DELIMITERS:
        if (at := at - share) < 0:
            return word + sign
    return word


def _language(rng: Rng) -> str:
    at = rng.random()
    for language, share in SHARES.items():
        if (at := at - share) < 0:
            return language
    return "english"


def _pick(options: Sequence[Option], rng: Rng) -> Option:
    return options[int(rng.integers(len(options)))]


def _digits(count: int, rng: Rng) -> str:
    return "".join(str(int(d)) for d in rng.integers(0, 10, count))


def _number(rng: Rng) -> str:
    return str(int(rng.integers(1, 10 ** int(rng.integers(1, 5)))))


def _year(rng: Rng) -> str:
    return str(int(rng.integers(1600, 1990)))


def _date(rng: Rng) -> str:
    day, month = int(rng.integers(1, 32)), _pick(MONTHS, rng)
    forms = (
        f"{day} {month}", f"{day} {month} {_year(rng)}", f"le {day} {month}",
        f"{month} {day}, {_year(rng)}", f"{month} {day}th", f"{day}. {month}",
        f"{day}/{int(rng.integers(1, 13))}/{_year(rng)[2:]}", f"An {_year(rng)} mois de {month}",
    )  # fmt: skip
    return _pick(forms, rng)


def _price(rng: Rng) -> str:
    whole, cents = _number(rng), _digits(2, rng)
    forms = (
        f"{whole}.{cents}", f"{whole},{cents}", f"£{whole}", f"${whole}.{cents}", f"{whole} fr.",
        f"{whole} francs", f"{whole} €", f"{whole} {_digits(3, rng)}", f"{whole} f {cents} c",
        f"{whole}.{_digits(3, rng)} fr", f"{whole}/{int(rng.integers(1, 12))}d", f"{whole} M.",
    )  # fmt: skip
    return _pick(forms, rng)


def _measure(rng: Rng) -> str:
    form = MEASURES[int(rng.integers(len(MEASURES)))].replace("_", " ")
    return form.replace("#", _number(rng), 1).replace("#", _number(rng))


_MEASURES = """
    #° #½ #_¼ #¾ #_⅓ #_⅔ #_⅛ #² #' #% #m/m ±_# +# ~# §_# §.#. ¶_# •_# †# *# №_# No_# N°_# nº_# p._#
    #. #) (#) [#] #: #; @_# #_&_# #-# #–# #_+_# #_=_# #_×_# #_÷_# #·#
"""

MEASURES = tuple(_MEASURES.split())
"""Numbers with signs: `#` stands for a number, `_` for a space."""


def _initials(rng: Rng) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    picked = [letters[int(i)] for i in rng.integers(0, 26, int(rng.integers(1, 4)))]
    return ". ".join(picked) + "." if chance(rng, 0.5) else ":".join(picked) + ":"


SHORT: tuple[Callable[[Rng], str], ...] = (
    _number, _number, _number, _year, _date, _date, _price, _price, _measure, _initials,
)  # fmt: skip


def in_fraktur(text: str, rng: Rng) -> str:
    """Return the text spelt as Fraktur is: a long s within words, an e above for the umlaut."""
    spelt = []
    for i, letter in enumerate(text):
        after = text[i + 1 : i + 2]
        spelt.append("ſ" if letter == "s" and after.isalpha() else letter)
    old = "".join(spelt)
    if chance(rng, 0.5):
        for umlaut, letter in zip("äöü", "aou", strict=True):
            old = old.replace(umlaut, f"{letter}\u0364")
    return old.replace("-", "⸗") if chance(rng, 0.5) else old
