"""Post-processing of prose, on and off: `python benchmarks/prose.py [--data FOLDER] [--quick]`.

The lines are those of `benchmarks/lines.py`: by default the validation half (whole writers and
books that nothing here was chosen on; `pipeline/training/prose.py` names them), with `--part
training` the other. Twenty in a row make a page, so that languages are told as on one. Real Korean
lines are not at hand: there, texts are spoilt on purpose (`texts/constitution-ko.txt`, every other
line of it; as a law without copyright). Writes `results/prose.md`.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from lines import modern
from report import RESULTS, ROOT, SHARED, machine, markdown, percent

from pipeline.engines import load_engine
from pipeline.errors import LedgermillError
from pipeline.evaluation.text import score_texts
from pipeline.models.load import model_path
from pipeline.page import Line, Reading, Transcription
from pipeline.profiles import Prose, load_profile
from pipeline.prose import confusions, finish
from pipeline.prose.languages import chances_of, identify
from pipeline.prose.rescore import rescore
from pipeline.prose.seen import look
from pipeline.prose.spacing import respaced
from pipeline.prose.widths import normalized
from pipeline.prose.words import lexicon
from pipeline.recognition.script import SCRIPTS, load_router
from pipeline.training.datasets import Labelled
from pipeline.training.prose import korean, real_lines

TEXT = ROOT / "benchmarks" / "texts" / "constitution-ko.txt"
PAGE = 20
QUICK = 40
SPOILT = 0.04
"""How many syllables of Korean texts are made another one that looks like it."""

LANGUAGE = {
    "archiscribe-lines": "de",
    "cremma-20": "fr",
    "dufour-1": "fr",
    "riant-4": "fr",
    "stanford-memorials": "en",
}
ENGINES = ("rapidocr", "native")
STEPS = {
    "off": Prose(),
    "normalize": Prose(normalize=True),
    "rescore": Prose(rescore=True),
}
"""With the languages of the profile `prose`; *on* is that profile."""

Item = TypeVar("Item")
Sets = Mapping[str, Sequence[Labelled]]


def main() -> None:
    """Measure all steps and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the real lines")
    parser.add_argument("--part", choices=("validation", "training"), default="validation")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} lines of each set")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    options = parser.parse_args()
    most = QUICK if options.quick else 500
    try:
        sets = {name: items[:most] for name, items in _sets(options.data, options.part).items()}
        report = [
            f"# Post-processing of prose\n\n{machine()}; one thread. The {options.part} half. CER "
            "and WER as in accuracy.md, in modern letters (lines.md). Seconds are of one "
            "processor.\n",
            *(_engine(engine, sets) for engine in ENGINES),
            _languages(sets),
            _seen({**sets, **_drawn(most)}),
            _korean(options.part),
        ]
    except LedgermillError as error:
        sys.exit(f"prose: {error}")
    text = "\n".join(report)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "prose.md").write_text(text, "utf-8")


def _sets(data: Path, part: str) -> dict[str, list[Labelled]]:
    train, held = real_lines(data)
    if part == "validation":
        return held
    found: dict[str, list[Labelled]] = {}
    for line in train:
        name = f"{line.labelled.group.partition('/')[0]}_{line.style}"
        found.setdefault(name, []).append(line.labelled)
    return found


def _engine(name: str, sets: Sets) -> str:
    """Return the table of what an engine read, with each step alone, and as the profile does it."""
    profile = load_profile("prose")
    engine = load_engine(profile.model_copy(update={"engine": name}), "cpu", 1)
    steps = {
        step: prose.model_copy(update={"languages": profile.prose.languages})
        for step, prose in STEPS.items()
    } | {"on": profile.prose}
    finish(_page([Reading("nothing at all, to have everything loaded by now", 1.0)]), steps["on"])
    rows: list[Sequence[object]] = []
    for title, items in sets.items():
        readings = engine.recognize([item.gray for item in items])
        truths = [item.texts[0] for item in items]
        texts: dict[str, list[str]] = {}
        spent = 0.0
        for step, prose in steps.items():
            start = time.process_time()
            texts[step] = _finished(readings, prose)
            spent = time.process_time() - start
        scores = {step: score_texts(_modern(truths, said)) for step, said in texts.items()}
        better, worse, figures = _changed(truths, texts["off"], texts["on"])
        rows.append((
            title, len(items),
            *(f"{percent(score.cer)} / {percent(score.wer)}" for score in scores.values()),
            f"{better} / {worse}", figures, f"{1000 * spent / len(items):.1f} ms",
        ))  # fmt: skip
    heads = ["lines", "count", *steps, "lines better / worse", "numbers changed", "a line"]
    return f"## Read by {name}: CER / WER\n\n{markdown(heads, rows)}"


def _page(readings: Iterable[Reading]) -> Transcription:
    lines = tuple(
        Line(
            reading.text,
            reading.confidence,
            ((0.0, 30.0 * i), (500.0, 30.0 * i), (500.0, 30.0 * i + 20), (0.0, 30.0 * i + 20)),
            reading.alternatives,
        )
        for i, reading in enumerate(readings)
    )
    return Transcription(600, 900, 0.0, lines, ())


def _finished(readings: Sequence[Reading], prose: Prose) -> list[str]:
    pages = (finish(_page(some), prose) for some in _by(PAGE, readings))
    return [line.text for page in pages for line in page.lines]


def _by(many: int, items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[first : first + many] for first in range(0, len(items), many))


def _modern(truths: Sequence[str], texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(modern(a), modern(b)) for a, b in zip(truths, texts, strict=True)]


