"""What columns hold and what their cells may say."""

import math
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks.kinds import published, read_sheet, values_of
from pipeline.checks.sheet import Sheet
from pipeline.forms.form import Form, FormColumn
from pipeline.page import Table
from tests.pipeline.checks.tables import SQUARE, table_of

DAYS = [str(day) for day in range(1, 11)]


def column(sheet: Sheet, index: int) -> list[float | None]:
    """Return a column's values from the top, `None` where there is none."""
    values = values_of(sheet)
    return [values.get((row, index)) for row in range(sheet.header_rows, sheet.rows)]


def under(head: str, texts: Sequence[str], **named: object) -> Sheet:
    """Return the sheet of a table of days and one column."""
    rows = [[day, text] for day, text in zip(DAYS, texts, strict=False)]
    return read_sheet(table_of(["Day", head], *rows), **named)  # type: ignore[arg-type]


def test_kinds_of_columns() -> None:
    rows = [
        ["1", "7 a.m.", "12.5", "SW", "fine", ""],
        ["", "2 p.m.", "18.5", "W.S.W.", "clouds", ""],
        ["2", "7 a.m.", "11.0", "Calm", "rain 3 h", ""],
        ["", "2 p.m.", "17.0", "N", "", ""],
        ["3", "7 a.m.", "12.0", "NE", "fog", ""],
        ["", "2 p.m.", "19.5", "N.N.E.", "fine", ""],
    ]
    sheet = read_sheet(table_of(["Date", "Hour", "Temp. °C", "Wind", "Remarks", ""], *rows))
    kinds = [column.kind for column in sheet.columns]
    assert kinds == ["day", "hour", "number", "direction", "text", "empty"]
    assert sheet.columns[2].pattern == "dd.d"
    assert sheet.columns[2].decimals == 1
    assert (sheet.columns[2].variable, sheet.columns[2].unit) == ("ta", "Cel")
    assert sheet.columns[3].variable == "dd"
    assert column(sheet, 0) == [1, None, 2, None, 3, None]
    assert column(sheet, 1) == [7, 14, 7, 14, 7, 14]


def test_days_are_found_without_a_head_and_despite_wrong_readings() -> None:
    days = ["1", "2", "3", "4", "6", "6", "7", "8", "9", "10", "71", "12"]
    sheet = read_sheet(table_of(*([day, "20.5"] for day in days), header_rows=0))
    assert sheet.columns[0].kind == "day"
    values = [0.5, 0.0, 1.0, 2.0, 0.0, 3.0, 1.0]
    counted = read_sheet(table_of(*([str(value)] for value in values), header_rows=0))
    assert counted.columns[0].kind == "number"


def test_dates_are_days_and_no_fractions() -> None:
    sheet = read_sheet(table_of(*([f"{day}/4", "20.5"] for day in range(1, 9)), header_rows=0))
    assert sheet.columns[0].kind == "day"
    assert column(sheet, 0) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_candidates_come_likeliest_first_and_keep_their_probability() -> None:
    rivals = {(2, 1): [("28.3", 0.7), ("23.3", 0.2), ("28.8", 0.05)]}
    rows = [["1", "28.1"], ["2", "28.3"], ["3", "27.9"]]
    sheet = read_sheet(table_of(["Day", "Max."], *rows, rivals=rivals))
    entry = sheet.entries[2, 1]
    assert [(c.text, c.value) for c in entry.candidates] == [
        ("28.3", 283), ("23.3", 233), ("28.8", 288)
    ]  # fmt: skip
    assert [math.exp(c.logprob) for c in entry.candidates] == pytest.approx([0.7, 0.2, 0.05])
    assert (sheet.scale, entry.decimals, entry.value) == (1, 1, 283)


def test_a_reading_unlike_its_column_gives_way_to_one_like_it() -> None:
    texts = [f"9.{i:03}" for i in range(350, 390)]
    rows = [[str(i % 31 + 1), text] for i, text in enumerate(texts)]
    rivals = {(5, 1): [("93.544", 0.6), ("9.354", 0.3)]}
    sheet = read_sheet(table_of(["Day", ""], *rows, rivals=rivals))
    entry = sheet.entries[5, 1]
    assert [c.text for c in entry.candidates] == ["9.354", "93.544"]
    assert sum(math.exp(c.logprob) for c in entry.candidates) == pytest.approx(0.9)


def test_a_row_of_totals_may_be_written_as_it_likes() -> None:
    rows = [[f"{20 + i}.5", f"{10 + i}.5", f"{5 + i}.5"] for i in range(5)]
    total = ["112.50", "62.50", "37.50"]
    rivals = {(6, 0): [("112.50", 0.6), ("12.5", 0.3)]}
    sheet = read_sheet(table_of(["A", "B", "C"], *rows, total, rivals=rivals))
    assert sheet.entries[6, 0].candidates[0].text == "112.50"
    assert values_of(sheet)[6, 0] == 112.5


