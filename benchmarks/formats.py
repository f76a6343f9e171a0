"""Exports against schemas and validators: varied pages, written in every format that has one.

    python benchmarks/formats.py [--pages 100]

Pages are drawn as training draws them (pressure tables, daily ledgers, open tables), turned by up
to 3 degrees and bent, and say something else on every one: all statuses, alternatives,
corrections, several scripts. Each is held against: PAGE and ALTO their XML schemas; PAGE also
written, read and written again; hOCR the rules of hOCR 1.2 that a program can check; SEF the form
that its description asks for; PDF qpdf's check, Apache Preflight (PDF/A-1b, all of whose rules a
file of ours keeps but for the part that it names; Debian's libpdfbox2-java, libjaxb-api-java,
libactivation-java), the order of the rows by `pdftotext -layout`, and how much of each cell's place
a selection covers. What is not installed is said, not passed.
"""

from __future__ import annotations

import argparse
import datetime
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from lxml import etree
from numpy.typing import NDArray
from report import RESULTS, ROOT, machine, markdown

from pipeline.observations.station import parse_station
from pipeline.page import Alternative, Cell, Line, Polygon, Status, Transcription
from pipeline.training import layouts
from pipeline.training.draw import draw_page
from pipeline.transcribed import read_transcribed
from storage.exports.markup.alto import to_alto
from storage.exports.markup.hocr import to_hocr
from storage.exports.markup.page_xml import to_page_xml
from storage.exports.observed import export as export_observed
from storage.exports.pages import PublishedPage
from storage.exports.pdf import to_pdf
from storage.exports.pdf.placing import placed
from storage.observations import Observation

SCHEMAS = ROOT / "tests" / "schemas"
JARS = [
    Path(f"/usr/share/java/{name}.jar")
    for name in (
        "preflight", "pdfbox2", "xmpbox", "fontbox2", "commons-logging", "commons-io",
        "javax.activation", "jaxb-api",
    )
]  # fmt: skip
SCRIPTS = ("기온 12·5", "Größe № 7", "Température", "ветер", "気温", "𝔄 & <b>")
STATUSES = get_args(Status)

STATION = """
id = "PORT"
name = "Port Elsay"
latitude = 50.5
longitude = -15
time = "+02:00"
source = "Archive of Elsay"
"""


def varied(number: int) -> PublishedPage:
    """Return a page with its scan; the same for the same number."""
    rng = np.random.default_rng(number)
    kinds = (layouts.pressure_table, layouts.daily_ledger, layouts.open_table)
    drawn = draw_page(kinds[number % 3](rng), rng)
    angle = float(rng.choice([0, 0, rng.uniform(-0.5, 0.5), rng.uniform(-3, 3)]))
    bend = float(rng.choice([0, 0, rng.uniform(0, 12)]))
    image, whole = _moved(drawn.image, drawn.truth, angle, bend)
    (table,) = whole.tables
    cells = tuple(_said(cell, rng) for cell in table.cells)
    table = replace(table, cells=cells, relations=({"kind": "sum", "p": 0.001},))
    last = whole.lines[-1].polygon if whole.lines else table.polygon
    lines = (*whole.lines, Line(SCRIPTS[number % len(SCRIPTS)], 0.5, last, status="rejected"))
    kind = (".jpg", ".png")[number % 2]
    data = cv2.imencode(kind, image)[1].tobytes()
    return PublishedPage(
        name=f"page {number} & <{SCRIPTS[number % len(SCRIPTS)]}>",
        run="default@abcd+1",
        transcription=replace(whole, lines=lines, tables=(table,)),
        created=datetime.datetime(2026, 1, 1) + datetime.timedelta(days=number),  # noqa: DTZ001
        collection="varied",
        image="x",
        media_type="image/jpeg" if kind == ".jpg" else "image/png",
        fetch=lambda _sha256: data,
    )


def _said(cell: Cell, rng: np.random.Generator) -> Cell:
    if not cell.text:
        return cell
    status: Status = STATUSES[int(rng.integers(len(STATUSES)))]
    return replace(
        cell,
        status=status,
        raw=cell.text if rng.random() < 0.8 else cell.text[:-1],
        confidence=float(rng.random()),
        alternatives=(Alternative(cell.text, -0.1), Alternative(cell.text[::-1], -2.5)),
        checks=("sum:pass", "qc:wmo_gross_errors")[: int(rng.integers(0, 3))],
        corrected=bool(rng.random() < 0.05),
    )


