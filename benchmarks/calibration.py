"""Whether confidence can be believed: `python benchmarks/calibration.py [--weights FILE]`.

Reads the cells that no training saw and compares the confidence of each reading with whether it is
right: as the network says, as the weights' own calibration says (which was fitted on these very
cells), and, the honest one, as calibrated without the folder, or without the fifth of a writer's
cells, that is judged. Writes `benchmarks/results/calibration.md`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from heldout import heldout
from numpy.typing import NDArray
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.evaluation.confidence import accuracy_at, calibration_error, equal_count, equal_width
from pipeline.models.load import digest, load_recognizer, model_path
from pipeline.page import Reading
from pipeline.recognition.calibration import from_config
from pipeline.training.finish import (
    Judged,
    as_calibrated,
    character_odds_of,
    held_out,
    judge,
    learn_calibration,
    part,
)

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)


def main() -> None:
    """Measure the weights that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--weights", type=Path, default=model_path("numeric"))
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--out", type=Path, default=RESULTS / "calibration.md")
    options = parser.parse_args()
    sets = heldout(options.data)
    if not sets:
        sys.exit(f"calibration: no cells in {options.data}; name their folder with --data")
    judged = judge(options.weights, sets)
    own = from_config(load_recognizer(options.weights)[1])
    ways: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, found in judged.items():
        others = [other for other in judged.values() if other is not found]
        shipped = as_calibrated(found, own)
        ways[name] = {
            "as the network says": confidences(found.readings),
            "as shipped": confidences(shipped),
            "calibrated on others": confidences(without_own_group(found, others)),
        }
    text = report(options.weights, judged, ways)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, "utf-8")
    print(text)


def by_chance(sure: NDArray[np.float64]) -> float:
    """Return the mean calibration error of readings that are right as often as they say."""
    draw = np.random.default_rng(1)
    errors = [
        calibration_error(equal_width(sure, draw.random(len(sure)) < sure)) for _ in range(200)
    ]
    return float(np.mean(errors))


def confidences(readings: Sequence[Reading]) -> NDArray[np.float64]:
    return np.array([reading.confidence for reading in readings])


def without_own_group(judged: Judged, others: Sequence[Judged]) -> list[Reading]:
    """Return the readings calibrated by what is not of their folder; of one folder, by parts."""
    groups = np.array([sample.group for sample in judged.samples])
    names = sorted(set(groups.tolist()))
    if len(names) == 1:
        return held_out(judged, others)
    calibrated: dict[int, Reading] = {}
    for name in names:
        mended = held_out_of(judged, groups == name, others)
        calibrated |= zip(np.flatnonzero(groups == name).tolist(), mended, strict=True)
    return [calibrated[i] for i in range(len(groups))]


def held_out_of(
    judged: Judged, which: NDArray[np.bool_], others: Sequence[Judged]
) -> list[Reading]:
    calibration = learn_calibration([part(judged, ~which), *others])
    return as_calibrated(part(judged, which), calibration)


def report(
    weights: Path,
    judged: Mapping[str, Judged],
    ways: Mapping[str, Mapping[str, NDArray[np.float64]]],
) -> str:
    rows, kept, reliability, letters = [], [], [], []
    for name, found in judged.items():
        right = found.right
        for way, sure in ways[name].items():
            rows.append(
                [
                    f"{name}, {way}",
                    len(right),
                    percent(found.accuracy),
                    percent(float(sure.mean())),
                    f"{calibration_error(equal_width(sure, right)):.4f}",
                    f"{calibration_error(equal_count(sure, right)):.4f}",
                    f"{by_chance(sure):.4f}",
                ]
            )
        sure = ways[name]["calibrated on others"]
        covered = [accuracy_at(sure, right, coverage) for coverage in COVERAGES]
        kept.append([name, *(f"{percent(a)} (≥ {least:.3f})" for a, least in covered)])
        for each in equal_count(sure, right, 10):
            said, was = percent(each.confidence), percent(each.accuracy)
            reliability.append([name, each.count, said, was])
        odds, good = character_odds_of([found])
        letters.append([name, len(good), f"{calibration_error(equal_width(odds, good)):.4f}"])
    heads = [f"surest {coverage:.0%}" for coverage in COVERAGES]
    return "\n".join(
        [
            "# Calibration of confidence\n",
            f"Weights {weights.name} {digest(weights)[:8]}; {machine()}. The cells are of folders "
            "and writers that no training saw; the weights' step was chosen by them. "
            "*Calibrated on others*: each folder by what was learnt from all other folders, a "
            "single writer's cells by fifths. Made by `python benchmarks/calibration.py`.\n",
            markdown(
                [
                    "cells",
                    "count",
                    "right",
                    "mean confidence",
                    "ECE (15 bins)",
                    "adaptive ECE",
                    "by chance",
                ],
                rows,
            ),
            "Bar: ECE ≤ 0.03 on DRC cells. *By chance*: the ECE over 15 bins that so few cells "
            "would show on average if every confidence were exactly true.\n",
            "What is right of the surest part, and the least confidence in it (calibrated on "
            "others):\n",
            markdown(["cells", *heads], kept),
            "Bar: ≥ 98 % of the surest 90 % on DRC cells.\n",
            "Reliability, in tenths by confidence:\n",
            markdown(["cells", "count", "confidence", "right"], reliability),
            "Characters, as the network says, up to the first wrong one of a reading:\n",
            markdown(["cells", "characters", "ECE (15 bins)"], letters),
        ]
    )


if __name__ == "__main__":
    main()
