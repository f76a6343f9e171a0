"""Whether regions are what they are called, and lines come as they are read.

    python benchmarks/regions.py [--data FOLDER] [--drawn N] [--quick]

Real pages are those with PAGE or ALTO truth that names zones or has lines in reading order: text is
found on them as ever, nothing is read. Drawn pages have one to three columns, headings, notes,
figures and stamps, and their lines are given, so that they judge regions alone. What is counted was
not looked at while this was built: pages that no network was trained on, and drawn pages of seeds
of their own; `--development` counts the others. Writes `results/regions.md`.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from lxml import etree
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.decode import ImageLimits, decode_image
from pipeline.engines import load_engine
from pipeline.page import RegionKind
from pipeline.preprocess import prepare
from pipeline.profiles import Profile, load_profile
from pipeline.regions.find import find_regions
from pipeline.tables.layout import Layout, lay_out
from pipeline.training.fonts import BUNDLED
from pipeline.training.pages import HELD
from pipeline.transcribed import alto

KINDS: tuple[RegionKind, ...] = ("table", "text", "heading", "margin", "figure", "stamp")
SETS = {
    "cremma-20": "prose",
    "stanford-memorials": "prose",
    "lectaurep/riant-4": "default",
    "weather-rescue/images": "default",
}
"""Folders of pages, and the profile that such are read by; the last are dense, without truth."""

ZONES: dict[str, RegionKind] = {
    **alto.ZONES, "header": "table", "marginal": "margin", "commentary": "margin",
    **{f"Col_{number}": "table" for number in range(1, 8)},
}  # fmt: skip
SEED = 7000
WORDS = ("of", "the", "pressure", "at", "noon", "was", "noted", "by", "hand", "and", "wind")


@dataclass(frozen=True)
class Truth:
    """A page's lines in reading order: middles (N x 2), kinds where known, other regions' boxes."""

    middles: NDArray[np.float64]
    kinds: Sequence[RegionKind | None]
    drawn: Sequence[tuple[RegionKind, tuple[float, float, float, float]]]


@dataclass
class Count:
    """What was found on the pages of a set."""

    pages: int = 0
    adjacent: int = 0
    pairs: int = 0
    before: int = 0
    order: float = 0.0
    order_before: float = 0.0
    ordered: int = 0
    seconds: float = 0.0


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the real pages")
    parser.add_argument("--drawn", type=int, default=200, help="number of drawn pages")
    parser.add_argument("--quick", action="store_true", help="three real pages a set, 20 drawn")
    parser.add_argument("--development", action="store_true", help="the other half; writes nothing")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    confused: dict[str, Counter[tuple[RegionKind, str]]] = {}
    counts: dict[str, Count] = {}
    places: dict[str, Counter[tuple[RegionKind, str]]] = {}
    for name, layout, truth in pages(options):
        count = counts.setdefault(name, Count())
        begun = time.process_time()
        divided = find_regions(layout)
        count.seconds += time.process_time() - begun
        count.pages += 1
        add_order(count, layout, divided, truth)
        confused.setdefault(name, Counter()).update(kinds(divided, truth))
        places.setdefault(name, Counter()).update(drawn_found(divided, truth))
    report = text(counts, confused, places)
    print(report)
    if not options.development:
        options.out.joinpath("regions.md").write_text(report, "utf-8")


def pages(options: argparse.Namespace) -> Iterator[tuple[str, Layout, Truth]]:
    """Yield every page to be counted: the name of its set, its layout, what is right."""
    for folder, name in SETS.items():
        profile = load_profile(name)
        engine = load_engine(profile, "cpu", 1)
        files = sorted((options.data / folder).glob("*.jpg"))
        chosen = [f for f in files if is_held(f) != options.development]
        for file in chosen[: 3 if options.quick else None]:
            page = prepare(decode_image(file.read_bytes(), ImageLimits()), profile.preprocessing)
            layout = lay_out(page, engine.detect(page.gray), profile)
            yield folder, layout, real_truth(file.with_suffix(".xml"))
    plain = load_profile("prose")
    start = 0 if options.development else SEED
    for seed in range(start, start + (20 if options.quick else options.drawn)):
        image, boxes, truth = draw(np.random.default_rng(seed))
        yield "drawn", given(image, boxes, plain), truth


def is_held(file: Path) -> bool:
    return bool(HELD.search(str(file))) or file.name.startswith("1899-")


def given(image: NDArray[np.uint8], boxes: NDArray[np.float64], profile: Profile) -> Layout:
    """Return the layout of a page whose lines (N x 4 x 2, page pixels) are known."""
    page = prepare(image, profile.preprocessing)
    inverse = np.linalg.inv(page.to_page[:, :2])
    return lay_out(page, ((boxes - page.to_page[:, 2]) @ inverse.T).astype(np.float32), profile)


def real_truth(file: Path) -> Truth:
    """Return what an ALTO file says of its page, nothing where there is none."""
    if not file.exists():
        return Truth(np.zeros((0, 2)), (), ())
    root = etree.parse(str(file)).getroot()
    names = {tag.get("ID", ""): tag.get("LABEL", "") for tag in root.iterfind("{*}Tags/*")}
    middles, known, drawn = [], [], []
    for block in root.iterfind(".//{*}TextBlock"):
        labels = [names.get(name, "") for name in block.get("TAGREFS", "").split()]
        kind = next((ZONES[label] for label in labels if label in ZONES), None)
        if kind in ("stamp", "figure"):
            x, y, w, h = (float(block.get(k, 0)) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
            drawn.append((kind, (x, y, x + w, y + h)))
        for line in block.iterfind("{*}TextLine"):
            x, y, w, h = (float(line.get(k, 0)) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
            middles.append((x + w / 2, y + h / 2))
            known.append(kind)
    return Truth(np.array(middles).reshape(-1, 2), known, drawn)


def add_order(count: Count, layout: Layout, divided: Layout, truth: Truth) -> None:
    """Count pairs of lines that follow each other in truth and were found so, now and formerly."""
    now, before = order_of(divided, truth), order_of(layout, truth)
    if len(now) < 3 or "table" in truth.kinds:
        return
    count.ordered += 1
    count.pairs += len(now) - 1
    count.adjacent += followers(now)
    count.before += followers(before)
    count.order += tau(now)
    count.order_before += tau(before)


def order_of(layout: Layout, truth: Truth) -> list[int]:
    """Return which line of the truth each found one is; without notes, which no order places."""
    corners = np.array(layout.prepared.polygons_on_page(layout.boxes.astype(np.float64)))
    found = [i for i, kind in enumerate(truth.kinds) if kind == "margin"]
    notes = len(found)
    for polygon in corners.reshape(-1, 4, 2).astype(np.float32):
        tall = min(np.linalg.norm(polygon[0] - polygon[3]), np.linalg.norm(polygon[0] - polygon[1]))
        off = [-cv2.pointPolygonTest(polygon, (float(x), float(y)), True) for x, y in truth.middles]
        off = [value if i not in found else np.inf for i, value in enumerate(off)]
        if off and min(off) < 0.1 * tall:
            found.append(int(np.argmin(off)))
    return found[notes:]


def followers(order: Sequence[int]) -> int:
    """Return how many of the truth's neighbours, of those that were found, stand side by side."""
    ranks = {line: rank for rank, line in enumerate(sorted(order))}
    return sum(ranks[b] == ranks[a] + 1 for a, b in itertools.pairwise(order))


