"""A few steps of training on drawn windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.models.load import read
from pipeline.training import detector
from pipeline.training.detector import Windows, shares, train
from pipeline.training.draw import draw_page
from pipeline.training.layouts import daily_ledger, open_table
from pipeline.training.loop import BEST, Schedule
from pipeline.training.pages import MarkedPage, boxes_of


@pytest.fixture(scope="module")
def pages() -> list[MarkedPage]:
    rng = np.random.default_rng(3)
    drawn = [draw_page(layout(rng), rng) for layout in (open_table, daily_ledger)]
    return [MarkedPage(p.image, boxes_of(p.truth), f"drawn/{i}") for i, p in enumerate(drawn)]


def test_a_batch_depends_on_its_step_alone(pages: list[MarkedPage]) -> None:
    first, again = (Windows(pages, shares(pages), 96.0, 1) for _ in range(2))
    assert np.array_equal(first(3).pixels, again(3).pixels)
    assert not np.array_equal(first(3).pixels, first(4).pixels)
    batch = first(0)
    assert batch.text.shape[1:] == (96, 96)
    assert batch.maps.shape[1] == 5
    assert float(batch.counts.sum()) > 0


def test_a_few_steps_lower_the_loss_and_leave_weights(
    pages: list[MarkedPage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detector, "WINDOWS", 2)
    losses: list[float] = []
    schedule = Schedule(steps=9, rate=3e-3, warmup=1, validate_every=3)
    small = [replace(page, gray=page.gray[:400, :400]) for page in pages[:1]]
    train(pages, small, schedule, tmp_path, report=lambda now: losses.append(now.loss))
    assert losses[-1] < losses[0]
    assert "head.weight" in read(tmp_path / BEST)[0]
