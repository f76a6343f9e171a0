"""The likeliest assignment, compared with trying all of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks.joint.beliefs import believe
from pipeline.checks.joint.model import FIRST_ERROR, Model, build, with_values
from pipeline.checks.joint.neighbours import current, look_around, single_changes
from pipeline.checks.joint.solve import solve_model
from pipeline.checks.relation import Rule
from tests.pipeline.checks.joint.small import Read, everything, rule, sheet, total

A, B, C = (0, 0), (0, 1), (0, 2)
D, E, F = (1, 0), (1, 1), (1, 2)
G, H, I = (2, 0), (2, 1), (2, 2)  # noqa: E741


def model_of(read: Read, *rules: Rule) -> Model:
    return build(sheet(read), rules, [FIRST_ERROR] * len(rules))


def solved(read: Read, *rules: Rule) -> dict[tuple[int, int], tuple[int, float]]:
    solution = solve_model(model_of(read, *rules))
    return {
        place: (int(value), float(chance))
        for place, value, chance in zip(
            solution.model.variables.places, solution.values, solution.posterior, strict=True
        )
    }


def test_a_sum_chooses_the_alternative_that_it_needs() -> None:
    found = solved(
        {A: [(120, 0.99)], B: [(35, 0.6), (85, 0.3)], C: [(205, 0.99)]}, rule(total(C, A, B))
    )
    assert found[B][0] == 85
    assert found[B][1] > 0.95
    assert (found[A][0], found[C][0]) == (120, 205)


def test_a_certain_sum_that_fails_was_printed_wrong() -> None:
    read = {A: [(120, 0.9999)], B: [(35, 0.9999)], C: [(156, 0.9999)]}
    assert {place: value for place, (value, _) in solved(read, rule(total(C, A, B))).items()} == {
        A: 120,
        B: 35,
        C: 156,
    }


def test_rows_and_columns_find_a_digit_that_nobody_named() -> None:
    table = {A: 11, B: 22, C: 33, D: 44, E: 55, F: 99, G: 55, H: 77, I: 132}
    read = {place: [(value, 0.97)] for place, value in table.items()}
    read[E] = [(65, 0.97)]
    rows = rule(total(C, A, B), total(F, D, E), total(I, G, H))
    columns = rule(total(G, A, D), total(H, B, E), total(I, C, F))
    found = solved(read, rows, columns)
    assert {place: value for place, (value, _) in found.items()} == table


def test_two_wrong_in_one_row_are_told_apart_by_the_columns() -> None:
    table = {A: 11, B: 22, C: 33, D: 44, E: 55, F: 99, G: 55, H: 77, I: 132}
    read = {place: [(value, 0.97)] for place, value in table.items()}
    read[D], read[E] = [(41, 0.7), (44, 0.1)], [(85, 0.9)]
    rows = rule(total(C, A, B), total(F, D, E), total(I, G, H))
    columns = rule(total(G, A, D), total(H, B, E), total(I, C, F))
    found = solved(read, rows, columns)
    assert {place: value for place, (value, _) in found.items()} == table


def test_a_chain_of_misreadings_is_followed_to_its_end() -> None:
    """A total hides in a cell that was hardly read; what it asks of the next row is unlisted."""
    read: Read = {
        A: [(110, 0.02), (11, 0.02)],
        B: [(278, 0.9)],
        C: [(96, 0.99)],
        D: [(284, 0.999)],
        E: [(176, 0.999)],
        F: [(108, 0.999)],
        G: [(562, 0.999)],
        H: [(358, 0.999)],
        I: [(204, 0.999)],
    }
    differences = rule(total(A, B, C), total(D, E, F), total(G, H, I), kind="difference")
    sums = rule(total(G, A, D), total(H, B, E), total(I, C, F))
    found = solved(read, differences, sums)
    assert [found[place][0] for place in (A, B)] == [278, 182]


values = st.lists(
    st.tuples(st.integers(1, 12), st.floats(0.05, 0.9)),
    min_size=1,
    max_size=2,
    unique_by=lambda x: x[0],
)


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys((A, B, C, D, E, F), values)))
def test_no_single_or_paired_change_is_better(read: Read) -> None:
    rules = [rule(total(C, A, B), total(F, D, E)), rule(total(D, A), kind="copy")]
    solution = solve_model(model_of(read, *rules))
    changes = single_changes(solution.model, solution.choice)
    assert changes.single.max() <= 1e-6
    _, pair = look_around(solution.model, solution.choice, changes, {})
    assert pair is None or pair.gain <= 1e-6


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys((A, B, C), values)))
def test_rivals_are_all_changes_of_one_cell_and_pairs_that_hang_together(read: Read) -> None:
    model = bare(model_of(read, rule(total(C, A, B))))
    scores = dict(everything(model))
    choice = max(scores, key=scores.__getitem__)
    odds, _ = look_around(model, np.array(choice), single_changes(model, np.array(choice)), {})
    gains = {places: score - scores[choice] for places, score in scores.items()}
    expected = np.zeros(3)
    for places, gain in gains.items():
        changed = [i for i in range(3) if places[i] != choice[i]]
        if len(changed) == 1:
            expected[changed[0]] += np.exp(gain)
        if len(changed) == 2:
            alone = [
                gains[tuple(places[k] if k == i else choice[k] for k in range(3))] for i in changed
            ]
            expected[changed] += max(0.0, np.exp(gain) - np.exp(sum(alone)))
    assert odds == pytest.approx(expected, rel=1e-3, abs=1e-6)


def bare(model: Model) -> Model:
    """Return the model with two values a cell and nothing unlisted, so that all can be tried."""
    variables = model.variables
    few = replace(
        variables,
        values=variables.values[:, :3],
        logprob=variables.logprob[:, :3],
        rest=np.full(len(variables.places), 1e-9),
        density=np.full(len(variables.places), 1e-12),
    )
    return replace(model, variables=few)


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys((A, B, C, D, E), values)))
def test_beliefs_are_exact_on_a_tree(read: Read) -> None:
    """Two equations that share one cell have no loop: propagation is then no approximation."""
    model = bare(model_of(read, rule(total(C, A, B)), rule(total(E, C, D))))
    beliefs = np.exp(believe(model, rounds=4))
    scores = list(everything(model))
    most = max(score for _, score in scores)
    exact = np.zeros(beliefs.shape)
    for places, score in scores:
        exact[np.arange(5), list(places)] += np.exp(score - most)
    exact /= exact.sum(axis=1, keepdims=True)
    assert beliefs == pytest.approx(exact, abs=0.03)


def test_values_that_are_added_are_not_listed_twice() -> None:
    variables = model_of({A: [(5, 0.9)], B: [(5, 0.9)]}, rule(total(A, B), kind="copy")).variables
    few = replace(variables, values=variables.values[:, :1], logprob=variables.logprob[:, :1])
    wider = with_values(few, {0: [5, 7, 8, 900, -3], 1: []})
    listed = wider.values[0][wider.logprob[0] > -1e8].tolist()
    assert listed == [5, 7, 8], "what is far beyond the column is not listed"


def test_an_open_equation_decides_nothing() -> None:
    model = model_of({A: [(5, 0.9)], C: [(9, 0.9)]}, rule(total(C, A, B)))
    solution = solve_model(model)
    assert solution.model.batches == ()
    assert current(model, solution.choice)[0] == 5