def _changed(
    truths: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> tuple[int, int, int]:
    """Return how many lines became better and worse, and in how many a number is another one."""
    better = worse = figures = 0
    for truth, was, now in zip(truths, before, after, strict=True):
        old, new = (score_texts(_modern([truth], [said])).kinds.edits for said in (was, now))
        better, worse = better + (new < old), worse + (new > old)
        figures += _figures(normalized(was)) != _figures(now)
    return better, worse, figures


def _figures(text: str) -> list[str]:
    """Return what a text has between spaces that is a number."""
    return [word for word in text.split() if re.fullmatch(r"[\W\d]*\d[\W\d]*", word, re.ASCII)]


def _languages(sets: Sets) -> str:
    """Return the table of lines whose language was told rightly, from their true texts."""
    languages = load_profile("prose").prose.languages
    identify(["to have everything loaded by the time that it is needed"], languages)
    rows: list[Sequence[object]] = []
    for title, items in sets.items():
        wanted = LANGUAGE.get(title.rpartition("_")[0], "")
        texts = [item.texts[0] for item in items if any(c.isalpha() for c in item.texts[0])]
        start = time.process_time()
        found = [
            written.language
            for first in range(0, len(texts), PAGE)
            for written in identify(texts[first : first + PAGE], languages)
        ]
        each = 1000 * (time.process_time() - start) / len(texts)
        chances = [chances_of(text, languages) for text in texts]
        alone = [max(said, key=lambda name: said[name]) for said in chances]
        rows.append((
            title, wanted, len(texts), percent(found.count(wanted) / len(texts)),
            percent(alone.count(wanted) / len(texts)), f"{each:.2f} ms",
        ))  # fmt: skip
    heads = ["lines", "language", "count", "told rightly", "each line alone", "a line"]
    about = f"Of {len(languages)} languages ({', '.join(languages)}); pages of {PAGE} lines.\n"
    return f"## Languages\n\n{about}\n{markdown(heads, rows)}"


def _drawn(most: int) -> Sets:
    """Return Korean lines, drawn in faces of which the classifier has learnt none."""
    return {
        f"{name}, drawn": items[:most]
        for name, items in korean(None, Path()).validation.items()
        if name != "drawn"
    }


def _seen(sets: Sets) -> str:
    """Return the table of lines and pages that look Korean to the script classifier."""
    profile = load_profile("prose")
    engine = load_engine(profile, "cpu", 1)
    router = load_router(model_path("script"))
    rows: list[Sequence[object]] = []
    for title, items in sets.items():
        crops = [item.gray for item in items]
        chances = router.weigh(crops)[:, SCRIPTS.index("korean")]
        read = list(enumerate(_page(engine.recognize(crops)).lines))
        pages = [look(some, crops, profile.prose.languages) for some in _by(10, read)]
        said = sum(any(line.script == "Kore" for _, line in page) for page in pages)
        rows.append((title, len(items), percent(float(np.mean(chances >= 0.5))), len(pages), said))
    heads = ["lines", "count", "lines that look Korean", "pages of 10", "pages called Korean"]
    about = "A page is called Korean if it looks so and PP-OCRv6 makes nothing of it.\n"
    return f"## Script by the image\n\n{about}\n{markdown(heads, rows)}"


def _korean(part: str) -> str:
    """Return the table of Korean texts that were spoilt on purpose."""
    known = lexicon("ko")
    assert known is not None
    lines = TEXT.read_text("utf-8").splitlines()[part == "validation" :: 2]
    lines = [" ".join(some) for line in lines for some in _by(6, line.split())]
    rng = random.Random(1)
    makes: dict[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
        f"{SPOILT:.0%} of syllables look-alikes": (
            lambda line: _spoilt(line, rng), lambda line: rescore(line, (), known),
        ),
        "nothing spoilt, rescored": (lambda line: line, lambda line: rescore(line, (), known)),
        "without spaces": (lambda line: line.replace(" ", ""), respaced),
        "a third of the spaces lost": (
            lambda line: re.sub(" ", lambda _: " " if rng.random() > 1 / 3 else "", line), respaced,
        ),
        "nothing spoilt, respaced": (lambda line: line, respaced),
    }  # fmt: skip
    respaced("모든것을미리불러둔다")
    rows: list[Sequence[object]] = []
    for title, (spoil, mend) in makes.items():
        spoilt = [spoil(line) for line in lines]
        start = time.process_time()
        mended = [mend(line) for line in spoilt]
        each = 1000 * (time.process_time() - start) / len(lines)
        before, after = (score_texts(zip(lines, texts, strict=True)) for texts in (spoilt, mended))
        rows.append((title, len(lines), f"{percent(before.cer)} / {percent(before.wer)}",
                     f"{percent(after.cer)} / {percent(after.wer)}", f"{each:.1f} ms"))  # fmt: skip
    heads = ["text", "lines", "before: CER / WER", "after: CER / WER", "a line"]
    about = (
        "Look-alikes are drawn from the pairs that are looked for, so that this says how many are "
        "told from their neighbours, not how often readers make them. Spaces are put by "
        "`kiwipiepy`, which may know the text.\n"
    )
    return f"## Korean\n\n{about}\n{markdown(heads, rows)}"


def _spoilt(line: str, rng: random.Random) -> str:
    letters = list(line)
    for i, letter in enumerate(letters):
        if "가" <= letter <= "힣" and rng.random() < SPOILT:
            alike = list(confusions.syllables(letter, 0))
            letters[i] = rng.choice(alike) if alike else letter
    return "".join(letters)


if __name__ == "__main__":
    main()
