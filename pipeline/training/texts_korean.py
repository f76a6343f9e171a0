"""What drawn Korean lines say: words with particles, names, dates, prices, and any syllables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from pipeline.recognition.alphabets import KOREAN
from pipeline.training.augment import Rng, chance

DICTIONARY = Path("/usr/share/hunspell/ko.dic")
"""Where Debian's `hunspell-ko` puts its words."""

SYLLABLES = tuple(c for c in KOREAN if "가" <= c <= "힣")
LETTERS = tuple(c for c in KOREAN if "ㄱ" <= c <= "ㅣ")
PARTICLES = (
    *("은", "는", "이", "가", "을", "를", "의", "에", "에서", "로", "으로", "와", "과", "도", "만"),
    *(
        "까지",
        "부터",
        "보다",
        "처럼",
        "에게",
        "입니다",
        "였다",
        "하고",
        "이나",
        "라고",
        "들",
        "께서",
    ),
)
FAMILIES = tuple("김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민")
UNITS = (
    "년",
    "월",
    "일",
    "원",
    "명",
    "개",
    "호",
    "번",
    "시",
    "분",
    "세",
    "권",
    "쪽",
    "도",
    "석",
    "평",
)
SIGNS = (".", ".", ",", ",", "?", "!", ":", ";", "…", "·", "-", "~")
PAIRS = ("()", "「」", "『』", "《》", "〈〉", "‘’", "“”", '""', "[]")
LONGEST = 22


def read_words(file: Path = DICTIONARY) -> tuple[str, ...]:
    """Return the words of a hunspell dictionary that the alphabet can write; none without it."""
    if not file.exists():
        return ()
    lines = unicodedata.normalize("NFC", file.read_text("utf-8")).splitlines()
    hangul = re.compile(f"[{''.join(SYLLABLES)}]+")
    return tuple(word for line in lines if hangul.fullmatch(word := line.partition("/")[0]))


def line_text(words: Sequence[str], rng: Rng) -> str:
    """Return a made-up line of 1 to about 20 characters; without words, of any syllables."""
    length = int(rng.integers(1, LONGEST))
    parts: list[str] = []
    while sum(map(len, parts)) + len(parts) < length:
        parts.append(_part(words, rng))
    text = ("" if chance(rng, 0.08) else " ").join(parts)
    return text[: LONGEST + 4].strip()


def _part(words: Sequence[str], rng: Rng) -> str:
    draw = rng.random()
    if draw < 0.5 and words:
        part = words[int(rng.integers(len(words)))]
        if chance(rng, 0.45):
            part += PARTICLES[int(rng.integers(len(PARTICLES)))]
    elif draw < 0.84:
        part = _some(SYLLABLES, int(rng.integers(1, 6)), rng)
    elif draw < 0.88:
        part = _some(FAMILIES, 1, rng) + _some(SYLLABLES, 2, rng)
    elif draw < 0.95:
        part = _figures(rng)
    elif draw < 0.98:
        part = "".join(chr(int(c)) for c in rng.integers(0x21, 0x7F, int(rng.integers(1, 6))))
    else:
        part = _some(LETTERS, int(rng.integers(1, 4)), rng)
    if chance(rng, 0.06):
        pair = PAIRS[int(rng.integers(len(PAIRS)))]
        return pair[0] + part + pair[1]
    return part + _some(SIGNS, 1, rng) if chance(rng, 0.16) else part


def _some(options: Sequence[str], count: int, rng: Rng) -> str:
    return "".join(options[int(i)] for i in rng.integers(0, len(options), count))


def _figures(rng: Rng) -> str:
    number = int(rng.integers(1, 10 ** int(rng.integers(1, 6))))
    draw = rng.random()
    if draw < 0.2:
        year, month, day = rng.integers((1880, 1, 1), (2030, 13, 32))
        return f"{year}년 {month}월 {day}일"
    if draw < 0.3:
        return f"제{number}{_some(('조', '항', '호', '장', '회'), 1, rng)}"
    if draw < 0.45:
        return f"{number:,}원"
    if draw < 0.6:
        return f"{number}.{int(rng.integers(10))}"
    return f"{number}{_some(UNITS, 1, rng)}" if draw < 0.9 else str(number)
