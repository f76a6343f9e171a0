"""Cut-out cells are read as the sheets that they came from."""

import math

import numpy as np
import pytest

from pipeline.checks.cutouts import CutOut, check_sheets
from pipeline.page import Alternative, Reading
from pipeline.profiles import Profile, load_profile


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile("default")


def reading(text: str, chance: float = 0.98, rival: str = "") -> Reading:
    said = [Alternative(text, math.log(chance))]
    if rival:
        said.append(Alternative(rival, math.log(0.9 * (1 - chance))))
    return Reading(text, chance, tuple(said))


def month(wrong: dict[str, tuple[str, str]]) -> tuple[list[CutOut], list[Reading]]:
    """Return 20 days of maximum, minimum and range in columns AA to AC of a sheet."""
    cutouts, readings = [], []
    rng = np.random.default_rng(1)
    for day in range(20):
        high, low = int(rng.integers(260, 330)), int(rng.integers(140, 200))
        for column, value in (("AA", high), ("AB", low), ("AC", high - low)):
            cell = f"{column}{day + 9}"
            text = f"{value / 10:.1f}"
            said = reading(wrong[cell][0], 0.6, text) if cell in wrong else reading(text)
            cutouts.append(CutOut(f"{cell}.png", "S", cell))
            readings.append(said)
    return cutouts, readings


def test_a_sheets_arithmetic_mends_its_cells(profile: Profile) -> None:
    cutouts, readings = month({"AB12": ("79.6", "")})
    cells = check_sheets(cutouts, readings, profile)
    by_name = dict(zip((each.cell for each in cutouts), cells, strict=True))
    mended = by_name["AB12"]
    assert (mended.raw, mended.status) == ("79.6", "repaired")
    assert mended.checks == ("difference:pass",)
    high, span = by_name["AA12"].value, by_name["AC12"].value
    assert high is not None
    assert span is not None
    assert float(mended.text) == pytest.approx(high - span)
    assert by_name["AA9"].status == "verified"


def test_cells_come_back_in_the_order_given(profile: Profile) -> None:
    cutouts, readings = month({})
    cells = check_sheets(cutouts[::-1], readings[::-1], profile)
    assert [cell.text for cell in cells] == [each.text for each in readings[::-1]]


def test_sheets_have_nothing_to_do_with_each_other(profile: Profile) -> None:
    cutouts, readings = month({})
    both = [*cutouts, *(CutOut(each.path, "T", each.cell) for each in cutouts[:2])]
    cells = check_sheets(both, [*readings, *readings[:2]], profile)
    assert {cell.status for cell in cells[-2:]} == {"plain"}


def test_two_cut_outs_of_one_cell_are_both_answered(profile: Profile) -> None:
    cutouts, readings = month({})
    twice = [*cutouts, CutOut("again.png", "S", cutouts[0].cell)]
    cells = check_sheets(twice, [*readings, reading("99.9")], profile)
    assert cells[0].status == "verified"
    assert cells[-1].text == "99.9"


def test_a_profile_may_leave_sheets_unchecked(profile: Profile) -> None:
    tables = profile.tables.model_copy(update={"check": False})
    cutouts, readings = month({"AB12": ("79.6", "")})
    cells = check_sheets(cutouts, readings, profile.model_copy(update={"tables": tables}))
    assert {"verified", "repaired"}.isdisjoint(cell.status for cell in cells)
    assert cells[10].text == "79.6"


def test_far_apart_cells_do_not_make_a_table_of_nothing(profile: Profile) -> None:
    cutouts = [CutOut("a.png", "S", "A1"), CutOut("b.png", "S", "ZZZ9999999")]
    cells = check_sheets(cutouts, [reading("1"), reading("2")], profile)
    assert [(cell.row, cell.column) for cell in cells] == [(0, 0), (1, 1)]
