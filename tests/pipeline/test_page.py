"""The page JSON says all that a transcription holds, and follows its schema."""

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.page import (
    Alternative,
    Cell,
    Line,
    Table,
    Transcription,
    as_polygon,
    from_json,
    schema,
    to_json,
)

coordinates = st.integers(0, 50_000).map(lambda n: n / 10)
points = st.tuples(coordinates, coordinates)
polygons = st.tuples(points, points, points, points)
probabilities = st.integers(0, 10_000).map(lambda n: n / 10_000)
alternatives = st.lists(
    st.builds(Alternative, st.text(max_size=8), st.integers(-90_000, 0).map(lambda n: n / 10_000)),
    max_size=3,
).map(tuple)
lines = st.builds(
    Line,
    st.text(max_size=20),
    probabilities,
    polygons,
    alternatives,
    st.sampled_from(["plain", "rejected"]),
    st.booleans(),
)
cells = st.builds(
    Cell,
    row=st.integers(0, 40),
    column=st.integers(0, 40),
    text=st.text(max_size=8),
    raw=st.text(max_size=8),
    confidence=probabilities,
    polygon=polygons,
    row_span=st.integers(1, 3),
    column_span=st.integers(1, 3),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    unit=st.none() | st.text(max_size=4),
    status=st.sampled_from(["verified", "repaired", "inferred", "plain", "doubtful", "rejected"]),
    alternatives=alternatives,
    checks=st.lists(st.text(max_size=8), max_size=2).map(tuple),
    corrected=st.booleans(),
)
tables = st.builds(
    Table,
    polygon=polygons,
    rows=st.integers(1, 41),
    columns=st.integers(1, 41),
    cells=st.lists(cells, max_size=4).map(tuple),
    header_rows=st.integers(0, 3),
    relations=st.just(()),
)
transcriptions = st.builds(
    Transcription,
    width=st.integers(1, 9999),
    height=st.integers(1, 9999),
    angle=st.integers(-8000, 8000).map(lambda n: n / 1000),
    lines=st.lists(lines, max_size=3).map(tuple),
    tables=st.lists(tables, max_size=2).map(tuple),
)


@given(transcriptions)
def test_json_and_back(transcription: Transcription) -> None:
    data = json.loads(json.dumps(to_json(transcription, "p", "default@0+0")))
    jsonschema.validate(data, schema())
    assert from_json(data) == transcription


def test_a_spans_text_stands_once() -> None:
    square = as_polygon([(0, 0), (1, 0), (1, 1), (0, 1)])
    wide = Cell(0, 0, "Wind", "Wind", 1.0, square, column_span=2)
    below = [Cell(1, c, str(c), str(c), 1.0, square) for c in range(2)]
    assert Table(square, 2, 2, (wide, *below)).grid() == [["Wind", ""], ["0", "1"]]


@pytest.mark.parametrize("corners", [[(0, 0)] * 3, [(0, 0)] * 3 + [(float("nan"), 0)]])
def test_what_is_no_polygon_is_refused(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="four finite corners"):
        as_polygon(corners)
