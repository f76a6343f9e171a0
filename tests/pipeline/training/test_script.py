from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.recognition.script import load_router
from pipeline.training.datasets import Labelled
from pipeline.training.loop import Schedule
from pipeline.training.script import ScriptLesson, finish_script, train_script


def striped(along: int) -> Callable[[np.random.Generator], Labelled]:
    def sample(rng: np.random.Generator) -> Labelled:
        gray = rng.integers(180, 255, (30, 60)).astype(np.uint8)
        if along:
            gray[10:14] = 0
            return Labelled(gray, ("12",), "drawn")
        gray[:, 10:60:12] = 0
        return Labelled(gray, ("le",), "drawn")

    return sample


def test_scripts_are_learnt_and_written(tmp_path: Path) -> None:
    samples = [striped(True), striped(False)]
    rng = np.random.default_rng(7)
    lesson = ScriptLesson(samples, {"drawn": [samples[i % 2](rng) for i in range(20)]})
    schedule = Schedule(30, rate=5e-3, warmup=3, validate_every=10, decay=0.8)
    assert train_script(lesson, schedule, tmp_path) > 0.9
    path = finish_script(tmp_path, lesson, schedule, "the command")
    truth = ["numeric", "latin"] * 10
    told = load_router(path).route([item.gray for item in lesson.validation["drawn"]])
    assert np.mean([a == b for a, b in zip(told, truth, strict=True)]) > 0.9
    card = (tmp_path / "script.md").read_text("utf-8")
    assert "the command" in card
    assert "| drawn | 20 |" in card
