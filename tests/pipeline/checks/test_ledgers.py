import math

import numpy as np
import pytest

from pipeline.checks.sheet import Sheet
from tests.pipeline.checks.ledgers import (
    FORMS,
    continued,
    generate,
    misread,
    readings,
    shuffled,
    worth,
    write,
)


@pytest.mark.parametrize("form", [*sorted(FORMS), "unrelated"])
@pytest.mark.parametrize("seed", range(2))
def test_what_is_written_satisfies_the_rules(form: str, seed: int) -> None:
    ledger = generate(np.random.default_rng(seed), form)
    assert bool(ledger.rules) == (form != "unrelated")
    for rule in ledger.rules:
        for each in rule.instances:
            total = sum(ledger.values[place] * weight for place, weight in each.terms)
            assert each.low <= total <= each.high
            assert each.target == each.terms[0][0]
    for place, value in ledger.values.items():
        assert worth(ledger.written(place), ledger.scale) == value
        assert ledger.header_rows <= place[0] < ledger.rows


def test_pages_bring_their_totals_forward() -> None:
    one, two = continued(np.random.default_rng(1), 2)
    for column in range(1, len(one.columns)):
        assert one.values[one.rows - 1, column] == two.values[two.header_rows, column]


def test_probabilities_are_right() -> None:
    rng = np.random.default_rng(3)
    believed, right, found = [], [], []
    for _ in range(25):
        ledger = generate(rng)
        sheet = readings(ledger, rng, 0.05)
        for place, value in ledger.values.items():
            candidates = sheet.entries[place].candidates
            assert sum(math.exp(each.logprob) for each in candidates) <= 1 + 1e-9
            believed.append(math.exp(candidates[0].logprob))
            right.append(candidates[0].value == value)
            found.append(value in [each.value for each in candidates])
    sure, hit = np.array(believed), np.array(right)
    assert 0.04 < 1 - hit.mean() < 0.06
    assert abs(sure.mean() - hit.mean()) < 0.01
    doubtful = sure < 0.9
    assert abs(sure[doubtful].mean() - hit[doubtful].mean()) < 0.05
    assert np.mean(np.array(found)[~hit]) > 0.8


@pytest.mark.parametrize(
    ("value", "scale", "decimals", "text"),
    [(1234, 2, 2, "12.34"), (-5, 1, 1, "-0.5"), (120, 1, 0, "12"), (0, 3, 3, "0.000")],
)
def test_numbers_are_written_and_read_back(
    value: int, scale: int, decimals: int, text: str
) -> None:
    assert write(value, scale, decimals) == text
    assert worth(text, scale) == value


def test_misreadings_differ_from_the_truth_and_each_other() -> None:
    found = misread("12.5", np.random.default_rng(0), 6)
    assert len({*found, "12.5"}) == 7
    assert all(worth(text, 3) is not None for text in found)


@pytest.mark.parametrize("within", ["column", "row", "table"])
def test_shuffling_moves_numbers_and_nothing_else(within: str) -> None:
    rng = np.random.default_rng(2)
    sheet = readings(generate(rng, "temperatures"), rng)
    moved = shuffled(sheet, rng, within)

    def groups(one: Sheet) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for (row, column), entry in sorted(one.entries.items()):
            key = {"column": column, "row": row, "table": 0}[within]
            found.setdefault(key, []).append(entry.candidates[0].text)
        return {key: sorted(texts) for key, texts in found.items()}

    assert moved.entries != sheet.entries
    assert moved.entries.keys() == sheet.entries.keys()
    assert groups(moved) == groups(sheet)
