"""What learning a hand is worth: `python benchmarks/learning.py [--cells 60] [--data DIR]`.

Of each writer that the shipped networks have not learnt from, the first cells are taken for
corrected, as `ledgermill learn` would find them, and the rest is read before and after. Writes
`benchmarks/results/learning.md`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from heldout import heldout
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.models.load import model_path
from pipeline.training.adapt import NAME, adapt
from pipeline.training.datasets import Labelled
from pipeline.training.finish import judge


def main() -> None:
    """Measure each writer and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=60, help="how many are corrected")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the sets")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows, errors, halved, longest = [], [0, 0], 0, 0.0
    for name, cells in _writers(options.data):
        learnt, rest = cells[: options.cells], cells[options.cells :]
        before = judge(model_path(NAME), {"rest": rest})["rest"].accuracy
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = adapt(model_path(NAME), learnt, [], Path(folder))
            seconds = time.monotonic() - start
            # What measured no better in parts is not used.
            after = before
            if found.weights is not None:
                after = judge(found.weights, {"rest": rest})["rest"].accuracy
        wrong = round((1 - before) * len(rest)), round((1 - after) * len(rest))
        errors = [errors[0] + wrong[0], errors[1] + wrong[1]]
        halved += 2 * wrong[1] <= wrong[0]
        longest = max(longest, seconds)
        verdict = "yes" if found.weights is not None else "no better, not used"
        row = [name, len(rest), percent(before), percent(after), verdict, f"{seconds:.0f} s"]
        rows.append(row)
        print(*row, flush=True)
    part = errors[1] / max(1, errors[0])
    report = (
        f"# Learning a hand\n\nOf each writer {options.cells} cells count as corrected; all others "
        "are read before and after the networks have learnt from these. They had learnt from none "
        "of these writers. What was learnt is used where the corrected cells, each part read by "
        "what learnt from the others, are read better; else nothing changes.\n\n"
        "Goal: half the errors, within ten minutes on two cores. "
        f"Halved: {halved} of {len(rows)} writers; of all errors {part:.0%} are left "
        f"({errors[0]} before, {errors[1]} after); the longest took {longest:.0f} s with "
        f"{options.threads} threads. {machine()}.\n\n"
        + markdown(["writer", "other cells", "right before", "after", "used", "took"], rows)
    )
    (RESULTS / "learning.md").write_text(report, "utf-8")
    print(report)


def _writers(data: Path) -> Iterator[tuple[str, list[Labelled]]]:
    for name, held in heldout(data).items():
        for group in sorted({cell.group for cell in held}):
            yield f"{name} {group}", [cell for cell in held if cell.group == group]


if __name__ == "__main__":
    main()
