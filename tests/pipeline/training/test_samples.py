"""The committed samples are what the command draws, and fit their published form."""

import csv
import json
from pathlib import Path

import jsonschema
import pytest

from pipeline.page import from_json, schema
from pipeline.training.samples import SAMPLES, write_samples

COMMITTED = Path(__file__).parents[3] / "samples"


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    write_samples(tmp_path / "a")
    write_samples(tmp_path / "b")
    first, again = (
        {file.name: file.read_bytes() for file in (tmp_path / folder).iterdir()} for folder in "ab"
    )
    assert len(first) == 9
    assert first == again


@pytest.mark.parametrize("name", SAMPLES)
def test_committed_truth_is_current(name: str, tmp_path: Path) -> None:
    page = SAMPLES[name]()
    data = json.loads((COMMITTED / f"{name}.json").read_text("utf-8"))
    jsonschema.validate(data, schema())
    kept = from_json(data)
    assert [line.text for line in kept.lines] == [line.text for line in page.truth.lines]
    assert [table.grid() for table in kept.tables] == [t.grid() for t in page.truth.tables]
    with (COMMITTED / f"{name}.table-1.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == kept.tables[0].grid()


@pytest.mark.parametrize("name", SAMPLES)
def test_committed_images_are_small(name: str) -> None:
    assert 0 < (COMMITTED / f"{name}.jpg").stat().st_size < 400_000


def test_a_barometer_can_be_searched_for() -> None:
    texts = [
        line["text"].lower()
        for file in COMMITTED.glob("*.json")
        for line in json.loads(file.read_text("utf-8"))["lines"]
    ]
    assert sum("barometer" in text for text in texts) >= 2
