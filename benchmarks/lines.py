"""How lines are read: `python benchmarks/lines.py --data FOLDER`.

Compares the `latin` recognizer with PP-OCRv6 small on the validation lines of the real data (whole
writers and books that it was not trained on; `pipeline/training/prose.py` names them), and the
`korean` one on lines drawn in faces that it was not trained on. Writes `results/lines.md`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from report import machine, markdown, percent

from pipeline.engines import load_engine
from pipeline.errors import LedgermillError
from pipeline.evaluation.text import TextScore, score_texts
from pipeline.models.load import digest, load_recognizer, model_path
from pipeline.page import Reading
from pipeline.preprocess import Gray
from pipeline.profiles import load_profile
from pipeline.recognition.alphabets import NUMERIC
from pipeline.recognition.reader import LineReader
from pipeline.recognition.script import load_router, script_of
from pipeline.training.datasets import Labelled
from pipeline.training.prose import korean, real_lines

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"
CROPS = 32

MODERN = (("ſ", "s"), ("⸗", "-"), ("a\u0364", "ä"), ("o\u0364", "ö"), ("u\u0364", "ü"))
"""Old letters that PP-OCRv6 cannot write, and today's."""

Sets = Mapping[str, Sequence[Labelled]]


class Reads(Protocol):
    """Anything that reads crops."""

    def __call__(self, crops: Sequence[Gray]) -> list[Reading]: ...


def main() -> None:
    """Measure both recognizers beside PP-OCRv6 and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real lines")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--latin", type=Path, default=model_path("latin"))
    parser.add_argument("--korean", type=Path, default=model_path("korean"))
    parser.add_argument("--script", type=Path, default=model_path("script"))
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    options = parser.parse_args()
    try:
        profile = load_profile("default").model_copy(update={"engine": "rapidocr"})
        other = load_engine(profile, "cpu", options.threads)
        report = [
            f"# Lines\n\n{machine()}; {options.threads} threads. Whole writers and books are held "
            "back from training; CER and WER as in accuracy.md, without an alphabet given. "
            "*modern*: CER with ſ, ⸗ and the e above written as s, - and umlauts in truth and "
            "reading, as PP-OCRv6 has no such letters. Seconds are of one processor, which a busy "
            "machine does not change.\n"
        ]
        held = real_lines(options.data)[1]
        with tempfile.TemporaryDirectory() as folder:
            drawn = korean(None, Path(folder)).validation
        for name, file, sets in (
            ("latin", options.latin, by_style(held)), ("korean", options.korean, dict(drawn)),
        ):  # fmt: skip
            if file.exists() and sets:
                reader = LineReader(*load_recognizer(file), CROPS)
                report.append(compare(name, digest(file), reader.read, other.recognize, sets))
        if options.script.exists():
            report.append(routing(options.script, {**held, **drawn}))
    except LedgermillError as error:
        sys.exit(f"lines: {error}")
    text = "\n".join(report)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "lines.md").write_text(text, "utf-8")


def by_style(held: Sets) -> dict[str, list[Labelled]]:
    """Return the sets, print first, each style followed by all of its lines together."""
    found: dict[str, list[Labelled]] = {}
    for style in ("print", "hand"):
        names = [name for name in held if name.endswith(style)]
        found |= {name: list(held[name]) for name in names}
        found[f"**all {style}**"] = [item for name in names for item in held[name]]
    return {name: items for name, items in found.items() if items}


def compare(name: str, weights: str, own: Reads, other: Reads, sets: Sets) -> str:
    """Return the table of a recognizer beside PP-OCRv6 small."""
    rows: list[Sequence[object]] = []
    for title, items in sets.items():
        for engine, read in ((name, own), ("PP-OCRv6 small", other)):
            crops = [item.gray for item in items]
            start = time.process_time()
            texts = [reading.text for reading in read(crops)]
            speed = len(crops) / (time.process_time() - start)
            score, modern = scores([item.texts[0] for item in items], texts)
            rows.append((title, engine, len(items), percent(score.cer), percent(modern.cer),
                         percent(score.wer), f"{speed:.0f}"))  # fmt: skip
    heads = ["lines", "read by", "count", "CER", "modern", "WER", "lines a second"]
    return f"## {name} ({weights[:8]})\n\n{markdown(heads, rows)}"


def scores(truths: Sequence[str], texts: Sequence[str]) -> tuple[TextScore, TextScore]:
    """Return the score as it stands, and in modern letters."""
    pairs = list(zip(truths, texts, strict=True))
    return score_texts(pairs), score_texts((modern(a), modern(b)) for a, b in pairs)


def modern(text: str) -> str:
    """Return the text in today's letters."""
    for old, new in MODERN:
        text = text.replace(old, new)
    return text


def routing(file: Path, sets: Sets) -> str:
    """Return the table of the script classifier: how many lines go where they should."""
    router = load_router(file)
    rows: list[Sequence[object]] = []
    for name, items in sets.items():
        start = time.process_time()
        told = router.route([item.gray for item in items])
        each = 1000 * (time.process_time() - start) / len(items)
        truth = [script_of(item.texts[0], NUMERIC) for item in items]
        right = sum(a == b for a, b in zip(told, truth, strict=True))
        latin = [t for t, s in zip(told, truth, strict=True) if s == "latin"]
        lost = sum(t != "latin" for t in latin)
        rows.append((name, len(items), percent(right / len(items)), f"{lost} of {len(latin)}",
                     f"{each:.2f} ms"))  # fmt: skip
    heads = ["lines", "count", "routed rightly", "latin lines lost", "a crop"]
    return f"## script ({digest(file)[:8]})\n\n{markdown(heads, rows)}"


if __name__ == "__main__":
    main()
