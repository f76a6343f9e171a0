"""Quality control of a page."""

from collections.abc import Mapping, Sequence

from pipeline.checks.kinds import read_sheet, values_of
from pipeline.checks.quality import flags
from pipeline.forms.form import Form, FormColumn
from tests.pipeline.checks.tables import table_of

Flagged = Mapping[tuple[int, int], tuple[str, ...]]


def flagged(
    head: Sequence[str], rows: Sequence[Sequence[str]], form: Form | None = None
) -> Flagged:
    """Return the flags of a table of one row of heads."""
    sheet = read_sheet(table_of(head, *rows), form)
    return flags(sheet, values_of(sheet))


def daily(*columns: Sequence[str]) -> list[list[str]]:
    """Return rows of days and these columns."""
    return [[str(day), *texts] for day, texts in enumerate(zip(*columns, strict=True), start=1)]


MAX = ["28.1", "29.4", "27.5", "28.8", "30.2", "29.9"]
MIN = ["18.0", "19.2", "17.1", "16.9", "20.3", "18.8"]


def test_a_good_page_has_no_flags() -> None:
    assert flagged(["Day", "Max. Temp. °C", "Min. Temp. °C"], daily(MAX, MIN)) == {}


def test_maximum_mean_minimum() -> None:
    wrong = [*MIN[:2], "28.0", *MIN[3:]]
    found = flagged(["Day", "Max. Temp. °C", "Min. Temp. °C"], daily(MAX, wrong))
    assert found == {(3, 1): ("qc:internal_consistency",), (3, 2): ("qc:internal_consistency",)}
    means = ["23.0", "24.3", "22.3", "22.9", "31.0", "24.4"]
    head = ["Day", "Max. Temp. °C", "Min. Temp. °C", "Mean Temp. °C"]
    assert set(flagged(head, daily(MAX, MIN, means))) == {(5, 1), (5, 3)}


def test_wet_is_not_above_dry_at_the_same_hour() -> None:
    head = ["Day", "9 a.m. Dry °F", "9 a.m. Wet °F", "3 p.m. Dry °F", "3 p.m. Wet °F"]
    dry, wet = ["50.1", "52.3", "51.0"], ["48.0", "53.0", "49.5"]
    late, damp = ["60.2", "61.1", "59.7"], ["58.0", "57.5", "56.8"]
    assert set(flagged(head, daily(dry, wet, late, damp))) == {(2, 1), (2, 2)}


def test_sums_and_means_below_are_left_alone() -> None:
    rain = ["120.0", "0.0", "55.5", "80.2", "12.0", "3.1"]
    rows = [*daily(rain), ["Sum", "270.8"], ["Mean", "45.1"]]
    assert flagged(["Day", "Rain mm"], rows) == {}
    rows[1] = ["2", "270.8"]
    assert flagged(["Day", "Rain mm"], rows) == {(2, 1): ("qc:daily_out_of_range",)}


def test_a_word_names_a_sum_where_days_are_not_numbered() -> None:
    rows = [["", text] for text in MAX] + [["Total", "173.9"]]
    assert flagged(["", "Max. Temp. °C"], rows) == {}
    rows[-1][0] = ""
    assert flagged(["", "Max. Temp. °C"], rows) == {(7, 1): ("qc:wmo_gross_errors",)}


def test_impossible_values_and_limits_of_the_form() -> None:
    rows = daily(["80", "101", "95"], MAX[:3])
    assert flagged(["Day", "Humidity %", "x"], rows) == {(2, 1): ("qc:impossible_values",)}
    form = Form(
        name="form",
        columns=(FormColumn(), FormColumn(), FormColumn(limits=(27.0, 29.0))),
    )
    assert flagged(["Day", "", ""], rows, form) == {(2, 2): ("qc:limits",)}


def test_hours_along_a_row_are_one_series() -> None:
    hours = [str(hour) for hour in range(1, 9)]
    rows = [
        [str(day), *(f"{29.5 + 0.05 * day + 0.01 * hour:.3f}" for hour in range(8))]
        for day in range(1, 6)
    ]
    head = ["Day", *(f"{hour} Barometer Ins." for hour in hours)]
    assert flagged(head, rows) == {}
    rows[2][4] = "29.980"
    found = flagged(head, rows)
    assert found[3, 4] == ("qc:series_anomaly", "qc:wmo_time_consistency")
    assert (3, 6) not in found


def test_columns_that_were_written_twice() -> None:
    hours = ["7 Temp. °C", "14 Temp. °C"]
    morning = ["10.1", "11.4", "9.8", "10.5", "12.0", "11.1", "10.9"]
    noon = ["15.1", *morning[1:6], "16.0"]
    found = flagged(["Day", *hours], daily(morning, noon))
    places = {place for place, names in found.items() if "qc:duplicate_columns" in names}
    assert places == {(row, column) for row in range(2, 7) for column in (1, 2)}


def test_days_that_stand_twice() -> None:
    rows = [[day, text] for day, text in zip(["1", "2", "3", "4", "4", "6"], MAX, strict=True)]
    assert flagged(["Day", "x"], rows) == {
        (4, 0): ("qc:duplicate_dates",),
        (5, 0): ("qc:duplicate_dates",),
    }
    several = [[str(i // 2 + 1), text] for i, text in enumerate(MAX)]
    assert flagged(["Day", "x"], several) == {}


def test_latitude_and_month_narrow_the_limits() -> None:
    rows = daily(["-35.0", "-36.1", "-34.4", "-33.9"])
    sheet = read_sheet(table_of(["Day", "Temp. °C"], *rows))
    assert flags(sheet, values_of(sheet)) == {}
    assert len(flags(sheet, values_of(sheet), latitude=60, month=7)) == 4


def test_values_are_those_given_and_not_changed() -> None:
    sheet = read_sheet(table_of(["Day", "Humidity %"], *daily(["80", "85", "90"])))
    values = {**values_of(sheet), (2, 1): 850.0}
    assert flags(sheet, values) == {(2, 1): ("qc:impossible_values",)}
    assert values[2, 1] == 850.0
