"""Constrained decoding: the likeliest texts that a pattern allows, and how likely they are.

A network's CTC probabilities (Graves et al. 2006) are walked through together with the automaton
of the pattern. Backwards, this gives the probability of every way to end an allowed text; with
that, prefix search (Graves 2008, "Supervised sequence labelling", 7.5.2) goes through prefixes in
the order of the probability of all allowed texts that begin so. What it finds is therefore exact:
no beam loses a text, and none is found that the pattern does not allow.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Alternative, Reading
from pipeline.recognition.characters import character_odds
from pipeline.recognition.ctc import ALTERNATIVES, BLANK
from pipeline.recognition.patterns import Dfa, Nfa, determine, parse, parse_words

FLOOR = 1e-9
"""Least probability of a class at a step, so that no allowed text is quite impossible."""

MOST_PREFIXES = 400
"""Prefixes looked into; a network as unsure as to need more has nothing to say."""


@dataclass(frozen=True, eq=False)
class Grammar:
    """What may be read, whatever the network; `over` its characters it decodes."""

    nfa: Nfa

    def over(self, characters: Sequence[str]) -> Automaton:
        """Return the automaton over `characters` (class 1 onwards). Raises `BadInput`."""
        return Automaton(tuple(characters), determine(self.nfa, characters))

    def matches(self, text: str) -> bool:
        """Return whether all of a text is allowed."""
        states = self.nfa.closure([0])
        for character in text:
            steps = [step for state in states for step in self.nfa.steps[state]]
            states = self.nfa.closure(target for takes, target in steps if takes(character))
        return self.nfa.accept in states


@lru_cache(64)
def compile_grammar(pattern: str) -> Grammar:
    r"""Return the grammar of a pattern such as `-?\d{1,2}\.\d`, or `(\d{3})?` of what may be blank.

    See `pipeline.recognition.patterns.parse` for its syntax. Raises `BadInput`.
    """
    return Grammar(parse(pattern))


def compile_words(words: Iterable[str]) -> Grammar:
    """Return the grammar of exactly these words. Raises `BadInput` where they are too many."""
    return Grammar(parse_words(words))


def decode_with(
    probabilities: NDArray[np.float32], characters: Sequence[str], grammar: Grammar
) -> Reading:
    """Decode one crop (T x C, rows summing to 1, class 0 the blank) as the grammar allows.

    `Grammar.over` once, then `Automaton.decode`, is quicker for many crops.
    """
    return grammar.over(characters).decode(probabilities)


@dataclass(frozen=True, eq=False)
class Automaton:
    """A grammar over the characters of one network."""

    characters: tuple[str, ...]
    dfa: Dfa

    def decode(self, probabilities: NDArray[np.float32]) -> Reading:
        """Return the likeliest allowed text of one crop (T x C) and its runners-up.

        `confidence` and the alternatives' `logprob` are probabilities *given* that the crop holds
        an allowed text: P(text) / P(any allowed text), each summed over all alignments. They say
        which of the allowed texts it is, not whether one of them stands there; `fit` says that.
        Where no allowed text is short enough for T steps, the text is empty, its confidence 0.
        """
        found = _Steps(self, probabilities).search(ALTERNATIVES)
        if not found:
            return Reading("", 0.0)
        alternatives = tuple(
            Alternative("".join(self.characters[i - 1] for i in labels), min(0.0, float(np.log(p))))
            for labels, p in found
        )
        best = alternatives[0]
        characters = character_odds(probabilities, found[0][0])
        return Reading(best.text, float(np.exp(best.logprob)), alternatives, characters)

    def fit(self, probabilities: NDArray[np.float32]) -> float:
        """Return the natural logarithm of the probability that a crop holds any allowed text.

        Minus infinity where every allowed text needs more than the crop's T steps.
        """
        steps = _Steps(self, probabilities)
        return float(np.log(steps.whole) + steps.scale) if steps.whole > 0 else -np.inf

    @cached_property
    def ends(self) -> NDArray[np.intp]:
        """Pairs of class and state in which a label can have led (N x 2): the nodes of a walk."""
        pairs = {(label, target) for _, label, target in self.dfa.edges}
        return np.array(sorted(pairs), np.intp).reshape(-1, 2)

    @cached_property
    def edges(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of each edge, the state where it starts and the node (row of `ends`) that it leads to."""
        nodes = {(int(label), int(state)): i for i, (label, state) in enumerate(self.ends)}
        starts = np.array([source for source, _, _ in self.dfa.edges], np.intp)
        leads = np.array([nodes[label, target] for _, label, target in self.dfa.edges], np.intp)
        return starts, leads

    @cached_property
    def repeats(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Of each node, itself and the node of the same label behind it, where there is one."""
        starts, leads = self.edges
        behind = {
            (int(s), int(self.ends[n, 0])): int(n) for s, n in zip(starts, leads, strict=True)
        }
        pairs = [
            (i, behind[int(state), int(label)])
            for i, (label, state) in enumerate(self.ends)
            if (int(state), int(label)) in behind
        ]
        both = np.array(pairs, np.intp).reshape(-1, 2)
        return both[:, 0], both[:, 1]

    @cached_property
    def children(self) -> list[NDArray[np.intp]]:
        """Of each state, the nodes that its edges lead to."""
        starts, leads = self.edges
        return [leads[starts == state] for state in range(len(self.dfa.accepts))]


class _Steps:
    """The probabilities of one crop, walked backwards through an automaton.

    `after[t, n]` is the probability of all ways to end an allowed text with the steps from `t`
    on, when node `n` was reached before; `whole` that of all allowed texts. So that a long line
    does not underflow, each step is divided by a number that keeps the largest of `after[t]` at 1
    (as Rabiner 1989 scales hidden Markov models); `scale` is the logarithm of what was taken out.
    """

    def __init__(self, automaton: Automaton, probabilities: NDArray[np.float32]) -> None:
        self.automaton = automaton
        steps = np.maximum(probabilities.astype(np.float64), FLOOR)
        self.blank = steps[:, BLANK].copy()
        labels, states = automaton.ends[:, 0], automaton.ends[:, 1]
        self.emits = steps[:, labels]
        self.scale = 0.0
        accepts = np.array(automaton.dfa.accepts, np.float64)
        starts, leads = automaton.edges
        same, behind = automaton.repeats
        resting = accepts  # of each state: a blank came last, or nothing yet
        node = accepts[states]
        self.after = np.empty((len(steps) + 1, len(states)))
        self.after[-1] = node
        for t in range(len(steps) - 1, -1, -1):
            coming = self.emits[t] * node
            onward = np.bincount(starts, coming[leads], len(accepts))
            rested = self.blank[t] * resting
            fresh = onward[states]
            # The same label again needs a blank between: it only goes on.
            fresh[same] = np.maximum(fresh[same] - coming[behind], 0.0)
            node = rested[states] + coming + fresh
            resting = rested + onward
            largest = float(max(node.max(initial=0.0), resting.max()))
            if largest > 0:
                node, resting = node / largest, resting / largest
                self.blank[t] /= largest
                self.emits[t] /= largest
                self.scale += float(np.log(largest))
            self.after[t] = node
        self.whole = float(resting[0])

    def search(self, count: int) -> list[tuple[tuple[int, ...], float]]:
        """Return up to `count` allowed texts, as classes, and their share of `whole`.

        The likeliest comes first; exact, unless `MOST_PREFIXES` did not suffice.
        """
        found: list[tuple[tuple[int, ...], float]] = []
        nothing = np.concatenate([[1.0], np.cumprod(self.blank)])
        waiting = self._behind(_Open((), None, nothing, nothing))
        heapq.heapify(waiting)
        opened = 0
        while waiting and len(found) < count:
            mass, labels, node, before = heapq.heappop(waiting)
            if before is None:
                found.append((labels, -mass / self.whole))
                continue
            opened += 1
            if opened > MOST_PREFIXES:
                if found:
                    break
                waiting = []  # from here on straight to the end, along the best
            for each in self._behind(self._open(labels, node, before)):
                heapq.heappush(waiting, each)
        return found

    def _open(self, labels: tuple[int, ...], node: int, before: NDArray[np.float64]) -> _Open:
        """Return the prefix `labels`, which node `node` ends; `before` is its parent's reach."""
        label, blank = self.emits[:, node].tolist(), self.blank.tolist()
        emitted, rested = [0.0], [0.0]
        for t, parent in enumerate(before[:-1].tolist()):
            rested.append(blank[t] * (rested[t] + emitted[t]))
            emitted.append(label[t] * (emitted[t] + parent))
        blanks = np.array(rested)
        return _Open(labels, node, blanks + np.array(emitted), blanks)

    def _behind(self, prefix: _Open) -> list[_Waiting]:
        """Return the prefix as a whole text, where it is one, and all that are one label longer."""
        automaton = self.automaton
        state, last = 0, BLANK
        if prefix.node is not None:
            last, state = (int(i) for i in automaton.ends[prefix.node])
        found: list[_Waiting] = []
        if automaton.dfa.accepts[state] and prefix.reach[-1] > 0:
            found.append((-float(prefix.reach[-1]), prefix.labels, -1, None))
        nodes = automaton.children[state]
        ways = self.emits[:, nodes] * self.after[1:, nodes]
        masses = prefix.reach[:-1] @ ways
        for node, mass, way in zip(nodes.tolist(), masses.tolist(), ways.T, strict=True):
            label = int(automaton.ends[node, 0])
            before = prefix.reach
            if label == last:
                before = prefix.blanks
                mass = float(before[:-1] @ way)
            if mass > 0:
                found.append((-mass, (*prefix.labels, label), node, before))
        return found


_Waiting = tuple[float, tuple[int, ...], int, NDArray[np.float64] | None]
"""What is to be looked at, the likeliest first: minus the probability of all allowed texts that
begin with these labels, the labels, the node of the last, and the parent's reach; no reach for a
whole text, whose probability is its own."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A prefix: `reach[t]` is the probability to have read just it after `t` steps (T + 1), and
    `blanks[t]` that part of it in which a blank came last."""

    labels: tuple[int, ...]
    node: int | None
    reach: NDArray[np.float64]
    blanks: NDArray[np.float64]
