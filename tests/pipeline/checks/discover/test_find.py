import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks.discover import find_rules
from pipeline.checks.relation import Instance, Rule
from pipeline.checks.sheet import Position, Sheet
from tests.pipeline.checks.discover.sheets import sheet_of
from tests.pipeline.checks.ledgers import FORMS, Ledger, generate, readings, shuffled

Terms = frozenset[tuple[Position, int]]


def terms(instance: Instance) -> Terms:
    """An equation whatever the side of its terms."""
    sign = 1 if dict(instance.terms)[min(place for place, _ in instance.terms)] > 0 else -1
    return frozenset((place, sign * weight) for place, weight in instance.terms)


def recall(ledger: Ledger, rules: tuple[Rule, ...]) -> float:
    """The share of a ledger's true equations among those that were found."""
    found = {terms(instance) for rule in rules for instance in rule.instances}
    true = [terms(instance) for rule in ledger.rules for instance in rule.instances]
    return sum(each in found for each in true) / len(true)


def satisfied(ledger: Ledger, rule: Rule) -> float:
    """The share of a rule's equations that what stands on the paper satisfies."""
    return sum(
        i.low <= sum(ledger.values.get(place, 0) * weight for place, weight in i.terms) <= i.high
        for i in rule.instances
    ) / len(rule.instances)


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("wrong", [0.0, 0.05])
def test_the_relations_of_a_ledger_are_found(form: str, wrong: float) -> None:
    rng = np.random.default_rng(20)
    ledger = generate(rng, form)
    rules = find_rules(readings(ledger, rng, wrong))
    assert recall(ledger, rules) > 0.85
    assert all(satisfied(ledger, rule) > 0.95 for rule in rules)
    assert all(rule.p_value < 0.01 and rule.held <= rule.tested for rule in rules)


@given(seed=st.integers(0, 10**6), within=st.sampled_from(["column", "row", "table"]))
@settings(max_examples=12, deadline=None, derandomize=True)
def test_shuffled_values_have_no_relations(seed: int, within: str) -> None:
    rng = np.random.default_rng(seed)
    assert find_rules(shuffled(readings(generate(rng), rng), rng, within)) == ()


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_what_is_found_without_misreadings_is_true(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ledger = generate(rng)
    for rule in find_rules(readings(ledger, rng, 0.0)):
        assert satisfied(ledger, rule) > 0.95, rule.formula


def test_cells_that_could_not_be_read_are_in_the_equations_that_give_them() -> None:
    rng = np.random.default_rng(8)
    ledger = generate(rng, "meters")
    rules = find_rules(readings(ledger, rng, 0.02, unread=0.05))
    assert recall(ledger, rules) > 0.95


def test_a_cell_without_ink_is_lost_where_the_column_is_full() -> None:
    rng = np.random.default_rng(9)
    rows = [[*map(int, each), int(each.sum())] for each in rng.integers(100, 900, (20, 3))]
    rows_with_a_hole: list[list[int | str | None]] = [list(row) for row in rows]
    rows_with_a_hole[4][1] = None
    [rule] = find_rules(sheet_of(rows_with_a_hole))
    [hole] = [i for i in rule.instances if i.target == (5, 3)]
    assert dict(hole.terms) == {(5, 3): 1, (5, 0): -1, (5, 1): -1, (5, 2): -1}
    assert (rule.tested, rule.held) == (20, 19)


def test_a_cell_without_ink_is_nothing_where_many_are() -> None:
    rng = np.random.default_rng(9)
    numbers = np.where(rng.random((25, 3)) < 0.4, 0, rng.integers(100, 900, (25, 3)))
    rows: list[list[int | str | None]] = [
        [*(int(each) or None for each in row), int(row.sum())] for row in numbers
    ]
    [rule] = find_rules(sheet_of(rows))
    inked = {
        (row + 1, column)
        for row, cells in enumerate(rows)
        for column in range(4)
        if cells[column] is not None
    }
    assert rule.held == rule.tested
    assert all(place in inked for i in rule.instances for place, _ in i.terms)


@pytest.mark.parametrize("brought", [0, 5000])
def test_a_running_total_that_begins_at_nought_says_so(brought: int) -> None:
    amounts = np.random.default_rng(6).integers(100, 900, 20)
    totals = brought + np.cumsum(amounts)
    rows = [[int(one), int(total)] for one, total in zip(amounts, totals, strict=True)]
    [rule] = find_rules(sheet_of(rows))
    begins = [i for i in rule.instances if i.terms == (((1, 1), 1), ((1, 0), -1))]
    assert len(begins) == (1 if brought == 0 else 0)
    assert len(rule.instances) == 19 + len(begins)


@pytest.mark.parametrize("restart", [True, False])
def test_what_begins_anew_below_each_total_is_not_joined_to_what_is_above(restart: bool) -> None:
    rng = np.random.default_rng(11)
    amounts = rng.integers(100, 900, (3, 10, 3))
    rows: list[list[int | str | None]] = []
    below = []
    for group, block in enumerate(amounts):
        so_far = block[:, 0].cumsum() + (0 if restart else amounts[:group, :, 0].sum())
        below.append(len(rows) + 1)
        for day, (line, total) in enumerate(zip(block, so_far, strict=True)):
            rows.append([day + 1 if restart else 10 * group + day + 1, *map(int, line), int(total)])
        rows.append([None, *map(int, block.sum(axis=0)), None])
    rules = find_rules(sheet_of(rows, kinds=["day", "number", "number", "number", "number"]))
    assert {"step", "running", "sum"} <= {rule.kind for rule in rules}
    for rule in rules:
        assert rule.held == rule.tested
        if rule.kind in ("step", "running"):
            whole = 2 if rule.kind == "step" else 3  # terms, unless a total begins
            joined = {each.target[0] for each in rule.instances if len(each.terms) == whole}
            assert (set(below[1:]) <= joined) != restart


def test_nothing_on_a_sheet() -> None:
    assert find_rules(Sheet(0, (), 0, {})) == ()
    assert find_rules(sheet_of([["a", "b"], ["c", "d"]])) == ()
    assert find_rules(sheet_of([[1]])) == ()
    assert find_rules(sheet_of([[1, 2, 3]])) == ()


def test_a_large_page_takes_little_time() -> None:
    rng = np.random.default_rng(2)
    hours = rng.integers(9000, 9900, (31, 24))
    rows = [[*map(int, each), int(each.mean().round())] for each in hours]
    rows.append([round(sum(row[column] for row in rows) / 31) for column in range(25)])
    sheet = sheet_of(rows)
    started = time.thread_time()
    rules = find_rules(sheet)
    assert time.thread_time() - started < 5  # 0.1 s on an idle machine
    assert {rule.kind for rule in rules} == {"mean"}
