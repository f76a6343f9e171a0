"""What a column holds, from the words above it in seven languages.

Variables are named as the Station Exchange Format does (the codes of Copernicus' dataresqc).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from pipeline.checks.units import TEMPERATURE_LETTERS, UNITS, plain

Statistic = Literal["mean", "sum", "range"]


def _any(*words: str) -> str:
    """Return a pattern of any of these words, between bars, none of them part of a longer one."""
    return rf"(?<![a-z])(?:{'|'.join(words)})(?![a-z])"


THERM = r"(?:temp\w*|therm\w*|term\w*|warmte?|warme\w*|bulb|bol|bulbo)"
WIND = "(?:wind|vent|viento|vento)"
SNOW = "(?:snow|neige|schnee|sneeuw|neve|nieve)"
HIGH = r"(?:max\w*|hochste\w*|hoogste|highest|massim[ao])"
LOW = r"(?:min\w*|niedrigste\w*|tiefste\w*|laagste|lowest)"
DEPTH = r"(?:depth|lying|ground|hauteur|epaisseur|sol|decke|hohe|dikte|laag|alt\w*|espes\w*)"
FORCE = "(?:force|kracht|starke|staerke|fuerza|forca|forza)"
PRESS = r"(?:barom\w*|press(?:ion|ione|ao|ure)?|presion|luftdruck\w*|luchtdruk\w*)"
SEA = r"(?:sea|mer|meer\w*|zee\w*|mar|mare)"

WORDS: tuple[tuple[str, str], ...] = (
    ("e", r"vapou?r|dampf\w*|dunst\w*|dampspanning|spankracht|tension\w*|tensao"),
    ("atb", r"attached|attache\w*|(?:am|zum|du|aan den) barom\w*|annesso|adjunto"),
    ("td", r"dew|rosee|taupunkt\w*|dauwpunt\w*|rugiada|rocio|orvalho"),
    ("TGn", "grass|gras|gazon|herbe|au sol|erdboden|am boden|relva|cesped"),
    ("Txs", "solar|black bulb|in sun|au soleil|in der sonne|in de zon|a[ol] sole?"),
    ("tb", r"wet|mouille\w*|nass\w*|natte?|bagnato|molhado"),
    ("tb", r"feuchte?[sr]?(?= *(?:\d|$|therm))|humide(?= *(?:\d|$|bulb|therm))"),
    ("tb", rf"{THERM} (?:humide|humedo|umido)"),
    ("Tx", rf"{HIGH}.*{THERM}|{THERM}.*{HIGH}"),
    ("Tn", rf"{LOW}.*{THERM}|{THERM}.*{LOW}"),
    ("mslp", rf"(?:{PRESS}|reduced|redu[czi]\w*).*{SEA}"),
    ("p", PRESS),
    ("ss", r"sunshine|sonnensch\w*|zonnesch\w*|insola\w*|heliogr\w*|eliofan\w*|soleil"),
    ("eee", r"evap\w*|verdunst\w*|verdamp\w*"),
    ("sd", rf"{SNOW}\w*.*{DEPTH}|{DEPTH}.*{SNOW}|schneedecke\w*|schneehohe\w*"),
    ("rr", r"rain\w*|precip\w*|melted|pluie\w*|pluvi\w*|eau tombee|regen\w*"),
    ("rr", r"niederschl\w*|neersl\w*|chuva\w*|lluvi\w*|pioggi\w*|udomet\w*|ombrom\w*"),
    ("fs", rf"{SNOW}\w*"),
    ("rh", r"humid\w*|hygro\w*|feucht\w*|vochtigh\w*|h?igro\w*|r\.? ?h\.?"),
    ("rh", r"umid\w*|humed\w*"),
    ("wind_force", rf"{WIND}.*{FORCE}|{FORCE}.*{WIND}|windst\w*|windkr\w*|beaufort"),
    ("dd", rf"direc\w*|direzione|windricht\w*|{WIND}.*richt\w*|rumbo|rumo"),
    ("w", rf"winds?|{WIND}s?|windg\w*|windsn\w*|anemo\w*|speed|velocit[ya]|velocidade?"),
    ("w", r"vitesse|geschwind\w*|snelheid"),
    ("n", r"clouds?|cloudi\w*|sky|nebul\w*|nuages?|ciel|bewolk\w*|wolken|himmel\w*"),
    ("n", r"nuvol\w*|nubos\w*"),
    ("vv", r"visib\w*|sichtw\w*|zicht"),
    ("ta", rf"{THERM}|dry|sec(?!\.)|seche?|trock\w*|droge|sec[ao]|secc[ao]|asciutto|air|t°"),
)
"""Words by variable, those first that are meant even where later ones stand beside them."""

PATTERNS = tuple((name, re.compile(_any(words))) for name, words in WORDS)
HIGHEST, LOWEST = re.compile(_any(HIGH)), re.compile(_any(LOW))

NO_AMOUNT = re.compile(
    _any(
        "duration|duree|dauer|duur|duracion|duracao|durata|hours of|time of",
        "days|remarks?|kind|form|type|genre|art der|klasse",
    )
)
"""Of these a head may speak beside a variable, without its column holding that."""

MEAN = re.compile(
    _any(r"means?|aver(?:age)?s?|moy\w*|mittel\w*|tagesm\w*|gemidd\w*|medi[ao]s?|med", "promedios?")
)
SUM = re.compile(
    _any(
        "tot|totals?|totaux|total[ei]|totale[ns]|totaal|totais|sums?|sommes?|summen?",
        "som|somm[ae]|soma|suma",
    )
)
RANGE = re.compile(
    _any(
        r"ranges?|amplitud\w*|schwankung\w*|escurs\w*|excurs\w*|ecarts?|oscil\w*",
        r"differen\w*|diff|unterschied\w*|verschil\w*|diferen\w*",
    )
)
DAY = re.compile(
    _any(
        r"days?|dates?|jours?|quantiemes?|tage?|monatstag\w*|datum|dag\w*|dias?",
        "fechas?|data|giorn[oi]",
    )
)
HOUR = re.compile(
    _any(
        r"hours?|times?|heures?|stunden?|uhr\w*|zeit|uur|uren|tijd|horas?|or[ae]",
        "tiempo|tempo|h ?m",
    )
)
CLOCK = re.compile(
    _any(
        "mid ?-? ?night|noons?|midday|mdt|minuit|midi|mittags?|mitternachts?|middag",
        "middernacht|meio dia|meia noite|mediodia|medianoche|mezzogiorno|mezzanotte",
        r"[apvn]\.? ?m\.?|[0-2]?\d ?(?:h|u|uhr|heures?|hours?)?(?:[ .:]?[0-5]\d)?",
    )
)


@lru_cache(maxsize=4096)
def find_variable(head: str) -> str | None:
    """Return the variable that a head or a title names, `None` where it names none."""
    text = plain(head)
    if NO_AMOUNT.search(text):
        return None
    return next((name for name, pattern in PATTERNS if pattern.search(text)), None)


def find_statistic(head: str) -> Statistic | None:
    """Return whether a head says that its column was computed, and how."""
    text = plain(head)
    if RANGE.search(text):
        return "range"
    if SUM.search(text):
        return "sum"
    return "mean" if MEAN.search(text) else None


def extreme(head: str) -> Literal["Tx", "Tn"] | None:
    """Return which extreme a head names, whatever of; of temperature where nothing else is said."""
    text = plain(head)
    if HIGHEST.search(text):
        return "Tx"
    return "Tn" if LOWEST.search(text) else None


def is_day(head: str) -> bool:
    """Return whether a head stands above days of the month."""
    return DAY.search(plain(head)) is not None


def is_hour(head: str) -> bool:
    """Return whether a head stands above hours."""
    return HOUR.search(plain(head)) is not None


def says_nothing_else(head: str) -> bool:
    """Return whether a head holds only an hour, a unit, or that it is a mean, or is empty.

    Such a column holds what the title of the page says.
    """
    text = plain(head)
    for pattern in (*(unit.pattern for unit in UNITS), MEAN, SUM, HOUR, CLOCK):
        text = pattern.sub(" ", text)
    left = re.findall(r"[a-z]+", text)
    return all(len(word) <= 1 and word not in TEMPERATURE_LETTERS for word in left)
