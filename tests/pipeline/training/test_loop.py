from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pipeline.models.load import read
from pipeline.training.loop import BEST, CURVES, Progress, Schedule, fit

PLAN = Schedule(30, rate=0.15, warmup=3, validate_every=10, decay=0.5, seed=3)


def sample(step: int) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(step)
    x = torch.rand(16, 2, generator=made)
    return x, x @ torch.tensor([[2.0], [-1.0]])


def loss(network: nn.Linear, batch: tuple[Tensor, Tensor]) -> Tensor:
    error: Tensor = network(batch[0]).float() - batch[1]
    return error.square().mean()


def validate(network: nn.Linear) -> dict[str, float]:
    return {"score": -float(loss(network, sample(10**6)))}


def line() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(2, 1)


class Stop(Exception):
    pass


def test_it_learns_and_keeps_its_best(tmp_path: Path) -> None:
    seen: list[Progress] = []
    best = fit(line(), sample, loss, validate, PLAN, tmp_path, seen.append)
    assert best == max(progress.scores["score"] for progress in seen) > -0.3
    tensors, notes = read(tmp_path / BEST)
    assert notes["scores"]["score"] == best
    kept = line()
    kept.load_state_dict(tensors)
    assert validate(kept)["score"] == pytest.approx(best)
    assert len((tmp_path / CURVES).read_text().splitlines()) == 4


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = line()
    fit(whole, sample, loss, validate, PLAN, tmp_path / "whole")

    def stop(progress: Progress) -> None:
        if progress.step == 10:
            raise Stop

    with pytest.raises(Stop):
        fit(line(), sample, loss, validate, PLAN, tmp_path / "parts", stop)
    resumed = line()
    fit(resumed, sample, loss, validate, PLAN, tmp_path / "parts")
    assert torch.equal(resumed.weight, whole.weight)
    assert (tmp_path / "parts" / BEST).read_bytes() == (tmp_path / "whole" / BEST).read_bytes()


def test_a_training_that_no_longer_gets_better_ends(tmp_path: Path) -> None:
    plan = Schedule(1000, validate_every=10, patience=3)
    seen: list[Progress] = []
    fit(line(), sample, loss, lambda _: {"score": 0.5}, plan, tmp_path, seen.append)
    assert [progress.step for progress in seen] == [10, 20, 30, 40]


def test_the_rate_rises_then_falls() -> None:
    rates = [PLAN.rate_at(step) for step in range(30)]
    assert rates[0] < rates[2]
    assert rates[2] > rates[15] > rates[29] > 0


def test_a_batch_that_explodes_is_passed_over(tmp_path: Path) -> None:
    def sometimes(network: nn.Linear, batch: tuple[Tensor, Tensor]) -> Tensor:
        bad = float("nan") if batch[0][0, 0] > 0.7 else 1.0
        return loss(network, batch) * bad

    assert fit(line(), sample, sometimes, validate, PLAN, tmp_path) > -1