def test_dashes_blanks_traces_and_dittos_are_told_apart() -> None:
    sheet = under("Rain mm", ["0.5", '"', "—", "", "Tr.", "12.0", "nil", "1.5", "0.0", "3.2"])
    assert column(sheet, 1) == [0.5, 0.5, None, None, None, 12.0, 0.0, 1.5, 0.0, 3.2]
    assert (4, 1) not in sheet.entries
    assert sheet.entries[3, 1].candidates[0].text == "—"
    assert sheet.entries[5, 1].candidates[0].text == "Tr."
    assert sheet.entries[2, 1].candidates[0].text == '"'


def test_a_column_of_nothing_but_dashes_holds_what_its_head_measures() -> None:
    sheet = under("Snow depth cm", ["—"] * 5)
    assert (sheet.columns[1].kind, sheet.columns[1].variable) == ("number", "sd")


def test_fractions_signs_and_degrees() -> None:
    texts = ["−3½", "12 1/4", "0", "-0.5", "7¾", "12°.5", "(8.25)"]
    sheet = under("Therm. F.", texts)
    assert column(sheet, 1) == [-3.5, 12.25, 0, -0.5, 7.75, 12.5, 8.25]
    assert [sheet.entries[i + 1, 1].candidates[0].text for i in (0, 6)] == ["−3½", "(8.25)"]


def test_ink_that_was_not_read_is_an_entry_without_candidates() -> None:
    rivals: dict[tuple[int, int], list[tuple[str, float]]] = {(2, 1): [("", 0.5)]}
    table = table_of(["Day", "Rain"], ["1", "2.5"], ["2", ""], ["3", "0.5"], rivals=rivals)
    entry = read_sheet(table).entries[2, 1]
    assert entry.value is None


def test_the_title_names_what_hours_hold_and_that_first_figures_are_omitted() -> None:
    hours = [str(hour) for hour in range(1, 7)]
    rows = [
        [str(day), *(f"{(9.7 + day * 0.05 + hour * 0.01) % 10:.3f}" for hour in range(6))]
        for day in range(1, 9)
    ]
    notes = ["OBSERVATORY.", "BAROMETER.", "REDUCED TO SEA LEVEL. FIRST FIGURE OMITTED."]
    sheet = read_sheet(
        table_of(["Day", *hours], ["", *["Ins."] * 6], *rows, header_rows=2), None, notes
    )
    assert {c.variable for c in sheet.columns[1:]} == {"mslp"}
    assert {c.unit for c in sheet.columns[1:]} == {"[in_i'Hg]"}
    values = values_of(sheet)
    assert values[2, 1] == 29.75
    assert values[9, 6] == 30.15
    assert sheet.entries[9, 6].candidates[0].text == "0.150"


def test_inches_are_known_without_any_words() -> None:
    rows = [
        [str(day), *(f"{(29.7 + day * 0.03 + hour * 0.01) % 10:.3f}" for hour in range(6))]
        for day in range(1, 21)
    ]
    sheet = read_sheet(table_of(*rows, header_rows=0))
    values = values_of(sheet)
    assert all(29 < values[row, column] < 31 for row in range(20) for column in range(1, 7))


def test_rain_and_sums_are_never_taken_for_pressure() -> None:
    texts = ["0.125", "9.875", "0.250", "8.500", "0.375", "0.500", "1.125", "0.000", "0.0", "2.5"]
    assert column(under("Rain Ins.", texts), 1)[:4] == [0.125, 9.875, 0.25, 8.5]
    assert under("", texts).columns[1].lead is None


def test_figures_written_out_lead_those_that_are_not() -> None:
    texts = ["29.93", ".95", ".99", "30.02", ".05", ".01", "29.98", ".97"]
    assert column(under("Barometer in.", texts), 1) == [
        29.93, 29.95, 29.99, 30.02, 30.05, 30.01, 29.98, 29.97
    ]  # fmt: skip
    assert column(under("Rain in.", texts), 1)[1] == 0.95


def test_what_a_head_says_is_to_be_added() -> None:
    texts = ["60.3", "58.1", "59.9", "61.2", "47.0"]
    sheet = under("Barometer 700 mm +", texts)
    assert column(sheet, 1) == [760.3, 758.1, 759.9, 761.2, 747.0]
    assert sheet.columns[1].unit == "mm[Hg]"


def test_points_left_out_throughout() -> None:
    rows = [["287", "200", "244", "05"], ["326", "182", "254", "00"], ["342", "188", "26.5", "12"],
            ["347", "193", "270", "07"], ["34.6", "206", "276", "00"], ["330", "194", "262", "03"],
            ["301", "198", "249", "105"]]  # fmt: skip
    sheet = read_sheet(table_of(*rows, header_rows=0))
    assert column(sheet, 0) == [28.7, 32.6, 34.2, 34.7, 34.6, 33.0, 30.1]
    assert column(sheet, 2)[2] == 26.5
    assert column(sheet, 3) == [0.5, 0.0, 1.2, 0.7, 0.0, 0.3, 10.5]
    assert sheet.entries[0, 0].candidates[0].text == "287"
    assert sheet.entries[0, 0].decimals == 1