def tau(order: Sequence[int]) -> float:
    """Return Kendall's rank correlation with the truth's order: 1 if it is the same."""
    there = np.array(order)
    later = np.sign(there[None, :] - there[:, None])[np.triu_indices(len(there), 1)]
    return float(later.mean())


def kinds(layout: Layout, truth: Truth) -> Iterator[tuple[RegionKind, str]]:
    """Yield the true kind of each line, and that of the smallest region that it stands in."""
    polygons = [np.array(region.polygon, np.float32) for region in layout.regions]
    sizes = [cv2.contourArea(polygon) for polygon in polygons]
    for (x, y), kind in zip(truth.middles, truth.kinds, strict=True):
        if kind is None:
            continue
        inside = [
            i for i, polygon in enumerate(polygons)
            if cv2.pointPolygonTest(polygon, (float(x), float(y)), False) >= 0
        ]  # fmt: skip
        here = min(inside, key=lambda i: sizes[i], default=None)
        yield kind, "no region" if here is None else layout.regions[here].kind


def drawn_found(layout: Layout, truth: Truth) -> Iterator[tuple[RegionKind, str]]:
    """Yield each true figure and stamp with what was found there, and what was found elsewhere."""
    found = [(r.kind, box_of(r.polygon)) for r in layout.regions if r.kind in ("figure", "stamp")]
    for kind, box in truth.drawn:
        near = [other for other in found if overlap(box, other[1]) > 0.3]
        yield kind, near[0][0] if near else "nothing"
    for kind, box in found:
        if not any(overlap(box, other) > 0.3 for _, other in truth.drawn):
            yield kind, "false"


