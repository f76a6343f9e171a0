"""Patterns of what may be read, as automata: a subset of regular expressions, or a list of words.

A pattern becomes a nondeterministic automaton (Thompson 1968) and, over the characters that a
network knows, a deterministic one (Rabin & Scott 1959) whose every state can still be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.errors import BadInput

MOST_REPEATS = 64
MOST_STATES = 20_000

Matches = Callable[[str], bool]
"""Whether a transition takes a character."""

DIGIT = "0123456789".__contains__
ESCAPED: dict[str, Matches] = {
    "d": DIGIT,
    "D": lambda c: not DIGIT(c),
    "s": str.isspace,
    "S": lambda c: not c.isspace(),
    "w": lambda c: c.isalnum() or c == "_",
    "W": lambda c: not (c.isalnum() or c == "_"),
}
"""What a letter after a backslash stands for; a sign after one stands for itself."""


@dataclass(slots=True)
class Nfa:
    """A nondeterministic automaton that starts in state 0 and accepts in `accept`.

    `steps` and `empty` hold, for each state, where a character and where nothing leads to.
    """

    accept: int = 0
    steps: list[list[tuple[Matches, int]]] = field(default_factory=lambda: [[]])
    empty: list[list[int]] = field(default_factory=lambda: [[]])

    def state(self) -> int:
        """Add a state and return its number. Raises `ValueError` where there are too many."""
        if len(self.steps) >= MOST_STATES:
            raise ValueError(f"it needs more than {MOST_STATES} states")
        self.steps.append([])
        self.empty.append([])
        return len(self.steps) - 1

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        """Return the states and all that can be reached from them without a character."""
        found = set(states)
        waiting = list(found)
        while waiting:
            for target in self.empty[waiting.pop()]:
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Dfa:
    """A deterministic automaton over a network's classes; it starts in state 0.

    `edges` are (state, class, state); `accepts` says of each state whether a text may end there.
    From every state an accepting one can be reached, state 0 excepted.
    """

    edges: tuple[tuple[int, int, int], ...]
    accepts: tuple[bool, ...]


def parse(pattern: str) -> Nfa:
    r"""Return the automaton of a pattern, which a text must match from its first character to last.

    Characters stand for themselves, `.` for any, `\d \s \w` and their capitals for classes,
    `[...]` and `[^...]` for one of a set or range; `( )` group, `|` separates alternatives, and
    `? * + {n} {m,} {m,n}` repeat. Raises `BadInput` where it is none of this.
    """
    nfa = Nfa()
    try:
        parser = _Parser(pattern)
        build = parser.alternatives()
        if parser.at < len(pattern):
            raise ValueError(f"{pattern[parser.at]!r} closes nothing")
        nfa.accept = build(nfa, 0)
    except (ValueError, IndexError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it breaks off"
        remedy = r"write a regular expression such as \d\.\d{3} or -?\d{1,2}\.\d"
        raise BadInput(f"pattern {pattern}", reason, remedy) from error
    return nfa


def parse_words(words: Iterable[str]) -> Nfa:
    """Return the automaton of exactly these words, beginnings shared. Raises `BadInput`."""
    nfa = Nfa()
    tree: dict[str, int] = {"": 0}
    try:
        nfa.accept = nfa.state()
        for word in words:
            for end in range(1, len(word) + 1):
                if word[:end] not in tree:
                    tree[word[:end]] = state = nfa.state()
                    nfa.steps[tree[word[: end - 1]]].append((word[end - 1].__eq__, state))
            nfa.empty[tree[word]].append(nfa.accept)
    except ValueError as error:
        raise BadInput("list of words", str(error), "give fewer words") from error
    return nfa


def determine(nfa: Nfa, characters: Sequence[str]) -> Dfa:
    """Return the deterministic automaton over `characters`, which name class 1 onwards.

    Raises `BadInput` where it has too many states.
    """
    takes: dict[Matches, list[int]] = {}
    numbers = {nfa.closure([0]): 0}
    waiting = list(numbers)
    edges: list[tuple[int, int, int]] = []
    while waiting:
        states = waiting.pop()
        reached: dict[int, set[int]] = {}
        for matches, target in (step for state in states for step in nfa.steps[state]):
            if matches not in takes:
                takes[matches] = [i for i, c in enumerate(characters, 1) if matches(c)]
            for label in takes[matches]:
                reached.setdefault(label, set()).add(target)
        closures: dict[frozenset[int], frozenset[int]] = {}
        for label, targets in reached.items():
            key = frozenset(targets)
            found = closures[key] = closures.get(key) or nfa.closure(key)
            if found not in numbers:
                if len(numbers) >= MOST_STATES:
                    raise BadInput("pattern", f"it needs more than {MOST_STATES} states", "part it")
                numbers[found] = len(numbers)
                waiting.append(found)
            edges.append((numbers[states], label, numbers[found]))
    return _trimmed(edges, [nfa.accept in states for states in numbers])


def _trimmed(edges: list[tuple[int, int, int]], accepts: list[bool]) -> Dfa:
    """Leave out the states from which no accepting one can be reached."""
    before: dict[int, list[int]] = {}
    for source, _, target in edges:
        before.setdefault(target, []).append(source)
    useful = {state for state, accept in enumerate(accepts) if accept}
    waiting = list(useful)
    while waiting:
        for source in before.get(waiting.pop(), []):
            if source not in useful:
                useful.add(source)
                waiting.append(source)
    number = {state: i for i, state in enumerate(sorted(useful | {0}))}
    return Dfa(
        tuple((number[a], label, number[b]) for a, label, b in edges if {a, b} <= useful),
        tuple(accepts[state] for state in number),
    )


Build = Callable[[Nfa, int], int]
"""Adds a part of a pattern behind a state, as often as it is asked, and returns its last state."""


class _Parser:
    """Recursive descent over a pattern; each method returns what builds the part that it read."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def alternatives(self) -> Build:
        parts = [self.sequence()]
        while self.taken("|"):
            parts.append(self.sequence())

        def build(nfa: Nfa, start: int) -> int:
            end = nfa.state()
            for part in parts:
                nfa.empty[part(nfa, start)].append(end)
            return end

        return build

    def sequence(self) -> Build:
        parts: list[Build] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self.repeated())

        def build(nfa: Nfa, start: int) -> int:
            for part in parts:
                start = part(nfa, start)
            return start

        return build

    def repeated(self) -> Build:
        part = self.item()
        least, most = self.counts()

        def build(nfa: Nfa, start: int) -> int:
            here = nfa.state()  # so that nothing leads back to where others start
            nfa.empty[start].append(here)
            for _ in range(least):
                here = part(nfa, here)
            end = nfa.state()
            nfa.empty[here].append(end)
            if most is None:
                again = nfa.state()
                nfa.empty[here].append(again)
                last = part(nfa, again)
                nfa.empty[last] += [again, end]
            for _ in range(least, most or 0):
                here = part(nfa, here)
                nfa.empty[here].append(end)
            return end

        return build

    def item(self) -> Build:
        character = self.next()
        if character == "(":
            inside = self.alternatives()
            if not self.taken(")"):
                raise ValueError("a ( is not closed")
            return inside
        if character in "?*+{":
            raise ValueError(f"{character!r} repeats nothing")
        matches = self.matches(character)

        def build(nfa: Nfa, start: int) -> int:
            end = nfa.state()
            nfa.steps[start].append((matches, end))
            return end

        return build

    def matches(self, character: str) -> Matches:
        if character == ".":
            return lambda _: True
        if character == "[":
            return self.set()
        return self.escaped() if character == "\\" else character.__eq__

    def counts(self) -> tuple[int, int | None]:
        for sign, counts in {"?": (0, 1), "*": (0, None), "+": (1, None)}.items():
            if self.taken(sign):
                return counts
        if not self.taken("{"):
            return 1, 1
        close = self.pattern.index("}", self.at)
        low, comma, high = self.pattern[self.at : close].partition(",")
        self.at = close + 1
        least = int(low) if low or not comma else 0
        most = (int(high) if high else None) if comma else least
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise ValueError(f"{{{low}{comma}{high}}} is not within 0 to {MOST_REPEATS}")
        return least, most

    def escaped(self) -> Matches:
        character = self.next()
        if character in ESCAPED:
            return ESCAPED[character]
        if character.isalnum():
            raise ValueError(f"\\{character} is not known")
        return character.__eq__

    def set(self) -> Matches:
        negated = self.taken("^")
        parts: list[Matches] = []
        while not (parts and self.taken("]")):
            character = self.next()
            if character == "\\":
                parts.append(self.escaped())
            elif self.pattern[self.at] == "-" and self.pattern[self.at + 1] != "]":
                self.at += 1
                parts.append(_between(character, self.next()))
            else:
                parts.append(character.__eq__)
        return lambda c: negated != any(part(c) for part in parts)

    def next(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def taken(self, character: str) -> bool:
        found = self.pattern.startswith(character, self.at)
        self.at += found
        return found


def _between(low: str, high: str) -> Matches:
    if high < low:
        raise ValueError(f"the range {low}-{high} is backwards")
    return lambda c: low <= c <= high
