"""Character and word error rates, and what kinds of errors they are made of.

Texts are compared after `normalize`: Unicode NFC, every run of white space one space, none at the
ends, and a raised decimal dot between digits written as a full stop (it is a convention of the
printer, and readers differ on whether to keep it). A *character* is a grapheme cluster: a letter
with its marks, a Korean syllable. **White space counts** as a character. Rates are **micro**
averages: the edits of all texts over the characters (words) of all their truths.

The five kinds are counted from one minimal alignment (fewest substitutions, deletions and
insertions of single characters). Between two matches stand runs of edits; white space ends a run
and is itself only substituted, missing or inserted. Within a run,

- a deletion beside a substitution is one **combination**: two characters read as one;
- an insertion beside a substitution is one **decomposition**: one character read as two;
- what remains is **substitution**, **missing** (deletion) or **insertion**.

A combination or decomposition therefore stands for two edits, anything else for one, and
`substitution + missing + insertion + 2 (combination + decomposition)` is the edit distance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import regex
from rapidfuzz.distance import Levenshtein

_CLUSTER = regex.compile(r"\X")
_SPACE = re.compile(r"\s+")
_RAISED_DOT = re.compile(r"(?<=\d)[·∙⋅•‧](?=\d)")


@dataclass(frozen=True, slots=True)
class ErrorKinds:
    """How many errors of each kind; see the module."""

    substitution: int = 0
    missing: int = 0
    insertion: int = 0
    combination: int = 0
    decomposition: int = 0

    @property
    def edits(self) -> int:
        """The edit distance that these errors make up."""
        single = self.substitution + self.missing + self.insertion
        return single + 2 * (self.combination + self.decomposition)

    def __add__(self, other: ErrorKinds) -> ErrorKinds:
        return ErrorKinds(
            self.substitution + other.substitution,
            self.missing + other.missing,
            self.insertion + other.insertion,
            self.combination + other.combination,
            self.decomposition + other.decomposition,
        )


@dataclass(frozen=True, slots=True)
class TextScore:
    """Counts of one or many compared texts; `characters` and `words` are those of the truth."""

    characters: int = 0
    words: int = 0
    word_edits: int = 0
    kinds: ErrorKinds = ErrorKinds()

    @property
    def cer(self) -> float | None:
        """Character error rate, above 1 where more was read than stands there.

        `None` where the truth has no characters.
        """
        return self.kinds.edits / self.characters if self.characters else None

    @property
    def wer(self) -> float | None:
        """Word error rate; `None` where the truth has no words."""
        return self.word_edits / self.words if self.words else None

    def __add__(self, other: TextScore) -> TextScore:
        return TextScore(
            self.characters + other.characters,
            self.words + other.words,
            self.word_edits + other.word_edits,
            self.kinds + other.kinds,
        )

    def to_json(self) -> dict[str, Any]:
        """Return rates and counts as plain numbers."""
        return {
            "cer": self.cer,
            "wer": self.wer,
            "characters": self.characters,
            "character_edits": self.kinds.edits,
            "words": self.words,
            "word_edits": self.word_edits,
            "kinds": asdict(self.kinds),
        }


def normalize(text: str) -> str:
    """Return `text` as it is compared; see the module."""
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    return _RAISED_DOT.sub(".", text)


def characters(text: str) -> list[str]:
    """Return the grapheme clusters of `text`."""
    return list(text) if text.isascii() else _CLUSTER.findall(text)


def score_text(truth: str, read: str) -> TextScore:
    """Compare one text with its truth; their order matters, the truth comes first."""
    truth, read = normalize(truth), normalize(read)
    words, read_words = truth.split(), read.split()
    expected = characters(truth)
    return TextScore(
        characters=len(expected),
        words=len(words),
        word_edits=Levenshtein.distance(*_numbered(words, read_words)),
        kinds=error_kinds(expected, characters(read)),
    )


def score_texts(pairs: Iterable[tuple[str, str]]) -> TextScore:
    """Compare (truth, read) pairs and return the sum of their scores."""
    return sum((score_text(truth, read) for truth, read in pairs), TextScore())


def error_kinds(truth: Sequence[str], read: Sequence[str]) -> ErrorKinds:
    """Count the kinds of errors between two sequences of characters; see the module."""
    kinds = ErrorKinds()
    run = _Run()
    after = (-1, -1)
    for edit in Levenshtein.editops(*_numbered(truth, read)):
        place = (edit.src_pos, edit.dest_pos)
        involved = (
            *([truth[edit.src_pos]] if edit.tag != "insert" else []),
            *([read[edit.dest_pos]] if edit.tag != "delete" else []),
        )
        if place != after:
            kinds += run.kinds()
            run = _Run()
        if any(c.isspace() for c in involved):
            kinds += run.kinds() + _Run(**{edit.tag: 1}).kinds()
            run = _Run()
        else:
            run = _Run(**{**asdict(run), edit.tag: getattr(run, edit.tag) + 1})
        after = (place[0] + (edit.tag != "insert"), place[1] + (edit.tag != "delete"))
    return kinds + run.kinds()


@dataclass(frozen=True)
class _Run:
    """The edits between two matches. A minimal alignment never deletes *and* inserts in one."""

    replace: int = 0
    delete: int = 0
    insert: int = 0

    def kinds(self) -> ErrorKinds:
        combined = min(self.replace, self.delete)
        split = min(self.replace - combined, self.insert)
        return ErrorKinds(
            substitution=self.replace - combined - split,
            missing=self.delete - combined,
            insertion=self.insert - split,
            combination=combined,
            decomposition=split,
        )


def _numbered(a: Sequence[str], b: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return both sequences with equal items as equal numbers, which cannot collide as hashes."""
    numbers: dict[str, int] = {}
    return (
        [numbers.setdefault(item, len(numbers)) for item in a],
        [numbers.setdefault(item, len(numbers)) for item in b],
    )
