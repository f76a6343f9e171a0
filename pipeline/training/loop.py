"""The training loop of every network here: resumable, and the same whenever it is run again.

A batch depends on the seed and the number of its step alone, so that a training that was stopped
goes on as if it had not been. What is kept is the exponential moving average of the weights
(Polyak & Juditsky 1992), which reads better than the weights themselves.
"""

from __future__ import annotations

import csv
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from pipeline.models.load import read, write
from pipeline.precision import half_precision

Batch = TypeVar("Batch")
Network = TypeVar("Network", bound=nn.Module)
Scores = dict[str, float]

AHEAD = 3
CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
CURVES = "curves.csv"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast: AdamW, warmed up, its `rate` falling to nothing along a cosine.

    A validation is due every `validate_every` steps; `patience` of them without a better score
    end the training early. `decay` is that of the moving average, `clip` the longest gradient.
    """

    steps: int
    rate: float = 1e-3
    warmup: int = 300
    validate_every: int = 500
    patience: int = 12
    decay: float = 0.999
    weight_decay: float = 0.01
    clip: float = 5.0
    seed: int = 1

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        return self.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training is: its `step` of `steps`, the mean loss since the last, and the scores."""

    step: int
    steps: int
    loss: float
    seconds: float
    scores: Scores


def fit(
    network: Network,
    sample: Callable[[int], Batch],
    loss: Callable[[Network, Batch], Tensor],
    validate: Callable[[Network], Scores],
    schedule: Schedule,
    folder: Path,
    report: Callable[[Progress], None] | None = None,
) -> float:
    """Train `network` and return the best validation's `score`.

    `sample(step)` makes a step's batch, from nothing but its number, in a thread beside the
    training; `loss` returns a scalar; `validate` returns named scores, of which `score` is the one
    to raise. Into `folder` go `curves.csv`, `best.safetensors` (the averaged weights of the best
    validation) and `checkpoint.safetensors`, from which a training
    with the same folder goes on.
    """
    device = next(network.parameters()).device
    torch.manual_seed(schedule.seed)
    network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        network.parameters(), schedule.rate, weight_decay=schedule.weight_decay
    )
    average = [parameter.detach().clone() for parameter in network.parameters()]
    state = _resume(folder, network, optimizer, average)
    start, total, counted = time.monotonic(), 0.0, 0
    for step, batch in _batches(sample, state.step, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(step)
        torch.manual_seed(schedule.seed + step)  # what is dropped out, the same after a stop
        with half_precision(device):
            value = loss(network, batch)
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(network.parameters(), schedule.clip)
        if torch.isfinite(length):
            optimizer.step()
            total, counted = total + float(value.detach()), counted + 1
        decay = min(schedule.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(average, [p.detach() for p in network.parameters()], 1 - decay)
        state.step = step + 1
        if state.step % schedule.validate_every == 0 or state.step == schedule.steps:
            scores = _validated(network, average, validate)
            seconds = state.seconds + time.monotonic() - start
            progress = Progress(
                state.step, schedule.steps, total / max(1, counted), seconds, scores
            )
            total, counted = 0.0, 0
            state.stale += 1
            if scores["score"] > state.best:
                state.best, state.stale = scores["score"], 0
                named = dict(zip(_names(network), average, strict=True))
                named |= dict(network.named_buffers())
                write(folder / BEST, named, {"step": state.step, "scores": scores})
            _add_curve(folder / CURVES, progress)
            _keep(folder, network, optimizer, average, state, seconds)
            if report is not None:
                report(progress)
            if state.stale >= schedule.patience:
                break
    return state.best


@dataclass(slots=True)
class _State:
    step: int = 0
    best: float = -math.inf
    stale: int = 0
    seconds: float = 0.0


def _names(network: nn.Module) -> list[str]:
    return [name for name, _ in network.named_parameters()]


def _batches(sample: Callable[[int], Batch], first: int, stop: int) -> Iterator[tuple[int, Batch]]:
    waiting: deque[tuple[int, Future[Batch]]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="samples") as pool:
        try:
            for step in range(first, stop):
                waiting.append((step, pool.submit(sample, step)))
                if len(waiting) > AHEAD:
                    ready, future = waiting.popleft()
                    yield ready, future.result()
            for ready, future in waiting:
                yield ready, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _validated(
    network: Network, average: list[Tensor], validate: Callable[[Network], Scores]
) -> Scores:
    """Validate with the averaged weights, then put the network's own back."""
    own = [parameter.detach().clone() for parameter in network.parameters()]
    network.eval()
    with torch.no_grad():
        torch._foreach_copy_(list(network.parameters()), average)
        scores = validate(network)
        torch._foreach_copy_(list(network.parameters()), own)
    network.train()
    return scores


def _add_curve(path: Path, progress: Progress) -> None:
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["step", "seconds", "loss", *progress.scores])
        numbers = (progress.loss, *progress.scores.values())
        rows.writerow([progress.step, f"{progress.seconds:.0f}", *(f"{x:.5f}" for x in numbers)])


def _keep(
    folder: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: list[Tensor],
    state: _State,
    seconds: float,
) -> None:
    tensors: dict[str, Tensor] = {}
    for (name, parameter), mean in zip(network.named_parameters(), average, strict=True):
        moments = optimizer.state.get(parameter, {})
        tensors |= {f"now.{name}": parameter, f"mean.{name}": mean}
        tensors |= {f"adam.{key}.{name}": value for key, value in moments.items()}
    tensors |= {f"buffer.{name}": buffer for name, buffer in network.named_buffers()}
    notes = {"step": state.step, "best": state.best, "stale": state.stale, "seconds": seconds}
    write(folder / CHECKPOINT, tensors, notes)


def _resume(
    folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, average: list[Tensor]
) -> _State:
    if not (folder / CHECKPOINT).exists():
        return _State()
    tensors, notes = read(folder / CHECKPOINT)
    with torch.no_grad():
        for (name, parameter), mean in zip(network.named_parameters(), average, strict=True):
            parameter.copy_(tensors[f"now.{name}"])
            mean.copy_(tensors[f"mean.{name}"])
            optimizer.state[parameter] = {
                key: tensors[f"adam.{key}.{name}"].to("cpu" if key == "step" else parameter.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"adam.{key}.{name}" in tensors
            }
        for name, buffer in network.named_buffers():
            buffer.copy_(tensors[f"buffer.{name}"])
    return _State(notes["step"], notes["best"], notes["stale"], notes["seconds"])