def box_of(polygon: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    xs, ys = zip(*polygon, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the intersection over the union of two boxes."""
    sides = [min(one[i + 2], other[i + 2]) - max(one[i], other[i]) for i in (0, 1)]
    shared = max(0.0, sides[0]) * max(0.0, sides[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / max(1e-6, sum(areas) - shared)


class Sheet:
    """A page being drawn, and the truth about it."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.image = Image.new("RGB", (1500, 2000), (250, 247, 240))
        self.pen = ImageDraw.Draw(self.image)
        self.boxes: list[list[tuple[float, float]]] = []
        self.kinds: list[RegionKind] = []
        self.drawn: list[tuple[RegionKind, tuple[float, float, float, float]]] = []

    def line(self, x: float, y: float, wide: float, em: int, kind: RegionKind) -> float:
        """Write words as wide as `wide` at most; return how wide they are."""
        font, words = BUNDLED.font(em), str(self.rng.choice(WORDS))
        while font.getlength(longer := f"{words} {self.rng.choice(WORDS)}") < wide:
            words = longer
        self.pen.text((x, y), words, fill=(30, 30, 40), font=font)
        long = font.getlength(words)
        jitter = self.rng.normal(0, 0.04 * em, 4)
        x0, y0, x1, y1 = np.array([x, y, x + long, y + 1.15 * em]) + jitter
        self.boxes.append([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        self.kinds.append(kind)
        return float(long)

    def heading(self, left: float, wide: float, y: float, em: int) -> float:
        """Write a heading of one or two lines in the middle, or a large one at the left."""
        large, middle = bool(self.rng.random() < 0.5), bool(self.rng.random() < 0.7)
        size = round(em * (self.rng.uniform(1.5, 2.0) if large or not middle else 1.0))
        y += 0.8 * em
        for _ in range(int(self.rng.integers(1, 3))):
            long = wide * float(self.rng.uniform(0.3, 0.6))
            start = left + (wide - long) / 2 + 0.02 * wide if middle else left
            self.line(start, y, long, size, "heading")
            y += 1.3 * size
        return y + 0.6 * em

    def column(self, left: float, wide: float, top: float, end: float, em: int) -> float:
        """Write paragraphs from y `top` to `end`; return where they end."""
        y, leading = top, em * float(self.rng.uniform(1.25, 1.6))
        while y + leading < end:
            for row in range(rows := int(self.rng.integers(3, 12))):
                if y + leading >= end:
                    break
                indent = 1.5 * em if row == 0 else 0
                share = float(self.rng.uniform(0.2, 1)) if row == rows - 1 else 1
                self.line(left + indent, y, max(4 * em, (wide - indent) * share), em, "text")
                y += leading
            if self.rng.random() < 0.4:
                y += leading
        return y

    def figure(self, x: float, y: float, size: float) -> None:
        """Draw something with a thick outline and many strokes."""
        box = (x, y, x + size, y + 0.7 * size)
        for _ in range(60):
            a, b = self.rng.uniform(0, 1, (2, 2)) * (size, 0.7 * size) + (x, y)
            self.pen.line([*a, *b], fill=(40, 40, 40), width=3)
        self.drawn.append(("figure", box))

    def stamp(self, x: float, y: float, size: float) -> None:
        """Stamp a ring or a frame that is askew, in red, blue or black, over what is there."""
        ink = [(170, 40, 50), (50, 60, 160), (50, 50, 55)][int(self.rng.integers(3))]
        if self.rng.random() < 0.6:
            for inset in (0, 0.12 * size):
                box = (x + inset, y + inset, x + size - inset, y + size - inset)
                self.pen.ellipse(box, outline=ink, width=4)
            box = (x, y, x + size, y + size)
        else:
            tilt = np.radians(float(self.rng.uniform(4, 15)) * self.rng.choice((-1, 1)))
            corners = np.array([(-1, -0.4), (1, -0.4), (1, 0.4), (-1, 0.4)]) * size / 2
            turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
            points = corners @ turn + (x + size / 2, y + size / 2)
            self.pen.polygon([tuple(point) for point in points], outline=ink, width=5)
            box = (*points.min(axis=0), *points.max(axis=0))
        self.drawn.append(("stamp", (float(box[0]), float(box[1]), float(box[2]), float(box[3]))))


def draw(
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float64], Truth]:
    """Return a drawn page (H x W x 3), the corners of its lines, and what is right."""
    sheet, em = Sheet(rng), int(rng.choice((20, 24, 28)))
    left, right, y = 220.0, 1280.0, 120.0
    notes: list[float] = []
    y = sheet.heading(left, right - left, y, em) if rng.random() < 0.7 else y
    while y < 1700:
        end = min(1800.0, y + float(rng.uniform(400, 1500)))
        count = int(rng.integers(1, 4))
        gutter = em * float(rng.uniform(1.2, 2.5))
        wide = (right - left - (count - 1) * gutter) / count
        ends = []
        for number in range(count):
            x, top = left + number * (wide + gutter), y
            if number and rng.random() < 0.25:
                size = wide * float(rng.uniform(0.5, 0.8))
                sheet.figure(x + (wide - size) / 2, top, size)
                top += 0.7 * size + em
            ends.append(sheet.column(x, wide, top, end - em * float(rng.uniform(0, 6)), em))
        if rng.random() < 0.4:
            notes.append(y + float(rng.uniform(0, 0.5)) * (end - y))
        y = max(ends) + 1.2 * em
        if y < 1500 and rng.random() < 0.6:
            y = sheet.heading(left, right - left, y, em)
    side = 40.0 if rng.random() < 0.5 else right + 35
    for top in notes:
        for row in range(int(rng.integers(1, 5))):
            sheet.line(side, top + row * em, 145, round(0.75 * em), "margin")
    if rng.random() < 0.4:
        sheet.line(right - 40 if rng.random() < 0.5 else left, 1890, 20, em, "margin")
    if rng.random() < 0.5:
        size = float(rng.uniform(110, 220))
        sheet.stamp(float(rng.uniform(left, right - size)), float(rng.uniform(200, 1600)), size)
    boxes = np.array(sheet.boxes)
    order = [i for i, kind in enumerate(sheet.kinds) if kind != "margin"]
    order += [i for i, kind in enumerate(sheet.kinds) if kind == "margin"]
    truth = Truth(boxes[order].mean(axis=1), [sheet.kinds[i] for i in order], sheet.drawn)
    angle = float(rng.uniform(-1, 1))
    return turned(np.array(sheet.image), boxes[np.argsort(boxes[:, 0, 1])], truth, angle)


def turned(
    image: NDArray[np.uint8], boxes: NDArray[np.float64], truth: Truth, angle: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64], Truth]:
    """Turn a page about its middle, by degrees."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    paper = tuple(int(v) for v in image[0, 0])
    image = np.asarray(cv2.warpAffine(image, matrix, (width, height), borderValue=paper), np.uint8)
    drawn: list[tuple[RegionKind, tuple[float, float, float, float]]] = []
    for kind, (x0, y0, x1, y1) in truth.drawn:
        corners = (
            np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) @ matrix[:, :2].T + matrix[:, 2]
        )
        drawn.append((kind, box_of([(float(x), float(y)) for x, y in corners])))
    middles = truth.middles @ matrix[:, :2].T + matrix[:, 2]
    return image, boxes @ matrix[:, :2].T + matrix[:, 2], Truth(middles, truth.kinds, drawn)


def text(
    counts: dict[str, Count],
    confused: dict[str, Counter[tuple[RegionKind, str]]],
    places: dict[str, Counter[tuple[RegionKind, str]]],
) -> str:
    """Return the report."""
    rows = [
        [
            name, count.pages, f"{1000 * count.seconds / count.pages:.0f} ms",
            *([percent(count.before / count.pairs), percent(count.adjacent / count.pairs),
               f"{count.order_before / count.ordered:.3f}", f"{count.order / count.ordered:.3f}"]
              if count.ordered else [""] * 4),
        ]
        for name, count in counts.items()
    ]  # fmt: skip
    heads = ["set", "pages", "CPU a page", "neighbours before", "neighbours", "tau before", "tau"]
    said = (
        "`python benchmarks/regions.py`. Neighbours: of the lines that follow each other in truth, "
        "how many do so; *before*: from top to bottom, as they are found. Notes in the margin do "
        "not count there. In lectaurep and weather-rescue nearly all lines are in tables. CPU is "
        "of one core of a machine that was busy with other work."
    )
    parts = [f"# Regions\n\n{machine()}. {said}\n", "## Reading order\n", markdown(heads, rows)]
    parts.append("## Kinds of lines\n")
    found = sorted({said for count in confused.values() for _, said in count})
    rows = [
        [name, kind, sum(n for (k, _), n in count.items() if k == kind),
         *(count[kind, said] or "" for said in found)]
        for name, count in confused.items() for kind in KINDS
        if any(k == kind for k, _ in count)
    ]  # fmt: skip
    parts.append(markdown(["set", "is", "lines", *(f"called {said}" for said in found)], rows))
    parts.append("## Figures and stamps\n")
    found = ["figure", "stamp", "nothing"]
    rows = [
        [name, kind, sum(n for (k, said), n in count.items() if k == kind and said != "false"),
         *(count[kind, said] or "" for said in found), count[kind, "false"] or ""]
        for name, count in places.items() for kind in ("figure", "stamp")
        if any(k == kind for k, _ in count)
    ]  # fmt: skip
    parts.append(markdown(["set", "is", "number", *(f"called {f}" for f in found), "false"], rows))
    return "\n".join(parts)


if __name__ == "__main__":
    main()