def _moved(
    image: NDArray[np.uint8], whole: Transcription, angle: float, bend: float
) -> tuple[NDArray[np.uint8], Transcription]:
    """Turn a page about its middle and bend its rows downwards, by pixels at the middle."""
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    found = cv2.warpAffine(image, turn, (width, height), borderValue=(255,))
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    low = (bend * np.sin(np.pi * xs / width)).astype(np.float32)
    found = cv2.remap(found, xs, ys - low, cv2.INTER_LINEAR, borderValue=(255,))

    def moved(polygon: Polygon) -> Polygon:
        turned = [turn @ (x, y, 1) for x, y in polygon]
        a, b, c, d = (
            (float(x), float(y + bend * np.sin(np.pi * x / width))) for x, y in turned
        )  # fmt: skip
        return (a, b, c, d)

    tables = tuple(
        replace(
            table,
            polygon=moved(table.polygon),
            cells=tuple(replace(cell, polygon=moved(cell.polygon)) for cell in table.cells),
        )
        for table in whole.tables
    )
    lines = tuple(replace(line, polygon=moved(line.polygon)) for line in whole.lines)
    return np.asarray(found, np.uint8), replace(whole, angle=angle, lines=lines, tables=tables)


def schema(name: str) -> etree.XMLSchema:
    class Beside(etree.Resolver):
        def resolve(self, url: str, _id: str, context: Any) -> Any:  # type: ignore[override]
            return self.resolve_filename(  # type: ignore[attr-defined]
                str(SCHEMAS / Path(url).name), context
            )

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Beside())
    return etree.XMLSchema(etree.parse(str(SCHEMAS / name), parser))


def hocr_is_sound(data: bytes) -> bool:
    """Check what hOCR 1.2 asks for: capabilities, one page, boxes that are some, and nesting."""
    root = etree.fromstring(data)
    names = {meta.get("name"): meta.get("content", "") for meta in root.iterfind(".//{*}meta")}
    typed = [e for e in root.iter() if str(e.get("class", "")).startswith("ocr")]
    able = set(names.get("ocr-capabilities", "").split())
    pages = [e for e in typed if e.get("class") == "ocr_page"]
    words = [e for e in typed if e.get("class") == "ocrx_word"]
    boxes = [re.search(r"bbox (\d+) (\d+) (\d+) (\d+)", e.get("title", "")) for e in typed]
    sound = [b and int(b[1]) <= int(b[3]) and int(b[2]) <= int(b[4]) for b in boxes]
    within = [
        (parent := word.getparent()) is not None and parent.get("class") == "ocr_line"
        for word in words
    ]
    confident = [re.search(r"x_wconf (\d+)", word.get("title", "")) for word in words]
    return (
        "ocr-system" in names
        and {str(e.get("class")) for e in typed} <= able
        and len(pages) == 1
        and 'image "' in pages[0].get("title", "")
        and len({e.get("id") for e in typed}) == len(typed)
        and all(sound)
        and all(within)
        and all(c and int(c[1]) <= 100 for c in confident)
    )


def sef_is_sound(page: PublishedPage, number: int) -> bool:
    """Write a column of a page as observations in SEF and check the file by its description."""
    (table,) = page.transcription.tables
    day = datetime.date(1890, 1, 1)
    found = []
    for index, cell in enumerate(table.cells[:40]):
        when = datetime.datetime(1890, 1, 1, 7, tzinfo=datetime.UTC)
        found.append(
            Observation(
                "varied", "PORT", 50.5, -15.0, None, "p", "point", "0",
                when + datetime.timedelta(days=index), day + datetime.timedelta(days=index),
                datetime.timedelta(hours=9), None if number % 7 == 0 else 29 + index / 100,
                "[in_i'Hg]", cell.text, cell.raw, ["wmo_gross_errors"] if index % 5 == 0 else [],
                cell.status, cell.confidence, page.name, 0, cell.row, cell.column, [], page.run,
            )
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        stations = {"varied": parse_station(STATION, "station.toml")}
        (path,) = export_observed(found, Path(folder), ["sef"], stations).files
        lines = path.read_text("utf-8").split("\n")
    heads = ("SEF", "ID", "Name", "Lat", "Lon", "Alt", "Source", "Link", "Vbl", "Stat", "Units")
    row = re.compile(
        r"-?\d+\t\d{1,2}\t\d{1,2}\t(\d{1,2}|NA)\t(\d{1,2}|NA)\t(0|day|p\d?day|\d+)"
        r"\t(-?\d+(\.\d+)?|NA)\t[^\t\r]*"
    )
    return (
        [line.split("\t")[0] for line in lines[:12]] == [*heads, "Meta"]
        and all(line.count("\t") == 1 and not line.endswith("\t") for line in lines[:12])
        and lines[0] == "SEF\t1.0.0"
        and lines[12] == "Year\tMonth\tDay\tHour\tMinute\tPeriod\tValue\tMeta"
        and lines[-1] == ""
        and len(lines) - 14 == len(found)
        and all(row.fullmatch(line) for line in lines[13:-1])
        and bool(re.fullmatch(r"[^_]+_PORT_\d{8}-\d{8}_p\.tsv", path.name))
    )


def qpdf_is_content(path: Path) -> bool:
    return subprocess.run(["qpdf", "--check", path], capture_output=True).returncode == 0


def preflight(folder: Path) -> tuple[int, int]:
    """Return how many files of a folder Preflight takes, and how many it was shown, as part 1."""
    shown = folder / "1b"
    shown.mkdir()
    for path in sorted(folder.glob("*.pdf")):
        data = path.read_bytes().replace(b"<pdfaid:part>2<", b"<pdfaid:part>1<")
        data = data.replace(b"<pdfaid:conformance>U<", b"<pdfaid:conformance>B<")
        (shown / path.name).write_bytes(data.replace(b"%PDF-1.7", b"%PDF-1.4", 1))
    files = sorted(shown.glob("*.pdf"))
    classes = ":".join(map(str, JARS))
    command = ["java", "-Xmx512m", "-cp", classes, "org.apache.pdfbox.preflight.Validator_A1b"]
    run = subprocess.run([*command, "batch", str(shown)], capture_output=True, text=True)
    taken = (run.stdout + run.stderr).count("is a valid PDF/A-1b file")
    return taken, len(files)


def rows_in_order(path: Path, page: PublishedPage) -> tuple[int, int]:
    """Return how many rows of a page's tables come out whole and in order, and how many it has."""
    run = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True)
    lines = [" ".join(line.split()) for line in run.stdout.splitlines()]
    found = total = at = 0
    for table in page.transcription.tables:
        for row in table.grid()[table.header_rows :]:
            wanted = " ".join(" ".join(text.split()) for text in row if text.strip())
            if not wanted:
                continue
            total += 1
            if wanted in lines[at:]:
                at = lines.index(wanted, at) + 1
                found += 1
    return found, total