def test_whole_numbers_stay_whole() -> None:
    rows = [[str(60 + i), str(i % 11), f"{20 + i}.5"] for i in range(8)]
    sheet = read_sheet(table_of(["Humidity %", "Clouds 0-10", "Max."], *rows))
    assert column(sheet, 0)[0] == 60
    assert column(sheet, 1)[3] == 3
    assert [c.decimals for c in sheet.columns] == [0, 0, 1]


def test_a_lost_point_is_put_back_among_numbers_that_have_theirs() -> None:
    sheet = under("Max. °C", ["28.5", "9.5", "31.0", "295", "30", "12.5", "8.0", "27.5"])
    assert column(sheet, 1)[3:5] == [29.5, 30]
    assert sheet.entries[4, 1].candidates[0].text == "295"


def test_a_form_knows_better() -> None:
    form = Form(
        name="pressure",
        columns=(
            FormColumn(role="day"),
            FormColumn(name="Barometer", role="number", variable="p", unit="hPa", pattern="dd.d",
                       limits=(950.0, 1050.0)),
        ),
    )  # fmt: skip
    texts = ["13.2", "98.4", "02.1", "01.5", "12.5"]
    sheet = under("?", texts, form=form)
    assert column(sheet, 1) == [1013.2, 998.4, 1002.1, 1001.5, 1012.5]
    assert (sheet.columns[1].unit, sheet.columns[1].limits) == ("hPa", (950.0, 1050.0))
    other = Form(name="other", columns=form.columns[:1])
    assert under("Rain mm", texts, form=other).columns[1].variable == "rr"


def test_a_form_knows_of_points_that_nobody_wrote() -> None:
    columns = (FormColumn(role="day"), FormColumn(name="Max.", role="number", pattern="dd.d"))
    sheet = under("", ["287", "326", "34.2", "347", "1302"], form=Form(name="f", columns=columns))
    assert column(sheet, 1) == [28.7, 32.6, 34.2, 34.7, 130.2]
    assert sheet.entries[1, 1].candidates[0].text == "287"


def test_a_table_without_cells_has_an_empty_sheet() -> None:
    sheet = read_sheet(Table(SQUARE, 0, 0, ()))
    assert (sheet.columns, sheet.entries, sheet.scale) == ((), {}, 0)


def test_maxima_and_minima_are_of_temperature_where_nothing_else_is_said() -> None:
    rows = [[str(i), f"{20 + i}.5", f"{10 + i}.5", f"{15 + i}.5", "9.0"] for i in range(1, 6)]
    heads = ["Day", "Max.", "Min.", "Mean", "Range"]
    sheet = read_sheet(table_of(heads, *rows))
    assert [c.variable for c in sheet.columns] == [None, "Tx", "Tn", None, None]
    titled = read_sheet(table_of(heads, *rows), None, ["WIND, MILES PER HOUR"])
    assert titled.columns[1].variable is None


def test_only_a_title_that_speaks_of_one_thing_names_columns() -> None:
    rows = [[str(i), f"{20 + i}.5", f"{10 + i}.5"] for i in range(1, 6)]
    table = table_of(["Day", "9 a.m.", "3 p.m."], *rows)

    def named(*notes: str) -> str | None:
        return read_sheet(table, None, notes).columns[1].variable

    assert named("TEMPERATURE", "of the air, in 1899") == "ta"
    assert named("BAROMETER.", "REDUCED TO SEA LEVEL.") == "mslp"
    assert named("TEMPERATURE.", "RAINFALL.") is None
    assert named("On the 5th the rain began at noon and fell until the evening of the 6th") is None


def test_a_unit_badly_read_is_that_of_the_columns_beside() -> None:
    rows = [[f"{20 + i}.5", f"{10 + i}.5", f"{15 + i}.5"] for i in range(5)]
    sheet = read_sheet(table_of(["Max. Temp. °F", "Min. Temp. °F", "Dry Therm. ?"], *rows))
    assert [c.unit for c in sheet.columns] == ["[degF]"] * 3


CELLS = st.lists(
    st.lists(
        st.one_of(
            st.decimals(-999, 999, places=1).map(lambda number: format(number, "f")),
            st.sampled_from(["", "—", '"', "Tr.", "SW", "12½", "9·093", "Mean", "11", "7 a.m."]),
            st.text(max_size=6),
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(CELLS)
def test_any_table_has_a_sheet(rows: list[list[str]]) -> None:
    table = table_of(*rows, header_rows=0)
    sheet = read_sheet(table)
    assert len(sheet.columns) == table.columns
    texts = table.grid()
    for (row, place), entry in sheet.entries.items():
        assert texts[row][place]
        chances = [candidate.logprob for candidate in entry.candidates]
        assert chances == sorted(chances, reverse=True)
        assert sum(map(math.exp, chances)) <= 1 + 1e-9
    for (row, place), value in values_of(sheet).items():
        units = Decimal(str(value)).scaleb(sheet.scale)
        assert units == sheet.entries[row, place].value


def test_published_values_are_the_nearest_floats() -> None:
    assert published(29373, 3) == 29.373
    assert published(-5, 1) == -0.5
