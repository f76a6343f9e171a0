"""What heads of columns say: variables, units, hours, in seven languages."""

from decimal import Decimal

import pytest

from pipeline.checks.headers import column_headers, hour_of
from pipeline.checks.units import find_unit, of_variable, to_standard
from pipeline.checks.variables import (
    extreme,
    find_statistic,
    find_variable,
    is_day,
    is_hour,
    says_nothing_else,
)
from tests.pipeline.checks.tables import table_of


@pytest.mark.parametrize(
    ("head", "variable", "unit"),
    [
        ("BAROMETER. Reduced to 32° and Sea Level", "mslp", None),
        ("Barometer Ins.", "p", "[in_i'Hg]"),
        ("Luftdruck mm", "p", "mm[Hg]"),
        ("Pression au niveau de la mer hPa", "mslp", "hPa"),
        ("Luchtdruk", "p", None),
        ("Thermometer Dry °F", "ta", "[degF]"),
        ("Thermometer Wet F.", "tb", "[degF]"),
        ("Thermomètre sec", "ta", None),
        ("Thermomètre mouillé", "tb", None),
        ("Feuchtes Thermometer C.", "tb", "Cel"),
        ("Termómetro húmedo", "tb", None),
        ("Natte bol", "tb", None),
        ("Température maxima °C", "Tx", "Cel"),
        ("Temperatura mínima", "Tn", None),
        ("Thermometer R.", "ta", "[degRe]"),
        ("Dew point", "td", None),
        ("Point de rosée", "td", None),
        ("Rainfall inches", "rr", "[in_i]"),
        ("Rain in. 24h", "rr", "[in_i]"),
        ("Niederschlag in mm", "rr", "mm"),
        ("Neerslag mm", "rr", "mm"),
        ("Precipitação", "rr", None),
        ("Lluvia (mm)", "rr", "mm"),
        ("Pioggia mm", "rr", "mm"),
        ("Pluie", "rr", None),
        ("Hauteur de la neige cm", "sd", "cm"),
        ("Snowfall cm", "fs", "cm"),
        ("Relative Humidity %", "rh", "%"),
        ("Umidità relativa", "rh", None),
        ("Tension de la vapeur mm", "e", "mm[Hg]"),
        ("Dampfdruck", "e", None),
        ("Direction du vent", "dd", None),
        ("Windrichtung", "dd", None),
        ("Force du vent 0-12", "wind_force", "{Bft}"),
        ("Velocità del vento km/h", "w", "km/h"),
        ("Vitesse du vent m/s", "w", "m/s"),
        ("Nébulosité 0-10", "n", "{tenth}"),
        ("Bewölkung", "n", None),
        ("Sunshine hours", "ss", "h"),
        ("Evaporation mm", "eee", "mm"),
        ("Attached Thermometer Fahr.", "atb", "[degF]"),
        ("Grass Min.", "TGn", None),
        ("Remarks", None, None),
        ("Number of days with rain", None, None),
        ("Durée de la pluie h", None, None),
        ("1", None, None),
    ],
)
def test_variables_and_units(head: str, variable: str | None, unit: str | None) -> None:
    assert find_variable(head) == variable
    assert of_variable(find_unit(head), variable) == unit


@pytest.mark.parametrize("text", ["Ins.", "lns.", "1ns.", "Ius.", "Íns.", "ins", "Inches"])
def test_inches_badly_read(text: str) -> None:
    assert find_unit(text) == "[in_i]"


def test_a_unit_that_a_variable_cannot_have_is_not_its() -> None:
    assert of_variable(find_unit("reduced to 32° Fahr."), "p") is None


@pytest.mark.parametrize(
    ("value", "unit", "standard"),
    [
        (50.0, "[degF]", 10.0),
        (8.0, "[degRe]", 10.0),
        (29.921, "[in_i'Hg]", 1013.25),
        (760.0, "mm[Hg]", 1013.25),
        (1.0, "[in_i]", 25.4),
        (36.0, "km/h", 10.0),
        (8.0, "{okta}", 100.0),
        (2.5, "cm", 25.0),
    ],
)
def test_units_are_worth(value: float, unit: str, standard: float) -> None:
    assert to_standard(value, unit) == pytest.approx(standard, abs=0.02)


def test_an_unknown_unit_is_worth_nothing() -> None:
    assert to_standard(1.0, "furlong") is None


@pytest.mark.parametrize(
    ("head", "statistic"),
    [("Mean. Ins.", "mean"), ("Moyenne", "mean"), ("Total", "sum"), ("Summe", "sum"),
     ("Tot.", "sum"), ("Range", "range"), ("Amplitude", "range"), ("Max.", None),
     ("Mittel", "mean")],
)  # fmt: skip
def test_columns_that_were_computed(head: str, statistic: str | None) -> None:
    assert find_statistic(head) == statistic


def test_extremes_days_and_hours() -> None:
    assert [extreme(head) for head in ("Max.", "Minimum", "Mean")] == ["Tx", "Tn", None]
    assert all(is_day(head) for head in ("Date", "Jour du mois", "Tag", "Día", "Giorno", "Dag"))
    assert all(is_hour(head) for head in ("Hour", "Heure", "Stunde", "Hora", "Uur"))
    assert not is_day("Rain")


@pytest.mark.parametrize(
    ("head", "hour"),
    [("1 Ins.", "1"), ("Mid-night. Ins.", "24"), ("9 a.m. Dry", "9"), ("Dry 3 p.m.", "15"),
     ("Noon", "12"), ("Mean. Ins.", None), ("Max.", None), ("", None)],
)  # fmt: skip
def test_hours_in_heads(head: str, hour: str | None) -> None:
    assert hour_of(head) == (None if hour is None else Decimal(hour))


def test_heads_that_leave_the_variable_to_the_title() -> None:
    assert all(says_nothing_else(head) for head in ("1 Ins.", "Mid-night. Ins.", "Mean.", "", "8h"))
    assert not any(says_nothing_else(head) for head in ("Wet", "Rain mm", "C.", "Remarks"))


def test_levels_of_a_head_are_joined() -> None:
    table = table_of(
        ["Day", "Thermometer", "", "Baro-\nmeter"],
        ["", "Dry", "Wet", "Ins."],
        ["1", "50", "48", "29.9"],
        header_rows=2,
        spans={(0, 1): 2},
    )
    assert column_headers(table) == ("Day", "Thermometer Dry", "Thermometer Wet", "Barometer Ins.")