def covered(page: PublishedPage) -> list[float]:
    """Return what part of the height of each cell's place a selection of its text covers."""
    texts, turn = placed(page.transcription)
    parts = []
    for table in page.transcription.tables:
        for cell in table.cells:
            if not cell.text.strip():
                continue
            corners = [turn(corner) for corner in cell.polygon]
            left = min(x for x, _ in corners)
            top, bottom = min(y for _, y in corners), max(y for _, y in corners)
            said = " ".join(cell.text.split())
            text = min(
                (text for text in texts if text.text == said),
                key=lambda text: abs(text.x - left) + abs(text.y - bottom),
            )
            high, low = text.y - 0.8 * text.size, text.y + 0.2 * text.size
            parts.append(max(0.0, min(low, bottom) - max(high, top)) / (bottom - top))
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description="Exports against schemas and validators.")
    parser.add_argument("--pages", type=int, default=100)
    count = parser.parse_args().pages
    page_schema, alto_schema = schema("pagecontent-2019-07-15.xsd"), schema("alto-4-4.xsd")
    good: Counter[str] = Counter()
    rows = cells = 0
    parts: list[float] = []
    missing = [name for name in ("qpdf", "pdftotext", "java") if shutil.which(name) is None]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            page = varied(number)
            written = to_page_xml(page, "stem")
            read = read_transcribed(written, "stem.xml").transcription
            again = to_page_xml(replace(page, transcription=read), "stem")
            good["PAGE by its schema"] += page_schema.validate(etree.fromstring(written))
            good["PAGE, read and written again, the same bytes"] += written == again
            good["PAGE, read, the same transcription"] += read == page.transcription
            good["ALTO by its schema"] += alto_schema.validate(
                etree.fromstring(to_alto(page, "stem"))
            )
            good["hOCR by its rules"] += hocr_is_sound(to_hocr(page, "stem"))
            good["SEF by its description"] += sef_is_sound(page, number)
            path = Path(folder) / f"{number}.pdf"
            path.write_bytes(to_pdf(page))
            good["PDF by qpdf --check"] += "qpdf" not in missing and qpdf_is_content(path)
            if "pdftotext" not in missing:
                found, total = rows_in_order(path, page)
                rows, cells = rows + found, cells + total
            parts += covered(page)
            print(f"\r{number + 1} of {count}", end="", flush=True)
        if all(jar.exists() for jar in JARS) and "java" not in missing:
            good["PDF/A by Apache Preflight, as 1b"], _ = preflight(Path(folder))
        else:
            missing.append("Preflight")
    lines = [[name, f"{number} of {count}"] for name, number in good.items()]
    lines.append(["rows in order by pdftotext -layout", f"{rows} of {cells}"])
    share = float(np.mean([part >= 0.9 for part in parts]))
    lines.append(["cells of whose height a selection covers 0.9 and more", f"{share:.2%}"])
    lines.append(["mean part of a cell's height that a selection covers", f"{np.mean(parts):.4f}"])
    without = f"\nNot installed, so not checked: {', '.join(missing)}.\n" if missing else ""
    table = markdown(["check", "holds"], lines)
    print(f"\n{table}{without}")
    if count >= 100:
        head = (
            f"# Exports against schemas and validators\n\n{count} varied pages, on {machine()}.\n"
        )
        (RESULTS / "formats.md").write_text(f"{head}\n{table}{without}", "utf-8")


if __name__ == "__main__":
    main()
