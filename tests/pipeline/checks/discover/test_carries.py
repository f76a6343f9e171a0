import numpy as np
import pytest

from pipeline.checks.discover.carries import find_carries, stack
from tests.pipeline.checks.discover.sheets import sheet_of
from tests.pipeline.checks.ledgers import continued, readings, shuffled


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_is_brought_forward_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pages = continued(rng, 4)
    sheets = [readings(page, rng) for page in pages]
    [rule] = find_carries(sheets)
    assert rule.kind == "carry"
    assert rule.p_value < 0.01
    ends = np.cumsum([page.rows for page in pages])
    numbers = range(1, len(pages[0].columns))
    expected = {
        (((end + 1, column), 1), ((end - 1, column), -1)) for end in ends[:-1] for column in numbers
    }
    assert {instance.terms for instance in rule.instances} == expected


def test_pages_without_carries() -> None:
    rng = np.random.default_rng(4)
    sheets = [readings(page, rng) for page in continued(rng, 4)]
    assert find_carries([shuffled(sheet, rng) for sheet in sheets]) == ()
    assert find_carries(sheets[:1]) == ()
    assert find_carries([]) == ()


def test_stacked_sheets_share_the_finest_unit() -> None:
    one, two = sheet_of([[5, 7]], decimals=[0, 0]), sheet_of([[55, 70, 12]], decimals=[1, 1, 1])
    both = stack([one, two])
    assert (both.rows, len(both.columns), both.scale) == (4, 3, 1)
    values = {place: entry.value for place, entry in both.entries.items()}
    assert values == {(1, 0): 50, (1, 1): 70, (3, 0): 55, (3, 1): 70, (3, 2): 12}
