from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Unavailable
from pipeline.observations.station import Station
from storage.exports.observed import export
from storage.exports.observed.series import moment, split
from storage.observations import Observation

PLACE = Station(id="X", latitude=10, longitude=20, time="solar", source="A/B archive")
DAY = datetime.datetime.fromisoformat("1898-02-01T07:00")
BOX = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


def _one(
    hours: int = 0, value: float | None = 20.0, written: str = "", **more: object
) -> Observation:
    utc = DAY + datetime.timedelta(hours=hours)
    made = Observation(
        collection="c",
        station="X",
        latitude=10,
        longitude=20,
        altitude=None,
        variable="ta",
        statistic="point",
        period="0",
        utc=utc,
        date=utc.date(),
        local_time=datetime.timedelta(hours=utc.hour),
        value=value,
        unit="Cel",
        as_written=written or str(value),
        raw="",
        flags=[],
        status="plain",
        confidence=0.9,
        page="p",
        table_number=0,
        row_number=1,
        column_number=2,
        polygon=BOX,
        run="r",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def _daily(observation: Observation) -> Observation:
    return replace(observation, utc=None, local_time=None, period="day")


def _rows(folder: Path) -> list[list[str]]:
    (path,) = folder.glob("*.tsv")
    return [line.split("\t") for line in path.read_text("utf-8").splitlines()[13:]]


def test_series_are_parted_and_in_order() -> None:
    given = [_one(48), _one(0), _one(24), _one(0, statistic="mean"), _one(0, variable="tb")]
    found = list(split(given))
    assert [len(series.observations) for series in found] == [3, 1, 1]
    assert [moment(each).day for each in found[0].observations] == [1, 2, 3]
    assert [series.first.variable for series in found] == ["ta", "ta", "tb"]


def test_a_value_that_the_whole_series_contradicts_is_flagged_and_kept() -> None:
    values = [20 + (i * 7 % 5) / 10 for i in range(60)]
    values[30] = 47.0
    odd = [_one(24 * i, value, flags=["sum:fail"]) for i, value in enumerate(values)]
    (series,) = split(odd)
    flags = [each.flags for each in series.observations]
    assert flags[30][0] == "sum:fail"
    assert {"series_anomaly", "climatic_outliers"} <= set(flags[30])
    assert [each.value for each in series.observations] == values
    assert flags[10] == ["sum:fail"]


def test_the_same_hour_twice_is_flagged_on_both() -> None:
    (series,) = split([_one(0), _one(0, 21.0), _one(24)])
    assert [("duplicate_times" in each.flags) for each in series.observations] == [
        True,
        True,
        False,
    ]


def test_pages_in_other_units_are_one_series_in_the_format_s() -> None:
    """68 °F is 20 °C, and no jump."""
    values = [_one(24 * i, 20.0 + i % 3) for i in range(25)]
    values[12] = _one(24 * 12, 68.0, unit="[degF]")
    (series,) = split(values)
    assert all("series_anomaly" not in each.flags for each in series.observations)


def test_a_row_tells_how_it_was_written_and_how_far_it_is_trusted(tmp_path: Path) -> None:
    given = [
        _one(0, 68.0, "68·0", unit="[degF]", flags=["limits", "mean:fail"], status="repaired"),
        _one(1, None, "a | b\t?", page="x|y"),
        _one(2, 21.25, "", status="inferred"),
        _one(17, 22.0, "22", status="doubtful"),
    ]
    written = export(given, tmp_path, ["sef"], {"c": PLACE})
    assert [path.name for path in written.files] == ["ABarchive_X_18980201-18980202_ta.tsv"]
    assert _rows(tmp_path) == [
        ["1898", "2", "1", "7", "0", "0", "20.00",
         "orig=68·0F|orig.time=07:00LST|qc=limits;mean:fail|status=repaired|page=p|cell=0.1.2"],
        ["1898", "2", "1", "8", "0", "0", "NA",
         "orig=a / b ?C|orig.time=08:00LST|page=x/y|cell=0.1.2"],
        ["1898", "2", "1", "9", "0", "0", "21.25",
         "orig.time=09:00LST|status=inferred|page=p|cell=0.1.2"],
        ["1898", "2", "2", "0", "0", "0", "22",
         "orig=22C|orig.time=00:00LST|status=doubtful|page=p|cell=0.1.2"],
    ]  # fmt: skip


def test_times_are_to_the_nearest_minute(tmp_path: Path) -> None:
    late = DAY + datetime.timedelta(minutes=59, seconds=48)
    export([_one(utc=late)], tmp_path, ["sef"], {"c": PLACE})
    assert _rows(tmp_path)[0][:5] == ["1898", "2", "1", "8", "0"]


def test_a_day_has_no_hour(tmp_path: Path) -> None:
    export([_daily(_one(0, 12.0, "12"))], tmp_path, ["sef"], {"c": PLACE})
    assert _rows(tmp_path)[0][:7] == ["1898", "2", "1", "NA", "NA", "day", "12"]


def test_wind_is_in_degrees(tmp_path: Path) -> None:
    given = [
        _one(i, None, text, variable="dd", unit=None) for i, text in enumerate(["NO", "S.", "E"])
    ]
    export(given, tmp_path, ["sef"], {"c": PLACE})
    assert [row[6] for row in _rows(tmp_path)] == ["315", "180", "90"]


def test_values_of_no_unit_are_left_out_and_named(tmp_path: Path) -> None:
    given = [_one(0), _one(1, unit=None), _one(2, unit="mm")]
    written = export(given, tmp_path, ["sef"], {"c": PLACE})
    assert len(_rows(tmp_path)) == 1
    assert written.left_out == ["c: ta: 2 values have no unit of that variable (unit: mm, none)"]
    assert written.observations == 3


def test_two_series_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    given = [_one(0), _one(0, collection="d")]
    written = export(given, tmp_path, ["sef"], {"c": PLACE, "d": PLACE})
    assert [path.name.partition("_ta")[2] for path in written.files] == [".tsv", "-2.tsv"]


TEXT = st.text(max_size=12)


@given(
    st.lists(
        st.builds(
            _one,
            st.integers(0, 9999),
            st.none() | st.floats(-1e6, 1e6),
            TEXT,
            page=TEXT,
            raw=TEXT,
            status=st.sampled_from(["plain", "verified", "inferred", "doubtful", "rejected"]),
            flags=st.lists(TEXT, max_size=2),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_was_written_a_file_keeps_its_form(observations: list[Observation]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        written = export(observations, out, ["sef", "csv", "parquet"], {"c": PLACE})
        assert written.observations == len(observations)
        (path,) = out.glob("*.tsv")
        lines = path.read_bytes().decode().removesuffix("\n").split("\n")
        assert [line.count("\t") for line in lines[:12]] == [1] * 12
        rows = [line.split("\t") for line in lines[12:]]
        assert {len(row) for row in rows} == {8}
        assert len(rows) == 1 + len(observations)
        for row in rows[1:]:
            assert row[6] == "NA" or float(row[6]) == pytest.approx(float(row[6]))
            assert all("=" in entry for entry in row[7].split("|"))


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        export([_one()], tmp_path / "file", ["csv"], {})
    (tmp_path / "observations.parquet").mkdir()
    with pytest.raises(Unavailable, match=r"observations\.parquet: cannot be written"):
        export([_one()], tmp_path, ["csv", "parquet"], {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "observations.parquet"]
