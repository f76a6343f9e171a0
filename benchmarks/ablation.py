"""Which layer reads along the line: `python benchmarks/ablation.py [--steps N]`.

Trains `lstm`, `multihead`, `dilated` and `dilatedPos`, and `multihead` on the real cells alone and
as they are, each for the same number of steps of the numeric lesson's handwritten and drawn cells,
with the same small convolutions before it, one after the other, each in a process of its own; then
reads the held-out folders and writers. A run that was cut off goes on. Writes
`benchmarks/results/ablation.md`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from heldout import SETS, divided
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.models.load import load_recognizer, read, write_recognizer
from pipeline.precision import half_precision
from pipeline.recognition.alphabets import NUMERIC
from pipeline.recognition.network import Recognizer, RecognizerConfig
from pipeline.recognition.network import Sequence as Layer
from pipeline.recognition.reader import LineReader
from pipeline.training.datasets.digits import read_digits
from pipeline.training.fonts import faces_of
from pipeline.training.lessons import STYLES
from pipeline.training.loop import BEST, Schedule
from pipeline.training.numeric import NumericSource, sampler
from pipeline.training.recognizer import Batches, Lesson, loss, train, validate

CROPS = 64
DIGITS = "mnist-test"
PLAIN = "plain"
VARIANTS: dict[str, tuple[Layer, bool]] = {
    "lstm": ("lstm", True),
    "multihead": ("multihead", True),
    PLAIN: ("multihead", False),
    "dilated": ("dilated", True),
    "dilatedPos": ("dilatedPos", True),
}
"""By name, the layer and whether cells are drawn and augmented."""


def main() -> None:
    """Train and measure every variant, or the one that a child process is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--work", type=Path, default=Path("/tmp/ledgermill-ablation"))
    parser.add_argument("--out", type=Path, default=RESULTS / "ablation.md")
    parser.add_argument("--one", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    missing = [folder for folder in SETS.values() if not (options.data / folder).is_dir()]
    if missing:
        sys.exit(f"ablation: no {missing[0]} in {options.data}; name its folder with --data")
    if options.one:
        print(json.dumps(measure(options.one, options.steps, options.data, options.work)))
        return
    found = {}
    for name in VARIANTS:
        shared = ["--steps", options.steps, "--data", options.data, "--work", options.work]
        command = [sys.executable, __file__, "--one", name, *map(str, shared)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[name] = json.loads(done.stdout)
        print(name, found[name], file=sys.stderr)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(report(found, options.steps), "utf-8")  # what there is by now
    print(options.out.read_text("utf-8"))


def measure(name: str, steps: int, data: Path, work: Path) -> dict[str, Any]:
    """Train a variant on one thread, and return what it scores and costs."""
    torch.set_num_threads(1)
    layer, augmented = VARIANTS[name]
    gray, gray_held = divided(data, "congo")
    binary, binary_held = divided(data, "drc")
    digits = read_digits(data / DIGITS) if (data / DIGITS).is_dir() else None
    held = {"congo": gray_held, "drc": [cell for cell in binary_held if cell.sure]}
    lesson = Lesson(
        RecognizerConfig(
            NUMERIC,
            height=48,
            least=16,
            area=2048,
            channels=(16, 32, 64),
            width=128,
            sequence=layer,
        ),
        sampler(NumericSource(gray, binary, (), digits, faces_of(STYLES)), augmented),
        held,
        CROPS,
    )
    schedule = Schedule(steps, rate=2e-3, warmup=100, validate_every=1000, patience=1000)
    folder = work / f"{name}-{steps}"
    train(lesson, schedule, folder)
    trained = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    network = Recognizer(lesson.config)
    tensors, _ = read(folder / BEST)
    network.load_state_dict(tensors)
    write_recognizer(folder / "weights.safetensors", network, tensors)
    network, _ = load_recognizer(folder / "weights.safetensors")
    scores = validate(network, lesson.validation)
    reader = LineReader(network, {}, 32)
    crops = [cell.gray for cell in gray_held[:512]]
    reader.read(crops[:64])
    together = min(_seconds(reader, crops) for _ in range(3))
    alone = sorted(_seconds(reader, [crop]) for crop in crops[:100])
    return {
        "exact": scores["congo"],
        "cer": scores["congo_cer"],
        "binary": scores["drc"],
        "binary_cer": scores["drc_cer"],
        "cells": len(crops) / together,
        "latency": alone[len(alone) // 2],
        "step": seconds_a_step(lesson),
        "train_memory": trained,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def seconds_a_step(lesson: Lesson) -> float:
    """Return the processor seconds of one training step, its samples drawn beforehand."""
    network = Recognizer(lesson.config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters())
    members = Batches(lesson, 1)(0)
    times = []
    for _ in range(12):
        start = time.process_time()
        with half_precision(torch.device("cpu")):
            value = loss(network, members)
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        times.append(time.process_time() - start)
    return min(times)


def _seconds(reader: LineReader, crops: list[Any]) -> float:
    start = time.process_time()
    reader.read(crops)
    return time.process_time() - start


def report(found: dict[str, dict[str, Any]], steps: int) -> str:
    rows = [
        [
            "multihead, real cells as they are" if name == PLAIN else name,
            f"{each['parameters']:,}",
            percent(each["exact"]),
            percent(each["cer"]),
            percent(each["binary"]),
            percent(each["binary_cer"]),
            f"{each['cells']:.0f}",
            f"{1000 * each['latency']:.1f}",
            f"{1000 * each['step']:.0f}",
            f"{each['train_memory']:.0f}",
        ]
        for name, each in found.items()
    ]
    heads = [
        "layer",
        "parameters",
        "gray, exact",
        "CER",
        "binary, exact",
        "CER",
        "cells/s",
        "ms for one",
        "ms a training step",
        "peak MiB",
    ]
    head = "\n".join(
        [
            "# Ablation: the layer that reads along the line\n",
            f"{steps} steps of {CROPS} handwritten and drawn cells each, small, with the same "
            "small convolutions before: a budget that a busy machine can spend, far from what the "
            "shipped weights had. The held-out folders (congo-ledger-cells) and writers "
            "(drc-temperature-cells) are "
            "read. Times are processor seconds "
            "of one thread, reading in batches of 32 and one by one with decoding, training "
            "without the drawing of samples; memory is the peak of the training process, its "
            f"samples included. {machine()}. One run each: small differences are noise. "
            "Made by `python benchmarks/ablation.py`.\n",
        ]
    )
    if not {"lstm", "multihead"} <= found.keys():
        return f"{head}\n{markdown(heads, rows)}"
    one, other = found["lstm"], found["multihead"]
    claims = [
        ["CER, gray", "−25 %", _change(one["cer"], other["cer"])],
        ["cells a second", "+27 %", _change(one["cells"], other["cells"])],
        ["latency", "−21 %", _change(one["latency"], other["latency"])],
        ["training", "4 × faster", f"{one['step'] / other['step']:.2f} ×"],
    ]
    if PLAIN in found:
        plain = found[PLAIN]
        gain = f"{100 * (other['exact'] - plain['exact']):+.1f} exact, "
        gain += f"{100 * (plain['cer'] - other['cer']):+.1f} CER"
        claims.append(["augmentation, points", "+6", gain])
    return "\n".join(
        [
            head,
            markdown(heads, rows),
            "Multihead against lstm, beside what the founding article claims:\n",
            markdown(["", "claimed", "here"], claims),
        ]
    )


def _change(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.0f} %"


if __name__ == "__main__":
    main()
